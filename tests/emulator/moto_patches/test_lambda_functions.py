"""AWS Lambda: functions are stored, Invoke is refused by name, and nothing that delivers to a function fails."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from support.common import refusal, unique
from support.in_process_aws import ACCOUNT, AwsHarness


@pytest.fixture(scope="module")
def function(local_aws: AwsHarness) -> str:
    """The ARN of a function."""
    return str(local_aws.client("lambda").create_function(**request(local_aws, "python3.12"))["FunctionArn"])


def request(local_aws: AwsHarness, runtime: str) -> dict[str, Any]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("index.py", "def handler(event, context): return event\n")
    return {
        "FunctionName": unique("function"),
        "Runtime": runtime,
        "Role": local_aws.create_role(unique("role"), trusted="lambda.amazonaws.com"),
        "Handler": "index.handler",
        "Code": {"ZipFile": archive.getvalue()},
    }


@pytest.mark.parametrize(
    ("runtime", "words"),
    [
        ("python3.7", "The runtime parameter of python3.7 is no longer supported for creating or updating"),
        ("python3.99", "Value python3.99 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: ["),
    ],
)
def test_a_runtime_that_lambda_does_not_have_is_refused(local_aws: AwsHarness, function: str, runtime: str, words: str) -> None:
    functions = local_aws.client("lambda")
    created = refusal(functions.create_function, **request(local_aws, runtime))
    updated = refusal(functions.update_function_configuration, FunctionName=function, Runtime=runtime)
    assert created == updated
    assert (created[0], created[1][: len(words)]) == ("InvalidParameterValueException", words)


@pytest.mark.parametrize("invocation", ["RequestResponse", "Event", "DryRun"])
def test_invoke_is_refused_by_name(local_aws: AwsHarness, function: str, invocation: str) -> None:
    code, message = refusal(local_aws.client("lambda").invoke, FunctionName=function, InvocationType=invocation)
    assert (code, message) == ("UnknownOperationException", "Invoke of lambda is not emulated by the local AWS.")


def test_messages_of_a_mapped_queue_stay_in_it(local_aws: AwsHarness, function: str) -> None:
    queue = local_aws.queue()
    local_aws.client("lambda").create_event_source_mapping(FunctionName=function, EventSourceArn=queue.arn)
    local_aws.sqs.send_message(QueueUrl=queue.url, MessageBody="hello")
    received = local_aws.sqs.receive_message(QueueUrl=queue.url, AttributeNames=["ApproximateReceiveCount"])["Messages"]
    assert [(sent["Body"], sent["Attributes"]["ApproximateReceiveCount"]) for sent in received] == [("hello", "1")]


def log_subscription(local_aws: AwsHarness, function: str) -> Any:
    logs, group = local_aws.client("logs"), unique("group")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="stream")
    logs.put_subscription_filter(logGroupName=group, filterName="all", filterPattern="", destinationArn=function)
    event = {"timestamp": int(time.time() * 1000), "message": "hello"}
    return logs.put_log_events(logGroupName=group, logStreamName="stream", logEvents=[event])


def bucket_notification(local_aws: AwsHarness, function: str) -> Any:
    bucket = local_aws.bucket()
    source = {"SourceArn": f"arn:aws:s3:::{bucket}", "SourceAccount": ACCOUNT}
    permission = {"Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com", "StatementId": unique("s3")} | source
    local_aws.client("lambda").add_permission(FunctionName=function, **permission)
    wanted = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}]}
    local_aws.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)
    return local_aws.s3.put_object(Bucket=bucket, Key="key", Body=b"hello")


def subscription(local_aws: AwsHarness, function: str) -> Any:
    topic = local_aws.topic()
    local_aws.sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)
    return local_aws.sns.publish(TopicArn=topic, Message="hello")


@pytest.mark.parametrize("deliver", [log_subscription, bucket_notification, subscription])
def test_what_delivers_to_a_function_works(
    local_aws: AwsHarness, function: str, deliver: Callable[[AwsHarness, str], Any]
) -> None:
    assert deliver(local_aws, function)["ResponseMetadata"]["HTTPStatusCode"] == 200
