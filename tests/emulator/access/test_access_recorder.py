"""/_local/access: what callers need, from requests of every protocol."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from support.in_process_aws import AwsHarness
from support.recorded_access import Needed, recording

REGION = "eu-west-1"
BUCKET = "recorded-access"


def _actions(needed: list[Needed]) -> dict[str, str]:
    return {item.action: item.resource for item in needed}


def test_requests_of_every_protocol_are_recorded(local_aws: AwsHarness) -> None:
    s3, sqs, sns, iam = (local_aws.client(name) for name in ("s3", "sqs", "sns", "iam"))
    with recording(local_aws.credentials) as needed:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=BUCKET, Key="a b/c", Body=b"1")
        s3.list_objects_v2(Bucket=BUCKET, Prefix="a b/")
        s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "a b/c"}]})
        s3.delete_bucket(Bucket=BUCKET)
        queue = sqs.create_queue(QueueName="recorded", tags={"a": "b"})["QueueUrl"]
        topic = sns.create_topic(Name="recorded")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:recorded")
        sns.delete_topic(TopicArn=topic)
        sqs.delete_queue(QueueUrl=queue)
        iam.list_roles()
        local_aws.client("cloudwatch").describe_alarms(AlarmNamePrefix="a")
        local_aws.client("logs").describe_log_groups()
        with pytest.raises(Exception, match="ResourceNotFound"):
            local_aws.client("lambda").get_policy(FunctionName="none")

    found = _actions(needed)
    assert [str(item) for item in needed if item.action == "unknown"] == []
    assert found["s3:PutObject"] == f"arn:aws:s3:::{BUCKET}/a b/c"
    assert found["s3:DeleteObject"] == f"arn:aws:s3:::{BUCKET}/a b/c"
    assert found["sqs:TagQueue"].endswith(":recorded")
    assert found["lambda:GetPolicy"].endswith(":function:none")
    assert found["cloudwatch:DescribeAlarms"].endswith(":alarm:*")
    assert found["logs:DescribeLogGroups"] == found["iam:ListRoles"] == "*"
    contexts = {item.action: dict(item.context) for item in needed}
    assert contexts["s3:ListBucket"] == {"s3:prefix": "a b/"}
    assert contexts["sns:Subscribe"]["sns:Endpoint"].endswith(":recorded")


def test_nothing_is_recorded_outside(local_aws: AwsHarness) -> None:
    with recording(local_aws.credentials) as needed:
        pass
    local_aws.client("sqs").list_queues()
    assert needed == []
    assert _ask(local_aws, "GET") == (
        200, {"recording": False, "permissions": [], "unknown": {}, "complete": True},
    )  # fmt: skip


def test_an_operation_without_rules_is_named(local_aws: AwsHarness) -> None:
    with recording(local_aws.credentials) as needed:
        local_aws.client("sns").get_sms_attributes()
    assert [item.resource for item in needed if item.action == "unknown"] == ["sns:GetSMSAttributes"]


def test_a_document_without_recording_is_refused(local_aws: AwsHarness) -> None:
    status, answer = _ask(local_aws, "POST", {"recording": "yes"})
    assert status == 400
    assert answer["error"] == 'The document must have "recording": true or false.'


def _ask(local_aws: AwsHarness, method: str, document: Any = None) -> tuple[int, Any]:
    body = None if document is None else json.dumps(document).encode()
    headers = local_aws.credentials.admin_headers()
    request = urllib.request.Request(f"{local_aws.url}/_local/access", body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)
