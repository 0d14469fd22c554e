"""An AWS that updates and deletes endpoints otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from async_endpoint.emulator.emulator import Emulator
from async_endpoint.emulator.hosting.endpoint import HostedEndpoint
from async_endpoint.emulator.sagemaker.protocol import ApiError
from support.deviating_aws import acting, deviation

Action = Callable[[str, dict[str, Any]], Any]


@deviation("configuration_in_use_is_deleted")
def an_update_needs_no_current_configuration(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """UpdateEndpoint accepts an update although the current configuration is gone."""

    def changed(update: Action, region: str, request: dict[str, Any]) -> Any:
        _, endpoint = aws._control._endpoint(region, request["EndpointName"])
        configs, name = aws._control._configs, endpoint.deployment.config_name
        try:
            configs.get(region, name)
        except ApiError:
            configs.add(region, configs.get(region, request["EndpointConfigName"]).request | {"EndpointConfigName": name})
        return update(region, request)

    acting(patch, aws, "UpdateEndpoint", changed)


@deviation("configuration_in_use_is_deleted")
def configurations_in_use_are_protected(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """DeleteEndpointConfig is refused while an endpoint uses the configuration."""

    def changed(delete: Action, region: str, request: dict[str, Any]) -> Any:
        name = request["EndpointConfigName"]
        if any(endpoint.deployment.config_name == name for endpoint in aws.hosting.all(region)):
            raise ApiError("ValidationException", f"Cannot delete endpoint configuration {name}: it is in use.")
        return delete(region, request)

    acting(patch, aws, "DeleteEndpointConfig", changed)


@deviation("updates_of_a_scaled_endpoint")
def updates_keep_the_count(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """UpdateEndpoint keeps the instance count that scaling had set."""
    acting(
        patch,
        aws,
        "UpdateEndpoint",
        lambda update, region, request: update(region, request | {"RetainAllVariantProperties": True}),
    )


@deviation("update_with_an_alarm_in_alarm")
def earlier_alarms_do_not_count(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """An alarm that was in ALARM before the update does not roll it back."""

    def changed(update: Action, region: str, request: dict[str, Any]) -> Any:
        guards = {
            key: value for key, value in request.get("DeploymentConfig", {}).items() if key != "AutoRollbackConfiguration"
        }
        return update(region, request | {"DeploymentConfig": guards})

    acting(patch, aws, "UpdateEndpoint", changed)


@deviation("endpoint_that_fails")
def failed_endpoints_can_be_updated(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A Failed endpoint accepts an update."""

    def changed(update: Action, region: str, request: dict[str, Any]) -> Any:
        resource, endpoint = aws._control._endpoint(region, request["EndpointName"])
        return {"EndpointArn": resource.arn} if endpoint.status == "Failed" else update(region, request)

    acting(patch, aws, "UpdateEndpoint", changed)


@deviation("life_of_an_endpoint")
def deleted_endpoints_drop_their_requests(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """The requests of a deleted endpoint end without any object."""
    patch.setattr(HostedEndpoint, "_fail_requests", lambda *_: None)


@deviation("life_of_an_endpoint")
def a_list_of_one_container_is_refused(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A model with a one-element Containers list cannot be asynchronous."""

    def changed(create: Action, region: str, request: dict[str, Any]) -> Any:
        if "Containers" in request:
            raise ApiError("ValidationException", "Containers is for inference pipelines.")
        return create(region, request)

    acting(patch, aws, "CreateModel", changed)


@deviation("endpoint_without_archive_and_role")
def deletions_last(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """An endpoint without its role is Deleting for longer than the probe waits."""
    from async_endpoint.emulator.hosting import endpoint  # noqa: PLC0415

    patch.setattr(endpoint, "DELETING_SECONDS", 3000.0)
