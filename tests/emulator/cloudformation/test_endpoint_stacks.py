"""Stacks of asynchronous endpoints: what they create is what every other API sees, and serves requests."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest

from support.common import refusal, unique, until
from support.in_process_aws import DIMENSION, REGION, AwsHarness
from support.sample_model import archive
from support.stacks import StackHarness, att, endpoint_resources, ref, resource, scaling_resources


class EndpointStack(StackHarness):
    """A stack of an endpoint, which tests may change."""

    def __init__(self, aws: AwsHarness) -> None:
        super().__init__(aws)
        self.endpoint = unique("endpoint")
        self.bucket = aws.bucket()
        self.archive = aws.put(self.bucket, "model.tar.gz", archive())
        self.resources = endpoint_resources(self.bucket, self.archive, self.endpoint)

    def live_config(self) -> str:
        found: str = self.aws.sagemaker.describe_endpoint(EndpointName=self.endpoint)["EndpointConfigName"]
        return found


@pytest.fixture
def stack(local_aws: AwsHarness) -> Iterator[EndpointStack]:
    made = EndpointStack(local_aws)
    yield made
    local_aws.forget(made.endpoint)


def test_a_stack_creates_what_the_apis_see_and_deletes_all_of_it(local_aws: AwsHarness, stack: EndpointStack) -> None:
    queue_policy = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": att("Queue", "Arn"),
    }
    resources = stack.resources | scaling_resources(stack.endpoint)
    resources |= {
        "Topic": resource("SNS::Topic"),
        "Queue": resource("SQS::Queue", VisibilityTimeout="60"),
        "QueuePolicy": resource(
            "SQS::QueuePolicy", Queues=[ref("Queue")], PolicyDocument={"Version": "2012-10-17", "Statement": [queue_policy]}
        ),
        "Subscription": resource(
            "SNS::Subscription", TopicArn=ref("Topic"), Protocol="sqs", Endpoint=att("Queue", "Arn"), RawMessageDelivery="true"
        ),
    }
    async_config = resources["Config"]["Properties"]["AsyncInferenceConfig"]
    async_config["OutputConfig"]["NotificationConfig"] = {"SuccessTopic": ref("Topic")}
    outputs = {"Name": {"Value": att("Endpoint", "EndpointName")}, "Arn": {"Value": ref("Endpoint")}}
    tags = [{"Key": "team", "Value": stack.name}]
    assert stack.create(resources, {"Outputs": outputs}, Tags=tags) == "CREATE_COMPLETE", stack.reasons("CREATE_FAILED")

    described = local_aws.sagemaker.describe_endpoint(EndpointName=stack.endpoint)
    assert described["EndpointStatus"] == "InService"
    assert stack.outputs() == {"Name": stack.endpoint, "Arn": described["EndpointArn"]}
    assert local_aws.sagemaker.list_tags(ResourceArn=described["EndpointArn"])["Tags"] == tags
    tagged = local_aws.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "team", "Values": [stack.name]}])
    arns = {item["ResourceARN"] for item in tagged["ResourceTagMappingList"]}
    assert {stack.physical_ids()[name] for name in ("Model", "Config", "Endpoint", "Topic")} <= arns
    location = local_aws.put(stack.bucket, "input.json", b'{"echo": null}')
    output = local_aws.runtime.invoke_endpoint_async(
        EndpointName=stack.endpoint, InputLocation=location, ContentType="application/json"
    )["OutputLocation"]
    until(lambda: local_aws.read(output), "the output of a request to the stack's endpoint")
    queue = stack.physical_ids()["Queue"]
    until(lambda: local_aws.sqs.receive_message(QueueUrl=queue).get("Messages"), "a notification in the stack's queue")
    targets = local_aws.scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[f"endpoint/{stack.endpoint}/variant/primary"], ScalableDimension=DIMENSION
    )["ScalableTargets"]
    assert [(target["MinCapacity"], target["MaxCapacity"]) for target in targets] == [(0, 2)]
    alarm = local_aws.cloudwatch.describe_alarms(AlarmNames=[stack.physical_ids()["WakeAlarm"]])["MetricAlarms"][0]
    assert alarm["AlarmActions"] == [stack.physical_ids()["Wake"]]

    model = stack.physical_ids()["Model"].rpartition("/")[2]
    assert stack.delete() == "DELETE_COMPLETE", stack.reasons("DELETE_FAILED")
    assert not [
        item for item in local_aws.sagemaker.list_models(NameContains=stack.name)["Models"] if model in item["ModelArn"]
    ]
    assert "Could not find" in refusal(local_aws.sagemaker.describe_endpoint, EndpointName=stack.endpoint)[1]
    assert local_aws.cloudwatch.describe_alarms(AlarmNames=[alarm["AlarmName"]])["MetricAlarms"] == []
    assert refusal(local_aws.sqs.get_queue_attributes, QueueUrl=queue)[0] == "AWS.SimpleQueueService.NonExistentQueue"
    assert refusal(stack.client.describe_stacks, StackName=stack.name) == (
        "ValidationError",
        f"Stack with id {stack.name} does not exist",
    )


def test_an_update_replaces_the_configuration_and_a_failed_one_restores_it(stack: EndpointStack) -> None:
    stack.create(stack.resources)
    first, model = stack.live_config(), stack.physical_ids()["Model"]
    faster = copy.deepcopy(stack.resources)
    faster["Config"]["Properties"]["AsyncInferenceConfig"]["ClientConfig"]["MaxConcurrentInvocationsPerInstance"] = 3
    assert stack.update(faster) == "UPDATE_COMPLETE", stack.reasons("UPDATE_FAILED")
    second = stack.live_config()
    assert second != first
    assert "Could not find" in refusal(stack.aws.sagemaker.describe_endpoint_config, EndpointConfigName=first)[1]
    assert stack.physical_ids()["Model"] == model  # unchanged, so not replaced

    broken_archive = stack.aws.put(stack.bucket, "broken.tar.gz", b"no archive")
    broken = copy.deepcopy(faster)
    broken["Model"]["Properties"]["PrimaryContainer"]["ModelDataUrl"] = broken_archive
    assert stack.update(broken) == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.reasons("UPDATE_FAILED")["Endpoint"]
    assert stack.live_config() == second
    assert stack.physical_ids()["Model"] == model
    configs = stack.aws.sagemaker.list_endpoint_configs(NameContains=stack.name)["EndpointConfigs"]
    assert [config["EndpointConfigName"] for config in configs] == [second]
    assert stack.delete() == "DELETE_COMPLETE"


def test_an_endpoint_that_does_not_start_fails_the_stack_and_leaves_nothing(stack: EndpointStack) -> None:
    stack.aws.put(stack.bucket, "model.tar.gz", b"no archive")
    assert stack.create(stack.resources) == "ROLLBACK_COMPLETE"
    reason = stack.reasons("CREATE_FAILED")["Endpoint"]
    assert stack.endpoint in reason
    assert "Failed" in reason
    assert "Could not find" in refusal(stack.aws.sagemaker.describe_endpoint, EndpointName=stack.endpoint)[1]
    assert stack.aws.sagemaker.list_models(NameContains=stack.name)["Models"] == []
    assert "StackStatusReason" not in stack.described()


def test_a_configuration_may_name_a_model_that_was_made_by_the_api(local_aws: AwsHarness) -> None:
    role, bucket = local_aws.role(), local_aws.bucket()
    role.allow(bucket)
    stack, model = StackHarness(local_aws), local_aws.model(bucket, role)
    variant = {"VariantName": "v", "ModelName": model, "InstanceType": "ml.m5.large"}
    config = resource(
        "SageMaker::EndpointConfig", ProductionVariants=[variant | {"InitialInstanceCount": 1, "InitialVariantWeight": 1}]
    )
    assert stack.create({"Config": config}, {"Outputs": {"Arn": {"Value": ref("Config")}}}) == "CREATE_COMPLETE"
    name = stack.physical_ids()["Config"].rpartition("/")[2]
    assert stack.outputs()["Arn"] == f"arn:aws:sagemaker:{REGION}:123456789012:endpoint-config/{name}"
    assert stack.delete() == "DELETE_COMPLETE"
