"""Plan, apply and destroy an environment. An apply ends with the check of what is live."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from async_endpoint.contract.errors import InvalidInput, NotReady, Refused, WorkFailed
from async_endpoint.contract.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.aws import Boto3Aws, answers
from async_endpoint.deploy.buckets import require_empty_buckets
from async_endpoint.deploy.expected import ExpectedResources, expected_resources
from async_endpoint.deploy.leftovers import delete_leftovers, is_settled, leftover_message, leftovers
from async_endpoint.deploy.orphan_check import OrphanCheck
from async_endpoint.deploy.outputs import outputs_of
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.quiesce import quiesced, settle
from async_endpoint.deploy.verify import Check, verify
from async_endpoint.terraform.adapter import Changes, Terraform
from async_endpoint.terraform.plan_view import plan_view
from async_endpoint.terraform.roots import Root, prepare, require_archives
from async_endpoint.terraform.saved_plans import saved_plan
from async_endpoint.terraform.state_lock import running_terraform
from async_endpoint.workspace import Workspace

# SQS lists a queue for up to 60 seconds after it is deleted [D].
LISTINGS_SETTLE = Poller(deadline=75)

Listener = Callable[[str], None]


@dataclass(frozen=True)
class Destroyed:
    """Names of the endpoints that are destroyed, and why not everything was searched for, empty when it was."""

    names: tuple[str, ...]
    unsearched: str = ""


@dataclass(frozen=True)
class Applied:
    """An apply that is proven: what it did, what it made, and what was checked."""

    changes: Changes
    outputs: AsyncEndpointOutputs
    endpoint_url: str | None
    checks: list[Check]


def plan(environment: str, *, local: bool = False, on_output: Listener) -> Changes:
    """Say what an apply would do; nothing is changed and no plan is kept."""
    root = _ready(environment, local)
    with _planned(root, _terraform(root, on_output)) as (_, changes):
        return changes


def apply(
    environment: str,
    *,
    local: bool = False,
    adopt: bool = False,
    on_output: Listener,
    approve: Callable[[Changes], bool] = lambda changes: True,
) -> Applied:
    """Plan, apply exactly that plan, and prove that what it describes is live.

    `adopt` imports or deletes what exists outside the state in the plan's way. `approve` is asked once the plan has been shown.
    Raises Refused when it says no, OrphansFound for what exists outside the state, BucketNotEmpty for a bucket the plan would
    delete, VerificationFailed when the check fails.
    """
    root = _ready(environment, local)
    terraform = _terraform(root, on_output)
    with _planned(root, terraform) as (file, planned):
        changes = planned
        if changes.any or adopt:
            orphans = OrphanCheck(root, terraform, terraform.show(file), on_output)
            if adopt:
                changes = orphans.adopt_into(file) or planned
            else:
                orphans.refuse()
            _require_empty_buckets(root, orphans.document)
            if not approve(changes):
                raise Refused(f"The plan of {environment} was not approved; nothing was changed.")
            orphans.delete_unused()
            before = _outputs_if_any(root)
            hold = quiesced(Boto3Aws(before.region, root.endpoint_url), before) if before else nullcontext()
            with answers(), hold, orphans.explained():
                terraform.apply(file)
            orphans.finish(adopt=adopt)
    outputs = outputs_of(root)
    with answers():
        checks = verify(Boto3Aws(outputs.region, root.endpoint_url), outputs)
    return Applied(changes, outputs, root.endpoint_url, checks)


def destroy(environment: str, *, local: bool = False, remove_leftovers: bool = False, on_output: Listener) -> Destroyed:
    """Destroy all of an environment, and search for what is left: by name, by what a plan would create, and by tags.

    With `remove_leftovers` what is provably this deployment's is deleted. Raises WorkFailed naming what exists afterwards all
    the same, BucketNotEmpty, before anything changes, for a bucket that must not be emptied.
    """
    root = prepare(Workspace.find(), environment, local=local)
    terraform = _terraform(root, on_output)
    terraform.init(root.backend_files)
    outputs = _outputs_if_any(root)
    with saved_plan(Workspace.find()) as file:
        terraform.plan(file, destroy=True)
        document = terraform.show(file)
        expected = expected_resources(terraform, document, outputs, file.with_name("complete.tfplan"))
        _require_empty_buckets(root, document)
        with answers(), _quiesced_for_removal(root, outputs, expected):
            terraform.apply(file)
    if expected.view.region is None:
        return Destroyed((), expected.unsearched)
    aws = Boto3Aws(expected.view.region, root.endpoint_url)
    with answers():
        if remove_leftovers:
            delete_leftovers(aws, leftovers(aws, expected.names, expected.view))
        left = LISTINGS_SETTLE.wait(lambda: leftovers(aws, expected.names, expected.view), enough=is_settled)
    if left:
        raise WorkFailed(leftover_message(environment, left, root.command("destroy")))
    return Destroyed(expected.names, expected.unsearched)


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


def _ready(environment: str, local: bool) -> Root:
    workspace = Workspace.find()
    root = prepare(workspace, environment, local=local)
    require_archives(workspace, environment)
    return root


def _require_empty_buckets(root: Root, document: Mapping[str, Any]) -> None:
    region = plan_view(document).region
    if region is not None:
        with answers():
            require_empty_buckets(Boto3Aws(region, root.endpoint_url), document)


@contextmanager
def _quiesced_for_removal(root: Root, outputs: AsyncEndpointOutputs | None, expected: ExpectedResources) -> Iterator[None]:
    """Hold what is to be destroyed still. Without outputs, wait at least until nothing of its endpoints is in progress."""
    if outputs is not None:
        with quiesced(Boto3Aws(outputs.region, root.endpoint_url), outputs):
            yield
        return
    if expected.view.region is not None:
        aws = Boto3Aws(expected.view.region, root.endpoint_url)
        for name in expected.names:
            settle(aws, name)
    yield


def _outputs_if_any(root: Root) -> AsyncEndpointOutputs | None:
    """The outputs of what is deployed; None where nothing is, or an apply failed half way and made things and no output."""
    try:
        return outputs_of(root)
    except (NotReady, InvalidInput):
        return None


def _terraform(root: Root, on_output: Listener) -> Terraform:
    # A local state has no lock that outlives its process, so nothing to unlock.
    unlock = root.command("unlock") if root.state is None else None
    return Terraform(root.folder, root.process_environment, on_output, unlock_command=unlock)


@contextmanager
def _planned(root: Root, terraform: Terraform) -> Iterator[tuple[Path, Changes]]:
    """A saved plan that is gone afterwards: it may hold secrets, and must not be applied by another command."""
    terraform.init(root.backend_files)
    with saved_plan(Workspace.find()) as file:
        yield file, terraform.plan(file)
