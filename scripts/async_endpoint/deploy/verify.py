"""Check that what is live is what was applied: after every apply, and alone.

Terraform does not see all of it: not a silent rollback, nor the alarms of target tracking, nor what was added to a role. AWS
itself is asked for those (deploy/verification/). Alone, a plan is made besides, which sees the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from async_endpoint.aws import AwsSession, failing_as_not_ready
from async_endpoint.core.addresses import Address
from async_endpoint.core.errors import VerificationFailed
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.deployment import Deployment
from async_endpoint.deploy.endpoints import Connect, endpoint_modules
from async_endpoint.deploy.polling import Poller, reports_waits
from async_endpoint.deploy.quiesce import SCALING_SETTLES
from async_endpoint.deploy.verification import alarms, archives, execution_role, hosting, notifications, scaling
from async_endpoint.deploy.verification.drift import drift
from async_endpoint.deploy.verification.findings import Difference, Differs, PassedCheck
from async_endpoint.terraform.saved_plans import saved_plan

__all__ = ["Difference", "EnvironmentReport", "PassedCheck", "Report", "inspect", "verify", "verify_environment"]


@dataclass
class Report:
    """What holds, and what does not."""

    checks: list[PassedCheck] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    def add(self, name: str, check: Callable[[], str]) -> None:
        """Run `check`, which returns what holds or raises Differs."""
        try:
            self.checks.append(PassedCheck(name, check()))
        except Differs as found:
            self.differences += [difference for difference in found.differences if difference not in self.differences]


@dataclass
class EnvironmentReport:
    """The report of each endpoint by name, and that of Terraform's plan for all of the environment, None without a plan."""

    endpoints: dict[str, Report]
    plan: Report | None = None

    @property
    def differences(self) -> list[Difference]:
        parts = [*self.endpoints.values(), *([self.plan] if self.plan else [])]
        return [difference for part in parts for difference in part.differences]


def verify(
    connect: Connect, endpoints: Mapping[str, AsyncEndpointOutputs], poller: Poller = SCALING_SETTLES
) -> dict[str, list[PassedCheck]]:
    """Compare what is live of `endpoints` with what was applied, as their outputs state it; return the checks of each.

    Raises VerificationFailed naming every difference and what repairs it.
    """
    reports = {name: inspect(connect(outputs.region), outputs, poller) for name, outputs in endpoints.items()}
    differences = [f"{name}: {difference}" for name, report in reports.items() for difference in report.differences]
    if differences:
        raise VerificationFailed(f"Verification failed: {'; '.join(differences)}.")
    return {name: report.checks for name, report in reports.items()}


def inspect(aws: AwsSession, outputs: AsyncEndpointOutputs, poller: Poller = SCALING_SETTLES) -> Report:
    """Compare what is live with what was applied. Nothing is changed; an endpoint in progress is waited for."""
    report = Report()
    report.add("endpoint", lambda: hosting.endpoint(aws, outputs, poller))
    report.add("variant", lambda: hosting.variant(aws, outputs, poller))
    report.add("configuration", lambda: hosting.configuration(aws, outputs))
    report.add("model", lambda: hosting.model(aws, outputs))
    report.add("scaling range", lambda: scaling.scaling_range(aws, outputs))
    report.add("scaling policies", lambda: scaling.policies(aws, outputs))
    report.add("tracking alarms", lambda: alarms.tracking(aws, outputs))
    report.add("wake alarm", lambda: alarms.wake(aws, outputs))
    report.add("schedules", lambda: scaling.schedules(aws, outputs))
    if outputs.monitoring.alarm_names:
        report.add("alarms", lambda: alarms.watching(aws, outputs))
    report.add("notifications", lambda: notifications.notifications(aws, outputs))
    if outputs.model is not None and outputs.model.archives:
        report.add("model archives", lambda: archives.archives(aws, outputs))
    report.add("execution role", lambda: execution_role.execution_role(aws, outputs))
    return report


@reports_waits
def verify_environment(deployment: Deployment, address: Address, *, plan: bool = True) -> EnvironmentReport:
    """Compare the addressed endpoints with what was applied; with `plan` also by what Terraform says has changed.

    Reads only: the state is not locked. Raises NotReady when nothing has been applied, UnknownEndpoint.
    """
    everything = deployment.applied_endpoints()
    endpoints = {name: everything[name] for name in address.select(everything)}
    with failing_as_not_ready():
        reports = {name: inspect(deployment.session(outputs.region), outputs) for name, outputs in endpoints.items()}
    report = EnvironmentReport(reports)
    if plan:
        found = _drift(deployment, None if address.endpoint is None else [one.endpoint.name for one in endpoints.values()])
        scope = f" of {address}" if address.endpoint else ""
        report.plan = Report([] if found else [PassedCheck("plan", f"Terraform would change nothing{scope}")], found)
    return report


def _drift(deployment: Deployment, only: Collection[str] | None) -> list[Difference]:
    """The differences that a plan finds; the plan is not kept.

    With `only`, names of endpoints, those in the modules of all others are left out, also of endpoints not applied yet.
    """
    terraform = deployment.terraform
    terraform.init(deployment.copy.backend_files)
    with saved_plan(deployment.workspace) as file:
        if not terraform.plan(file, lock=False).any:
            return []
        document = terraform.show(file)
    modules = endpoint_modules(document)
    if only is None:
        return drift(document)
    own = {modules.get(name) for name in only}
    return drift(document, {module for module in modules.values() if module and module not in own})
