"""What the endpoints that a plan leads to cost a month, each and all together; nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from async_endpoint.capacity.bill import Bill, IdleItems
from async_endpoint.capacity.prices import PriceList
from async_endpoint.core.addresses import Address
from async_endpoint.core.outputs import OUTPUT_NAME
from async_endpoint.deploy.endpoints import ENDPOINT_TYPE
from async_endpoint.deploy.summary.costs import MonthlyBills, dates, monthly_bills
from async_endpoint.deploy.summary.settings import Fleet, endpoint_settings, idle_items
from async_endpoint.terraform.plan_document import ManagedResource, managed_after, plan_view, top_module


@dataclass(frozen=True)
class EndpointCosts:
    """The instances of an endpoint, and its bills with none, the fewest and the most of them running all month."""

    fleets: tuple[Fleet, ...]
    idle: IdleItems
    bills: MonthlyBills


@dataclass(frozen=True)
class EnvironmentCosts:
    """`endpoints` by their name in output `async_endpoints`; `rest` is of what belongs to none, `total` of all together."""

    region: str
    endpoints: Mapping[str, EndpointCosts]
    rest: Bill
    total: MonthlyBills

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be said about prices."""
        return self.total.at_maximum.warnings

    @property
    def dates(self) -> str:
        """Of when the prices are."""
        return dates(self.total.at_maximum.lines)


def costs_in_plan(document: Mapping[str, Any], prices_of: Callable[[str], PriceList], region: str = "") -> EnvironmentCosts:
    """The costs of all endpoints of a plan, as `terraform show -json` prints it; `region` where the plan does not say it."""
    resources = managed_after(document)
    prices = prices_of(plan_view(document).region or region)
    listed = _listed(document)
    endpoints = {_name(one, listed): one for one in resources if one.type == ENDPOINT_TYPE}
    found = {name: _endpoint(one, resources, prices) for name, one in sorted(endpoints.items())}
    modules = {top_module(one.address) for one in endpoints.values()}
    rest = monthly_bills(idle_items(one for one in resources if top_module(one.address) not in modules), (), prices)
    fleets = [fleet for one in found.values() for fleet in one.fleets]
    return EnvironmentCosts(prices.region, found, rest.at_zero, monthly_bills(idle_items(resources), fleets, prices))


def addressed(costs: EnvironmentCosts, address: Address) -> Mapping[str, EndpointCosts]:
    """The endpoints of an address. Raises UnknownEndpoint."""
    return {name: costs.endpoints[name] for name in address.select(costs.endpoints)}


def _listed(document: Mapping[str, Any]) -> dict[str, str]:
    """Names in output `async_endpoints`, as far as the plan knows it, by SageMaker's."""
    after = ((document.get("output_changes") or {}).get(OUTPUT_NAME) or {}).get("after")
    objects = after.items() if isinstance(after, Mapping) else ()
    return {str((one.get("endpoint") or {}).get("name")): name for name, one in objects if isinstance(one, Mapping)}


def _name(endpoint: ManagedResource, listed: Mapping[str, str]) -> str:
    """That in the output; of an endpoint that is not in it, that of the module call, or SageMaker's."""
    own = str(endpoint.values.get("name"))
    return listed.get(own) or top_module(endpoint.address).removeprefix("module.") or own


def _endpoint(endpoint: ManagedResource, resources: Iterable[ManagedResource], prices: PriceList) -> EndpointCosts:
    settings = endpoint_settings(resources, str(endpoint.values.get("name")))
    module = top_module(endpoint.address)
    fleets = settings.fleets if settings else ()
    idle = idle_items(one for one in resources if top_module(one.address) == module)
    return EndpointCosts(fleets, idle, monthly_bills(idle, fleets, prices))
