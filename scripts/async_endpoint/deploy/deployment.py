"""Plan, apply and destroy an environment. An apply ends with the check of what is live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from async_endpoint.aws import AwsSession, failing_as_not_ready
from async_endpoint.core.errors import NotReady, Refused, ReplacementRefused, WorkFailed
from async_endpoint.core.outputs import AsyncEndpointOutputs, parse_endpoint
from async_endpoint.deploy.buckets import require_empty_buckets
from async_endpoint.deploy.endpoints import Connect, PlannedEndpoint
from async_endpoint.deploy.expected import ExpectedResources, expected_resources
from async_endpoint.deploy.leftovers import Leftover, delete_leftovers, is_settled, leftover_message, leftovers
from async_endpoint.deploy.orphan_check import OrphanCheck
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.quiesce import quiesced, resume_leftover, suspension_warning
from async_endpoint.deploy.removal import remove_deleted_endpoints
from async_endpoint.deploy.replacement import (
    avoidable_replacements,
    endpoint_notices,
    failed_endpoints,
    require_no_replacement,
    update_deployment_config,
)
from async_endpoint.deploy.retries import retrying_session
from async_endpoint.deploy.rollback import rollbacks_reported
from async_endpoint.deploy.verify import Check, verify
from async_endpoint.terraform.adapter import Changes, Terraform
from async_endpoint.terraform.outputs import known_endpoints, outputs_of
from async_endpoint.terraform.planned import ResourceChange, resource_changes
from async_endpoint.terraform.saved_plans import saved_plan
from async_endpoint.terraform.state_lock import running_terraform
from async_endpoint.terraform.working_copy import Root, prepare, require_archives
from async_endpoint.workspace import Workspace

# SQS lists a queue for up to 60 seconds after it is deleted [D].
LISTINGS_SETTLE = Poller(deadline=75)

Listener = Callable[[str], None]


@dataclass(frozen=True)
class Planned:
    """What an apply would do. `notices` are sentences about suspended scaling, orphans, and endpoints replaced or deleted."""

    changes: Changes
    notices: list[str]


@dataclass(frozen=True)
class Destroyed:
    """Names of the endpoints that are destroyed, and why not everything was searched for, empty when it was."""

    names: tuple[str, ...]
    unsearched: str = ""


@dataclass(frozen=True)
class AppliedEndpoint:
    """An endpoint of an applied environment that was verified."""

    outputs: AsyncEndpointOutputs
    checks: list[Check]


@dataclass(frozen=True)
class Applied:
    """What a verified apply changed, and the endpoints of the environment by name."""

    changes: Changes
    endpoints: Mapping[str, AppliedEndpoint]
    endpoint_url: str | None


def plan(environment: str, *, local: bool = False, on_output: Listener) -> Planned:
    """Say what an apply would do; nothing is changed and no plan is kept."""
    root = _ready(environment, local)
    terraform = _terraform(root, on_output)
    with _planned(root, terraform) as saved, failing_as_not_ready():
        orphans = OrphanCheck(root, terraform, saved.document, on_output).notices()
        endpoints = endpoint_notices(_connections(root), saved.resources)
        return Planned(saved.changes, [*_suspension_notices(root), *orphans, *endpoints])


def apply(
    environment: str,
    *,
    local: bool = False,
    adopt: bool = False,
    allow_replacement: bool = False,
    on_output: Listener,
    approve: Callable[[Changes], bool] = lambda changes: True,
) -> Applied:
    """Plan, apply exactly that plan, and verify that what it describes is live.

    `adopt` imports or deletes what exists outside the state in the plan's way. `approve` is asked once the plan has been shown,
    and again should what it approved lead to another plan. Raises Refused when it says no, OrphansFound for what exists outside
    the state, BucketNotEmpty for a bucket that must not be emptied, ReplacementRefused for a plan that replaces a serving
    endpoint unless `allow_replacement`, RolledBack when an endpoint serves what it served before, VerificationFailed when the
    check fails.
    """
    root = _ready(environment, local)
    terraform = _terraform(root, on_output)
    with _planned(root, terraform, read=adopt, before=partial(_resume_leftover, root, terraform, on_output)) as saved:
        if saved.changes.any or adopt:
            orphans = OrphanCheck(root, terraform, saved.document, on_output)
            with failing_as_not_ready(), orphans.resolved(saved.make, adopt=adopt):
                _carry_out(root, saved, orphans, approve, allow_replacement, on_output)
                orphans.finish()
        changes = saved.changes
    endpoints = {name: parse_endpoint(name, value) for name, value in outputs_of(root).items()}
    with failing_as_not_ready():
        checks = verify(_connections(root), endpoints)
    applied = {name: AppliedEndpoint(outputs, checks[name]) for name, outputs in endpoints.items()}
    return Applied(changes, applied, root.endpoint_url)


def destroy(environment: str, *, local: bool = False, remove_leftovers: bool = False, on_output: Listener) -> Destroyed:
    """Destroy all of an environment, and search for what is left: by name, by what a plan would create, and by tags.

    With `remove_leftovers` what is provably this deployment's is deleted. Raises WorkFailed naming what exists afterwards all
    the same, NotReady when AWS refuses the search, BucketNotEmpty, before anything changes, for a bucket that must be kept.
    """
    root = prepare(Workspace.find(), environment, local=local)
    terraform = _terraform(root, on_output)
    with (
        _planned(root, terraform, destroy=True, before=partial(_resume_leftover, root, terraform, on_output)) as saved,
        failing_as_not_ready(),
    ):
        endpoints = known_endpoints(root)
        quiet, complete = _terraform(root, on_output=lambda line: None), saved.file.with_name("complete.tfplan")
        expected = expected_resources(quiet, saved.document, endpoints.values(), complete)
        require_empty_buckets(_connections(root), saved.resources)
        with _quiesced(root, endpoints, resumed_by="destroy"):  # an apply would make again what is destroyed by then
            remove_deleted_endpoints(_connections(root), saved.resources)
            saved.apply()
    if expected.view.region is None:
        return Destroyed((), expected.unsearched)
    try:
        left = _left(_connections(root)(expected.view.region), expected, remove_leftovers)
    except NotReady as error:
        raise NotReady(
            f"{environment} was destroyed, but the search for leftovers failed: {error}; correct that, then rerun: "
            f"{root.command('destroy')}"
        ) from error
    if left:
        raise WorkFailed(leftover_message(environment, left, root.command("destroy")))
    return Destroyed(expected.names, expected.unsearched)


def _left(aws: AwsSession, expected: ExpectedResources, remove: bool) -> list[Leftover]:
    """What is left after a destroy; with `remove`, once what is provably this deployment's is deleted."""
    with failing_as_not_ready():
        if remove:
            delete_leftovers(aws, leftovers(aws, expected.names, expected.view))
        return LISTINGS_SETTLE.wait(lambda: leftovers(aws, expected.names, expected.view), enough=is_settled)


