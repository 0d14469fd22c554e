"""Orphans around one apply: refused before it, adopted into it, named when it fails, and reported or deleted after it.

Adoption imports into the state what holds data or serves, and deletes what can be created again. Imports are `import` blocks in
the working copy, so that the plan shows them and applies them with everything else; nothing is imported or deleted before the
plan is approved.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from async_endpoint.aws import AwsSession, failing_as_not_ready
from async_endpoint.core.errors import NotReady, OrphansFound, TerraformFailed
from async_endpoint.deploy.deletions import remove_endpoint
from async_endpoint.deploy.deployment import Deployment
from async_endpoint.deploy.orphans import (
    Orphan,
    blocking_orphans,
    planned_orphans,
    served_configurations,
    stray_keys,
    stray_orphans,
    used_models,
)
from async_endpoint.deploy.quiesce import settle
from async_endpoint.deploy.resource_kinds import CONFIGURATION, ENDPOINT, MODEL
from async_endpoint.terraform.plan_document import PlanView, plan_view

IMPORTS_FILE: Final = "adopted_imports.tf"


@dataclass(frozen=True)
class Adoption:
    """What is to be done with the orphans of a plan: `imports` by the plan, `deletions` before it is applied."""

    imports: Sequence[Orphan]
    deletions: Sequence[Orphan]

    def describe(self) -> Iterator[str]:
        """One line for each resource, to be approved."""
        yield from (f"Adopt: import {orphan} as {orphan.address}." for orphan in self.imports)
        yield from (f"Adopt: delete {orphan}, which nothing uses." for orphan in self.deletions)
        yield "Adopt: afterwards, delete this deployment's configurations, models and keys that nothing uses."


def refuse_orphans(environment: str, orphans: Sequence[Orphan], view: PlanView, command: str) -> None:
    """Raise OrphansFound when there are any; `command` adopts those that are this deployment's own."""
    refuse_foreign(environment, orphans, view)
    if orphans:
        raise OrphansFound(
            f"{environment} would create {_list(orphans)}, which exist already and are not in its Terraform state, as after a "
            f"creation whose response was lost; adopt them with: {command}"
        )


def refuse_foreign(environment: str, orphans: Sequence[Orphan], view: PlanView) -> None:
    """Raise OrphansFound when a planned name is taken by a resource that is not provably this deployment's."""
    foreign = [orphan for orphan in orphans if not orphan.own]
    if foreign:
        tags = ", ".join(f"{name}={value}" for name, value in sorted(view.tags.items())) or "none"
        raise OrphansFound(
            f"{environment} would create {_list(foreign)}, which exist already and do not carry its tags ({tags}), so they may "
            "belong to another deployment; choose another name, import them (async-endpoint adopt writes the blocks), or "
            f"delete or tag them yourself.{_shared_provider(foreign)}"
        )


def _shared_provider(foreign: Sequence[Orphan]) -> str:
    """What to do about an identity provider: an account has one, which its environments and regions share."""
    found = next((orphan.found.id for orphan in foreign if orphan.kind.type == "aws_iam_openid_connect_provider"), None)
    return f" Use the account's identity provider: access.github.provider_arn = {json.dumps(found)}." if found else ""


def plan_adoption(aws: AwsSession, environment: str, view: PlanView) -> Adoption:
    """Decide what becomes of each orphan in the plan's way. Waits for an endpoint in progress: no change is accepted meanwhile.

    Raises OrphansFound for one that is not this deployment's, NotReady for an endpoint that stays in progress.
    """
    found = planned_orphans(aws, view)
    refuse_foreign(environment, found, view)
    orphans = [orphan for orphan in found if orphan.kind.type != "aws_cloudwatch_metric_alarm"]  # PutMetricAlarm overwrites
    deletions = [orphan for orphan in orphans if not _is_kept(aws, orphan)]
    return Adoption([orphan for orphan in orphans if orphan not in deletions], deletions)


def _is_kept(aws: AwsSession, orphan: Orphan) -> bool:
    """Whether it is imported: everything but an endpoint that failed, and models and configurations that nothing uses."""
    if orphan.kind.type == ENDPOINT:
        settle(aws, orphan.found.name)
        endpoint = orphan.kind.find(aws, orphan.found.name)
        return endpoint is not None and endpoint.details["EndpointStatus"] == "InService"
    if orphan.kind.type == CONFIGURATION:
        return orphan.found.name in served_configurations(aws)
    if orphan.kind.type == MODEL:
        return orphan.found.name in used_models(aws, without=set())
    return True


@contextmanager
def import_blocks(folder: Path, orphans: Sequence[Orphan]) -> Iterator[None]:
    """Within the block, the root in `folder` imports `orphans`."""
    file = folder / IMPORTS_FILE
    blocks = (f"import {{\n  to = {orphan.address}\n  id = {json.dumps(orphan.found.id)}\n}}\n" for orphan in orphans)
    file.write_text("".join(blocks), encoding="utf-8")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def delete(aws: AwsSession, orphans: Sequence[Orphan]) -> None:
    """Delete `orphans` in their order; an endpoint is waited for until it is gone. Raises NotReady when it stays."""
    for orphan in orphans:
        if orphan.kind.type == ENDPOINT:
            remove_endpoint(aws, orphan.found.name)
        else:
            orphan.kind.delete(aws, orphan.found)


