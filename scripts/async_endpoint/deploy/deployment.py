"""An environment, prepared once for a command: its working copy, Terraform in it, AWS, and what was last applied."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from async_endpoint.aws import AwsSession, failing_as_not_ready
from async_endpoint.core.errors import InvalidInput, PlanStale, Refused, TerraformFailed
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.alarm_muting import mute_warnings, restore_muted
from async_endpoint.deploy.kept_plans import document_changes, require_usable
from async_endpoint.deploy.quiesce import Quiescible, quiesced, resume_leftovers, suspension_warning
from async_endpoint.deploy.resource_kinds import ENDPOINT
from async_endpoint.deploy.retries import retrying_session
from async_endpoint.deploy.rollback_alarms import live_alarm_names
from async_endpoint.deploy.unsaved_state import push_unsaved_state, saved_after_all
from async_endpoint.terraform.adapter import Changes, Terraform
from async_endpoint.terraform.caller import require_own_account
from async_endpoint.terraform.hidden_values import secret_values
from async_endpoint.terraform.outputs import applied_endpoints, known_endpoints
from async_endpoint.terraform.plan_document import ResourceChange, plan_view, resource_changes
from async_endpoint.terraform.plan_files import KeptPlan
from async_endpoint.terraform.root_region import REGION_VARIABLE
from async_endpoint.terraform.saved_plans import saved_plan
from async_endpoint.terraform.state_lock import running_terraform
from async_endpoint.terraform.unknown_fields import require_known_fields
from async_endpoint.terraform.working_copy import WorkingCopy, prepare
from async_endpoint.workspace import Workspace

Listener = Callable[[str], None]

PIPELINE_VARIABLE: Final = "CI"  # set by GitHub Actions and most others: the log has readers who may not know all values


@dataclass
class Deployment:
    """What every command on an environment works with; `on_output` receives lines of progress.

    Endpoints are named as in output `async_endpoints`.
    """

    workspace: Workspace
    copy: WorkingCopy
    terraform: Terraform
    on_output: Listener
    _sessions: dict[str, AwsSession] = field(default_factory=dict, repr=False)
    _known: dict[str, AsyncEndpointOutputs] | None = field(default=None, repr=False)

    @classmethod
    def prepare(
        cls,
        environment: str,
        *,
        local: bool = False,
        plans: bool = False,
        variables: Mapping[str, str] = MappingProxyType({}),
        on_output: Listener,
    ) -> Deployment:
        """Bring the working copy of `environment` up to date; `local` deploys to the local AWS.

        `variables` are values of the root's variables, by name; they are secrets, so no value is passed on with any.
        With `plans`, raises InvalidInput for a field that a called module does not have, and for a model archive that is not
        built. Raises ToolMissing, WrongAccount, and what `working_copy.prepare` and `require_own_account` do.
        """
        workspace = Workspace.find()
        copy = prepare(workspace, environment, local=local)
        copy.process_environment.update({f"TF_VAR_{name}": value for name, value in variables.items()})
        if plans:
            require_known_fields(copy.source)
            copy.require_archives()
        # A local state has no lock that outlives its process, so nothing to unlock.
        unlock = copy.command("unlock") if copy.state is None else None
        hides = bool(os.environ.get(PIPELINE_VARIABLE) or variables)
        terraform = Terraform(copy.folder, copy.process_environment, on_output, unlock_command=unlock, hides_values=hides)
        require_own_account(copy)
        return cls(workspace, copy, terraform, on_output)

    @property
    def environment(self) -> str:
        return self.copy.environment

    def session(self, region: str) -> AwsSession:
        """AWS in `region`, or the local AWS; one session a region."""
        if region not in self._sessions:
            self._sessions[region] = retrying_session(region, self.copy.endpoint_url, self.copy.role_arn)
        return self._sessions[region]

    def applied_endpoints(self) -> dict[str, AsyncEndpointOutputs]:
        """The outputs of every endpoint; raises NotReady when nothing is applied, InvalidInput for unusable outputs."""
        return applied_endpoints(self.copy, self.terraform)

    def known_endpoints(self) -> dict[str, AsyncEndpointOutputs]:
        """The outputs of the endpoints that had usable ones when the command began; a failed apply may leave some without."""
        if self._known is None:  # reading them takes Terraform up to a second
            self._known = known_endpoints(self.copy, self.terraform)
        return self._known

    @contextmanager
    def quiesced(self, endpoints: Iterable[Quiescible], *, resumed_by: str = "apply") -> Iterator[None]:
        """Within the block nothing of `endpoints` is in progress and their scaling is suspended (deploy/quiesce.py)."""
        with ExitStack() as stack:
            for outputs in endpoints:
                command = self.copy.command(resumed_by)
                stack.enter_context(quiesced(self.session(outputs.region), outputs, command=command))
            yield

    def resume_leftovers(self) -> None:
        """Resume scaling that a killed command left suspended and restore alarms it left muted.

        Terraform must be initialised.
        """
        endpoints = [(self.session(outputs.region), outputs) for outputs in self.known_endpoints().values()]
        unlocked, say = self.terraform.require_unlocked, self.on_output
        with failing_as_not_ready():
            resume_leftovers(endpoints, require_unlocked=unlocked, on_output=say)
            for aws, outputs in endpoints:
                alarms = _guarding_alarms(aws, outputs)
                restore_muted(aws, outputs.endpoint.name, alarms, require_unlocked=unlocked, on_output=say)

    def leftover_warnings(self) -> list[str]:
        """One sentence for each endpoint whose scaling is suspended, and for each alarm that is muted."""
        command, warnings = self.copy.command("apply"), list[str]()
        for outputs in self.known_endpoints().values():
            aws = self.session(outputs.region)
            suspension = suspension_warning(aws, outputs, command)
            warnings += [*([suspension] if suspension else []), *mute_warnings(aws, _guarding_alarms(aws, outputs), command)]
        return warnings

    @contextmanager
    def planned(
        self,
        *,
        destroy: bool = False,
        read: bool = False,
        resume: bool = False,
        lock: bool = True,
        kept: KeptPlan | None = None,
    ) -> Iterator[SavedPlan]:
        """Initialise Terraform, plan, and remove the plan afterwards: it may hold secrets, and no other command may apply it.

        `read` decodes an empty plan too; `resume` first resumes scaling that a killed command left suspended; without `lock`
        the state is only read; `kept` is taken for the plan. Raises InvalidInput for a plan for another region than the
        state's, PlanForeign and PlanStale for a kept one that cannot be applied here, or not any more.
        """
        self.terraform.init(self.copy.backend_files)
        if lock:
            push_unsaved_state(self.terraform, self.on_output)
        if kept is not None:
            require_usable(self, kept)
        if resume:
            self.resume_leftovers()
        with saved_plan(self.workspace) as file:
            saved = SavedPlan(self.terraform, file, destroy=destroy, read=read or destroy, lock=lock, kept=kept)
            self._require_own_region(plan_view(saved.document).region)
            yield saved

    def _require_own_region(self, planned: str | None) -> None:
        """Raise InvalidInput for a plan for another region than the one whose state it was made on."""
        own = self.copy.region
        if own is not None and planned not in (None, own.name):
            raise InvalidInput(
                f"envs/{self.environment} plans resources in {planned}, on the state of {own.name}; set the region by "
                f"{REGION_VARIABLE} or by the default of variable region, not in a .tfvars file or in the provider block."
            )

    def unlock(self, lock_id: str) -> None:
        """Remove lock `lock_id`, which a killed command left, from the state.

        Raises Refused while Terraform works on the state on this machine, and for a local state: its lock needs no removal.
        """
        if self.copy.state is not None:
            raise Refused(
                f"The state of {self.environment} is local: its lock ends with the process that holds it; stop that process."
            )
        self.terraform.init(self.copy.backend_files)  # the backend is what a Terraform of another checkout is known by
        running = running_terraform(self.copy.folder)
        if running is not None:
            raise Refused(f"Terraform still works on {self.environment}, as {running}; wait until it ends.")
        self.terraform.force_unlock(lock_id)


def _guarding_alarms(aws: AwsSession, outputs: AsyncEndpointOutputs) -> list[str]:
    """The names of alarms that an update of the endpoint may have muted."""
    return [*outputs.monitoring.alarm_names, *live_alarm_names(aws, outputs.endpoint.name)]


class SavedPlan:
    """A plan in a file, and what it would do; `make` plans again. With `read` its document is there for an empty plan too.

    The first plan is `kept`, where that is given.
    """

    def __init__(
        self,
        terraform: Terraform,
        file: Path,
        *,
        destroy: bool,
        read: bool,
        lock: bool = True,
        kept: KeptPlan | None = None,
    ) -> None:
        self._terraform, self.file, self._destroy, self._read, self._lock = terraform, file, destroy, read, lock
        if kept is None:
            self.make()
            return
        file.write_bytes(kept.plan)
        self._read_document()
        self.changes: Changes = document_changes(self.document)

    def make(self, replace: Iterable[str] = (), targets: Iterable[str] = ()) -> None:
        """Plan; `replace` are addresses to be replaced whether or not they change, `targets` the only ones to be planned."""
        self.changes = self._terraform.plan(self.file, destroy=self._destroy, replace=replace, targets=targets, lock=self._lock)
        # Decoding a plan starts the provider, so only where it is needed: to know what changes, or what the state has.
        self._read_document(needed=self.changes.any or self._read)

    def _read_document(self, *, needed: bool = True) -> None:
        self.document: dict[str, Any] = self._terraform.show(self.file) if needed else {}
        self._terraform.secrets = secret_values(self.document)
        self.resources: list[ResourceChange] = resource_changes(self.document)
        deletes = any(change.type == ENDPOINT and change.deletes for change in self.resources)
        self._state = self._terraform.state_version() if deletes else None

    def require_current(self) -> None:
        """To be called before endpoints are deleted that the plan deletes: Terraform looks at lock and state only afterwards.

        Raises StateLocked while another command works on the state, PlanStale where one has changed it since the plan.
        """
        if self._state is None:
            return
        self._terraform.require_unlocked()
        if self._terraform.state_version() != self._state:
            raise PlanStale(
                "Another command has changed the state since this one planned to delete an endpoint; nothing was changed. "
                "Repeat it."
            )

    def apply(self) -> None:
        """Carry out the plan. A state that cannot be written to its backend is tried once more, and else kept."""
        try:
            self._terraform.apply(self.file)
        except TerraformFailed as error:
            if note := saved_after_all(self._terraform):
                error.append(note)
            raise