def unlock(environment: str, lock_id: str, *, local: bool = False, on_output: Listener) -> None:
    """Remove the lock `lock_id` that a killed command left on the state of `environment`.

    Raises Refused while Terraform still works on it on this machine, and where the state is local: its lock needs no removal.
    """
    root = prepare(Workspace.find(), environment, local=local)
    if root.state is not None:
        raise Refused(f"The state of {environment} is local: its lock ends with the process that holds it; stop that process.")
    process = running_terraform(root.folder)
    if process is not None:
        raise Refused(f"Terraform still works on {environment}, as process {process} of this machine; wait until it ends.")
    terraform = _terraform(root, on_output)
    terraform.init(root.backend_files)
    terraform.force_unlock(lock_id)


def _carry_out(
    root: Root,
    saved: _SavedPlan,
    orphans: OrphanCheck,
    approve: Callable[[Changes], bool],
    allow_replacement: bool,
    on_output: Listener,
) -> None:
    """Apply the plan, endpoints that it deletes first; another plan where a replacement can be avoided."""
    connect, endpoints = _connections(root), known_endpoints(root)
    require_empty_buckets(connect, saved.resources)
    if avoidable := avoidable_replacements(connect, saved.resources):
        _require_approval(root, connect, saved, approve, on_output)
        with _quiesced(root, endpoints):
            _update_in_place(connect, avoidable, allow_replacement)
        saved.make()
    if failed := failed_endpoints(connect, saved.resources):
        saved.make(replace=failed)
    if not saved.changes.any and not orphans.adopting:
        return
    if not allow_replacement:
        require_no_replacement(connect, saved.resources, root.command("apply"))
    _require_approval(root, connect, saved, approve, on_output)
    orphans.delete_unused()
    if not saved.changes.any:
        return
    with _quiesced(root, endpoints):
        remove_deleted_endpoints(connect, saved.resources)
        with orphans.explained(), rollbacks_reported(connect, saved.resources, on_output):
            saved.apply()


