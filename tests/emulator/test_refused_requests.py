"""Requests that moto fails on, and paths that it does not know: refused by name, and with no status that SDKs repeat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.in_process_aws import AwsHarness


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


def test_the_status_says_what_is_stored_without_effect(local_aws: AwsHarness) -> None:
    bucket, sentence = local_aws.bucket(), "S3 buckets serve no website"
    local_aws.client("events").put_rule(Name="nightly", ScheduleExpression="rate(1 day)")
    local_aws.s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    stored = local_aws.aws.status()["stored_without_effect"]
    assert sentence in stored
    assert any("EventBridge never fire" in line for line in stored)


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
