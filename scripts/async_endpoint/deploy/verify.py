"""Check that what is live is what was applied: after every apply, and alone.

Terraform does not see all of it: not a silent rollback, nor the alarms of target tracking, nor what was added to a role. AWS
itself is asked for those (deploy/verification/). Alone, a plan is made besides, which sees the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from async_endpoint.aws import AwsSession, failing_as_not_ready
from async_endpoint.core.errors import VerificationFailed
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.outputs import outputs_of
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.quiesce import SCALING_SETTLES
from async_endpoint.deploy.retries import retrying_session
from async_endpoint.deploy.verification import alarms, archives, execution_role, hosting, scaling
from async_endpoint.deploy.verification.drift import drift
from async_endpoint.deploy.verification.findings import Check, Difference, Differs
from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.saved_plans import saved_plan
from async_endpoint.terraform.working_copy import Root, prepare, require_archives
from async_endpoint.workspace import Workspace

__all__ = ["Check", "Difference", "Report", "inspect", "verify", "verify_environment"]


@dataclass
class Report:
    """What holds, and what does not."""

    checks: list[Check] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    def add(self, name: str, check: Callable[[], str]) -> None:
        """Run `check`, which returns what holds or raises Differs."""
        try:
            self.checks.append(Check(name, check()))
        except Differs as found:
            self.differences += [difference for difference in found.differences if difference not in self.differences]


def verify(aws: AwsSession, outputs: AsyncEndpointOutputs, poller: Poller = SCALING_SETTLES) -> list[Check]:
    """Compare what is live with what was applied, as `outputs` state it; return the checks that were made.

    Raises VerificationFailed naming every difference and what repairs it.
    """
    report = inspect(aws, outputs, poller)
    if report.differences:
        raise VerificationFailed(f"Verification failed: {'; '.join(map(str, report.differences))}.")
    return report.checks


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
    if outputs.model is not None and outputs.model.archives:
        report.add("model archives", lambda: archives.archives(aws, outputs))
    report.add("execution role", lambda: execution_role.execution_role(aws, outputs))
    return report


def verify_environment(environment: str, *, local: bool = False, plan: bool = True, on_output: Callable[[str], None]) -> Report:
    """Compare all of an environment with what was applied; with `plan` also by what Terraform says has changed.

    Reads only: the state is not locked. Raises NotReady when nothing has been applied.
    """
    workspace = Workspace.find()
    root = prepare(workspace, environment, local=local)
    if plan:
        require_archives(workspace, environment)
    outputs = outputs_of(root)
    with failing_as_not_ready():
        report = inspect(retrying_session(outputs.region, root.endpoint_url), outputs)
    if plan:
        found = _drift(workspace, root, on_output)
        report.differences += found
        if not found:
            report.checks.append(Check("plan", "Terraform would change nothing"))
    return report


def _drift(workspace: Workspace, root: Root, on_output: Callable[[str], None]) -> list[Difference]:
    """The differences that a plan finds; the plan is not kept."""
    terraform = Terraform(root.folder, root.process_environment, on_output)
    terraform.init(root.backend_files)
    with saved_plan(workspace) as file:
        if not terraform.plan(file, lock=False).any:
            return []
        return drift(terraform.show(file))
