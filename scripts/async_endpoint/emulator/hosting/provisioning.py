"""What an endpoint needs before each of its instances: roles that may be assumed, images that may be pulled, archives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.container.spec import ContainerSpec, Workload
from async_endpoint.emulator.faults.faults import Faults
from async_endpoint.emulator.hosting import launch_rights
from async_endpoint.emulator.hosting.context import HostingContext
from async_endpoint.emulator.hosting.deployment import Deployment
from async_endpoint.emulator.hosting.execution_role import AccessDenied, AssumedRole
from async_endpoint.emulator.hosting.model_spec import ContainerSource, ModelData, ModelDataKind, ModelSpec
from async_endpoint.emulator.moto_backends import ResourceNotFound


class DeploymentFailed(Exception):
    """A deployment cannot serve; the text becomes the endpoint's FailureReason."""


def prepare(model: ModelSpec, region: str, faults: Faults) -> Workload:
    """Check the model's role and fetch its model data; raises DeploymentFailed with the reason in AWS's words."""
    role = AssumedRole(model.role_arn, region, faults)
    try:
        role.assume()
        if model.vpc is not None:
            launch_rights.attach(role, model.vpc)
        return Workload(tuple(_container(container, role, model.isolated) for container in model.containers), model.direct)
    except (AccessDenied, ResourceNotFound) as error:
        raise DeploymentFailed(str(error)) from error


@dataclass(frozen=True)
class WorkloadProvisioner:
    """What an instance needs from the account when it is launched, maybe long after its endpoint was deployed."""

    endpoint_name: str
    region: str
    model: ModelSpec
    kms_key: str  # of the instances' volumes
    context: HostingContext

    def __call__(self, instance_id: str) -> Workload:
        """`prepare` again, and attach the instance to the model's VPC; raises DeploymentFailed.

        The model, its role and archive, and the key have to be there still. That the model itself has to be is assumption
        A21 of docs/local-aws.md.
        """
        if not self.context.registry.model_exists(self.region, self.model.name):
            raise DeploymentFailed(f'Could not find model "{self.model.name}".')
        workload = prepare(self.model, self.region, self.context.faults)
        try:
            if self.kms_key:
                moto_backends.kms_key(self.kms_key, self.region)
            self.context.interfaces.attach(instance_id, self.endpoint_name, self.model, self.region)
        except ResourceNotFound as error:
            raise DeploymentFailed(str(error)) from error
        return workload


def check_rights(deployment: Deployment, region: str) -> None:
    """Check that the roles may have the instances' volumes encrypted, and see the alarms; raises DeploymentFailed."""
    try:
        for arn in dict.fromkeys(spec.model.role_arn for spec in deployment.specs):
            role = AssumedRole(arn, region)
            if deployment.kms_key:
                launch_rights.encrypt_volumes(role, deployment.kms_key)
            launch_rights.watch(role, deployment.guardrails.alarms)
    except (AccessDenied, ResourceNotFound) as error:
        raise DeploymentFailed(str(error)) from error


def check_release(deployment: Deployment, region: str) -> None:
    """Raise AccessDenied or ResourceNotFound unless SageMaker can release the deployment's network interfaces and key grants.

    API reference, DeleteEndpoint: "Do not delete or revoke the permissions for your ExecutionRoleArn, otherwise SageMaker
    cannot delete these resources." Which permissions it uses is assumption A20 of docs/local-aws.md.
    """
    for model in {spec.model.name: spec.model for spec in deployment.specs}.values():
        role = AssumedRole(model.role_arn, region)
        role.assume()
        if model.vpc is not None:
            launch_rights.detach(role, model.vpc.subnets)
    outputs = deployment.async_settings.kms_key if deployment.async_settings else None
    for key in filter(None, (deployment.kms_key, outputs)):
        moto_backends.kms_key(key, region)


def _container(source: ContainerSource, role: AssumedRole, isolated: bool) -> ContainerSpec:
    launch_rights.pull(role, source)
    data = source.model_data
    form = data.form if data else None
    return ContainerSpec(
        archive=role.get_object(data.uri).body if data and form is ModelDataKind.ARCHIVE else None,
        environment=source.environment,
        image=source.image,
        hostname=source.hostname,
        models=_lookup(data.uri, role) if data and form is ModelDataKind.MULTI_MODEL_PREFIX else None,
        files=_files(data, role) if data else {},
        isolated=isolated,
    )


def _files(data: ModelData, role: AssumedRole) -> dict[str, bytes]:
    """What is no archive, by its path below the model directory."""
    if data.form is ModelDataKind.OBJECT:
        return {data.uri.key.rpartition("/")[2]: role.get_object(data.uri).body}
    return role.get_prefix(data.uri) if data.form is ModelDataKind.PREFIX else {}


def _lookup(shelf: S3Uri, role: AssumedRole) -> Callable[[str], bytes]:
    """A function from TargetModel to its archive, read with the role as it is then; raises AccessDenied or ResourceNotFound."""
    return lambda target: role.get_object(shelf.join(target)).body
