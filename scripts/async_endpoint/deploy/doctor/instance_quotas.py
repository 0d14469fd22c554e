"""Instance quotas, compared with what the endpoints need: for creation or the next update, and at their scaling maximum."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator

from async_endpoint.deploy.doctor.findings import Finding, failure, ok, split_sentence, warning
from async_endpoint.deploy.doctor.setup import Setup
from async_endpoint.deploy.quotas import Need, compare_quotas, live_instances
from async_endpoint.terraform.configured_endpoints import ConfiguredEndpoint

_REMEDY = "plan fewer instances, or request an increase in Service Quotas"
_UNREAD = "allow servicequotas:ListServiceQuotas and servicequotas:ListAWSDefaultServiceQuotas"


def instance_quotas(setup: Setup) -> Iterator[Finding]:
    """That the quotas suffice. What other endpoints of the account use is not counted."""
    needs, unknown = _needs(setup)
    refusals, notices = compare_quotas(setup.session, setup.environment, needs)
    for refusal in refusals:
        yield failure(*split_sentence(refusal.replace("Nothing was changed; ", "; ").replace(" is ;", ";"), _REMEDY))
    for notice in notices:
        unread = "not compared" in notice
        yield warning(*split_sentence(notice, _UNREAD if unread else _REMEDY))
    for name in unknown:
        yield ok(f"endpoint {name} has an expression as instance type, which is compared by a plan")
    if needs and not refusals and not notices:
        yield ok(", ".join(f"{need.during} to {need.scaled_out} {need.instance_type} in {need.region}" for need in needs))
    elif not needs and not unknown:
        yield ok("no endpoint is configured")


def _needs(setup: Setup) -> tuple[list[Need], list[str]]:
    """The needs by region and type, and the endpoints whose instance type is not known before a plan."""
    during, scaled_out = defaultdict[tuple[str, str], int](int), defaultdict[tuple[str, str], int](int)
    unknown = []
    for endpoint in setup.endpoints:
        kind, count = endpoint.get("endpoint.instance_type"), endpoint.get("endpoint.initial_instances")
        most = endpoint.get("scaling.max_instances")
        if not isinstance(kind, str):
            unknown.append(endpoint.name)
            continue
        initial = count if isinstance(count, int) else 1
        key = setup.region, kind
        scaled_out[key] += max(initial, most if isinstance(most, int) else initial)
        outputs = setup.applied_of(endpoint)
        live = live_instances(setup.session(outputs.region), outputs.endpoint.name) if outputs else {}
        during[key] += _batch(endpoint, initial) if live.get(kind) else initial
        for live_kind, live_count in live.items():  # an update starts new instances beside those that serve
            during[key[0], live_kind] += live_count
    needs = [Need(region, kind, count, max(scaled_out[region, kind], 0)) for (region, kind), count in sorted(during.items())]
    return needs, unknown


def _batch(endpoint: ConfiguredEndpoint, initial: int) -> int:
    """New instances that run beside all old ones: all of them, or the batch of a rolling update."""
    size, percent = endpoint.get("guardrails.rolling.instances"), endpoint.get("guardrails.rolling.percent")
    if isinstance(size, int):
        return min(size, initial)
    return min(math.ceil(initial * percent / 100), initial) if isinstance(percent, int | float) else initial