def delete_strays(aws: AwsSession, view: PlanView, on_output: Callable[[str], None]) -> None:
    """Delete this deployment's configurations, models and keys that the state does not have and nothing uses."""
    for orphan in stray_orphans(aws, view):
        orphan.kind.delete(aws, orphan.found)
        on_output(f"Deleted {orphan}, which nothing used.")


def _list(orphans: Sequence[Orphan]) -> str:
    return ", ".join(map(str, orphans))


@dataclass
class OrphanCheck:
    """The orphans around an apply of `deployment`, from its plan's `document` as `terraform show -json` prints it.

    Where the plan names no region, nothing can be looked up, and every method does nothing.
    """

    deployment: Deployment
    document: Mapping[str, Any]
    _adoption: Adoption | None = field(default=None, init=False)

    @property
    def command(self) -> str:
        """The command that adopts what was found."""
        return f"{self.deployment.copy.command('apply')} --adopt"

    @property
    def _view(self) -> PlanView:
        return plan_view(self.document)

    def _aws(self) -> AwsSession | None:
        region = self._view.region
        return self.deployment.session(region) if region else None

    @property
    def adopting(self) -> bool:
        return self._adoption is not None

    @contextmanager
    def resolved(self, make_plan: Callable[[], None], *, adopt: bool) -> Iterator[None]:
        """Within the block nothing that exists outside the state stands in the plan's way.

        With `adopt` the root imports what is to be kept, and `make_plan` plans again; OrphansFound is raised for what is not
        this deployment's. Without, it is raised for every name that the plan is to create and that is taken; where the caller
        may not search, that is reported and no reason to refuse.
        """
        aws, view = self._aws(), self._view
        if aws is None:
            yield
            return
        if not adopt:
            found = self._search(lambda: blocking_orphans(aws, view))
            refuse_orphans(self.deployment.environment, found, view, self.command)
            yield
            return
        self._adoption = plan_adoption(aws, self.deployment.environment, view)
        for line in self._adoption.describe():
            self.deployment.on_output(line)
        with import_blocks(self.deployment.copy.folder, self._adoption.imports):
            if self._adoption.imports:
                make_plan()
            yield

    def notices(self) -> list[str]:
        """What `resolved` would refuse, in a sentence; empty when nothing."""
        aws, view = self._aws(), self._view
        found = self._search(lambda: blocking_orphans(aws, view)) if aws is not None else []
        try:
            refuse_orphans(self.deployment.environment, found, view, self.command)
        except OrphansFound as refusal:
            return [str(refusal)]
        return []

    def delete_unused(self) -> None:
        """Once approved, and before the apply: delete what stands in its way and is not imported."""
        aws = self._aws()
        if aws is not None and self._adoption is not None:
            delete(aws, self._adoption.deletions)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Add to a TerraformFailed raised in the block what exists outside the state by now, and the command that adopts it."""
        try:
            yield
        except TerraformFailed as error:
            if found := [orphan for orphan in self._after(error) if orphan.own]:
                error.append(
                    f"{', '.join(map(str, found))} exist and are not in the Terraform state, as after a creation whose "
                    f"response was lost; adopt them with: {self.command}"
                )
            raise

    def finish(self) -> None:
        """After the apply: delete strays when adopting, else report them."""
        aws = self._aws()
        if aws is None:
            return
        if not self.adopting:
            self._report(aws)
            return
        delete_strays(aws, self._view.after_apply(self.deployment.terraform.show()), self.deployment.on_output)

    def _report(self, aws: AwsSession) -> None:
        """Report keys: a lost response to their creation, which is repeated, does not fail the apply."""
        if not self._search(lambda: stray_keys(aws, self._view)):
            return  # one that was made just now has an alias; reading the state again would start the provider for nothing
        view = self._view.after_apply(self.deployment.terraform.show())
        for orphan in self._search(lambda: stray_keys(aws, view)):
            self.deployment.on_output(
                f"{orphan} is this deployment's, is not in its state and nothing uses it; delete it: {self.command}"
            )

    def _after(self, error: TerraformFailed) -> list[Orphan]:
        aws = self._aws()
        if aws is None:
            return []
        try:
            view = self._view.after_apply(self.deployment.terraform.show())
        except TerraformFailed:
            return []
        return self._search(lambda: [*planned_orphans(aws, view), *stray_orphans(aws, view)])

    def _search(self, search: Callable[[], list[Orphan]]) -> list[Orphan]:
        try:
            with failing_as_not_ready():
                return search()
        except NotReady as error:
            self.deployment.on_output(f"Could not look for resources outside the state: {error}")
            return []
