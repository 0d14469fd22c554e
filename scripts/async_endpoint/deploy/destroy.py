"""Destroy an environment, and search for what is left of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from async_endpoint.aws import AwsSession, failing_as_not_ready
from async_endpoint.core.errors import NotReady, Refused, TerraformFailed, WorkFailed
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.deletions import remove_deleted_endpoints, require_empty_buckets
from async_endpoint.deploy.deployment import Deployment
from async_endpoint.deploy.imported_deletions import require_unused_imports
from async_endpoint.deploy.key_deletions import require_unused_keys
from async_endpoint.deploy.leftovers import (
    Leftover,
    delete_leftovers,
    delete_reply_queues,
    is_settled,
    leftover_message,
    leftovers,
)
from async_endpoint.deploy.policy_deletions import require_unused_policies
from async_endpoint.deploy.polling import Poller, reports_waits
from async_endpoint.deploy.resource_kinds import CONFIGURATION, ENDPOINT
from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.plan_document import PlanView, imported_endpoints, missing_modules, plan_view

# SQS lists a queue for up to 60 seconds after it is deleted [D].
LISTINGS_SETTLE = Poller(deadline=75)


@dataclass(frozen=True)
class Destroyed:
    """Names of the endpoints that are destroyed, and why not everything was searched for, empty when it was."""

    names: tuple[str, ...]
    unsearched: str = ""


@dataclass(frozen=True)
class ExpectedResources:
    """What a destroyed environment consisted of: `names` of the endpoints, `view` of state and plan.

    `imported` are those of the endpoints that existed before, `prefixes` what the names of their configurations begin with.
    `unsearched` says why some names are unknown, empty when none are.
    """

    names: tuple[str, ...]
    view: PlanView
    unsearched: str = ""
    imported: frozenset[str] = frozenset()
    prefixes: frozenset[str] = frozenset()

    def leftovers(self, aws: AwsSession) -> list[Leftover]:
        """What still exists of it."""
        return leftovers(aws, sorted({*self.names, *self.prefixes} - self.imported), self.view, self.imported)


@reports_waits
def destroy_environment(
    deployment: Deployment,
    *,
    remove_leftovers: bool = False,
    approve: Callable[[tuple[str, ...]], bool] = lambda names: True,
) -> Destroyed:
    """Destroy all of an environment, and search for what is left: by name, by what a plan would create, and by tags.

    `approve` is asked with the names of the endpoints, once the plan has been shown. With `remove_leftovers` what is provably
    this deployment's is deleted. Raises Refused when `approve` says no, WorkFailed naming what exists afterwards, NotReady when
    AWS refuses the search; before anything changes BucketNotEmpty for a bucket that must be kept, PolicyInUse for a
    policy, ImportedInUse for what existed before and others use, KeyInUse for a key whose results stay.
    """
    with deployment.planned(destroy=True, resume=True) as saved, failing_as_not_ready():
        endpoints = deployment.known_endpoints().values()
        complete = saved.file.with_name("complete.tfplan")
        expected = expected_resources(deployment.terraform.silent(), saved.document, endpoints, complete)
        require_empty_buckets(deployment.session, saved.resources)
        require_unused_policies(deployment.session, saved.resources)
        require_unused_imports(deployment.session, saved.resources)
        require_unused_keys(deployment.session, saved.resources)
        if not approve(expected.names):
            raise Refused(f"The destruction of {deployment.environment} was not approved; nothing was destroyed.")
        # An apply would create again what is destroyed by then, so a destroy resumes scaling.
        with deployment.quiesced(endpoints, resumed_by="destroy"):
            saved.require_current()
            remove_deleted_endpoints(deployment.session, saved.resources)
            if expected.view.region is not None:  # before the rest: SQS lists a queue for a minute after it is deleted
                delete_reply_queues(deployment.session(expected.view.region), expected.names)
            saved.apply()
    if expected.view.region is None:
        return Destroyed((), expected.unsearched)
    again = deployment.copy.command("destroy")
    try:
        left = _left(deployment.session(expected.view.region), expected, remove_leftovers)
    except NotReady as error:
        raise NotReady(
            f"{deployment.environment} was destroyed, but the search for leftovers failed: {error}; correct that, then rerun: "
            f"{again}"
        ) from error
    if left:
        raise WorkFailed(leftover_message(deployment.environment, left, again))
    return Destroyed(expected.names, expected.unsearched)


def expected_resources(
    terraform: Terraform, document: Mapping[str, Any], endpoints: Collection[AsyncEndpointOutputs], plan_file: Path
) -> ExpectedResources:
    """From the `document` of a plan to destroy.

    A complete apply has outputs and a state that name everything. Where an endpoint has not, as after an apply that failed
    half way, an ordinary plan, saved in `plan_file`, says which names the root would create, and with which tags.
    """
    view, unsearched = plan_view(document), ""
    if endpoints:
        view = replace(view, region=view.region or next(iter(endpoints)).region)
    if not endpoints or missing_modules(document, ENDPOINT):
        try:
            terraform.plan(plan_file)
            planned = plan_view(terraform.show(plan_file))
            view = replace(view, creations=planned.creations, region=view.region or planned.region)
        except TerraformFailed as error:
            unsearched = f"what else it would consist of is unknown: {error}"
    if view.region is None and not unsearched:
        unsearched = "what else it would consist of is unknown: its plan names no region."
    names = {str(attributes["name"]) for attributes in view.attributes(ENDPOINT) if attributes.get("name")}
    names |= {outputs.endpoint.name for outputs in endpoints}
    imported = imported_endpoints(document) & names
    prefixes = {str(one["name_prefix"]).removesuffix("-") for one in view.attributes(CONFIGURATION) if one.get("name_prefix")}
    return ExpectedResources(
        tuple(sorted(names)), view, unsearched, frozenset(imported), frozenset(prefixes if imported else ())
    )


def _left(aws: AwsSession, expected: ExpectedResources, remove: bool) -> list[Leftover]:
    """What is left after a destroy; with `remove`, once what is provably this deployment's is deleted."""
    with failing_as_not_ready():
        if remove:
            delete_leftovers(aws, expected.leftovers(aws))
        return LISTINGS_SETTLE.wait(lambda: expected.leftovers(aws), is_settled, "deleted queues to leave SQS's listing")
