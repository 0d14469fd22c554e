"""The settings of an endpoint in words, read from the resources that a state has, or will have once a plan is applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from async_endpoint.capacity.bill import IdleItems
from async_endpoint.core.text import joined
from async_endpoint.deploy.endpoints import CONFIGURATION_TYPE, ENDPOINT_TYPE
from async_endpoint.terraform.plan_document import ManagedResource, top_module

_VARIANTS: Final = ("production_variants", "shadow_production_variants")
_CONTAINERS: Final = ("primary_container", "container")
# Target tracking makes two alarms of its own for each policy (Application Auto Scaling guide).
_TRACKING_ALARMS: Final = 2


@dataclass(frozen=True)
class Fleet:
    """The instances of one variant: at first, and as scaling bounds them; without scaling the bounds are the initial count.

    `scheduled_minimum` and `scheduled_maximum` are the lowest and the highest bound that a scheduled action sets.
    """

    variant: str
    instance_type: str
    initial: int
    minimum: int
    maximum: int
    scheduled_minimum: int | None = None
    scheduled_maximum: int | None = None

    @property
    def fewest(self) -> int:
        """The lowest bound, that of scheduled actions included."""
        return self.minimum if self.scheduled_minimum is None else min(self.minimum, self.scheduled_minimum)

    @property
    def most(self) -> int:
        """The highest bound, that of scheduled actions included."""
        return self.maximum if self.scheduled_maximum is None else max(self.maximum, self.scheduled_maximum)


@dataclass(frozen=True)
class EndpointSettings:
    """`shown` are settings by name, as text; `hidden` those whose values must not be printed. Absent: known after the apply."""

    fleets: tuple[Fleet, ...]
    shown: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SettingChange:
    """A setting that a plan changes. None: there was none, or none is left; `hidden` if values are not to be shown."""

    name: str
    before: str | None
    after: str | None
    hidden: bool = False

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.name} set" if self.hidden else f"{self.name} set to {self.after}"
        if self.after is None:
            return f"{self.name} removed" if self.hidden else f"{self.name} removed (was {self.before})"
        return f"{self.name} changed" if self.hidden else f"{self.name} {self.before} → {self.after}"


def changed_settings(before: EndpointSettings | None, after: EndpointSettings | None) -> tuple[SettingChange, ...]:
    """What differs, of an endpoint that there is before and after; nothing where there is only one."""
    if before is None or after is None:
        return ()
    return (*_changes(before.shown, after.shown, hidden=False), *_changes(before.hidden, after.hidden, hidden=True))


def _changes(before: Mapping[str, str], after: Mapping[str, str], *, hidden: bool) -> Iterator[SettingChange]:
    for name in [*before, *(name for name in after if name not in before)]:
        one, other = before.get(name), after.get(name)
        if one != other:
            yield SettingChange(
                name, "" if hidden and one is not None else one, "" if hidden and other is not None else other, hidden
            )


def endpoint_settings(resources: Iterable[ManagedResource], name: str) -> EndpointSettings | None:
    """The settings of the endpoint that SageMaker knows as `name`; None where it is not among the resources."""
    resources = list(resources)
    endpoint = next((one for one in resources if one.type == ENDPOINT_TYPE and one.values.get("name") == name), None)
    if endpoint is None:
        return None
    module = top_module(endpoint.address)
    own = [one for one in resources if top_module(one.address) == module]
    configuration = _configuration(own, resources, endpoint)
    variants = [variant for member in _VARIANTS for variant in configuration.get(member) or ()]
    fleets = tuple(_fleet(variant, name, resources) for variant in variants if variant.get("instance_type"))
    containers = list(_containers(own))
    shown = {
        "name": name,
        "instance type": _by_variant(fleets, lambda fleet: fleet.instance_type),
        "initial instances": _by_variant(fleets, lambda fleet: str(fleet.initial)),
        "scaling": _by_variant(fleets, lambda fleet: f"{fleet.minimum} to {fleet.maximum} instances"),
        "scaling targets": joined(list(_targets(own, name))),
        "schedules": joined(list(_schedules(own, name))),
        "concurrent invocations per instance": _concurrency(configuration),
        "image": joined([str(one["image"]) for one in containers if one.get("image")]),
        "archive": joined([uri for one in containers if (uri := _model_data(one))]),
        "update": _update(endpoint.values),
        "alarms": str(alarms) if (alarms := idle_items(own).alarm_metrics) else "",
    }
    hidden = {
        f"environment variable {variable}": str(value)
        for one in containers
        for variable, value in sorted((one.get("environment") or {}).items())
    }
    return EndpointSettings(fleets, {label: text for label, text in shown.items() if text}, hidden)


def idle_items(resources: Iterable[ManagedResource]) -> IdleItems:
    """What is billed by the month of these resources while no instance runs."""
    keys = alarms = composites = dashboards = 0
    for resource in resources:
        match resource.type:
            case "aws_kms_key" | "aws_kms_replica_key":
                keys += 1
            case "aws_cloudwatch_metric_alarm":
                alarms += max(1, sum(1 for query in resource.values.get("metric_query") or () if query.get("metric")))
            case "aws_cloudwatch_composite_alarm":
                composites += 1
            case "aws_cloudwatch_dashboard":
                dashboards += 1
            case "aws_appautoscaling_policy" if resource.values.get("policy_type") == "TargetTrackingScaling":
                alarms += _TRACKING_ALARMS
    return IdleItems(keys, alarms, composites, dashboards)


def _configuration(
    own: Iterable[ManagedResource], resources: Iterable[ManagedResource], endpoint: ManagedResource
) -> Mapping[str, Any]:
    """The values of the endpoint's configuration: by its name, or the only one of its module while the name is unknown."""
    named = endpoint.values.get("endpoint_config_name")
    for one in resources:
        if one.type == CONFIGURATION_TYPE and named and one.values.get("name") == named:
            return one.values
    found = [one.values for one in own if one.type == CONFIGURATION_TYPE]
    return found[0] if len(found) == 1 else {}


