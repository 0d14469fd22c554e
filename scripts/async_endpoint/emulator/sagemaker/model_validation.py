"""Preconditions of CreateModel, beyond the request's shape; and its model packages, replaced by their containers."""

from __future__ import annotations

import re
from typing import Any

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.hosting_rules import image_region, is_ecr_image
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.container.container import CannotStart
from async_endpoint.emulator.container.runtime import ContainerRuntime
from async_endpoint.emulator.hosting.execution_role import AccessDenied, AssumedRole
from async_endpoint.emulator.hosting.model_spec import Described, ModelData, ModelDataKind, VpcConfig, containers_of
from async_endpoint.emulator.hosting.network_interfaces import check_attach
from async_endpoint.emulator.moto_backends import ResourceNotFound
from async_endpoint.emulator.sagemaker.protocol import validation_exception
from async_endpoint.local_aws import ACCOUNT_ID

BIND_TO_PORT = "com.amazonaws.sagemaker.capabilities.accept-bind-to-port"
MULTI_MODELS = "com.amazonaws.sagemaker.capabilities.multi-models"
_OWN_IMAGE = re.compile(
    rf"{ACCOUNT_ID}\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>.+))?"
)
PIPELINE_CONTAINERS = 15  # CreateModel.Containers


def check_model(region: str, request: Described, runtime: ContainerRuntime) -> None:
    """Raise ValidationException when the role cannot be assumed, read the model data, or attach to the VPC.

    Where images are run, also when one is not on this machine, or without the label for what it is to do.
    """
    containers = containers_of(request)
    _check_containers(request, containers)
    if "ExecutionRoleArn" not in request:  # optional in the service model, for models of inference components
        raise validation_exception("A model that is hosted on an endpoint requires an ExecutionRoleArn; this request has none.")
    role = AssumedRole(request["ExecutionRoleArn"], region)
    for container in containers:
        _check_image(request, container, region)
        _check_labels(container, len(containers) > 1, runtime)
        _check_data(role, container)
    vpc = VpcConfig.read(request.get("VpcConfig"))
    if vpc is not None:
        _check_vpc(role, vpc)


def _check_containers(request: Described, containers: list[Described]) -> None:
    if not 1 <= len(containers) <= PIPELINE_CONTAINERS:
        raise validation_exception(f"A model has 1 to {PIPELINE_CONTAINERS} containers; this request has {len(containers)}.")
    for container in containers:
        if "Image" not in container:
            raise validation_exception("A container requires Image or ModelPackageName; this one has neither.")
        if container.get("Mode") == "MultiModel" and not container.get("ModelDataUrl"):
            raise validation_exception("A container in MultiModel mode requires a ModelDataUrl: the S3 prefix of its models.")
        if container.get("Mode") == "MultiModel" and len(containers) > 1:
            raise validation_exception("The local AWS does not support a multi-model container in a pipeline.")
    hostnames = [container["ContainerHostname"] for container in containers if "ContainerHostname" in container]
    if len(set(hostnames)) < len(hostnames):
        raise validation_exception(f"Each ContainerHostname must be unique; found {', '.join(hostnames)}.")
    direct = (request.get("InferenceExecutionConfig") or {}).get("Mode") == "Direct"
    if direct and (len(containers) < 2 or len(hostnames) < len(containers)):
        raise validation_exception(
            "InferenceExecutionConfig Direct requires at least two containers, each with a ContainerHostname."
        )


def _check_image(request: Described, container: Described, region: str) -> None:
    """A private registry is accessed through the model's VPC (developer guide, "Use a Private Docker Registry").

    The errors are quoted in sagemaker-pytorch-inference-toolkit, pull request 7 (another region), sagemaker-python-sdk, pull
    request 4700 (another registry), and amazon-sagemaker-examples, issue 195 (no tag).
    """
    if image_region(container["Image"]) not in (None, region):
        raise validation_exception(
            f'Region of "{container["Image"]}" does not match expected region of {region}. '
            "Cross region ECR image pulls are not allowed."
        )
    config = container.get("ImageConfig") or {}
    private = config.get("RepositoryAccessMode") == "Vpc"
    if private and "VpcConfig" not in request:
        raise validation_exception(f"RepositoryAccessMode Vpc of image {container['Image']} requires a VpcConfig of the model.")
    if not private and image_region(container["Image"]) is None:
        raise validation_exception(
            f'Using non-ECR image "{container["Image"]}" without Vpc repository access mode is not supported.'
        )
    if not private and not is_ecr_image(container["Image"]):
        raise validation_exception(f'ECR image "{container["Image"]}" is invalid: it has neither tag nor digest.')
    if config.get("RepositoryAuthConfig") and not private:
        raise validation_exception(
            "RepositoryAuthConfig requires RepositoryAccessMode Vpc; for Amazon ECR SageMaker needs no credentials."
        )


def _check_labels(container: Described, pipeline: bool, runtime: ContainerRuntime) -> None:
    """An image declares by labels that it can serve many models, or listen on another port than 8080.

    Sources: developer guide, troubleshooting multi-container endpoints; errors quoted in aws/deep-learning-containers, issue
    2131, deepjavalibrary/djl-serving, issue 708, and aws-samples/easy-amazon-sagemaker-deployments, issue 4.
    """
    image = container["Image"]
    try:
        labels = runtime.image_labels(image)
    except CannotStart as error:
        raise validation_exception(f"Requested image {image} not found. ({error})") from error
    if labels is None:
        _check_pushed(image)
    needed = [*([BIND_TO_PORT] if pipeline else []), *([MULTI_MODELS] if container.get("Mode") == "MultiModel" else [])]
    for label in needed:
        if labels is not None and labels.get(label) != "true":
            raise validation_exception(f"Your Ecr Image {image} does not contain required {label}=true Docker label(s).")


