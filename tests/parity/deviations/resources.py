"""An AWS that creates, lists and deletes resources otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.emulator import Emulator
from async_endpoint.emulator.hosting import network_interfaces
from async_endpoint.emulator.hosting.execution_role import AccessDenied
from async_endpoint.emulator.hosting.network_interfaces import NetworkInterfaces
from async_endpoint.emulator.moto_backends import ResourceNotFound
from async_endpoint.emulator.sagemaker import model_validation
from async_endpoint.emulator.sagemaker.protocol import ApiError
from support.deviating_aws import acting, answering, deviation


@deviation("names_that_exist")
def existing_models_are_another_error(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """CreateModel refuses a name that exists with ResourceInUse."""
    answering(patch, aws, "sagemaker", "CreateModel", lambda answer, _: answer.error("ResourceInUse"))


def _accepting(patch: pytest.MonkeyPatch, name: str, *words: str) -> None:
    """Let a check of CreateModel pass when its refusal has one of these words."""
    check: Any = getattr(model_validation, name)

    def changed(*arguments: Any) -> None:
        try:
            check(*arguments)
        except ApiError as error:
            if not any(word in str(error) for word in words):
                raise

    patch.setattr(model_validation, name, changed)


@deviation("model_with_an_absent_role")
def roles_are_checked_later(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """CreateModel accepts a role that does not exist."""
    assume = model_validation.AssumedRole.assume

    def changed(self: Any) -> None:
        try:
            assume(self)
        except (AccessDenied, ResourceNotFound):
            patched.append(self.arn)

    patched: list[str] = []
    patch.setattr(model_validation.AssumedRole, "assume", changed)
    check: Any = model_validation._check_data

    def unchecked(role: Any, container: Any) -> None:
        try:
            check(role, container)
        except ApiError:
            if role.arn not in patched:
                raise

    patch.setattr(model_validation, "_check_data", unchecked)


@deviation("model_with_absent_data")
def absent_data_is_found_later(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """CreateModel accepts model data that does not exist."""
    _accepting(patch, "_check_data", "Could not find model data", "NoSuchKey")


@deviation("model_with_unreadable_data")
def unreadable_data_is_found_later(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """CreateModel accepts model data that the role may not read."""
    _accepting(patch, "_check_data", "Could not access model data")


@deviation("model_in_an_absent_subnet")
def absent_subnets_are_found_later(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """CreateModel accepts a subnet that does not exist."""
    _accepting(patch, "_check_vpc", "Invalid VpcConfig")


@deviation("model_in_a_vpc_without_permissions")
def permissions_on_the_vpc_are_checked_later(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """CreateModel accepts a VPC whatever the role may do."""
    _accepting(patch, "_check_vpc", "may not put network interfaces")


@deviation("interfaces_of_an_endpoint")
def interfaces_do_not_name_their_endpoint(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """The description of an interface names no endpoint."""
    attach = NetworkInterfaces.attach

    def changed(self: NetworkInterfaces, instance_id: str, endpoint_name: str, model: Any, region: str) -> None:
        attach(self, instance_id, "of a customer", model, region)

    patch.setattr(NetworkInterfaces, "attach", changed)


@deviation("interfaces_of_an_endpoint")
def interfaces_end_with_their_endpoint(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """An interface is gone when its endpoint is."""
    patch.setattr(network_interfaces, "REMOVAL_SECONDS", 0.0)


@deviation("resources_by_tag")
def configurations_cannot_be_found(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """GetResources lists no endpoint configurations."""
    answering(
        patch,
        aws,
        "resourcegroupstaggingapi",
        "GetResources",
        lambda answer, _: answer.sub(r':endpoint-config/[^"]*', ":endpoint-config/another"),
    )


@deviation("checksums")
def checksums_are_not_returned(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """HeadObject returns no SHA-256."""
    answering(patch, aws, "s3", "HeadObject", lambda answer, _: answer.header("x-amz-checksum-sha256", lambda _: None))


@deviation("bucket_with_an_upload_in_progress")
def uploads_are_content(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """DeleteBucket is refused while an upload is in progress."""
    error = b"<Error><Code>BucketNotEmpty</Code><Message>The bucket you tried to delete is not empty</Message></Error>"
    answering(patch, aws, "s3", "DeleteBucket", lambda answer, _: replace(answer, status="409 Conflict", body=error))


@deviation("key_of_local_storage")
def keys_of_local_storage_are_accepted(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """CreateEndpointConfig accepts a key for every instance type."""

    def changed(create: Callable[[str, dict[str, Any]], Any], region: str, request: dict[str, Any]) -> Any:
        return create(region, {key: value for key, value in request.items() if key != "KmsKeyId"})

    acting(patch, aws, "CreateEndpointConfig", changed)


@deviation("volume_of_local_storage")
def volumes_of_local_storage_are_accepted(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """CreateEndpointConfig accepts the size of a volume for every instance type."""

    def changed(create: Callable[[str, dict[str, Any]], Any], region: str, request: dict[str, Any]) -> Any:
        variants = [
            {key: value for key, value in variant.items() if key != "VolumeSizeInGB"}
            for variant in request["ProductionVariants"]
        ]
        return create(region, request | {"ProductionVariants": variants})

    acting(patch, aws, "CreateEndpointConfig", changed)


@deviation("model_with_a_bounded_role")
def boundaries_do_not_limit_checks(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """CreateModel reads the data although the role's boundary allows nothing."""
    patch.setattr(moto_backends, "_boundary_document", lambda _: None)
