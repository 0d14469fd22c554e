"""Apply an environment. An apply ends with the verification of what is live."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from async_endpoint.aws import failing_as_not_ready
from async_endpoint.core.errors import PlanNotApproved, Refused, ReplacementRefused, RolledBack, TerraformFailed, UsageError
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.core.text import joined
from async_endpoint.deploy.adoption import OrphanCheck
from async_endpoint.deploy.alarm_muting import Mute, muted, restore_muted
from async_endpoint.deploy.deletions import remove_deleted_endpoints, require_empty_buckets
from async_endpoint.deploy.deployment import Deployment, SavedPlan
from async_endpoint.deploy.endpoints import endpoint_plans
from async_endpoint.deploy.imported_deletions import require_unused_imports
from async_endpoint.deploy.in_place_needs import in_place_needs
from async_endpoint.deploy.kept_plans import require_approved
from async_endpoint.deploy.key_deletions import require_unused_keys
from async_endpoint.deploy.plan import Planned, described_plan, record_of
from async_endpoint.deploy.plan_checks import require_unique_names, unlisted_endpoints
from async_endpoint.deploy.plan_store import approved_record, checked_name, plan_store
from async_endpoint.deploy.policy_deletions import require_unused_policies
from async_endpoint.deploy.polling import Poller, reports_waits
from async_endpoint.deploy.quiesce import Quiescible, resume_leftovers
from async_endpoint.deploy.quotas import Need, endpoint_needs, instance_needs, require_quotas
from async_endpoint.deploy.replacement import (
    avoidable_replacements,
    endpoint_notices,
    failed_endpoints,
    require_no_replacement,
    update_deployment_config,
)
from async_endpoint.deploy.role_propagation import PAUSE_SECONDS, awaits_propagation
from async_endpoint.deploy.rollback import deregister_restored_targets, outlasted_provider, rollbacks_reported
from async_endpoint.deploy.rollback_alarms import GuardedUpdate, guarded_updates, require_quiet_alarms
from async_endpoint.deploy.unlisted_scaling import ScaledVariant, unlisted_variants
from async_endpoint.deploy.verify import PassedCheck, verify
from async_endpoint.terraform.adapter import Changes
from async_endpoint.terraform.plan_document import plan_view
from async_endpoint.terraform.plan_files import KeptPlan


@dataclass(frozen=True)
class AppliedEndpoint:
    """An endpoint of an applied environment, and the checks that verified it."""

    outputs: AsyncEndpointOutputs
    checks: list[PassedCheck]


@dataclass(frozen=True)
class Applied:
    """What a verified apply changed, and the endpoints of the environment by name."""

    changes: Changes
    endpoints: Mapping[str, AppliedEndpoint]
    endpoint_url: str | None


@reports_waits
def apply_environment(
    deployment: Deployment,
    *,
    adopt: bool = False,
    allow_replacement: bool = False,
    mute_rollback_alarms: bool = False,
    approve: Callable[[Planned], bool] = lambda planned: True,
    kept: KeptPlan | None = None,
    approved: str | None = None,
) -> Applied:
    """Plan, apply exactly that plan, and verify that what it describes is live, for all endpoints.

    `kept` is applied in place of a new plan. `approved` is the name under which a plan was stored: the new plan must change
    exactly what that one does, or nothing at all, as after an apply of it whose verification failed.

    `adopt` imports or deletes what exists outside the state in the plan's way. `mute_rollback_alarms` keeps the rollback alarms
    of the endpoints that are updated from ending the update, and restores them afterwards. `approve` is asked once the plan has
    been shown, and again should what it approved lead to another plan, which after `kept` and `approved` may only change the
    same resources.

    Raises Refused when it says no, PlanNotApproved for other changes than `approved`, PlanForeign and PlanStale for a `kept`
    plan that does not fit, InvalidInput for two resources of one name and for an endpoint that output `async_endpoints`
    does not list, OrphansFound for what exists outside the state, BucketNotEmpty for a bucket that must not be emptied,
    PolicyInUse, ImportedInUse and KeyInUse for what is to be deleted and others need,
    QuotaTooLow for more instances than the account may have,
    RollbackAlarmFiring for an update that would be rolled back at once, ReplacementRefused for a plan that replaces a serving
    endpoint unless `allow_replacement`, RolledBack when an endpoint serves what it served before, VerificationFailed when the
    verification finds a difference.
    """
    if approved is not None:
        checked_name(approved)
    limited = kept is not None or approved is not None
    if adopt and limited:
        raise UsageError(
            "--adopt changes the plan, so it goes with no plan that is approved already; adopt by an apply of its own."
        )
    with deployment.planned(read=adopt or limited, resume=True, kept=kept) as saved:
        if approved is not None and saved.changes.any:
            stored = approved_record(plan_store(deployment), approved)
            with failing_as_not_ready():
                require_approved(stored, record_of(deployment, saved), approved)
        if saved.changes.any or adopt:
            require_unique_names(deployment.environment, saved.document)
            for notice in unlisted_endpoints(deployment.environment, saved.document):
                deployment.on_output(notice)
            orphans = OrphanCheck(deployment, saved.document)
            with failing_as_not_ready(), orphans.resolved(saved.make, adopt=adopt):
                addresses = frozenset(change.address for change in saved.resources) if limited else None
                options = _Options(allow_replacement, mute_rollback_alarms, addresses)
                _Apply(deployment, saved, approve, options).carry_out(orphans)
                orphans.finish()
        changes = saved.changes
    endpoints = deployment.applied_endpoints()
    with failing_as_not_ready():
        checks = verify(deployment.session, endpoints)
    applied = {name: AppliedEndpoint(outputs, checks[name]) for name, outputs in endpoints.items()}
    return Applied(changes, applied, deployment.copy.endpoint_url)


def _instance_needs(deployment: Deployment, saved: SavedPlan) -> list[Need]:
    return instance_needs(deployment.session, saved.resources, plan_view(saved.document).region)


@dataclass(frozen=True)
class _Options:
    """`addresses` are the resources that a plan approved beforehand changes, and no later one may exceed; None: any."""

    allow_replacement: bool
    mute_rollback_alarms: bool
    addresses: frozenset[str] | None


class _Apply:
    """One apply of a saved plan."""

    def __init__(self, deployment: Deployment, saved: SavedPlan, approve: Callable[[Planned], bool], options: _Options) -> None:
        self._deployment, self._saved, self._approve, self._options = deployment, saved, approve, options
        self._endpoints = deployment.known_endpoints()

    def carry_out(self, orphans: OrphanCheck) -> None:
        """Apply the plan, endpoints that it deletes first; another plan where a replacement can be avoided."""
        deployment, saved, session = self._deployment, self._saved, self._deployment.session
        self._resume_unlisted()
        require_empty_buckets(session, saved.resources)
        require_unused_policies(session, saved.resources)
        require_unused_imports(session, saved.resources)
        require_unused_keys(session, saved.resources)
        if avoidable_replacements(session, saved.resources):
            self._guarded_updates()
            self._require_approval()
            self._apply_needs(orphans)
            with deployment.quiesced(self._changed()), self._muted(self._guarded_updates()):
                self._update_in_place()
            saved.make()
        if failed := failed_endpoints(session, saved.resources):
            saved.make(replace=failed)
        if not saved.changes.any and not orphans.adopting:
            return
        command = deployment.copy.command("apply")
        require_no_replacement(session, saved.resources, command, allowed=self._options.allow_replacement)
        require_quotas(session, deployment.environment, _instance_needs(deployment, saved), deployment.on_output)
        self._guarded_updates()
        self._require_approval()
        orphans.delete_unused()
        if saved.changes.any:
            self._apply_patiently(orphans)

    def _apply_patiently(self, orphans: OrphanCheck) -> None:
        """Apply; where that fails for want of time alone, apply what is left of the plan.

        That is so while a role that the plan makes or changes is new to SageMaker (A117), and once an update has ended that
        took longer than the provider waits.
        """
        saved, approved = self._saved, list(self._saved.resources)
        for pause in PAUSE_SECONDS:
            try:
                return self._apply(orphans)
            except (TerraformFailed, RolledBack) as error:
                outlasted = outlasted_provider(error)
                if not outlasted and not awaits_propagation(error, approved):
                    raise
                why = "It took longer than Terraform waits" if outlasted else "A new role may not have reached SageMaker yet"
                self._deployment.on_output(f"{why}; planning again. {error}")
            if not outlasted:
                Poller(deadline=pause).wait(lambda: False, bool, "the new role to reach SageMaker")
            saved.make()
            if not saved.changes.any:
                return None
            command = self._deployment.copy.command("apply")
            require_no_replacement(self._deployment.session, saved.resources, command, allowed=self._options.allow_replacement)
            if not {change.address for change in saved.resources} <= {change.address for change in approved}:
                self._require_approval()
        return self._apply(orphans)

    def _apply(self, orphans: OrphanCheck) -> None:
        deployment, saved, session = self._deployment, self._saved, self._deployment.session
        with deployment.quiesced(self._changed()):
            updates = self._guarded_updates()  # the approval may have taken a while
            saved.require_current()
            remove_deleted_endpoints(session, saved.resources)
            with (
                orphans.explained(),
                self._muted(updates),
                rollbacks_reported(session, saved.resources, deployment.on_output),
            ):
                deregister_restored_targets(session, saved.resources)
                saved.apply()

    def _apply_needs(self, orphans: OrphanCheck) -> None:
        """Apply alone what the updates in place need, where the plan has that: it changes no endpoint."""
        saved = self._saved
        needs = in_place_needs(avoidable_replacements(self._deployment.session, saved.resources), saved.resources)
        if not needs:
            return
        self._deployment.on_output(f"Applying first what the endpoint's update needs: {joined(needs)}.")
        saved.make(targets=needs)
        with orphans.explained():
            saved.apply()
        saved.make()

    def _changed(self) -> list[Quiescible]:
        """The endpoints to quiesce: what the plan does not change keeps scaling."""
        plans = endpoint_plans(self._saved.document, self._endpoints)
        listed = [outputs for name, outputs in self._endpoints.items() if plans[name].concerned]
        return [*listed, *self._unlisted()]

    def _unlisted(self) -> list[ScaledVariant]:
        listed = {outputs.endpoint.name for outputs in self._endpoints.values()}
        return unlisted_variants(self._saved.document, self._deployment.environment, listed)

    def _resume_unlisted(self) -> None:
        """Resume scaling that a killed apply of an import left suspended: no output says yet that the endpoint is there."""
        deployment = self._deployment
        variants = [(deployment.session(one.region), one) for one in self._unlisted()]
        if variants:
            unlocked, say = deployment.terraform.require_unlocked, deployment.on_output
            resume_leftovers(variants, require_unlocked=unlocked, on_output=say)

    def _guarded_updates(self) -> list[GuardedUpdate]:
        """The updates that alarms guard. Raises RollbackAlarmFiring for one that is in ALARM, unless it is to be muted."""
        deployment, resources = self._deployment, self._saved.resources
        updates = guarded_updates(deployment.session, resources)
        left_muted = [update for update in updates if any(map(Mute.of, update.alarms))]
        for update in left_muted:  # alarms that the endpoint did not have yet when a killed command muted them
            aws, names = deployment.session(update.endpoint.region), [str(alarm["AlarmName"]) for alarm in update.alarms]
            unlocked, say = deployment.terraform.require_unlocked, deployment.on_output
            restore_muted(aws, update.endpoint.name, names, require_unlocked=unlocked, on_output=say)
        if left_muted:
            updates = guarded_updates(deployment.session, resources)
        if not self._options.mute_rollback_alarms:
            require_quiet_alarms(updates, deployment.copy.command("apply"))
        return updates

    def _muted(self, updates: list[GuardedUpdate]) -> AbstractContextManager[None]:
        if not self._options.mute_rollback_alarms:
            return nullcontext()
        deployment, command = self._deployment, self._deployment.copy.command("apply")
        return muted(deployment.session, updates, self._saved.resources, command, deployment.on_output)

    def _require_approval(self) -> None:
        beyond = {change.address for change in self._saved.resources} - (self._options.addresses or frozenset())
        if self._options.addresses is not None and beyond:
            raise PlanNotApproved(
                f"What is left to apply of {self._deployment.environment} is more than was approved: {joined(sorted(beyond))}; "
                "plan again, and have that plan approved."
            )
        notices = endpoint_notices(self._deployment.session, self._saved.resources)
        for notice in notices:
            self._deployment.on_output(notice)
        needs = endpoint_needs(self._deployment.session, self._saved.resources, plan_view(self._saved.document).region)
        if not self._approve(described_plan(self._deployment, self._saved, notices, needs)):
            raise Refused(f"The plan of {self._deployment.environment} was not approved; nothing was changed.")

    def _update_in_place(self) -> None:
        session = self._deployment.session
        for endpoint in avoidable_replacements(session, self._saved.resources):
            try:
                update_deployment_config(session, endpoint)
            except ReplacementRefused:
                if not self._options.allow_replacement:
                    raise
