"""https addresses of S3 in place of S3 URIs: accepted, described as given, and used."""

from __future__ import annotations

from typing import Any

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.s3_uri import S3Uri
from support.common import unique
from support.deployed_endpoint import Deployed
from support.in_process_aws import IMAGE, REGION, AwsHarness
from support.sample_model import archive


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        (f"https://results.s3.{REGION}.amazonaws.com", "s3://results/"),
        (f"https://results.s3.{REGION}.amazonaws.com/out/", "s3://results/out/"),
        ("https://results.s3.amazonaws.com/out", "s3://results/out"),
        (f"https://re.s3.sults.s3.{REGION}.amazonaws.com/out", "s3://re.s3.sults/out"),
        (f"https://s3.{REGION}.amazonaws.com/results/a%20b/c%2Bd+e", "s3://results/a b/c+d+e"),
        (f"https://s3-{REGION}.amazonaws.com/results", "s3://results/"),
        (f"https://results.s3.dualstack.{REGION}.amazonaws.com/out", "s3://results/out"),
        (f"https://s3.dualstack.{REGION}.amazonaws.com/results/out", "s3://results/out"),
        ("https://results.s3-fips.us-east-1.amazonaws.com/out", "s3://results/out"),
    ],
)
def test_each_form_names_a_bucket_and_a_key(address: str, uri: str) -> None:
    assert S3Uri.parse(address) == S3Uri.parse(uri)


def test_a_location_below_an_address_keeps_its_form() -> None:
    for address in (f"https://results.s3.{REGION}.amazonaws.com", f"https://s3.{REGION}.amazonaws.com/results"):
        below = S3Uri.parse(address).join("a b.out")
        assert str(below) == f"{address}/a%20b.out"
        assert S3Uri.parse(str(below)) == S3Uri("results", "a b.out")


@pytest.mark.parametrize(
    "address", ["https://example.com/results", "http://results.s3.amazonaws.com/out", "https://s3.amazonaws.com", "results/out"]
)
def test_no_other_address_is_one_of_s3(address: str) -> None:
    with pytest.raises(InvalidInput, match="is not an S3 URI"):
        S3Uri.parse(address)


def test_an_endpoint_with_https_paths_works(local_aws: AwsHarness) -> None:
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    local_aws.put(bucket, "model/model.tar.gz", archive())
    data = f"https://s3.dualstack.{REGION}.amazonaws.com/{bucket}/model/model.tar.gz"
    deployed = Deployed(local_aws, unique("endpoint"), bucket, role, model=unique("model"))
    local_aws.sagemaker.create_model(
        ModelName=deployed.model, ExecutionRoleArn=role.arn, PrimaryContainer={"Image": IMAGE, "ModelDataUrl": data}
    )
    request = local_aws.config_request(unique("config"), deployed.model, bucket)
    paths = {
        "S3OutputPath": f"https://{bucket}.s3.{REGION}.amazonaws.com",
        "S3FailurePath": f"https://s3.{REGION}.amazonaws.com/{bucket}/failures",
    }
    output: dict[str, Any] = request["AsyncInferenceConfig"]["OutputConfig"]
    output |= paths
    local_aws.sagemaker.create_endpoint_config(**request)
    local_aws.sagemaker.create_endpoint(EndpointName=deployed.name, EndpointConfigName=request["EndpointConfigName"])
    deployed.until_status("InService")
    try:
        model = local_aws.sagemaker.describe_model(ModelName=deployed.model)
        assert model["PrimaryContainer"]["ModelDataUrl"] == data
        assert deployed.describe()["AsyncInferenceConfig"]["OutputConfig"].items() >= paths.items()
        invoked = deployed.invoke(Body=b"shirt", ContentType="image/x", Accept="image/x")
        assert invoked.output.startswith(paths["S3OutputPath"] + "/")
        assert deployed.outcome(invoked).body == b"shirt"
        refused = deployed.invoke({"raise": "torn"})
        assert refused.failure.startswith(paths["S3FailurePath"] + "/")
        assert deployed.outcome(refused).kind == "failure"
    finally:
        local_aws.forget(deployed.name)
