"""The guard: what a probe may send, what is recorded, and what is never sent. No call leaves this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.session import get_session
from botocore.stub import Stubber
from botocore.validate import ParamValidator

from parity.errors import Cancelled, Unremovable
from parity.guard import Guard
from parity.kinds import KINDS, Kind
from parity.scope import REGION_TAG, TAG

RUN = "0a1b2c3d"


@pytest.fixture
def guard() -> Guard:
    return Guard(RUN)


@pytest.fixture
def client(guard: Guard) -> Callable[[str], Any]:
    """A guarded client whose calls are never sent: each ends with `Sent`, with its parameters."""

    def make(service: str) -> Any:
        made = boto3.client(service, "eu-west-1", aws_access_key_id="A", aws_secret_access_key="B")
        guard.attach(made, "eu-west-1")

        def stop(model: Any, params: dict[str, Any], **_: Any) -> None:
            raise Sent(model.name, params)

        made.meta.events.register("before-call", stop)
        return made

    return make


class Sent(Exception):
    """A call passed the guard."""


def test_a_created_resource_is_tagged_and_recorded_before_the_call(client: Callable[[str], Any], guard: Guard) -> None:
    with pytest.raises(Sent, match="CreateQueue"):
        client("sqs").create_queue(QueueName=f"parity-{RUN}-queue-1", tags={"team": "a"})
    assert guard.created == [("queue", f"parity-{RUN}-queue-1")]
    with pytest.raises(Sent) as sent:
        client("iam").create_role(RoleName=f"parity-{RUN}-role-2", AssumeRolePolicyDocument="{}")
    assert sent.value.args[1]["body"]["Tags.member.1.Key"] == TAG


def test_a_name_without_the_prefix_is_not_sent(client: Callable[[str], Any], guard: Guard) -> None:
    with pytest.raises(Unremovable, match=r"orders.*aws\.name"):
        client("sqs").create_queue(QueueName="orders")
    with pytest.raises(Unremovable, match="does not begin"):
        client("sqs").create_queue(QueueName=f"orders-parity-{RUN}-queue-1")
    assert guard.created == []


@pytest.mark.parametrize(
    ("service", "call", "params"),
    [
        ("sqs", "delete_queue", {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/orders"}),
        ("sagemaker", "update_endpoint", {"EndpointName": "shop", "EndpointConfigName": "other"}),
        ("s3", "put_object", {"Bucket": "orders", "Key": "a"}),
        ("kms", "schedule_key_deletion", {"KeyId": "1234"}),
        ("sns", "publish", {"TopicArn": "arn:aws:sns:eu-west-1:1:orders", "Message": "a"}),
        ("sqs", "receive_message", {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/orders"}),
        ("s3", "put_object", {"Bucket": "orders", "Key": f"parity-{RUN}-object-1", "Body": f"parity-{RUN}-".encode()}),
        ("sqs", "send_message", {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/orders", "MessageBody": RUN}),
        ("ec2", "create_subnet", {"VpcId": "vpc-0123", "CidrBlock": "10.0.0.0/26"}),
        ("sagemaker", "update_endpoint", {"EndpointName": "shop", "EndpointConfigName": f"parity-{RUN}-config-1"}),
        ("sns", "delete_topic", {"TopicArn": "arn:aws:sns:eu-west-1:1:orders"}),
    ],
)
def test_nothing_else_is_changed(client: Callable[[str], Any], service: str, call: str, params: dict[str, Any]) -> None:
    with pytest.raises(Unremovable, match="names no resource of this run"):
        getattr(client(service), call)(**params)


def test_what_cannot_be_removed_is_not_created(client: Callable[[str], Any]) -> None:
    with pytest.raises(Unremovable, match="CreateFunction"):
        client("lambda").create_function(FunctionName=f"parity-{RUN}-f", Role="arn:aws:iam::1:role/abcdefghijk", Code={})
    with pytest.raises(Unremovable, match="RunInstances"):
        client("ec2").run_instances(MinCount=1, MaxCount=1, ImageId=f"parity-{RUN}")


def test_reading_is_free(client: Callable[[str], Any]) -> None:
    with pytest.raises(Sent):
        client("sagemaker").describe_endpoint(EndpointName="shop")


def test_a_cancelled_run_sends_nothing(client: Callable[[str], Any], guard: Guard) -> None:
    guard.cancelled.set()
    with pytest.raises(Cancelled):
        client("sagemaker").describe_endpoint(EndpointName="shop")


def test_an_identifier_of_aws_is_recorded_from_the_response(guard: Guard) -> None:
    kms = boto3.client("kms", "eu-west-1", aws_access_key_id="A", aws_secret_access_key="B")
    guard.attach(kms, "eu-west-1")
    with Stubber(kms) as stub:
        expected = {"Tags": [{"TagKey": TAG, "TagValue": RUN}, {"TagKey": REGION_TAG, "TagValue": "eu-west-1"}]}
        stub.add_response("create_key", {"KeyMetadata": {"KeyId": "1234abcd"}}, expected)
        kms.create_key()
        stub.add_response("disable_key", {}, {"KeyId": "1234abcd"})
        kms.disable_key(KeyId="1234abcd")
    assert guard.created == [("key", "1234abcd")]


CREATIONS = [(kind, operation) for kind in KINDS for operation in kind.creations]


@pytest.mark.parametrize(("kind", "operation"), CREATIONS, ids=[operation for _, operation in CREATIONS])
def test_tags_and_identifiers_are_those_of_the_service_model(kind: Kind, operation: str) -> None:
    model = get_session().get_service_model(kind.service).operation_model(operation)
    path = kind.creations[operation]
    shape = model.output_shape if path.startswith("response.") else model.input_shape
    for part in path.removeprefix("response.").split("."):
        shape = shape.members[part]
    assert shape.type_name == "string"
    tagged = kind.tagged(operation, {}, {TAG: RUN})
    for name, value in tagged.items():
        report = ParamValidator().validate(value, model.input_shape.members[name])
        assert not report.has_errors(), report.generate_report()