def _fleet(variant: Mapping[str, Any], endpoint: str, resources: Iterable[ManagedResource]) -> Fleet:
    name, initial = str(variant.get("variant_name") or ""), int(variant.get("initial_instance_count") or 0)
    resource_id = f"endpoint/{endpoint}/variant/{name}"
    target: Mapping[str, Any] = next(
        (
            one.values
            for one in resources
            if one.type == "aws_appautoscaling_target" and one.values.get("resource_id") == resource_id
        ),
        {},
    )
    minimum, maximum = target.get("min_capacity"), target.get("max_capacity")
    scheduled = [bounds for one in resources for bounds in _scheduled(one, resource_id)]
    return Fleet(
        name,
        str(variant["instance_type"]),
        initial,
        initial if minimum is None else minimum,
        initial if maximum is None else maximum,
        min((int(one["min_capacity"]) for one in scheduled if one.get("min_capacity")), default=None),
        max((int(one["max_capacity"]) for one in scheduled if one.get("max_capacity")), default=None),
    )


def _scheduled(resource: ManagedResource, resource_id: str) -> Iterable[Mapping[str, Any]]:
    """The bounds that a resource sets as a scheduled action on a scalable target; the provider has them as texts."""
    if resource.type != "aws_appautoscaling_scheduled_action" or resource.values.get("resource_id") != resource_id:
        return ()
    return resource.values.get("scalable_target_action") or ()


def _by_variant(fleets: tuple[Fleet, ...], text: Any) -> str:
    if len(fleets) == 1:
        return str(text(fleets[0]))
    return joined([f"{fleet.variant}: {text(fleet)}" for fleet in fleets])


def _containers(own: Iterable[ManagedResource]) -> Iterator[Mapping[str, Any]]:
    for one in own:
        if one.type == "aws_sagemaker_model":
            for member in _CONTAINERS:
                yield from one.values.get(member) or ()


def _model_data(container: Mapping[str, Any]) -> str:
    sources = (s3 for data in container.get("model_data_source") or () for s3 in data.get("s3_data_source") or ())
    source: Mapping[str, Any] = next(sources, {})
    return str(container.get("model_data_url") or source.get("s3_uri") or container.get("model_package_name") or "")


def _concurrency(configuration: Mapping[str, Any]) -> str:
    for block in configuration.get("async_inference_config") or ():
        for client in block.get("client_config") or ():
            return str(client.get("max_concurrent_invocations_per_instance") or "")
    return ""


def _targets(own: Iterable[ManagedResource], endpoint: str) -> Iterator[str]:
    for one in own:
        if one.type == "aws_appautoscaling_policy":
            for block in one.values.get("target_tracking_scaling_policy_configuration") or ():
                yield f"{str(one.values.get('name', '')).removeprefix(f'{endpoint}-')} {block.get('target_value'):g}"


def _schedules(own: Iterable[ManagedResource], endpoint: str) -> Iterator[str]:
    for one in own:
        if one.type == "aws_appautoscaling_scheduled_action":
            bounds: Mapping[str, Any] = next(iter(one.values.get("scalable_target_action") or ()), {})
            name = str(one.values.get("name", "")).removeprefix(f"{endpoint}-")
            yield f"{name} {bounds.get('min_capacity')} to {bounds.get('max_capacity')} at {one.values.get('schedule')}"


def _update(endpoint: Mapping[str, Any]) -> str:
    """How SageMaker updates the endpoint."""
    for block in endpoint.get("deployment_config") or ():
        alarms = sum(len(part.get("alarms") or ()) for part in block.get("auto_rollback_configuration") or ())
        guarded = f", rolled back by {alarms} alarm{'s' if alarms > 1 else ''}" if alarms else ""
        if block.get("rolling_update_policy"):
            return f"rolling{guarded}"
        for policy in block.get("blue_green_update_policy") or ():
            for routing in policy.get("traffic_routing_configuration") or ():
                return f"blue/green, {str(routing.get('type', '')).lower().replace('_', ' ')}{guarded}"
    return ""
