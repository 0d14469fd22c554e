"""Plan, apply and destroy an environment. An apply ends with the check of what is live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from async_endpoint.contract.errors import InvalidInput, NotReady, Refused, WorkFailed
from async_endpoint.contract.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.aws import Boto3Aws, answers
from async_endpoint.deploy.leftovers import leftovers
from async_endpoint.deploy.outputs import outputs_of
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.quiesce import quiesced
from async_endpoint.deploy.verify import Check, verify
from async_endpoint.terraform.adapter import Changes, Terraform
from async_endpoint.terraform.roots import Root, prepare, require_archives
from async_endpoint.terraform.saved_plans import saved_plan
from async_endpoint.terraform.state_lock import running_terraform
from async_endpoint.workspace import Workspace

# SQS lists a queue for up to 60 seconds after it is deleted [D].
LISTINGS_SETTLE = Poller(deadline=75)

Listener = Callable[[str], None]


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
    environment: str, *, local: bool = False, on_output: Listener, approve: Callable[[Changes], bool] = lambda changes: True
) -> Applied:
    """Plan, apply exactly that plan, and prove that what it describes is live.

    `approve` is asked once the plan has been shown; raises Refused when it says no, VerificationFailed when the check fails.
    """
    root = _ready(environment, local)
    terraform = _terraform(root, on_output)
    with _planned(root, terraform) as (file, changes):
        if changes.any:
            if not approve(changes):
                raise Refused(f"The plan of {environment} was not approved; nothing was changed.")
            before = _outputs_if_any(root)
            with answers(), quiesced(Boto3Aws(before.region, root.endpoint_url), before) if before else nullcontext():
                terraform.apply(file)
    outputs = outputs_of(root)
    with answers():
        checks = verify(Boto3Aws(outputs.region, root.endpoint_url), outputs)
    return Applied(changes, outputs, root.endpoint_url, checks)


def destroy(environment: str, *, local: bool = False, on_output: Listener) -> AsyncEndpointOutputs | None:
    """Destroy all of an environment; return the outputs it had, None when it had none.

    Raises WorkFailed naming what exists afterwards all the same.
    """
    root = prepare(Workspace.find(), environment, local=local)
    terraform = _terraform(root, on_output)
    terraform.init(root.backend_files)
    outputs = _outputs_if_any(root)
    if outputs is None:
        terraform.destroy()
        return None
    aws, name = Boto3Aws(outputs.region, root.endpoint_url), outputs.endpoint.name
    with answers():
        with quiesced(aws, outputs):
            terraform.destroy()
        left = LISTINGS_SETTLE.wait(lambda: leftovers(aws, name), enough=lambda left: not left)
    if left:
        raise WorkFailed(f"{environment} is destroyed, and yet there is {', '.join(left)}; remove what is not another's.")
    return outputs


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
