"""Plan an environment: what an apply would change, what that costs, and, where it is to be applied later, the plan itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from async_endpoint.aws import failing_as_not_ready
from async_endpoint.capacity.prices import PriceList
from async_endpoint.core.errors import Refused
from async_endpoint.deploy.adoption import OrphanCheck
from async_endpoint.deploy.deployment import Deployment, SavedPlan
from async_endpoint.deploy.endpoints import EndpointPlan, endpoint_plans, planned_endpoints
from async_endpoint.deploy.kept_plans import plan_record
from async_endpoint.deploy.plan_checks import require_unique_names, unlisted_endpoints
from async_endpoint.deploy.plan_store import checked_name, plan_store
from async_endpoint.deploy.polling import reports_waits
from async_endpoint.deploy.quotas import Need, added_up, compare_quotas, endpoint_needs, require_quotas
from async_endpoint.deploy.replacement import (
    avoidable_replacements,
    endpoint_notices,
    failed_endpoints,
    require_no_replacement,
)
from async_endpoint.deploy.rollback_alarms import alarm_notices, guarded_updates
from async_endpoint.deploy.summary.summary import PlanSummary, plan_summary
from async_endpoint.terraform.adapter import Changes
from async_endpoint.terraform.plan_document import plan_view
from async_endpoint.terraform.plan_files import pack, write_private
from async_endpoint.terraform.plan_record import PlanRecord


@dataclass(frozen=True)
class Planned:
    """What an apply would do.

    `endpoints` says of each endpoint of the environment what becomes of it. `notices` are sentences about suspended scaling,
    muted alarms, orphans, endpoints replaced or deleted, and rollback alarms in ALARM. `digest` is what an approval is for.
    `refusal` is why an apply would refuse the plan, which is then not stored for an approval.
    """

    changes: Changes
    endpoints: Mapping[str, EndpointPlan]
    notices: list[str]
    summary: PlanSummary
    digest: str = ""
    refusal: Refused | None = None

    def document(self, environment: str) -> dict[str, Any]:
        """The plan as JSON has it."""
        return {
            "environment": environment,
            "changes": dataclasses.asdict(self.changes),
            "digest": self.digest,
            "notices": self.notices,
        } | dataclasses.asdict(self.summary)


def list_prices(region: str) -> PriceList:
    """The package's prices of a region, today."""
    return PriceList.load(region, today=datetime.now(UTC).date())


@reports_waits
def plan_environment(
    deployment: Deployment,
    *,
    out: Path | None = None,
    store: str | None = None,
    allow_replacement: bool = False,
    prices_of: Callable[[str], PriceList] = list_prices,
) -> Planned:
    """Say what an apply would do, and what it costs at the prices of a region that `prices_of` gives; nothing is changed.

    The plan is kept in the file `out` and in the environment's store as `store`, where these are given. For `store` the lock
    of the state is not taken: a planner may only read the state, and the plan is made again before it is applied. Raises
    InvalidInput for two resources of one name, for an endpoint that output `async_endpoints` does not list, and for an `out` or
    a `store` that cannot be written.
    """
    if store is not None:
        checked_name(store)
    with deployment.planned(read=True, lock=store is None) as saved, failing_as_not_ready():
        require_unique_names(deployment.environment, saved.document)
        needs = endpoint_needs(deployment.session, saved.resources, plan_view(saved.document).region)
        notices = [
            *unlisted_endpoints(deployment.environment, saved.document),
            *deployment.leftover_warnings(),
            *OrphanCheck(deployment, saved.document).notices(),
            *endpoint_notices(deployment.session, saved.resources),
            *_quota_notices(deployment, needs),
            *alarm_notices(guarded_updates(deployment.session, saved.resources), deployment.copy.command("apply")),
        ]
        planned = described_plan(deployment, saved, notices, needs, prices_of)
        refusal = _refusal(deployment, saved, needs, allow_replacement=allow_replacement) if store else None
        record = _kept(deployment, saved, planned, out, None if refusal else store)
        return dataclasses.replace(planned, digest=record.digest, refusal=refusal)


def described_plan(
    deployment: Deployment,
    saved: SavedPlan,
    notices: list[str],
    needs: Mapping[str, list[Need]],
    prices_of: Callable[[str], PriceList] = list_prices,
) -> Planned:
    """What the plan would do; `needs` are the instances of each endpoint, by SageMaker's name."""
    plans = endpoint_actions(deployment, saved)
    summary = plan_summary(saved.document, plans, deployment.known_endpoints(), needs, prices_of)
    return Planned(saved.changes, plans, notices, summary)


def endpoint_actions(deployment: Deployment, saved: SavedPlan) -> dict[str, EndpointPlan]:
    """What becomes of each endpoint, as an apply would carry the plan out."""
    session, resources = deployment.session, saved.resources
    failed = failed_endpoints(session, resources)
    return endpoint_plans(
        saved.document,
        deployment.known_endpoints(),
        avoidable=[endpoint.name for endpoint in avoidable_replacements(session, resources)],
        failed=[endpoint.name for endpoint in planned_endpoints(resources) if endpoint.change.address in failed],
    )


def record_of(deployment: Deployment, saved: SavedPlan, planned: Planned | None = None) -> PlanRecord:
    """What is recorded of a plan: without `planned` only what its digest is made of."""
    plans = planned.endpoints if planned else endpoint_actions(deployment, saved)
    actions = {name: plan.action for name, plan in plans.items()}
    summary = planned.document(deployment.environment) if planned else {}
    return plan_record(deployment, saved.document, actions, keep=planned is not None, summary=summary)


def _kept(deployment: Deployment, saved: SavedPlan, planned: Planned, out: Path | None, store: str | None) -> PlanRecord:
    if out is None and store is None:
        return record_of(deployment, saved)
    record, content = pack(record_of(deployment, saved, planned), saved.file.read_bytes())
    if out is not None:
        write_private(deployment.workspace, out, content)
    if store is not None:
        plan_store(deployment).put(store, record, content)
    return record


def _refusal(
    deployment: Deployment, saved: SavedPlan, needs: Mapping[str, list[Need]], *, allow_replacement: bool
) -> Refused | None:
    """Why an apply would refuse the plan, as far as it is decided by the plan and the account's quotas."""
    session, command = deployment.session, deployment.copy.command("apply")
    avoided = {endpoint.change.address for endpoint in avoidable_replacements(session, saved.resources)}
    kept = [change for change in saved.resources if change.address not in avoided]
    try:
        require_no_replacement(session, kept, command, allowed=allow_replacement)
        require_quotas(session, deployment.environment, _together(needs), lambda notice: None)
    except Refused as refusal:
        return refusal
    return None


def _together(needs: Mapping[str, list[Need]]) -> list[Need]:
    return added_up(need for some in needs.values() for need in some)


def _quota_notices(deployment: Deployment, needs: Mapping[str, list[Need]]) -> list[str]:
    refusals, notices = compare_quotas(deployment.session, deployment.environment, _together(needs))
    return [*(f"apply refuses this: {refusal}" for refusal in refusals), *notices]
