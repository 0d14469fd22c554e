"""Describe actions return what was created, and nothing else."""

from __future__ import annotations

from typing import Any

from support.common import unique
from support.deployed_endpoint import Deployed
from support.in_process_aws import ACCOUNT, IMAGE, REGION, AwsHarness

Request = dict[str, Any]


def arn(kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"


def without_metadata(answer: Request) -> Request:
    return {name: value for name, value in answer.items() if name not in ("ResponseMetadata", "CreationTime")}


def test_a_model_is_described_as_created(remote_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    data = remote_aws.sagemaker.describe_model(ModelName=shared_endpoint.model)["PrimaryContainer"]["ModelDataUrl"]
    role, vpc = remote_aws.role(), remote_aws.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    role.allow(shared_endpoint.bucket, more=[{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}])
    there = [{"Name": "vpc-id", "Values": [vpc]}]
    subnet = remote_aws.ec2.describe_subnets(Filters=there)["Subnets"][0]["SubnetId"]
    group = remote_aws.ec2.describe_security_groups(Filters=there)["SecurityGroups"][0]["GroupId"]
    request = {
        "ModelName": unique("Model"),
        "ExecutionRoleArn": role.arn,
        "EnableNetworkIsolation": True,
        "VpcConfig": {"SecurityGroupIds": [group], "Subnets": [subnet]},
        "PrimaryContainer": {
            "Image": IMAGE,
            "Mode": "SingleModel",
            "ModelDataUrl": data,
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py", "EMPTY": ""},
            "ImageConfig": {"RepositoryAccessMode": "Platform"},
        },
    }
    made = remote_aws.sagemaker.create_model(**request, Tags=[{"Key": "team", "Value": "shop"}])
    described = remote_aws.sagemaker.describe_model(ModelName=request["ModelName"])
    assert without_metadata(described) == request | {"ModelArn": made["ModelArn"]}
    assert made["ModelArn"] == arn("model", request["ModelName"].lower())


def test_a_configuration_is_described_as_created(remote_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    request = remote_aws.config_request(
        unique("Config"), shared_endpoint.model, shared_endpoint.bucket, 7, shared_endpoint.topics
    )
    request["ProductionVariants"][0] |= {
        "InitialVariantWeight": 2.5,
        "ContainerStartupHealthCheckTimeoutInSeconds": 60,
        "ModelDataDownloadTimeoutInSeconds": 60,
        "VolumeSizeInGB": 30,
    }
    request["AsyncInferenceConfig"]["OutputConfig"]["KmsKeyId"] = "alias/aws/s3"
    request["KmsKeyId"] = "alias/volumes"
    made = remote_aws.sagemaker.create_endpoint_config(**request)
    described = remote_aws.sagemaker.describe_endpoint_config(EndpointConfigName=request["EndpointConfigName"])
    own = {"EndpointConfigArn": made["EndpointConfigArn"], "EnableNetworkIsolation": False}
    assert without_metadata(described) == request | own


def test_an_asynchronous_endpoint_is_described_completely(remote_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    described = shared_endpoint.describe()
    config = remote_aws.sagemaker.describe_endpoint_config(EndpointConfigName=shared_endpoint.config)
    assert described["AsyncInferenceConfig"] == config["AsyncInferenceConfig"]
    assert set(described) - {"ResponseMetadata"} == {
        "EndpointName",
        "EndpointArn",
        "EndpointConfigName",
        "EndpointStatus",
        "CreationTime",
        "LastModifiedTime",
        "ProductionVariants",
        "AsyncInferenceConfig",
    }
    (variant,) = described["ProductionVariants"]
    (image,) = variant.pop("DeployedImages")
    assert (image["SpecifiedImage"], set(image)) == (IMAGE, {"SpecifiedImage", "ResolvedImage", "ResolutionTime"})
    assert variant == {
        "VariantName": "primary",
        "CurrentWeight": 1.0,
        "DesiredWeight": 1.0,
        "CurrentInstanceCount": 1,
        "DesiredInstanceCount": 1,
    }


def test_names_keep_their_case_and_arns_are_in_lower_case(remote_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    name = unique("MixedCase")
    request = remote_aws.config_request(name, shared_endpoint.model, shared_endpoint.bucket)
    made = remote_aws.sagemaker.create_endpoint_config(**request)["EndpointConfigArn"]
    assert made == arn("endpoint-config", name.lower())
    (listed,) = remote_aws.sagemaker.list_endpoint_configs(NameContains=name)["EndpointConfigs"]
    assert (listed["EndpointConfigName"], listed["EndpointConfigArn"]) == (name, made)
