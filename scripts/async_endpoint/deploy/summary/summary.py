"""The summary of a plan: per endpoint and for the environment, built from the plan's document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from async_endpoint.capacity.bill import IdleItems
from async_endpoint.capacity.prices import PriceList
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.endpoints import ENDPOINT_TYPE, EndpointPlan, dotted
from async_endpoint.deploy.quotas import Need
from async_endpoint.deploy.summary.costs import NOTHING, MonthlyBills, MonthlyCost, dates, monthly_bills
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
    """`cost_before` and `cost_after` are of the whole environment, with what belongs to no endpoint.

    `prices` says of when the prices are; `price_warnings` which of them are missing, old, or of another region.
    """

    region: str
    endpoints: Mapping[str, EndpointSummary] = field(default_factory=dict)
    resources: tuple[ChangedResource, ...] = ()
    cost_before: MonthlyCost = NOTHING
    cost_after: MonthlyCost = NOTHING
    price_warnings: tuple[str, ...] = ()
    prices: str = ""

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
    prices_of: Callable[[str], PriceList],
) -> PlanSummary:
    """The summary of a plan, as `terraform show -json` printed it.

    `plans` and `endpoints` are by the name in the environment, `needs` by SageMaker's name; `prices_of` gives a region's.
    """
    before, after = managed_before(document), managed_after(document)
    region = plan_view(document).region or next((outputs.region for outputs in endpoints.values()), "")
    prices = prices_of(region)
    names = {name: _names(endpoints[name].endpoint.name if name in endpoints else name, before, after) for name in plans}
    modules = {str(one.values.get("name")): top_module(one.address) for one in (*before, *after) if one.type == ENDPOINT_TYPE}
    found = {
        name: _endpoint(plans[name], own, (before, after), modules.get(own[0], ""), prices, needs.get(own[1], []))
        for name, own in names.items()
    }
    earlier = _environment_bills(before, (one.instances_before for one in found.values()), prices)
    later = _environment_bills(after, (one.instances_after for one in found.values()), prices)
    return PlanSummary(
        region,
        found,
        tuple(map(_resource, resource_changes(document))),
        earlier.cost,
        later.cost,
        tuple(dict.fromkeys((*earlier.at_maximum.warnings, *later.at_maximum.warnings))),
        dates((*earlier.at_maximum.lines, *later.at_maximum.lines)),
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
    prices: PriceList,
    needs: list[Need],
) -> EndpointSummary:
    settings = [endpoint_settings(side, name) for side, name in zip(sides, names, strict=True)]
    before, after = settings
    costs = [_cost(_idle(side, module), one, prices) for side, one in zip(sides, settings, strict=True)]
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


def _cost(idle: IdleItems, settings: EndpointSettings | None, prices: PriceList) -> MonthlyCost | None:
    return None if settings is None else monthly_bills(idle, settings.fleets, prices).cost


def _environment_bills(
    resources: list[ManagedResource], fleets: Iterable[tuple[Fleet, ...]], prices: PriceList
) -> MonthlyBills:
    return monthly_bills(idle_items(resources), tuple(fleet for some in fleets for fleet in some), prices)


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
