"""The summary of a plan: per endpoint and for the environment, built from the plan's document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from async_endpoint.capacity.prices import IdleItems, instances_cost, read_on
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.endpoints import ENDPOINT_TYPE, EndpointPlan, dotted
from async_endpoint.deploy.quotas import Need
from async_endpoint.deploy.summary.settings import (
    EndpointSettings,
    Fleet,
    SettingChange,
    changed_settings,
    endpoint_settings,
    idle_items,
)
from async_endpoint.terraform.plan_document import (
    ManagedResource,
    ResourceChange,
    managed_after,
    managed_before,
    plan_view,
    resource_changes,
    top_module,
)

# Immutable, or registered again around an update: an update of the endpoint replaces them while it serves.
_REPLACED_BY_DESIGN: Final = frozenset(
    {
        "aws_appautoscaling_policy",
        "aws_appautoscaling_scheduled_action",
        "aws_appautoscaling_target",
        "aws_s3_object",
        "aws_sagemaker_endpoint_configuration",
        "aws_sagemaker_model",
        "terraform_data",
    }
)


@dataclass(frozen=True)
class MonthlyCost:
    """US dollars a month without instances, and with the minimum and the maximum of them; None where a price is unknown."""

    at_zero: float
    at_minimum: float | None
    at_maximum: float | None


@dataclass(frozen=True)
class ChangedResource:
    """A resource that the plan changes, and which attributes, without values; `forcing` are those that force a replacement."""

    address: str
    action: str
    attributes: tuple[str, ...] = ()
    forcing: tuple[str, ...] = ()


@dataclass(frozen=True)
class EndpointSummary:
    """What becomes of an endpoint. `during` are the instances at once while it is updated, by type; no endpoint, no cost."""

    action: str
    reasons: tuple[str, ...]
    settings: tuple[SettingChange, ...]
    instances_before: tuple[Fleet, ...]
    instances_after: tuple[Fleet, ...]
    during: Mapping[str, int]
    cost_before: MonthlyCost | None
    cost_after: MonthlyCost | None


@dataclass(frozen=True)
class PlanSummary:
    """`cost_before` and `cost_after` are of the whole environment, with what belongs to no endpoint; `prices` says of when."""

    region: str
    endpoints: Mapping[str, EndpointSummary] = field(default_factory=dict)
    resources: tuple[ChangedResource, ...] = ()
    cost_before: MonthlyCost = MonthlyCost(0, 0, 0)
    cost_after: MonthlyCost = MonthlyCost(0, 0, 0)
    unpriced: tuple[str, ...] = ()
    prices: str = field(default_factory=read_on)

    def interrupted(self) -> list[str]:
        """The addresses of resources that are deleted and created again although they serve, hold data or are referred to.

        Not those that every other instance type or model replaces, beside the ones in use.
        """
        return [
            one.address for one in self.resources if one.action == "replace" and _kind(one.address) not in _REPLACED_BY_DESIGN
        ]


def plan_summary(
    document: Mapping[str, Any],
    plans: Mapping[str, EndpointPlan],
    endpoints: Mapping[str, AsyncEndpointOutputs],
    needs: Mapping[str, list[Need]],
) -> PlanSummary:
    """The summary of a plan, as `terraform show -json` printed it.

    `plans` and `endpoints` are by the name in the environment, `needs` by SageMaker's name.
    """
    before, after = managed_before(document), managed_after(document)
    region = plan_view(document).region or next((outputs.region for outputs in endpoints.values()), "")
    names = {name: _names(endpoints[name].endpoint.name if name in endpoints else name, before, after) for name in plans}
    modules = {str(one.values.get("name")): top_module(one.address) for one in (*before, *after) if one.type == ENDPOINT_TYPE}
    found = {
        name: _endpoint(plans[name], own, (before, after), modules.get(own[0], ""), region, needs.get(own[1], []))
        for name, own in names.items()
    }
    return PlanSummary(
        region,
        found,
        tuple(map(_resource, resource_changes(document))),
        _total(before, (one.instances_before for one in found.values()), region),
        _total(after, (one.instances_after for one in found.values()), region),
        tuple(sorted(_unpriced(found.values(), region))),
    )


def _names(name: str, before: Iterable[ManagedResource], after: Iterable[ManagedResource]) -> tuple[str, str]:
    """SageMaker's names of an endpoint before and after: two where the plan renames it."""
    sides = [{one.address: one.values.get("name") for one in side if one.type == ENDPOINT_TYPE} for side in (before, after)]
    address = next((address for side in sides for address, own in side.items() if own == name), "")
    return str(sides[0].get(address) or name), str(sides[1].get(address) or name)


def _endpoint(
    plan: EndpointPlan,
    names: tuple[str, str],
    sides: tuple[list[ManagedResource], list[ManagedResource]],
    module: str,
    region: str,
    needs: list[Need],
) -> EndpointSummary:
    settings = [endpoint_settings(side, name) for side, name in zip(sides, names, strict=True)]
    before, after = settings
    costs = [_cost(_idle(side, module), one, region) for side, one in zip(sides, settings, strict=True)]
    return EndpointSummary(
        plan.action,
        plan.reasons,
        changed_settings(before, after),
        before.fleets if before else (),
        after.fleets if after else (),
        {need.instance_type: need.during for need in needs} if plan.action in ("update", "create", "replace") else {},
        *costs,
    )


def _idle(resources: list[ManagedResource], module: str) -> IdleItems:
    return idle_items(one for one in resources if top_module(one.address) == module)


def _cost(idle: IdleItems, settings: EndpointSettings | None, region: str) -> MonthlyCost | None:
    return None if settings is None else _with_instances(idle.cost, settings.fleets, region)


def _total(resources: list[ManagedResource], fleets: Iterable[tuple[Fleet, ...]], region: str) -> MonthlyCost:
    return _with_instances(idle_items(resources).cost, tuple(fleet for some in fleets for fleet in some), region)


def _with_instances(idle: float, fleets: tuple[Fleet, ...], region: str) -> MonthlyCost:
    minimum = _sum([instances_cost(fleet.minimum, fleet.instance_type, region) for fleet in fleets])
    maximum = _sum([instances_cost(fleet.maximum, fleet.instance_type, region) for fleet in fleets])
    return MonthlyCost(
        round(idle, 2),
        None if minimum is None else round(idle + minimum, 2),
        None if maximum is None else round(idle + maximum, 2),
    )


def _sum(costs: list[float | None]) -> float | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _unpriced(endpoints: Iterable[EndpointSummary], region: str) -> set[str]:
    fleets = (fleet for one in endpoints for fleet in (*one.instances_before, *one.instances_after))
    return {fleet.instance_type for fleet in fleets if instances_cost(1, fleet.instance_type, region) is None}


def _resource(change: ResourceChange) -> ChangedResource:
    deposed = f" (deposed {change.deposed})" if change.deposed else ""
    differing = [
        name for name in sorted(change.before.keys() | change.after.keys()) if change.before.get(name) != change.after.get(name)
    ]
    attributes = tuple(differing) if change.action in ("update", "replace") else ()
    counted = Counter(dotted(path) for path in change.replace_paths)
    return ChangedResource(f"{change.address}{deposed}", change.action, attributes, tuple(sorted(counted)))


def _kind(address: str) -> str:
    """The type in a resource's address, whose keys may have dots."""
    return re.sub(r'\["(?:[^"\\]|\\.)*"\]|\[\d+\]', "", address).rpartition(".")[0].rpartition(".")[2]
