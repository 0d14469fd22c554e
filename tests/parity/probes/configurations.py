"""Probes of models and endpoint configurations; none starts an endpoint of its own."""

from __future__ import annotations

from collections.abc import Iterator

from parity.account import Account
from parity.probe import Cost, Observation, compare, probe, refused


@probe("A50", seconds=60, cost=Cost(requests=8), deviation="CreateModel returns the existing model, as CreateTopic does")
def names_that_exist(aws: Account) -> Iterator[Observation]:
    """CreateTopic and CreateQueue return an existing resource; CreateModel refuses a name that exists."""
    topic, queue = aws.name("twice"), aws.name("twice")
    topics = {aws.sns.create_topic(Name=topic)["TopicArn"] for _ in range(2)}
    queues = {aws.sqs.create_queue(QueueName=queue)["QueueUrl"] for _ in range(2)}
    yield compare("A50", expected=(1, 1), observed=(len(topics), len(queues)))
    container = {"Image": aws.image, "ModelDataUrl": aws.archive}
    again = aws.attempt(aws.sagemaker.create_model, ModelName=aws.model, ExecutionRoleArn=aws.role, PrimaryContainer=container)
    yield refused("A50", "ValidationException", again)


@probe("A84", seconds=120, cost=Cost(requests=8, keys=1), deviation="CreateEndpointConfig accepts a key for ml.g5.xlarge")
def key_of_local_storage(aws: Account) -> Iterator[Observation]:
    """CreateEndpointConfig refuses a key for an instance type with local NVMe storage, and accepts it for another."""
    key = aws.kms.create_key(Description="parity probe")["KeyMetadata"]["Arn"]
    answers = []
    for instance_type in ("ml.m5.large", "ml.g5.xlarge"):
        variant = {
            "VariantName": "primary",
            "ModelName": aws.model,
            "InstanceType": instance_type,
            "InitialInstanceCount": 1,
        }
        call, name = aws.sagemaker.create_endpoint_config, aws.name("config")
        answers.append(aws.attempt(call, EndpointConfigName=name, ProductionVariants=[variant], KmsKeyId=key))
    yield compare("A84", expected="accepted", observed=answers[0])
    yield refused("A84", "ValidationException", answers[1])


@probe("A196", seconds=120, cost=Cost(requests=6), deviation="CreateEndpointConfig accepts a volume for ml.g5.xlarge")
def volume_of_local_storage(aws: Account) -> Iterator[Observation]:
    """CreateEndpointConfig refuses the size of a volume for an instance type with local NVMe storage."""
    variant = {"VariantName": "primary", "ModelName": aws.model, "InitialInstanceCount": 1, "VolumeSizeInGB": 32}
    for instance_type, accepted in (("ml.m5.large", True), ("ml.g5.xlarge", False)):
        call, name = aws.sagemaker.create_endpoint_config, aws.name("config")
        answer = aws.attempt(call, EndpointConfigName=name, ProductionVariants=[variant | {"InstanceType": instance_type}])
        if accepted:
            yield compare("A196", expected="accepted", observed=answer)
        else:
            yield refused("A196", "ValidationException", answer)
