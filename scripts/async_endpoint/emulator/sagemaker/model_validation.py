"""What CreateModel refuses, beyond the shape of the request."""

from __future__ import annotations

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.hosting import launch_rights
from async_endpoint.emulator.hosting.execution_role import AccessDenied, AssumedRole
from async_endpoint.emulator.hosting.model_spec import Described, ModelData, ModelDataKind, VpcConfig, containers_of
from async_endpoint.emulator.moto_backends import ResourceNotFound
from async_endpoint.emulator.sagemaker.protocol import validation_exception

PIPELINE_CONTAINERS = 15  # CreateModel.Containers


def check_model(region: str, request: Described) -> None:
    """Raise ValidationException when the role may not be assumed, read the model data, or enter the VPC."""
    containers = containers_of(request)
    _check_containers(request, containers)
    role = AssumedRole(request["ExecutionRoleArn"], region)
    for container in containers:
        _check_image(request, container)
        _check_data(role, container)
    vpc = VpcConfig.read(request.get("VpcConfig"))
    if vpc is not None:
        _check_vpc(role, vpc)


def _check_containers(request: Described, containers: list[Described]) -> None:
    if not 1 <= len(containers) <= PIPELINE_CONTAINERS:
        raise validation_exception(f"A model has 1 to {PIPELINE_CONTAINERS} containers; this request has {len(containers)}.")
    for container in containers:
        if "Image" not in container:
            raise validation_exception("A container is given by Image or by ModelPackageName; this one has neither.")
        if container.get("Mode") == "MultiModel" and not container.get("ModelDataUrl"):
            raise validation_exception("A container in MultiModel mode takes a ModelDataUrl: the prefix its models lie under.")
        if container.get("Mode") == "MultiModel" and len(containers) > 1:
            raise validation_exception("The local AWS runs a multi-model container by itself, not in a pipeline.")
    hostnames = [container["ContainerHostname"] for container in containers if "ContainerHostname" in container]
    if len(set(hostnames)) < len(hostnames):
        raise validation_exception(f"The ContainerHostname of each container is its own; these are {', '.join(hostnames)}.")
    direct = (request.get("InferenceExecutionConfig") or {}).get("Mode") == "Direct"
    if direct and (len(containers) < 2 or len(hostnames) < len(containers)):
        raise validation_exception(
            "InferenceExecutionConfig Direct takes at least two containers, each with a ContainerHostname."
        )


def _check_image(request: Described, container: Described) -> None:
    """A private registry is reached through the model's own VPC ("Use a Private Docker Registry", developer guide)."""
    config = container.get("ImageConfig") or {}
    private = config.get("RepositoryAccessMode") == "Vpc"
    if private and "VpcConfig" not in request:
        raise validation_exception(f"RepositoryAccessMode Vpc of image {container['Image']} needs a VpcConfig of the model.")
    if config.get("RepositoryAuthConfig") and not private:
        raise validation_exception(
            "RepositoryAuthConfig goes with RepositoryAccessMode Vpc; SageMaker logs in to Amazon ECR by itself."
        )


def _check_data(role: AssumedRole, container: Described) -> None:
    source = (container.get("ModelDataSource") or {}).get("S3DataSource")
    where = source["S3Uri"] if source else container.get("ModelDataUrl")
    if source and "ModelDataUrl" in container:
        raise validation_exception("Give either ModelDataUrl or ModelDataSource; this container has both.")
    if source and (source["S3DataType"] == "S3Prefix") is not source["S3Uri"].endswith("/"):
        raise validation_exception(f"S3Uri of an S3Prefix ends in a slash, and of an S3Object does not; this is {where}.")
    if source and (source["S3DataType"], source["CompressionType"]) == ("S3Prefix", "Gzip"):
        raise validation_exception("CompressionType Gzip goes with S3DataType S3Object: one gzip-compressed tar archive.")
    try:
        role.assume()
        data = ModelData.read(container)
        if data is not None and data.form is ModelDataKind.PREFIX:
            role.get_prefix(data.uri)
        elif data is not None and data.form is not ModelDataKind.MULTI_MODEL_PREFIX:  # which is read when a model is called
            role.get_object(data.uri)
    except InvalidInput as error:
        raise validation_exception(str(error)) from error
    except ResourceNotFound as error:
        raise validation_exception(f"Could not find model data at {where}. ({error})") from error
    except AccessDenied as error:
        raise validation_exception(
            f'Could not access model data at {where}. Please ensure that the role "{role.arn}" exists and that its trust '
            'relationship policy allows the action "sts:AssumeRole" for the service principal "sagemaker.amazonaws.com". '
            'Also ensure that the role has "s3:GetObject" permissions and that the object is located in '
            f"{role.region}. ({error})"
        ) from error


def _check_vpc(role: AssumedRole, vpc: VpcConfig) -> None:
    """When SageMaker looks at the VPC, and in which words it refuses, is not documented: our reading."""
    try:
        launch_rights.attach(role, vpc)
    except ResourceNotFound as error:
        raise validation_exception(f"Invalid VpcConfig: {error}") from error
    except AccessDenied as error:
        raise validation_exception(
            f"The role {role.arn} may not put network interfaces into the VPC of the model. ({error})"
        ) from error
