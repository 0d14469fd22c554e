"""A bucket that must not be emptied is not deleted, and nothing of it is taken away before that is said."""

from __future__ import annotations

from typing import Any

import pytest

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import BucketNotEmpty
from async_endpoint.deploy.apply import apply_environment
from async_endpoint.deploy.deletions import require_empty_buckets
from async_endpoint.deploy.destroy import destroy_environment
from async_endpoint.terraform.plan_document import resource_changes
from support.deployment_fixtures import prepared
from support.plan_documents import change, plan_document

BUCKET = "shirts-123456789012"


def deletion(actions: list[str], *, force_destroy: bool = False) -> dict[str, Any]:
    return change("aws_s3_bucket.this", actions, {"bucket": BUCKET, "force_destroy": force_destroy})


def check(aws: AwsSession, document: dict[str, Any]) -> None:
    require_empty_buckets(lambda region: aws, resource_changes(document))


@pytest.fixture
def s3(aws: AwsSession) -> Any:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return s3


def put(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="output/1.out", Body=b"a result")


def put_and_delete(s3: Any) -> None:
    put(s3)
    s3.delete_object(Bucket=BUCKET, Key="output/1.out")


def leave_a_delete_marker(s3: Any) -> None:
    version = s3.put_object(Bucket=BUCKET, Key="output/1.out", Body=b"a result")["VersionId"]
    s3.delete_object(Bucket=BUCKET, Key="output/1.out")
    s3.delete_object(Bucket=BUCKET, Key="output/1.out", VersionId=version)


def begin_an_upload(s3: Any) -> None:
    s3.create_multipart_upload(Bucket=BUCKET, Key="output/1.out")


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (put, "object versions"),
        (put_and_delete, "object versions"),
        (leave_a_delete_marker, "delete markers"),
        (begin_an_upload, "multipart uploads in progress"),
    ],
)
@pytest.mark.parametrize("actions", [["delete"], ["delete", "create"], ["create", "delete"]])
def test_what_a_bucket_holds_is_named_with_the_remedy(
    aws: AwsSession, s3: Any, fill: Any, words: str, actions: list[str]
) -> None:
    fill(s3)
    with pytest.raises(
        BucketNotEmpty, match=rf"bucket {BUCKET} .* holds {words} \(such as output/1.out\).* force_destroy = true"
    ):
        check(aws, plan_document(deletion(actions)))


def test_an_empty_bucket_and_one_that_may_be_emptied_are_deleted(aws: AwsSession, s3: Any) -> None:
    check(aws, plan_document(deletion(["delete"])))
    put(s3)
    check(aws, plan_document(deletion(["delete"], force_destroy=True)))
    check(aws, plan_document(change("aws_s3_bucket.this", ["update"], {"bucket": BUCKET}, {"bucket": BUCKET})))
    s3.delete_object(Bucket=BUCKET, Key="none")


def test_an_object_that_the_plan_deletes_does_not_count(aws: AwsSession, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="model/1/model.tar.gz", Body=b"")
    archive = change("aws_s3_object.archive", ["delete"], {"bucket": BUCKET, "key": "model/1/model.tar.gz"})
    check(aws, plan_document(archive, deletion(["delete"])))


def test_a_bucket_that_is_gone_already_stops_nothing(aws: AwsSession) -> None:
    check(aws, plan_document(deletion(["delete"])))


@pytest.mark.usefixtures("checkout")
def test_destroy_is_refused_before_terraform_changes_anything(terraform: Any, s3: Any) -> None:
    put(s3)
    terraform.document = plan_document(deletion(["delete"]))
    with pytest.raises(BucketNotEmpty):
        destroy_environment(prepared())
    assert "apply" not in terraform.did
    with pytest.raises(BucketNotEmpty):
        apply_environment(prepared())
    assert "apply" not in terraform.did
