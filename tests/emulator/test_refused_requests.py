"""Requests that moto fails on, and paths that it does not know: refused by name, and with no status that SDKs repeat."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.exceptions import ClientError
from moto.sns.models import SNSBackend

from support.common import refusal, unique
from support.in_process_aws import ACCOUNT, AwsHarness
from support.signing import Call, Parts, send


def unowned(aws: AwsHarness) -> str:
    """A bucket in which ACLs are not disabled."""
    bucket = aws.bucket()
    aws.s3.delete_bucket_ownership_controls(Bucket=bucket)
    return bucket


CASES: dict[str, tuple[Callable[[AwsHarness], Any], str, str]] = {
    "query": (lambda aws: aws.sns.get_topic_attributes(TopicArn="x"), "InvalidParameter", "GetTopicAttributes of sns"),
    "json": (lambda aws: aws.kms.list_grants(KeyId="x"), "ValidationException", "ListGrants of kms"),
    "rest-xml": (lambda aws: aws.s3.put_bucket_acl(Bucket=unowned(aws)), "MalformedXML", "PutBucketAcl of s3"),
    "rest-json": (
        lambda aws: aws.client("eks").describe_insight(clusterName="x", id="x"),
        "UnknownOperationException",
        "of eks is not emulated",
    ),
    "service": (
        lambda aws: aws.client("outposts").list_outposts(),
        "UnknownOperationException",
        "of outposts is not emulated",
    ),
    "canned model": (
        lambda aws: aws.client("textract").detect_document_text(Document={"Bytes": b"x"}),
        "UnknownOperationException",
        "DetectDocumentText of textract is not emulated",
    ),
    "error in moto": (
        lambda aws: aws.client("workspaces").describe_tags(ResourceId="x"),
        "ValidationException",
        "DescribeTags of workspaces",
    ),
    "cbor": (
        lambda aws: aws.client("eventbridgev2").list_event_buses(),
        "UnknownOperationException",
        "ListEventBuses of events is not emulated",
    ),
    "file that moto lacks": (
        lambda aws: aws.client("emr").list_supported_instance_types(ReleaseLabel="emr-none"),
        "ValidationException",
        "ListSupportedInstanceTypes of elasticmapreduce",
    ),
    "S3 Control": (
        lambda aws: _s3_control(aws).get_access_grants_instance(AccountId=ACCOUNT),
        "UnknownOperationException",
        "GetAccessGrantsInstance of s3control is not emulated",
    ),
    "service whose name begins with s3": (
        lambda aws: aws.client("s3files").list_file_systems(),
        "UnknownOperationException",
        "GET /file-systems of s3files is not emulated",
    ),
    "service signed as SageMaker": (
        lambda aws: aws.client("sagemaker-featurestore-runtime").get_record(
            FeatureGroupName="x", RecordIdentifierValueAsString="x"
        ),
        "UnknownOperationException",
        "GET /FeatureGroup/x of sagemaker is not emulated",
    ),
    "service signed as IAM": (
        lambda aws: aws.client("iam-toolbox").get_request_authorization_details(authorizationId="x" * 40),
        "UnknownOperationException",
        "of iam is not emulated",
    ),
    "path that moto answers with an empty page": (
        lambda aws: aws.client("bedrock-agent-runtime").create_session(),
        "UnknownOperationException",
        "PUT /sessions/ of bedrock is not emulated",
    ),
    "canned job": (
        lambda aws: aws.client("athena").start_query_execution(QueryString="select 1"),
        "UnknownOperationException",
        "StartQueryExecution of athena is not emulated",
    ),
    "canned job of a REST service": (
        lambda aws: aws.client("batch").submit_job(jobName="x", jobQueue="x", jobDefinition="x"),
        "UnknownOperationException",
        "SubmitJob of batch is not emulated",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_request_that_cannot_be_processed_is_refused_by_name(local_aws: AwsHarness, case: str) -> None:
    call, code, named = CASES[case]
    with pytest.raises(ClientError) as caught:
        call(local_aws)
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["Error"]["Code"] == code
    assert named in response["Error"]["Message"]


def _s3_control(aws: AwsHarness) -> Any:
    """A client of S3 Control, which puts the account before the host name, as SDKs do; the test's resolver may not know it."""
    client = aws.client("s3control")
    client.meta.events.register("before-sign", lambda request, **_: _to_loopback(request))
    return client