def _check_pushed(image: str) -> None:
    """Where images are not run: refuse one that a repository of this account does not have (A250).

    Without such a repository the code is that of the archive, and the name of the image only chooses its packages (A251).
    """
    found = _OWN_IMAGE.fullmatch(image)
    images = moto_backends.ecr_images(found["region"], found["repository"]) if found else None
    if found is None or images is None:
        return
    digest, tag = found["digest"], found["tag"]
    if not any(item.get_image_digest() == digest if digest else tag in item.image_tags for item in images):
        raise validation_exception(f"Requested image {image} not found.")


def _check_data(role: AssumedRole, container: Described) -> None:
    source = (container.get("ModelDataSource") or {}).get("S3DataSource")
    where = source["S3Uri"] if source else container.get("ModelDataUrl")
    if source and "ModelDataUrl" in container:
        raise validation_exception("Give either ModelDataUrl or ModelDataSource; this container has both.")
    if source and (source["S3DataType"] == "S3Prefix") is not source["S3Uri"].endswith("/"):
        raise validation_exception(f"S3Uri must end with a slash for S3Prefix, and must not for S3Object; found {where}.")
    if source and (source["S3DataType"], source["CompressionType"]) == ("S3Prefix", "Gzip"):
        raise validation_exception("CompressionType Gzip requires S3DataType S3Object: one gzip-compressed tar archive.")
    try:
        role.assume()
        data = ModelData.read(container)
        if data is None:
            return
        if data.kind is ModelDataKind.PREFIX:
            role.get_prefix(data.uri)
        elif data.kind is ModelDataKind.MULTI_MODEL_PREFIX:  # its archives are read when a model is invoked
            role.check_region(data.uri.bucket)
        else:
            role.get_object(data.uri)
    except InvalidInput as error:
        raise validation_exception(str(error)) from error
    except ResourceNotFound as error:
        raise validation_exception(f"Could not find model data at {where}. ({error})") from error
    except AccessDenied as error:
        subject = f"Could not access model data at {where}" if where else "Could not assume the execution role"
        raise validation_exception(
            f'{subject}. Please ensure that the role "{role.arn}" exists and that its trust '
            'relationship policy allows the action "sts:AssumeRole" for the service principal "sagemaker.amazonaws.com". '
            'Also ensure that the role has "s3:GetObject" permissions and that the object is located in '
            f"{role.region}. ({error})"
        ) from error


def _check_vpc(role: AssumedRole, vpc: VpcConfig) -> None:
    """When SageMaker checks the VPC is assumption A145; the texts are the local AWS's."""
    try:
        check_attach(role, vpc)
    except ResourceNotFound as error:
        raise validation_exception(f"Invalid VpcConfig: {error}") from error
    except AccessDenied as error:
        raise validation_exception(
            f"The role {role.arn} may not put network interfaces into the VPC of the model. ({error})"
        ) from error


_PACKAGED = ("Image", "ModelDataUrl", "ModelDataSource", "AdditionalModelDataSources")  # of ModelPackageContainerDefinition


def resolve_model_packages(region: str, request: Described) -> dict[str, Any]:
    """Replace each container that names a model package by the package's containers; the packages themselves are moto's.

    Raises ValidationException for a package that does not exist or has no containers.
    """
    if "PrimaryContainer" in request and request.get("Containers"):
        raise validation_exception("Give either PrimaryContainer or Containers; this request has both.")
    containers = [own for container in containers_of(request) for own in _containers(region, container)]
    rest = {member: value for member, value in request.items() if member not in ("PrimaryContainer", "Containers")}
    return rest | ({"Containers": containers} if "Containers" in request or len(containers) > 1 else _primary(containers))


def _primary(containers: list[Described]) -> dict[str, Any]:
    return {"PrimaryContainer": containers[0]} if containers else {}


def _containers(region: str, container: Described) -> list[Described]:
    name = container.get("ModelPackageName")
    if name is None:
        return [container]
    both = [member for member in _PACKAGED if member in container]
    if both:
        raise validation_exception(f"Give either ModelPackageName or {' and '.join(both)}; this container has both.")
    try:
        packaged = moto_backends.model_package(name, region)
    except moto_backends.ResourceNotFound as error:
        raise validation_exception(str(error)) from error
    if not packaged:
        raise validation_exception(f"ModelPackage {name} has no InferenceSpecification with containers; it cannot be hosted.")
    if any(item.get("AdditionalS3DataSource") for item in packaged):
        raise validation_exception(f"The local AWS does not support AdditionalS3DataSource, which ModelPackage {name} has.")
    own = {member: value for member, value in container.items() if member != "ModelPackageName"}
    return [
        own
        | {member: item[member] for member in _PACKAGED if item.get(member)}
        | ({"ContainerHostname": item["ContainerHostname"]} if item.get("ContainerHostname") else {})
        | {"Environment": {**(item.get("Environment") or {}), **(own.get("Environment") or {})}}
        for item in packaged
    ]
