"""Endpoints whose creation fails: Failed with a FailureReason, and deletable."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from typing import Any

import pytest

from support.common import refusal, unique, until
from support.deployed_endpoint import ALLOWED, Deployed
from support.in_process_aws import IMAGE, AwsHarness
from support.sample_model import archive


def outside(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def damaged(alphabet: bytes) -> bytes:
    """A corrupt gzip stream: in the compressed data, or for stored bytes in the checksum only."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        member = tarfile.TarInfo("weights.bin")
        member.size = 200_000
        tar.addfile(member, io.BytesIO(random.Random(0).randbytes(member.size).translate((alphabet * 256)[:256])))
    whole = bytearray(buffer.getvalue())
    middle = len(whole) // 2
    whole[middle : middle + 400] = b"\xff" * 400
    return bytes(whole)


NOT_EXTRACTED = {
    "no tar": (b"this is no archive", "not a gzip-compressed tar"),
    "a tar without gzip": (gzip.decompress(archive()), "not a gzip-compressed tar"),
    "half an archive": (archive()[:200], "not a gzip-compressed tar"),
    "a damaged archive": (damaged(b"ab"), "not a gzip-compressed tar"),
    "a wrong checksum": (damaged(bytes(range(256))), "not a gzip-compressed tar"),
    "an empty object": (b"\n", "not a gzip-compressed tar"),
    "a member above the folder": (archive(extra=[outside("../escaped")]), "outside the archive's folder"),
    "a link within the archive": (archive(extra=[outside("link", tarfile.SYMTYPE, "weights.txt")]), "a symbolic link"),
    "a link to nothing": (archive(extra=[outside("link", tarfile.LNKTYPE, "none")]), "a hard link"),
}
UNABLE = {
    "model_fn raises": (archive("def model_fn(d): raise RuntimeError('no weights')\n"), "exit code 1"),
    "code that is no Python": (archive("def model_fn(d:\n"), "exit code 1"),
    "the container exits": (archive("import os\ndef model_fn(d): os._exit(7)\n"), "exit code 7"),
    "a requirement that is none": (
        archive(requirements="this package does not exist/\n"),
        "Invalid requirement: 'this package",
    ),
}


@pytest.mark.parametrize("why", NOT_EXTRACTED)
def test_an_archive_that_cannot_be_extracted_fails_the_endpoint_in_awss_words(deploy: Any, why: str) -> None:
    model_archive, said = NOT_EXTRACTED[why]
    deployed: Deployed = deploy(model_archive, wait=False)
    reason = deployed.until_status("Failed")["FailureReason"]
    assert reason.startswith(
        f'Failed to extract model data archive for container "container_1" from URL "s3://{deployed.bucket}/model/'
        f'{deployed.model}.tar.gz". Please ensure that the object located at the URL is a valid tar.gz archive.'
    )
    assert said in reason


@pytest.mark.parametrize("why", UNABLE)
def test_a_container_that_never_answers_ping_fails_the_endpoint(local_aws: AwsHarness, deploy: Any, why: str) -> None:
    model_archive, said = UNABLE[why]
    deployed: Deployed = deploy(model_archive, wait=False)
    described = deployed.until_status("Failed")
    assert "did not pass the ping health check" in described["FailureReason"]
    assert said in described["FailureReason"]
    assert "Hint" not in described["FailureReason"]
    assert len(described["FailureReason"]) <= 1_024
    assert "ProductionVariants" not in described
    assert deployed.status()["instances"] == [], "what failed is not kept"
    refused = refusal(local_aws.runtime.invoke_endpoint_async, EndpointName=deployed.name, Body=b"shirt")
    assert (refused[0], "Failed" in refused[1]) == ("ValidationError", True)
    assert (
        "in-progress"
        in refusal(local_aws.sagemaker.update_endpoint, EndpointName=deployed.name, EndpointConfigName=deployed.config)[1]
    )
    deployed.delete()
    assert "Could not find endpoint" in refusal(deployed.describe)[1]


def test_the_reason_is_also_in_the_log_group(deploy: Any) -> None:
    deployed: Deployed = deploy(archive("def model_fn(d): raise RuntimeError('no weights')\n"), wait=False)
    deployed.until_status("Failed")
    until(lambda: "RuntimeError: no weights" in deployed.log_lines(), "the traceback's last line")


@pytest.mark.parametrize(
    ("without", "image", "said"),
    [
        ("log in", IMAGE, "does not have GetAuthorizationToken permission for the image"),
        ("pull", IMAGE, "does not have BatchCheckLayerAvailability permission for the image"),
        ("pull", IMAGE.replace(".ecr.", ".ecr-fips."), "does not have BatchCheckLayerAvailability permission for the image"),
        ("read", IMAGE, "not authorized to perform: s3:GetObject"),
    ],
)
def test_a_role_that_lost_a_permission_fails_the_endpoint(local_aws: AwsHarness, without: str, image: str, said: str) -> None:
    assert without in ALLOWED
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    config = local_aws.config(local_aws.model(bucket, role, image=image), bucket)
    role.allow(bucket, without=[without])
    name = unique("endpoint")
    local_aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    described = Deployed(local_aws, name, bucket, role).until_status("Failed")
    assert said in described["FailureReason"]
    local_aws.sagemaker.delete_endpoint(EndpointName=name)


def test_a_deleted_role_or_archive_fails_the_endpoint(local_aws: AwsHarness) -> None:
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    config = local_aws.config(local_aws.model(bucket, role), bucket)
    (key,) = local_aws.keys(bucket, "model/")
    local_aws.s3.delete_object(Bucket=bucket, Key=key)
    without_archive = Deployed(local_aws, unique("endpoint"), bucket, role)
    local_aws.sagemaker.create_endpoint(EndpointName=without_archive.name, EndpointConfigName=config)
    assert "NoSuchKey" in without_archive.until_status("Failed")["FailureReason"]
    local_aws.iam.delete_role_policy(RoleName=role.name, PolicyName="execution")
    local_aws.iam.delete_role(RoleName=role.name)
    without_role = Deployed(local_aws, unique("endpoint"), bucket, role)
    local_aws.sagemaker.create_endpoint(EndpointName=without_role.name, EndpointConfigName=config)
    assert f"Could not assume role {role.arn}" in without_role.until_status("Failed")["FailureReason"]
    for deployed in (without_archive, without_role):
        deployed.delete()
