"""The drift of an environment, by two sources: a refreshing plan, and what verification asks AWS for besides."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from async_endpoint.aws import failing_as_not_ready
from async_endpoint.core.errors import StateLocked, TerraformFailed
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.deployment import Deployment
from async_endpoint.deploy.drift.plan import finished_actions, muted_alarms, pending, plan_rows
from async_endpoint.deploy.drift.rows import DriftRow, rows_of
from async_endpoint.deploy.endpoints import endpoint_modules
from async_endpoint.deploy.polling import reports_waits
from async_endpoint.deploy.state_holder import state_holder
from async_endpoint.deploy.verification.findings import Difference
from async_endpoint.deploy.verify import inspect
from async_endpoint.terraform.saved_plans import saved_plan


@dataclass(frozen=True)
class DriftReport:
    """`rows` are the drift. `pending` is what an apply would change besides, `notes` what is no drift and needs attention."""

    environment: str
    region: str
    rows: tuple[DriftRow, ...]
    pending: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "environment": self.environment,
            "region": self.region,
            "drifted": bool(self.rows),
            "drift": [row.as_dict() for row in self.rows],
            "unapplied": list(self.pending),
            "notes": list(self.notes),
        }


@reports_waits
def find_drift(deployment: Deployment) -> DriftReport:
    """Compare all of an environment with what was applied. Reads only: the state is not locked.

    Raises NotReady when nothing has been applied; StateLocked where something differs while another command holds the lock,
    which may be its work; TerraformFailed where there is no plan and nothing else has found drift.
    """
    endpoints = deployment.applied_endpoints()
    command = deployment.copy.command("apply")
    with failing_as_not_ready():
        found = {name: inspect(deployment.session(outputs.region), outputs) for name, outputs in endpoints.items()}
    differences = [(name, one) for name, report in found.items() for one in report.differences]
    rows = [row for name, one in differences if not one.transitional for row in rows_of(name, one, command)]
    notes = [_note(name, one, command) for name, one in differences if one.transitional]
    document: Mapping[str, Any] = {}
    try:
        document = _plan(deployment)
    except TerraformFailed as error:
        if not rows:
            raise
        notes.append(f"Terraform could not plan, so that only what AWS says of the endpoints was compared: {error}")
    planned = plan_rows(document, _names_by_module(document, endpoints), command)
    finished = finished_actions(document, time.time())
    every = tuple(row for row in _without_repeated(rows + planned) if not _is_finished(row, finished))
    noted = {one.subject for _, one in differences if one.transitional}
    notes += [
        f"alarm {name} is muted since {mute.since} by {mute.by} ({command} ends this)"
        for name, mute in muted_alarms(document).items()
        if f"alarm {name}" not in noted
    ]
    notes += [f"scheduled action {name} was to run once, and is gone since its time has passed" for name in finished.values()]
    region = next(iter(endpoints.values())).region
    report = DriftReport(
        deployment.environment,
        deployment.copy.region.name if deployment.copy.region else region,
        every,
        tuple(pending(document, {row.resource for row in planned} | finished.keys())),
        tuple(notes),
    )
    if every:
        _require_no_other_command(deployment, report)
    return report


def _plan(deployment: Deployment) -> Mapping[str, Any]:
    """The JSON of a plan, which is not kept. An empty one is decoded too: its refresh may have found more."""
    terraform = deployment.terraform
    terraform.init(deployment.copy.backend_files)
    with saved_plan(deployment.workspace) as file:
        terraform.plan(file, lock=False)
        return terraform.show(file)


def _names_by_module(document: Mapping[str, Any], endpoints: Mapping[str, AsyncEndpointOutputs]) -> dict[str, str]:
    """The endpoint of each call in the root module that has exactly one; the root's own resources belong to none."""
    modules = endpoint_modules(document)
    calls = [(modules.get(outputs.endpoint.name, ""), name) for name, outputs in endpoints.items()]
    return {call: name for call, name in calls if call and [one for one, _ in calls].count(call) == 1}


def _note(name: str, difference: Difference, command: str) -> str:
    remedy = difference.remedy or f"{command} ends this"
    return f"{name}: {difference.subject} {difference.found} ({remedy})"


def _without_repeated(rows: list[DriftRow]) -> Iterator[DriftRow]:
    """Rows that both sources found by other names have the same command, which removes what was added."""
    seen = set()
    for row in rows:
        if row.repaired_by_apply or row.remedy not in seen:
            yield row
        seen.add(row.remedy)


def _is_finished(row: DriftRow, finished: Mapping[str, str]) -> bool:
    """Whether a row, of the plan or of verification, is about a one-time scheduled action that has run."""
    return row.resource in finished or row.attribute.removeprefix("scheduled action ") in finished.values()


def _require_no_other_command(deployment: Deployment, report: DriftReport) -> None:
    holder = state_holder(deployment)
    if holder is not None:
        count = len(report.rows)
        differing = f"{count} {'property is' if count == 1 else 'properties are'} not as applied"
        raise StateLocked(
            f"The state of {report.environment} is {holder}, and {differing}, "
            f"which may be the work of that command; run {deployment.copy.command('drift')} again once it has ended."
        )
