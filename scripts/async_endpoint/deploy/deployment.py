"""Plan, apply and destroy an environment. An apply ends with the check of what is live."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from async_endpoint.contract.errors import InvalidInput, NotReady, Refused, WorkFailed
from async_endpoint.contract.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.aws import Boto3Aws, answers
from async_endpoint.deploy.endpoints import Connect
from async_endpoint.deploy.leftovers import leftovers
from async_endpoint.deploy.outputs import outputs_of
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
from async_endpoint.deploy.rollback import rollbacks_reported
from async_endpoint.deploy.verify import Check, verify
from async_endpoint.terraform.adapter import Changes, Terraform
from async_endpoint.terraform.planned import ResourceChange, resource_changes
from async_endpoint.terraform.roots import Root, prepare, require_archives
from async_endpoint.workspace import Workspace

# SQS lists a queue for up to 60 seconds after it is deleted [D].
LISTINGS_SETTLE = Poller(deadline=75)

Listener = Callable[[str], None]


@dataclass(frozen=True)
class Planned:
    """What an apply would do. `notices` are sentences about endpoints that the plan replaces or deletes."""

    changes: Changes
    notices: list[str]


@dataclass(frozen=True)
class Applied:
    """An apply that is proven: what it did, what it made, and what was checked."""

    changes: Changes
    outputs: AsyncEndpointOutputs
    endpoint_url: str | None
    checks: list[Check]


def plan(environment: str, *, local: bool = False, on_output: Listener) -> Planned:
    """Say what an apply would do; nothing is changed and no plan is kept."""
    root = _ready(environment, local)
    with _planned(root, _terraform(root, on_output)) as saved, answers():
        notices = [*_suspension_notices(root), *endpoint_notices(_connections(root), saved.resources)]
        return Planned(saved.changes, notices)


def apply(
    environment: str,
    *,
    local: bool = False,
    allow_replacement: bool = False,
    on_output: Listener,
    approve: Callable[[Changes], bool] = lambda changes: True,
) -> Applied:
    """Plan, apply exactly that plan, and verify that what it describes is live.

    `approve` is asked once the plan has been shown, and again should what it approved lead to another plan. Raises Refused when
    it says no, ReplacementRefused for a plan that replaces a serving endpoint unless `allow_replacement`, RolledBack when an
    endpoint serves what it served before, VerificationFailed when the check fails.
    """
    root = _ready(environment, local)
    with _planned(root, _terraform(root, on_output), resume=on_output) as saved:
        if saved.changes.any:
            with answers():
                _carry_out(root, saved, approve, allow_replacement, on_output)
        changes = saved.changes
    outputs = outputs_of(root)
    with answers():
        checks = verify(Boto3Aws(outputs.region, root.endpoint_url), outputs)
    return Applied(changes, outputs, root.endpoint_url, checks)


def destroy(environment: str, *, local: bool = False, on_output: Listener) -> AsyncEndpointOutputs | None:
    """Destroy all of an environment; return the outputs it had, None when it had none.

    Raises WorkFailed naming what exists afterwards all the same.
    """
    root = prepare(Workspace.find(), environment, local=local)
    with _planned(root, _terraform(root, on_output), destroy=True, resume=on_output) as saved, answers():
        outputs = _outputs_if_any(root)
        with _quiesced(root, outputs):
            remove_deleted_endpoints(_connections(root), saved.resources)
            saved.apply()
    if outputs is None:
        return None
    aws, name = Boto3Aws(outputs.region, root.endpoint_url), outputs.endpoint.name
    with answers():
        left = LISTINGS_SETTLE.wait(lambda: leftovers(aws, name), enough=lambda left: not left)
    if left:
        raise WorkFailed(f"{environment} is destroyed, and yet there is {', '.join(left)}; remove what is not another's.")
    return outputs


def _carry_out(
    root: Root, saved: _SavedPlan, approve: Callable[[Changes], bool], allow_replacement: bool, on_output: Listener
) -> None:
    """Apply the plan, endpoints that it deletes first; another plan where a replacement can be avoided."""
    connect, outputs = _connections(root), _outputs_if_any(root)
    if avoidable := avoidable_replacements(connect, saved.resources):
        _require_approval(root, connect, saved, approve, on_output)
        with _quiesced(root, outputs):
            for endpoint in avoidable:
                update_deployment_config(connect, endpoint)
        saved.make()
    if failed := failed_endpoints(connect, saved.resources):
        saved.make(replace=failed)
    if not saved.changes.any:
        return
    if not allow_replacement:
        require_no_replacement(connect, saved.resources, root.command("apply"))
    _require_approval(root, connect, saved, approve, on_output)
    with _quiesced(root, outputs):
        remove_deleted_endpoints(connect, saved.resources)
        with rollbacks_reported(connect, saved.resources, on_output):
            saved.apply()


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


def _outputs_if_any(root: Root) -> AsyncEndpointOutputs | None:
    """The outputs of what is deployed; None where nothing is, or an apply failed half way and made things and no output."""
    try:
        return outputs_of(root)
    except (NotReady, InvalidInput):
        return None


def _terraform(root: Root, on_output: Listener) -> Terraform:
    return Terraform(root.folder, root.process_environment, on_output)


def _connections(root: Root) -> Connect:
    return cache(lambda region: Boto3Aws(region, root.endpoint_url))


def _quiesced(root: Root, outputs: AsyncEndpointOutputs | None) -> AbstractContextManager[None]:
    if outputs is None:
        return nullcontext()
    return quiesced(Boto3Aws(outputs.region, root.endpoint_url), outputs, command=root.command("apply"))


def _resume_leftover(root: Root, terraform: Terraform, on_output: Listener) -> None:
    """Resume scaling that a killed command left suspended; `terraform` is initialised."""
    outputs = _outputs_if_any(root)
    if outputs is not None:
        aws = Boto3Aws(outputs.region, root.endpoint_url)
        with answers():
            resume_leftover(aws, outputs, require_unlocked=terraform.require_unlocked, on_output=on_output)


def _suspension_notices(root: Root) -> list[str]:
    outputs = _outputs_if_any(root)
    if outputs is None:
        return []
    notice = suspension_warning(Boto3Aws(outputs.region, root.endpoint_url), outputs, root.command("apply"))
    return [notice] if notice else []


class _SavedPlan:
    """A plan in a file, and what it would do; `make` plans again."""

    def __init__(self, terraform: Terraform, file: Path, destroy: bool) -> None:
        self._terraform, self._file, self._destroy = terraform, file, destroy
        self.make()

    def make(self, replace: Iterable[str] = ()) -> None:
        self.changes = self._terraform.plan(self._file, destroy=self._destroy, replace=replace)
        # Reading a plan starts the provider, so only where something that exists changes.
        changed = self.changes.change or self.changes.destroy
        self.resources: list[ResourceChange] = resource_changes(self._terraform.show(self._file)) if changed else []

    def apply(self) -> None:
        self._terraform.apply(self._file)


@contextmanager
def _planned(
    root: Root, terraform: Terraform, *, destroy: bool = False, resume: Listener | None = None
) -> Iterator[_SavedPlan]:
    """A saved plan that is gone afterwards: it may hold secrets, and must not be applied by another command.

    With `resume`, scaling that a killed command left suspended is resumed before planning, and `resume` is told.
    """
    terraform.init(root.backend_files)
    if resume is not None:
        _resume_leftover(root, terraform, resume)
    with tempfile.TemporaryDirectory(prefix="async-endpoint-") as folder:
        yield _SavedPlan(terraform, Path(folder) / "saved.tfplan", destroy)
