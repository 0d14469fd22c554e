"""Provisioning of instances: role, image pull, model data, VPC and volume key, as the execution role allows.

Sources: SageMaker developer guide, "CreateModel API: Execution Role Permissions", "Use a private Docker registry",
"Auto-Rollback Configuration and Monitoring"; KMS developer guide for grants.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.container.container import CannotStart, ContainerSpec, Workload
from async_endpoint.emulator.container.handler_code import SUBMIT_DIRECTORY
from async_endpoint.emulator.container.payload import Payload
from async_endpoint.emulator.faults.faults import Faults
from async_endpoint.emulator.hosting import error_messages
from async_endpoint.emulator.hosting.context import HostingContext
from async_endpoint.emulator.hosting.error_messages import unusable_topic
from async_endpoint.emulator.hosting.execution_role import AccessDenied, AssumedRole
from async_endpoint.emulator.hosting.hosted_config import AsyncSettings, HostedConfig
from async_endpoint.emulator.hosting.model_spec import ContainerSource, ModelData, ModelDataKind, ModelSpec
from async_endpoint.emulator.hosting.network_interfaces import check_attach
from async_endpoint.emulator.moto_backends import ResourceNotFound
from async_endpoint.local_aws import ACCOUNT_ID

_ECR_IMAGE = re.compile(r"(?P<account>\d{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<repository>[^:@]+)")


class DeploymentFailed(Exception):
    """A deployment failed; the text becomes the endpoint's FailureReason."""


def prepare(model: ModelSpec, region: str, faults: Faults) -> Workload:
    """Check the model's role and fetch its model data; raises DeploymentFailed with AWS's error message."""
    role = AssumedRole(model.role_arn, region, faults)
    try:
        role.assume()
        if model.vpc is not None:
            check_attach(role, model.vpc)
        containers = enumerate(model.containers, 1)
        return Workload(tuple(_container(source, number, role, model.isolated) for number, source in containers), model.direct)
    except (AccessDenied, ResourceNotFound) as error:
        raise DeploymentFailed(str(error)) from error


def check_runtime(workload: Workload, context: HostingContext, instance_type: str) -> None:
    """Raise DeploymentFailed if the local AWS cannot run the containers, with the remedy.

    An image for other processors than those of `instance_type` is not run, even where this machine could: A232 of
    docs/assumptions.md.
    """
    try:
        for spec in workload.containers:
            context.runtime.check(spec, instance_type)
    except CannotStart as error:
        raise DeploymentFailed(str(error)) from error


@dataclass(frozen=True)
class WorkloadProvisioner:
    """Provisions an instance at launch, which may be long after its endpoint was deployed."""

    endpoint_name: str
    region: str
    model: ModelSpec
    kms_key: str  # of the instances' volumes
    context: HostingContext

    def __call__(self, instance_id: str) -> Workload:
        """Run `prepare` again, and attach the instance to the model's VPC; raises DeploymentFailed.

        The model, its role and archive, and the volume key must still exist. That the model must is assumption A21 of
        docs/assumptions.md.
        """
        if not self.context.callbacks.model_exists(self.region, self.model.name):
            raise DeploymentFailed(f'Could not find model "{self.model.name}".')
        workload = prepare(self.model, self.region, self.context.faults)
        try:
            if self.kms_key:
                moto_backends.kms_key(self.kms_key, self.region)
            self.context.interfaces.attach(instance_id, self.endpoint_name, self.model, self.region)
        except ResourceNotFound as error:
            raise DeploymentFailed(str(error)) from error
        return workload


def check_permissions(deployment: HostedConfig, region: str) -> None:
    """Check that the roles allow encrypting volumes, reading the rollback alarms, and delivering results.

    Raises DeploymentFailed.
    """
    try:
        for arn in dict.fromkeys(spec.model.role_arn for spec in deployment.specs):
            role = AssumedRole(arn, region)
            if deployment.kms_key:
                role.check_key("kms:CreateGrant", deployment.kms_key, "sagemaker", {"kms:GrantIsForAWSResource": "true"})
            for name in deployment.guardrails.alarms:
                role.check("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{region}:{ACCOUNT_ID}:alarm:{name}")
        if deployment.async_settings is not None:
            _check_delivery(deployment.async_settings, AssumedRole(deployment.role_arn, region))
    except (AccessDenied, ResourceNotFound) as error:
        raise DeploymentFailed(str(error)) from error


