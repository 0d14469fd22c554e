"""Other sources of a model: uncompressed data, a model package, a VPC, a private registry."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.common import refusal, unique, until
from support.deployed_endpoint import Deployed, Role
from support.in_process_aws import ACCOUNT, IMAGE, REGION, AwsHarness
from support.sample_model import OBEDIENT, archive

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
IN_VPC = [
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
]


def allowing(*actions: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


@pytest.fixture
def role(local_aws: AwsHarness, bucket: str) -> Role:
    made = local_aws.role()
    made.allow(bucket)
    return made


@pytest.fixture
def bucket(local_aws: AwsHarness) -> str:
    return local_aws.bucket()


@pytest.fixture
def vpc(local_aws: AwsHarness) -> dict[str, list[str]]:
    """A VpcConfig of one subnet and one security group."""
    made = local_aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = local_aws.ec2.create_subnet(VpcId=made, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    group = local_aws.ec2.create_security_group(GroupName=unique("group"), Description="test", VpcId=made)["GroupId"]
    return {"Subnets": [subnet], "SecurityGroupIds": [group]}


def request(role: Role, container: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"ModelName": unique("model"), "ExecutionRoleArn": role.arn, "PrimaryContainer": {"Image": IMAGE} | container} | more


def source(uri: str, kind: str = "S3Prefix", compression: str = "None") -> dict[str, Any]:
    return {"ModelDataSource": {"S3DataSource": {"S3Uri": uri, "S3DataType": kind, "CompressionType": compression}}}


def serve(
    local_aws: AwsHarness, deployed: list[Deployed], bucket: str, role: Role, wanted: dict[str, Any], *, wait: bool = True
) -> Deployed:
    """An asynchronous endpoint of the model created by `wanted`."""
    local_aws.sagemaker.create_model(**wanted)
    one = Deployed(local_aws, unique("endpoint"), bucket, role, wanted["ModelName"])
    one.config = local_aws.config(one.model, bucket)
    local_aws.sagemaker.create_endpoint(EndpointName=one.name, EndpointConfigName=one.config)
    deployed.append(one)
    if wait:
        one.until_status("InService")
    return one


@pytest.fixture
def deployed(local_aws: AwsHarness) -> Any:
    made: list[Deployed] = []
    yield made
    for one in made:
        local_aws.forget(one.name)


def test_the_objects_under_a_prefix_are_the_model(
    local_aws: AwsHarness, bucket: str, role: Role, deployed: list[Deployed]
) -> None:
    local_aws.put(bucket, "open/code/inference.py", OBEDIENT.encode())
    local_aws.put(bucket, "open/weights.txt", b"granite")
    local_aws.put(bucket, "open/folder/", b"")
    endpoint = serve(local_aws, deployed, bucket, role, request(role, source(f"s3://{bucket}/open/")))
    assert endpoint.ask({}).document["weights"] == "granite"
    shown = local_aws.sagemaker.describe_model(ModelName=endpoint.model)["PrimaryContainer"]
    assert shown["ModelDataSource"] == source(f"s3://{bucket}/open/")["ModelDataSource"]
    assert "ModelDataUrl" not in shown


def test_a_data_source_may_be_an_archive(local_aws: AwsHarness, bucket: str, role: Role, deployed: list[Deployed]) -> None:
    uri = local_aws.put(bucket, "model/one.tar.gz", archive())
    endpoint = serve(local_aws, deployed, bucket, role, request(role, source(uri, "S3Object", "Gzip")))
    assert endpoint.ask({}).document["weights"] == "feather"


def test_a_prefix_requires_a_slash_objects_and_list_permission(local_aws: AwsHarness, bucket: str, role: Role) -> None:
    local_aws.put(bucket, "open/weights.txt", b"granite")
    for wanted, said in (
        (source(f"s3://{bucket}/open"), "must end with a slash"),
        (source(f"s3://{bucket}/none/"), "Could not find model data"),
        (source(f"s3://{bucket}/open/", compression="Gzip"), "requires S3DataType S3Object"),
        (source(f"s3://{bucket}/open/") | {"ModelDataUrl": f"s3://{bucket}/open/a.tar.gz"}, "has both"),
    ):
        code, message = refusal(local_aws.sagemaker.create_model, **request(role, wanted))
        assert (code, said in message) == ("ValidationException", True), message
    role.allow(bucket, without=["list"])
    _, message = refusal(local_aws.sagemaker.create_model, **request(role, source(f"s3://{bucket}/open/")))
    assert "not authorized to perform: s3:ListBucket" in message


def test_an_isolated_model_downloads_no_requirements(
    local_aws: AwsHarness, bucket: str, role: Role, deployed: list[Deployed]
) -> None:
    satisfied = local_aws.put(bucket, "model/satisfied.tar.gz", archive(requirements="pillow\n"))
    endpoint = serve(local_aws, deployed, bucket, role, request(role, {"ModelDataUrl": satisfied}, EnableNetworkIsolation=True))
    assert endpoint.ask({"answer": "alone"}).body == b"alone"
    assert local_aws.sagemaker.describe_model(ModelName=endpoint.model)["EnableNetworkIsolation"] is True
    wanting = local_aws.put(bucket, "model/wanting.tar.gz", archive(requirements="a-package-that-is-not-here==9\n"))
    isolated = request(role, {"ModelDataUrl": wanting}, EnableNetworkIsolation=True)
    failed = serve(local_aws, deployed, bucket, role, isolated, wait=False)
    described = until(lambda: seen if (seen := failed.describe())["EndpointStatus"] == "Failed" else None, "it fails")
    assert "a-package-that-is-not-here" in described["FailureReason"]


def test_a_model_in_a_vpc_is_described_as_created(
    local_aws: AwsHarness, bucket: str, role: Role, vpc: dict[str, list[str]], deployed: list[Deployed]
) -> None:
    role.allow(bucket, more=[allowing(*IN_VPC)])
    uri = local_aws.put(bucket, "model/one.tar.gz", archive())
    endpoint = serve(local_aws, deployed, bucket, role, request(role, {"ModelDataUrl": uri}, VpcConfig=vpc))
    assert local_aws.sagemaker.describe_model(ModelName=endpoint.model)["VpcConfig"] == vpc
    assert endpoint.ask({"answer": "inside"}).body == b"inside"


@pytest.mark.parametrize("missing", IN_VPC)
def test_each_network_interface_permission_is_required(
    local_aws: AwsHarness, bucket: str, role: Role, vpc: dict[str, list[str]], missing: str
) -> None:
    role.allow(bucket, more=[allowing(*(action for action in IN_VPC if action != missing))])
    code, message = refusal(local_aws.sagemaker.create_model, **request(role, {}, VpcConfig=vpc))
    assert (code, f"not authorized to perform: {missing} on" in message) == ("ValidationException", True), message


def test_a_missing_or_foreign_subnet_or_group_is_refused(
    local_aws: AwsHarness, bucket: str, role: Role, vpc: dict[str, list[str]]
) -> None:
    role.allow(bucket, more=[allowing(*IN_VPC)])
    other = local_aws.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    stranger = local_aws.ec2.create_security_group(GroupName=unique("group"), Description="test", VpcId=other)["GroupId"]
    for changed, said in (
        ({"Subnets": ["subnet-0123456789abcdef0"]}, "The subnet ID 'subnet-0123456789abcdef0' does not exist"),
        ({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "The security group ID 'sg-0123456789abcdef0' does not exist"),
        ({"SecurityGroupIds": [stranger]}, "more than one VPC"),
    ):
        code, message = refusal(local_aws.sagemaker.create_model, **request(role, {}, VpcConfig=vpc | changed))
        assert (code, said in message) == ("ValidationException", True), message


def test_a_private_registry_requires_a_vpc_and_permission_to_invoke_its_function(
    local_aws: AwsHarness, bucket: str, role: Role, vpc: dict[str, list[str]], deployed: list[Deployed]
) -> None:
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:registry-login"
    login = {"RepositoryAuthConfig": {"RepositoryCredentialsProviderArn": function}}
    private = {"Image": "registry.example.com/team/serve:1", "ImageConfig": {"RepositoryAccessMode": "Vpc", **login}}
    data = {"ModelDataUrl": local_aws.put(bucket, "model/one.tar.gz", archive())}
    role.allow(bucket, more=[allowing(*IN_VPC)])
    assert "requires a VpcConfig" in refusal(local_aws.sagemaker.create_model, **request(role, private | data))[1]
    platform = {"ImageConfig": {"RepositoryAccessMode": "Platform", **login}}
    assert (
        "requires RepositoryAccessMode Vpc"
        in refusal(local_aws.sagemaker.create_model, **request(role, platform, VpcConfig=vpc))[1]
    )
    refused = serve(local_aws, deployed, bucket, role, request(role, private | data, VpcConfig=vpc), wait=False)
    described = until(lambda: seen if (seen := refused.describe())["EndpointStatus"] == "Failed" else None, "it fails")
    assert f"lambda:InvokeFunction on resource: {function}" in described["FailureReason"]
    role.allow(
        bucket, without=["pull", "log in"], more=[allowing(*IN_VPC), allowing("lambda:InvokeFunction", resource=function)]
    )
    endpoint = serve(local_aws, deployed, bucket, role, request(role, private | data, VpcConfig=vpc))
    shown = local_aws.sagemaker.describe_model(ModelName=endpoint.model)["PrimaryContainer"]
    assert shown["ImageConfig"] == private["ImageConfig"]
    assert endpoint.ask({"answer": "private"}).body == b"private"


def package(local_aws: AwsHarness, containers: list[dict[str, Any]]) -> str:
    group = unique("group")
    local_aws.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    types = {"SupportedContentTypes": ["application/json"], "SupportedResponseMIMETypes": ["application/json"]}
    arn: str = local_aws.sagemaker.create_model_package(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved", InferenceSpecification={"Containers": containers} | types
    )["ModelPackageArn"]
    return arn


def test_a_model_package_provides_its_container(
    local_aws: AwsHarness, bucket: str, role: Role, deployed: list[Deployed]
) -> None:
    data = local_aws.put(bucket, "model/packaged.tar.gz", archive())
    arn = package(local_aws, [{"Image": IMAGE, "ModelDataUrl": data, "Environment": {"FROM": "package", "KEPT": "yes"}}])
    wanted = request(role, {}) | {"PrimaryContainer": {"ModelPackageName": arn, "Environment": {"FROM": "model"}}}
    endpoint = serve(local_aws, deployed, bucket, role, wanted)
    environment = endpoint.ask({}).document["environment"]
    assert (environment["FROM"], environment["KEPT"]) == ("model", "yes")
    shown = local_aws.sagemaker.describe_model(ModelName=endpoint.model)["PrimaryContainer"]
    assert shown["ModelPackageName"] == arn


def test_a_missing_or_conflicting_model_package_is_refused(local_aws: AwsHarness, bucket: str, role: Role) -> None:
    none = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/none/1"
    alone = request(role, {}) | {"PrimaryContainer": {"ModelPackageName": none}}
    code, message = refusal(local_aws.sagemaker.create_model, **alone)
    assert (code, "does not exist" in message) == ("ValidationException", True)
    both = request(role, {"ModelPackageName": package(local_aws, [{"Image": IMAGE}])})
    assert "has both" in refusal(local_aws.sagemaker.create_model, **both)[1]


@pytest.mark.parametrize("member", ["AdditionalModelDataSources", "AdditionalS3DataSource", "ModelDataSource"])
def test_what_a_model_package_adds_is_refused_by_name_as_in_a_model(local_aws: AwsHarness, role: Role, member: str) -> None:
    at = {"S3Uri": "s3://models/one/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    added: dict[str, Any] = {
        "AdditionalModelDataSources": [{"ChannelName": "draft", "S3DataSource": at}],
        "AdditionalS3DataSource": at,
        "ModelDataSource": {"S3DataSource": at | {"ManifestS3Uri": "s3://models/manifest.json"}},
    }
    arn = package(local_aws, [{"Image": IMAGE, member: added[member]}])
    wanted = request(role, {}) | {"PrimaryContainer": {"ModelPackageName": arn}}
    code, message = refusal(local_aws.sagemaker.create_model, **wanted)
    assert (code, f"does not support {'PrimaryContainer.' * (member != 'AdditionalS3DataSource')}{member}" in message) == (
        "ValidationException",
        True,
    ), message


def test_an_image_of_marketplace_cannot_be_asynchronous(local_aws: AwsHarness, bucket: str, role: Role) -> None:
    image = IMAGE.replace(IMAGE[:12], "985815980388")
    wanted = request(role, {}) | {"PrimaryContainer": {"ModelPackageName": package(local_aws, [{"Image": image}])}}
    local_aws.sagemaker.create_model(**wanted)
    code, message = refusal(local_aws.config, model=wanted["ModelName"], bucket=bucket)
    assert code == "ValidationException"
    assert message == "Marketplace images are not supported when specifying an AsyncInferenceConfig."


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("python:3.12", 'Using non-ECR image "python:3.12" without Vpc repository access mode is not supported.'),
        ("public.ecr.aws/docker/library/python:3.12", "Using non-ECR image"),
        (IMAGE.partition(":")[0], "it has neither tag nor digest"),
    ],
)
def test_an_image_is_in_amazon_ecr_with_a_tag_or_digest(local_aws: AwsHarness, role: Role, image: str, said: str) -> None:
    code, message = refusal(local_aws.sagemaker.create_model, **request(role, {"Image": image}))
    assert (code, said in message) == ("ValidationException", True), message
    local_aws.sagemaker.create_model(**request(role, {"Image": IMAGE.partition(":")[0] + "@sha256:" + 64 * "a"}))


def test_an_image_that_a_repository_of_the_account_lacks_is_not_found(local_aws: AwsHarness, role: Role) -> None:
    name, ecr = unique("served"), local_aws.client("ecr")
    repository = ecr.create_repository(repositoryName=name)["repository"]["repositoryUri"]
    own = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}"
    assert repository == own
    empty = refusal(local_aws.sagemaker.create_model, **request(role, {"Image": f"{own}:1"}))
    assert empty == ("ValidationException", f"Requested image {own}:1 not found.")
    manifest = json.dumps({"schemaVersion": 2, "layers": [{"digest": "sha256:" + 64 * "b"}]})
    digest = ecr.put_image(repositoryName=name, imageTag="1", imageManifest=manifest, imageManifestMediaType=MANIFEST)["image"][
        "imageId"
    ]["imageDigest"]
    for found in (f"{own}:1", f"{own}@{digest}"):
        local_aws.sagemaker.create_model(**request(role, {"Image": found}))
    for missing in (f"{own}:2", f"{own}@sha256:{64 * 'a'}"):
        code, message = refusal(local_aws.sagemaker.create_model, **request(role, {"Image": missing}))
        assert (code, message) == ("ValidationException", f"Requested image {missing} not found.")


def test_images_and_data_of_another_region_are_refused(local_aws: AwsHarness, role: Role) -> None:
    elsewhere = unique("bucket")
    local_aws.client("s3", "us-west-2").create_bucket(
        Bucket=elsewhere, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    role.allow(elsewhere)
    data = local_aws.put(elsewhere, "model/model.tar.gz", archive())
    for container, said in (
        ({"Image": IMAGE.replace(REGION, "us-west-2")}, "Cross region ECR image pulls are not allowed."),
        ({"ModelDataUrl": data}, f"specified endpoint: {elsewhere} is in us-west-2, not in {REGION}."),
        (source(f"s3://{elsewhere}/model/"), f"the object is located in {REGION}."),
        ({"ModelDataUrl": f"s3://{elsewhere}/model/", "Mode": "MultiModel"}, f"the object is located in {REGION}."),
    ):
        code, message = refusal(local_aws.sagemaker.create_model, **request(role, container))
        assert (code, said in message) == ("ValidationException", True), message


def test_a_failed_multipart_upload_leaves_parts_unless_the_role_may_abort(local_aws: AwsHarness, deploy: Any) -> None:
    endpoint: Deployed = deploy(topics=True)
    whole = {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [whole]})
    key = local_aws.kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    local_aws.s3.put_bucket_encryption(Bucket=endpoint.bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    generate = allowing("kms:GenerateDataKey", resource=key)
    large = {"length": 9 * 1_048_576}

    def parts() -> int:
        return len(local_aws.s3.list_multipart_uploads(Bucket=endpoint.bucket).get("Uploads", []))

    endpoint.role.allow(endpoint.bucket, more=[generate])
    assert "kms:Decrypt" in endpoint.failure(large)
    assert parts() == 1
    endpoint.role.allow(endpoint.bucket, more=[generate, allowing("s3:AbortMultipartUpload")])
    assert "kms:Decrypt" in endpoint.failure(large)
    assert parts() == 1
    endpoint.role.allow(endpoint.bucket, more=[allowing("kms:GenerateDataKey", "kms:Decrypt", resource=key)])
    assert len(endpoint.ask(large).body) == large["length"]