def _update_in_place(connect: Connect, endpoints: Iterable[PlannedEndpoint], allow_replacement: bool) -> None:
    for endpoint in endpoints:
        try:
            update_deployment_config(connect, endpoint)
        except ReplacementRefused:
            if not allow_replacement:
                raise


def _require_approval(
    root: Root, connect: Connect, saved: _SavedPlan, approve: Callable[[Changes], bool], on_output: Listener
) -> None:
    for notice in endpoint_notices(connect, saved.resources):
        on_output(notice)
    if not approve(saved.changes):
        raise Refused(f"The plan of {root.environment} was not approved; nothing was changed.")


def _ready(environment: str, local: bool) -> Root:
    workspace = Workspace.find()
    root = prepare(workspace, environment, local=local)
    require_archives(workspace, environment)
    return root


def _terraform(root: Root, on_output: Listener) -> Terraform:
    # A local state has no lock that outlives its process, so nothing to unlock.
    unlock = root.command("unlock") if root.state is None else None
    return Terraform(root.folder, root.process_environment, on_output, unlock_command=unlock)


def _connections(root: Root) -> Connect:
    return cache(lambda region: retrying_session(region, root.endpoint_url))


@contextmanager
def _quiesced(root: Root, endpoints: Mapping[str, AsyncEndpointOutputs], *, resumed_by: str = "apply") -> Iterator[None]:
    connect = _connections(root)
    with ExitStack() as stack:
        for outputs in endpoints.values():
            stack.enter_context(quiesced(connect(outputs.region), outputs, command=root.command(resumed_by)))
        yield


def _resume_leftover(root: Root, terraform: Terraform, on_output: Listener) -> None:
    """Resume scaling that a killed command left suspended; `terraform` is initialised."""
    connect = _connections(root)
    for outputs in known_endpoints(root).values():
        with failing_as_not_ready():
            resume_leftover(connect(outputs.region), outputs, require_unlocked=terraform.require_unlocked, on_output=on_output)


def _suspension_notices(root: Root) -> list[str]:
    connect, command = _connections(root), root.command("apply")
    warnings = (suspension_warning(connect(outputs.region), outputs, command) for outputs in known_endpoints(root).values())
    return [warning for warning in warnings if warning]


class _SavedPlan:
    """A plan in a file, and what it would do; `make` plans again. With `read` its document is there for an empty plan too."""

    def __init__(self, terraform: Terraform, file: Path, *, destroy: bool, read: bool) -> None:
        self._terraform, self.file, self._destroy, self._read = terraform, file, destroy, read
        self.make()

    def make(self, replace: Iterable[str] = ()) -> None:
        self.changes = self._terraform.plan(self.file, destroy=self._destroy, replace=replace)
        # Reading a plan starts the provider, so only where it is needed: to know what changes, or what the state has.
        needed = self.changes.any or self._read
        self.document: dict[str, Any] = self._terraform.show(self.file) if needed else {}
        self.resources: list[ResourceChange] = resource_changes(self.document)

    def apply(self) -> None:
        self._terraform.apply(self.file)


@contextmanager
def _planned(
    root: Root,
    terraform: Terraform,
    *,
    destroy: bool = False,
    read: bool = False,
    before: Callable[[], None] = lambda: None,
) -> Iterator[_SavedPlan]:
    """A saved plan that is gone afterwards: it may hold secrets, and must not be applied by another command.

    `before` is called once Terraform is initialised and nothing is planned.
    """
    terraform.init(root.backend_files)
    before()
    with saved_plan(Workspace.find()) as file:
        yield _SavedPlan(terraform, file, destroy=destroy, read=read or destroy)