def _to_loopback(request: Any) -> None:
    request.url = request.url.replace(f"//{ACCOUNT}.", "//")


def test_s3_control_is_none_of_s3(local_aws: AwsHarness) -> None:
    """Its requests are signed as S3: no bucket may keep what they put."""
    control, block = _s3_control(local_aws), {"BlockPublicAcls": True}
    control.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=block)
    found = control.get_public_access_block(AccountId=ACCOUNT)["PublicAccessBlockConfiguration"]
    assert found["BlockPublicAcls"]
    assert local_aws.aws.status()["calls"]["s3control"]["PutPublicAccessBlock"] == 1


def test_a_message_is_text_whatever_it_contains(local_aws: AwsHarness) -> None:
    queue = local_aws.queue(open_to_sns=False)
    text = f"a=b&Action=DeleteQueue&QueueUrl={queue.url}"
    local_aws.sqs.send_message(QueueUrl=queue.url, MessageBody=text)
    assert queue.take() == [text]


@pytest.mark.parametrize("place", ["url", "body", "header"])
def test_a_call_has_the_action_that_its_protocol_names(local_aws: AwsHarness, place: str) -> None:
    """And no other: permissions are decided, and calls counted, by it."""
    queue = local_aws.queue(open_to_sns=False)
    other = urlencode({"Action": "DeleteQueue", "QueueUrl": queue.url})
    asked: dict[str, Any] = {"headers": {"X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": "application/x-amz-json-1.0"}}
    asked |= {"url": {"target": f"/?{other}", "body": b"{}"}, "body": {"body": other.encode()}, "header": {"body": b"{}"}}[
        place
    ]
    if place == "header":
        asked["headers"] |= {"Action": "DeleteQueue", "QueueUrl": queue.url}
    Call(local_aws, "POST", service="sqs", **asked).send()
    assert queue.take() == []


