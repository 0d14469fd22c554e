"""Plan and apply an environment. An apply ends with the verification of what is live."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from async_endpoint.aws import failing_as_not_ready
from async_endpoint.core.errors import Refused, ReplacementRefused
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.adoption import OrphanCheck
from async_endpoint.deploy.deletions import remove_deleted_endpoints, require_empty_buckets
from async_endpoint.deploy.deployment import Deployment, SavedPlan
from async_endpoint.deploy.endpoints import changed_endpoints
from async_endpoint.deploy.plan_checks import require_unique_names, unlisted_endpoints
from async_endpoint.deploy.polling import reports_waits
from async_endpoint.deploy.replacement import (
    avoidable_replacements,
    endpoint_notices,
    failed_endpoints,
    require_no_replacement,
    update_deployment_config,
)
from async_endpoint.deploy.rollback import deregister_restored_targets, rollbacks_reported
from async_endpoint.deploy.verify import PassedCheck, verify
from async_endpoint.terraform.adapter import Changes


@dataclass(frozen=True)
class Planned:
    """What an apply would do.

    `endpoints` says of each endpoint that is affected how: `create`, `update`, `replace`, `delete`, or `unchanged` where only
    other resources of its module change. `notices` are sentences about suspended scaling, orphans, and endpoints replaced or
    deleted.
    """

    changes: Changes
    endpoints: Mapping[str, str]
    notices: list[str]


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
def plan_environment(deployment: Deployment) -> Planned:
    """Say what an apply would do; nothing is changed and no plan is kept.

    Raises InvalidInput for two resources of one name, and for an endpoint that output `async_endpoints` does not list.
    """
    with deployment.planned() as saved, failing_as_not_ready():
        require_unique_names(deployment.environment, saved.document)
        notices = [
            *unlisted_endpoints(deployment.environment, saved.document),
            *deployment.suspension_warnings(),
            *OrphanCheck(deployment, saved.document).notices(),
            *endpoint_notices(deployment.session, saved.resources),
        ]
        return Planned(saved.changes, changed_endpoints(saved.document, deployment.known_endpoints()), notices)


@reports_waits
def apply_environment(
    deployment: Deployment,
    *,
    adopt: bool = False,
    allow_replacement: bool = False,
    approve: Callable[[Planned], bool] = lambda planned: True,
) -> Applied:
    """Plan, apply exactly that plan, and verify that what it describes is live, for all endpoints.

    `adopt` imports or deletes what exists outside the state in the plan's way. `approve` is asked once the plan has been shown,
    and again should what it approved lead to another plan. Raises Refused when it says no, InvalidInput for two resources of
    one name and for an endpoint that output `async_endpoints` does not list, OrphansFound for what exists outside the state,
    BucketNotEmpty for a bucket that must not be emptied, ReplacementRefused for a plan that replaces a serving
    endpoint unless `allow_replacement`, RolledBack when an endpoint serves what it served before, VerificationFailed when the
    verification finds a difference.
    """
    with deployment.planned(read=adopt, resume=True) as saved:
        if saved.changes.any or adopt:
            require_unique_names(deployment.environment, saved.document)
            for notice in unlisted_endpoints(deployment.environment, saved.document):
                deployment.on_output(notice)
            orphans = OrphanCheck(deployment, saved.document)
            with failing_as_not_ready(), orphans.resolved(saved.make, adopt=adopt):
                _Apply(deployment, saved, approve, allow_replacement).carry_out(orphans)
                orphans.finish()
        changes = saved.changes
    endpoints = deployment.applied_endpoints()
    with failing_as_not_ready():
        checks = verify(deployment.session, endpoints)
    applied = {name: AppliedEndpoint(outputs, checks[name]) for name, outputs in endpoints.items()}
    return Applied(changes, applied, deployment.copy.endpoint_url)


class _Apply:
    """One apply of a saved plan."""

    def __init__(
        self, deployment: Deployment, saved: SavedPlan, approve: Callable[[Planned], bool], allow_replacement: bool
    ) -> None:
        self._deployment, self._saved = deployment, saved
        self._approve, self._allow_replacement = approve, allow_replacement
        self._endpoints = deployment.known_endpoints()

    def carry_out(self, orphans: OrphanCheck) -> None:
        """Apply the plan, endpoints that it deletes first; another plan where a replacement can be avoided."""
        deployment, saved, session = self._deployment, self._saved, self._deployment.session
        require_empty_buckets(session, saved.resources)
        if avoidable_replacements(session, saved.resources):
            self._require_approval()
            with deployment.quiesced(self._changed()):
                self._update_in_place()
            saved.make()
        if failed := failed_endpoints(session, saved.resources):
            saved.make(replace=failed)
        if not saved.changes.any and not orphans.adopting:
            return
        command = deployment.copy.command("apply")
        require_no_replacement(session, saved.resources, command, allowed=self._allow_replacement)
        self._require_approval()
        orphans.delete_unused()
        if not saved.changes.any:
            return
        with deployment.quiesced(self._changed()):
            remove_deleted_endpoints(session, saved.resources)
            with orphans.explained(), rollbacks_reported(session, saved.resources, deployment.on_output):
                deregister_restored_targets(session, saved.resources)
                saved.apply()

    def _changed(self) -> list[AsyncEndpointOutputs]:
        """The endpoints to quiesce: what the plan does not change keeps scaling."""
        changed = changed_endpoints(self._saved.document, self._endpoints)
        return [outputs for name, outputs in self._endpoints.items() if name in changed]

    def _require_approval(self) -> None:
        notices = endpoint_notices(self._deployment.session, self._saved.resources)
        for notice in notices:
            self._deployment.on_output(notice)
        changed = changed_endpoints(self._saved.document, self._endpoints)
        if not self._approve(Planned(self._saved.changes, changed, notices)):
            raise Refused(f"The plan of {self._deployment.environment} was not approved; nothing was changed.")

    def _update_in_place(self) -> None:
        session = self._deployment.session
        for endpoint in avoidable_replacements(session, self._saved.resources):
            try:
                update_deployment_config(session, endpoint)
            except ReplacementRefused:
                if not self._allow_replacement:
                    raise