def _check_delivery(settings: AsyncSettings, role: AssumedRole) -> None:
    """Check topics, buckets and key of an asynchronous endpoint's results.

    An endpoint whose role may not publish to a topic is Failed (amazon-sagemaker-examples, issue 4461). The checks of the
    buckets' region and of the key are assumptions A191 and A192. That buckets exist and may be written is not checked.
    """
    for topic in settings.topics:
        try:
            role.check_publish(topic)
        except (AccessDenied, ResourceNotFound) as error:
            raise DeploymentFailed(unusable_topic(role.arn, topic, str(error))) from error
    for path in filter(None, (settings.output, settings.failure)):
        with contextlib.suppress(ResourceNotFound):
            role.check_region(path.bucket)
    if settings.kms_key:
        role.check_key("kms:GenerateDataKey", settings.kms_key, "s3")


def _container(source: ContainerSource, number: int, role: AssumedRole, isolated: bool) -> ContainerSpec:
    _check_image_pull(role, source)
    data = source.model_data
    kind = data.kind if data else None
    return ContainerSpec(
        archive=role.get_object(data.uri).payload if data and kind is ModelDataKind.ARCHIVE else None,
        extraction_error=error_messages.extraction_failed(number, str(data.uri)) if data else "",
        environment=source.environment,
        image=source.image,
        hostname=source.hostname,
        models=_model_reader(data.uri, role) if data and kind is ModelDataKind.MULTI_MODEL_PREFIX else None,
        files=_files(data, role) if data else {},
        isolated=isolated,
        source=_source_archive(source.environment.get(SUBMIT_DIRECTORY, ""), role, isolated),
    )


def _source_archive(uri: str, role: AssumedRole, isolated: bool) -> Payload | None:
    """The code that a container downloads when it starts, with the role's permissions; None if it is not in S3."""
    if not uri.startswith("s3://"):
        return None
    if isolated:
        raise DeploymentFailed(
            f"The container cannot download {uri}, its {SUBMIT_DIRECTORY}: the model has EnableNetworkIsolation. Put the code "
            "into the model archive."
        )
    try:
        return role.get_object(S3Uri.parse(uri)).payload
    except (AccessDenied, ResourceNotFound, InvalidInput) as error:
        raise DeploymentFailed(f"The container cannot download {uri}, its {SUBMIT_DIRECTORY}: {error}") from error


def _files(data: ModelData, role: AssumedRole) -> dict[str, Payload]:
    """Uncompressed model data, by path relative to the model directory."""
    if data.kind is ModelDataKind.OBJECT:
        return {data.uri.key.rpartition("/")[2]: role.get_object(data.uri).payload}
    return role.get_prefix(data.uri) if data.kind is ModelDataKind.PREFIX else {}


def _model_reader(prefix: S3Uri, role: AssumedRole) -> Callable[[str], Payload]:
    """A function that reads the archive of a TargetModel as the role; it raises AccessDenied or ResourceNotFound."""
    return lambda target: role.get_object(prefix.join(target)).payload


def _check_image_pull(role: AssumedRole, source: ContainerSource) -> None:
    """Raise AccessDenied unless the role may pull the image from ECR, or invoke a private registry's credentials function."""
    if source.private_registry:
        if source.registry_function:
            role.check("lambda:InvokeFunction", source.registry_function)
        return
    match = _ECR_IMAGE.match(source.image)
    if match is None:  # other registries need no permission
        return
    repository = f"arn:aws:ecr:{match['region']}:{match['account']}:repository/{match['repository']}"
    wanted = {"GetAuthorizationToken": "*"} | dict.fromkeys(
        ("BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage"), repository
    )
    for action, resource in wanted.items():
        if not role.verdict(f"ecr:{action}", resource).allowed:
            raise AccessDenied(f"The role '{role.arn}' does not have {action} permission for the image: '{source.image}'.")