@pytest.mark.parametrize("service", ["s3-outposts", "s3-object-lambda", "s3express", "execute-api"])
def test_a_service_is_found_by_its_signing_name_only(local_aws: AwsHarness, service: str) -> None:
    """Else a call passes the policies of another service, and a bucket keeps what it stores."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = Call(local_aws, "POST", "/", b"Action=ListQueues", headers, service=service).send()
    assert answer.status in (400, 501)
    assert f"of {service} is not emulated" in answer.body.decode()


@pytest.mark.parametrize("action", ["", "CallAction", "SetupClass", "Nothing"])
def test_only_actions_of_the_service_are_called(local_aws: AwsHarness, action: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = Call(local_aws, "POST", "/", urlencode({"Action": action}).encode(), headers, service="sns").send()
    assert (answer.status, answer.code) == (400, "InvalidAction")


@pytest.mark.parametrize("path", ["/assignment/accounts?account_id=x", "/token"])
def test_unsigned_calls_of_json_services_are_refused_in_json(local_aws: AwsHarness, path: str) -> None:
    method, headers = ("GET", {}) if "?" in path else ("POST", {"Content-Type": "application/json"})
    answer = send(local_aws, Parts(method, path, headers, b""))
    assert (answer.status, answer.code) == (403, "MissingAuthenticationTokenException")


@pytest.mark.parametrize(
    ("service", "target", "body", "code", "text"),
    [
        ("sqs", "AmazonSQS.CreateQueue", '{"QueueName": ["x"]}', "SerializationException", "(at 'queueName')"),
        ("sqs", "AmazonSQS.SendMessage", '{"QueueUrl": "x"}', "MissingParameter", "must contain the parameter MessageBody"),
        ("sqs", "AmazonSQS.ListQueues", "[]", "SerializationException", "not an object"),
        ("sqs", "AmazonSQS.ListQueues", '{"a":' * 5_000, "SerializationException", "not JSON"),
        ("kms", "TrentService.CreateKey", '{"MultiRegion": "yes"}', "SerializationException", "converted to a Boolean"),
        ("kms", "TrentService.DescribeKey", '{"KeyId": null}', "ValidationException", "Value null at 'keyId'"),
        ("logs", "Logs_20140328.CreateLogGroup", '{"logGroupName": "a b"}', "InvalidParameterException", "regular expression"),
        ("logs", "Logs_20140328.CreateLogGroup", '{"logGroupName": 1}', "SerializationException", "NUMBER_VALUE"),
        ("monitoring", "GraniteServiceVersion20100801.DeleteAlarms", '{"AlarmNames": "x"}', "SerializationException", "a list"),
    ],
)
def test_a_json_request_has_the_types_and_members_of_its_model(
    local_aws: AwsHarness, service: str, target: str, body: str, code: str, text: str
) -> None:
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    answer = Call(local_aws, "POST", "/", body.encode(), headers, service=service).send()
    assert (answer.status, answer.code) == (400, code)
    assert text in answer.body.decode()


def test_null_is_the_absence_of_a_member(local_aws: AwsHarness) -> None:
    headers = {"X-Amz-Target": "AmazonSQS.CreateQueue", "Content-Type": "application/x-amz-json-1.0"}
    name = unique("nulls")
    body = json.dumps({"QueueName": name, "Attributes": None, "tags": None, "Unknown": 1})
    assert Call(local_aws, "POST", "/", body.encode(), headers, service="sqs").send().status == 200
    assert local_aws.sqs.get_queue_url(QueueName=name)["QueueUrl"].endswith(name)


def test_a_refusal_is_one_line_of_the_log(local_aws: AwsHarness, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING"):
        refusal(local_aws.kms.list_grants, KeyId="x")
    (record,) = [item for item in caplog.records if "was refused" in item.getMessage()]
    assert record.exc_info is None
    assert record.getMessage().startswith("kms ListGrants was refused: ")


def test_the_status_says_what_is_stored_without_effect(local_aws: AwsHarness) -> None:
    bucket, sentence = local_aws.bucket(), "S3 buckets serve no website"
    local_aws.client("events").put_rule(Name="nightly", ScheduleExpression="rate(1 day)")
    local_aws.s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    stored = local_aws.aws.status()["stored_without_effect"]
    assert sentence in stored
    assert any("EventBridge never fire" in line for line in stored)


def test_a_subresource_that_moto_does_not_know_leaves_bucket_and_object(local_aws: AwsHarness) -> None:
    s3, bucket = local_aws.s3, local_aws.bucket()
    rule = {"Payer": "Requester"}
    for call in (
        lambda: s3.delete_bucket_metrics_configuration(Bucket=bucket, Id="x"),
        lambda: s3.delete_bucket_inventory_configuration(Bucket=bucket, Id="x"),
        lambda: s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration=rule),
        lambda: s3.list_bucket_analytics_configurations(Bucket=bucket),
    ):
        assert "is not emulated by the local AWS" in refusal(call)[1]
    s3.put_object(Bucket=bucket, Key="kept", Body=b"content")
    assert "is not emulated" in refusal(s3.get_object_retention, Bucket=bucket, Key="kept")[1]
    assert "is not emulated" in refusal(s3.rename_object, Bucket=bucket, Key="kept", RenameSource=f"{bucket}/other")[1]
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"content"
    assert "Payer" not in s3.get_bucket_request_payment(Bucket=bucket)


def test_head_of_what_does_not_exist_is_not_found(local_aws: AwsHarness) -> None:
    bucket = local_aws.bucket()
    for call in (
        lambda: local_aws.s3.head_object(Bucket=bucket, Key="none"),
        lambda: local_aws.s3.head_bucket(Bucket="no-such-bucket-here"),
        lambda: local_aws.s3.delete_object(Bucket="no-such-bucket-here", Key="none"),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_collection_that_changed_while_it_was_read_may_be_read_again(
    local_aws: AwsHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto iterates over what other threads add to: SDKs repeat a call that ends with 500."""
    topic = local_aws.sns.create_topic(Name=unique("topic"))["TopicArn"]

    def changed_meanwhile(backend: SNSBackend, arn: str) -> None:
        names = {"a": arn}
        for name in names:
            names[name * 2] = arn

    with monkeypatch.context() as patched, pytest.raises(ClientError) as caught:
        patched.setattr(SNSBackend, "get_topic", changed_meanwhile)
        local_aws.sns.get_topic_attributes(TopicArn=topic)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert local_aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]["TopicArn"] == topic
