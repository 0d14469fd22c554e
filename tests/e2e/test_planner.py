"""What a planner's session may do on a deployment whose local AWS enforces IAM, with the policies that were deployed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from async_endpoint.core.s3_uri import S3Uri
from support.applied_roots import REGION, WITH_POLICIES

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.xdist_group(f"root-{WITH_POLICIES}"),
    pytest.mark.parametrize("root", [WITH_POLICIES], indirect=True),
]


def session_of(root: Any, command: str) -> Callable[[str], Any]:
    """Clients of a session with the policies that a command needs."""
    variables = root.checkout.as_caller_of(command).environment
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    secrets = {name.lower(): variables[name] for name in names}
    return lambda service: boto3.client(service, region_name=REGION, endpoint_url=root.url, **secrets)


def refused(call: Callable[..., Any], **request: Any) -> str:
    """The action that a denial names."""
    with pytest.raises(ClientError) as failure:
        call(**request)
    error = failure.value.response["Error"]
    assert "AccessDenied" in error["Code"], error
    return str(error["Message"]).partition("perform: ")[2].partition(" ")[0]


def test_a_planner_describes_archives_and_opens_none(root: Any) -> None:
    s3, [archive] = session_of(root, "plan")("s3"), root.outputs.model.archives
    where = S3Uri.parse(archive.uri)
    assert s3.head_object(Bucket=where.bucket, Key=where.key)["VersionId"] == archive.version_id
    assert refused(s3.get_object, Bucket=where.bucket, Key=where.key) == "kms:Decrypt"
    assert refused(s3.get_object, Bucket=where.bucket, Key="input/any") == "s3:GetObject"
    assert refused(s3.list_objects_v2, Bucket=where.bucket, Prefix="output/") == "s3:ListBucket"


def test_a_planner_changes_nothing(root: Any) -> None:
    of, [archive] = session_of(root, "plan"), root.outputs.model.archives
    where, endpoint = S3Uri.parse(archive.uri), root.outputs.endpoint
    assert refused(of("s3").put_object, Bucket=where.bucket, Key=where.key, Body=b"another") == "s3:PutObject"
    assert refused(of("sagemaker").delete_endpoint, EndpointName=endpoint.name) == "sagemaker:DeleteEndpoint"
    weights = [{"VariantName": endpoint.variant_name, "DesiredInstanceCount": 1}]
    scaled = refused(
        of("sagemaker").update_endpoint_weights_and_capacities, EndpointName=endpoint.name, DesiredWeightsAndCapacities=weights
    )
    assert scaled == "sagemaker:UpdateEndpointWeightsAndCapacities"
    assumed = refused(of("sts").assume_role, RoleArn=endpoint.execution_role_arn, RoleSessionName="planner")
    assert assumed == "sts:AssumeRole"


def test_a_planner_verifies_and_stores_what_a_deployer_applies(root: Any) -> None:
    root.succeed("verify")  # with a plan
    root.succeed("plan", "--store", "approved")
    root.succeed("apply", "--approved", "approved")
    callers = {root.checkout.as_caller_of(verb).environment["AWS_ACCESS_KEY_ID"] for verb in ("plan", "apply")}
    assert len(callers) == 2
