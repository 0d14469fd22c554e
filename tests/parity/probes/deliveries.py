"""Probes of notifications and uploads: what is included, who publishes, and what happens when the role may not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from parity.account import Account
from parity.endpoints import Endpoint, Invoked
from parity.probe import INSTANCE_TYPE, Cost, Need, Observation, check, compare, probe

PROPAGATION_SECONDS = 120  # until a changed policy of IAM, SNS or SQS takes effect everywhere


@probe("A73", seconds=400, cost=Cost(requests=20), deviation="SNS delivers without aws:SourceArn")
def source_of_deliveries(aws: Account) -> Iterator[Observation]:
    """A queue that denies every source but one topic gets that topic's messages, and none of another."""
    topic, other = (aws.sns.create_topic(Name=aws.name(word))["TopicArn"] for word in ("source", "other"))
    url = aws.sqs.create_queue(QueueName=aws.name("source"))["QueueUrl"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    common = {"Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    statements = [
        {"Effect": "Allow", **common, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}},
        {"Effect": "Deny", **common, "Condition": {"ArnNotEquals": {"aws:SourceArn": topic}}},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    for source in (topic, other):
        aws.sns.subscribe(TopicArn=source, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    aws.elapse(PROPAGATION_SECONDS)
    aws.sns.publish(TopicArn=other, Message="from another topic")
    aws.sns.publish(TopicArn=topic, Message="from the topic")
    received: list[str] = []

    def look() -> bool:
        answer = aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **aws.long_poll)
        received.extend(message["Body"] for message in answer.get("Messages", ()))
        return "from the topic" in received

    aws.within(look, 120)
    aws.elapse(20)  # what is denied may not arrive later either; less than the visibility time-out of what was received
    look()
    yield compare("A73", expected=["from the topic"], observed=received)


class Restricted:
    """The endpoint that the probes below use: with a role of its own, topics that include responses, and a list of denials."""

    def __init__(self, aws: Account) -> None:
        self.aws, self.role = aws, aws.make_role()
        self.endpoint = Endpoint(aws, aws.name("announcer"))
        self.endpoint.add_topics()
        included = ["SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC"]
        topics: dict[str, Any] = self.endpoint.topics | {"IncludeInferenceResponseIn": included}
        self.endpoint.config = aws.make_config(aws.make_model(ExecutionRoleArn=self.role), topics=topics)
        aws.sagemaker.create_endpoint(EndpointName=self.endpoint.name, EndpointConfigName=self.endpoint.config)
        self.endpoint.until_status("InService")

    def deny(self, *pairs: tuple[str, str]) -> None:
        """Deny the role these pairs of action and resource, and nothing else."""
        statements = [{"Effect": "Deny", "Action": action, "Resource": resource} for action, resource in pairs]
        statements = statements or [{"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.aws.iam.put_role_policy(RoleName=self.role.rpartition("/")[2], PolicyName="denials", PolicyDocument=document)
        self.aws.elapse(PROPAGATION_SECONDS)


@probe(
    "A140",
    "A142",
    "A132",
    "A133",
    "A70",
    "A134",
    "A172",
    needs=[Need.OWN_ENDPOINT],
    seconds=7200,
    cost=Cost({INSTANCE_TYPE: 60}, requests=300),
    deviation="a notification that could not be published is published once the role may",
)
def deliveries_that_are_denied(aws: Account) -> Iterator[Observation]:
    """Responses in notifications, and what remains when uploads and publications are denied one after the other."""
    used = Restricted(aws)
    yield from included_responses(used.endpoint)
    yield from denied_uploads(used)
    yield from publisher(used)
    yield from denied_notifications(used)
    yield from instance_metrics(used)


def included_responses(endpoint: Endpoint) -> Iterator[Observation]:
    def announced(invoked: Invoked) -> dict[str, Any]:
        return endpoint.aws.until(lambda: endpoint.announced(invoked), f"a notification of {invoked.inference_id}", 600)

    text = announced(endpoint.invoke({"text": "ä"}))
    yield compare("A140", expected={"text": "ä"}, observed=json.loads(text.get("responseBody", {}).get("content", "null")))
    binary = announced(endpoint.invoke({"binary": 8}))
    yield compare("A140", expected=False, observed="responseBody" in binary)
    failed = endpoint.invoke({"fail": "included"})
    failure, message = endpoint.outcome(failed), announced(failed)
    yield compare("A142", expected=failure.body.decode(), observed=message.get("responseBody", {}).get("content"))


def denied_uploads(used: Restricted) -> Iterator[Observation]:
    endpoint, bucket = used.endpoint, f"arn:{used.aws.partition}:s3:::{used.aws.bucket}"
    used.deny(("s3:PutObject", f"{bucket}/output/*"))
    invoked = endpoint.invoke({"a": 1})
    first = used.aws.within(lambda: endpoint.seen(invoked), 900)
    yield compare("A132", expected="failure", observed=first.kind if first else "no object within 15 minutes")
    counted = used.aws.within(lambda: sum(endpoint.metric("ResponseUploadFailures", VariantName="primary")), 600)
    yield check("A132", counted is not None, expected="ResponseUploadFailures ≥ 1", observed=counted)
    used.deny(("s3:PutObject", f"{bucket}/output/*"), ("s3:PutObject", f"{bucket}/failure/*"))
    message = endpoint.notification(endpoint.invoke({"a": 2})) or {}
    observed = (message.get("invocationStatus"), "failureLocation" in json.dumps(message))
    yield compare("A133", expected=("Failed", False), observed=observed)
    used.deny()


def publisher(used: Restricted) -> Iterator[Observation]:
    """A Deny for every principal but the role leaves notifications alone; one for the role stops them."""
    aws, topic = used.aws, used.endpoint.topics["SuccessTopic"]
    arrived = []
    for operator in ("ArnNotEquals", "ArnEquals"):
        statement = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sns:Publish",
            "Resource": topic,
            "Condition": {operator: {"aws:PrincipalArn": used.role}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        aws.sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
        aws.elapse(PROPAGATION_SECONDS)
        invoked = used.endpoint.invoke({"operator": operator})
        used.endpoint.outcome(invoked)
        aws.elapse(240)
        arrived.append(used.endpoint.announced(invoked) is not None)
    harmless = {**statement, "Condition": {"ArnEquals": {"aws:PrincipalArn": f"{used.role}-absent"}}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [harmless]})
    aws.sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    yield compare("A70", expected=[True, False], observed=arrived)


def denied_notifications(used: Restricted) -> Iterator[Observation]:
    endpoint = used.endpoint
    before = sum(endpoint.metric("NotificationFailures", VariantName="primary"))
    used.deny(("sns:Publish", "*"))
    invoked = endpoint.invoke({"a": 3})
    outcome = endpoint.outcome(invoked)
    metric = {"VariantName": "primary"}
    counted = used.aws.within(lambda: sum(endpoint.metric("NotificationFailures", **metric)) > before, 600)
    used.deny()
    used.aws.elapse(300)
    observed = (outcome.kind, bool(counted), endpoint.announced(invoked) is not None)
    yield compare("A134", expected=("output", True, False), observed=observed)


def instance_metrics(used: Restricted) -> Iterator[Observation]:
    """CPUUtilization stops once the role may no longer put metrics."""
    aws = used.aws

    def recent() -> int:
        now = aws.now()
        found = aws.cloudwatch.get_metric_statistics(
            Namespace="/aws/sagemaker/Endpoints",
            MetricName="CPUUtilization",
            Dimensions=[{"Name": "EndpointName", "Value": used.endpoint.name}, {"Name": "VariantName", "Value": "primary"}],
            StartTime=now - 240,
            EndTime=now,
            Period=60,
            Statistics=["Average"],
        )
        return len(found["Datapoints"])

    with_permission = aws.within(recent, 900)
    used.deny(("cloudwatch:PutMetricData", "*"))
    stopped = aws.within(lambda: not recent(), 900)
    yield compare(
        "A172",
        expected=("published", "stopped"),
        observed=("published" if with_permission else "absent", "stopped" if stopped else "still published"),
    )
