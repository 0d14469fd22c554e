"""Orphans around one apply: refused before it, adopted into it, named when it fails, and reported or deleted after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from async_endpoint.aws import AwsSession, failing_as_not_ready
from async_endpoint.core.errors import NotReady, OrphansFound, TerraformFailed
from async_endpoint.deploy.adoption import Adoption, delete, delete_strays, import_blocks, plan_adoption, refuse_orphans
from async_endpoint.deploy.orphans import Orphan, blocking_orphans, planned_orphans, stray_keys, stray_orphans
from async_endpoint.deploy.retries import retrying_session
from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.plan_view import PlanView, plan_view
from async_endpoint.terraform.working_copy import Root

Listener = Callable[[str], None]


@dataclass
class OrphanCheck:
    """What an apply of `root` asks about orphans, from its plan's `document` as `terraform show -json` prints it.

    Where the plan names no region, nothing can be looked up, and every method does nothing.
    """

    root: Root
    terraform: Terraform
    document: Mapping[str, Any]
    on_output: Listener
    _adoption: Adoption | None = field(default=None, init=False)

    @property
    def command(self) -> str:
        """The command that adopts what was found."""
        return f"{self.root.command('apply')} --adopt"

    @property
    def _view(self) -> PlanView:
        return plan_view(self.document)

    def _aws(self) -> AwsSession | None:
        region = self._view.region
        return retrying_session(region, self.root.endpoint_url) if region else None

    @property
    def adopting(self) -> bool:
        return self._adoption is not None

    @contextmanager
    def resolved(self, make_plan: Callable[[], None], *, adopt: bool) -> Iterator[None]:
        """Within the block nothing that exists outside the state stands in the plan's way.

        With `adopt` the root imports what is to be kept, and `make_plan` plans again; OrphansFound is raised for what is not
        this deployment's. Without, it is raised for every name that the plan is to create and that is taken; where the caller
        may not look, that is reported and no reason to refuse.
        """
        aws, view = self._aws(), self._view
        if aws is None:
            yield
            return
        if not adopt:
            found = self._look(lambda: blocking_orphans(aws, view))
            refuse_orphans(self.root.environment, found, view, self.command)
            yield
            return
        self._adoption = plan_adoption(aws, self.root.environment, view)
        for line in self._adoption.describe():
            self.on_output(line)
        with import_blocks(self.root.folder, self._adoption.imports):
            if self._adoption.imports:
                make_plan()
            yield

    def notices(self) -> list[str]:
        """What `resolved` would refuse, in a sentence; empty when nothing."""
        aws, view = self._aws(), self._view
        found = self._look(lambda: blocking_orphans(aws, view)) if aws is not None else []
        try:
            refuse_orphans(self.root.environment, found, view, self.command)
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
        delete_strays(aws, self._view.after_apply(self.terraform.show()), self.on_output)

    def _report(self, aws: AwsSession) -> None:
        """Report keys: a lost response to their creation, which is repeated, does not fail the apply."""
        if not self._look(lambda: stray_keys(aws, self._view)):
            return  # one that was made just now has an alias; reading the state again would start the provider for nothing
        view = self._view.after_apply(self.terraform.show())
        for orphan in self._look(lambda: stray_keys(aws, view)):
            self.on_output(f"{orphan} is this deployment's, is not in its state and nothing uses it; delete it: {self.command}")

    def _after(self, error: TerraformFailed) -> list[Orphan]:
        aws = self._aws()
        if aws is None:
            return []
        try:
            view = self._view.after_apply(self.terraform.show())
        except TerraformFailed:
            return []
        return self._look(lambda: [*planned_orphans(aws, view), *stray_orphans(aws, view)])

    def _look(self, look: Callable[[], list[Orphan]]) -> list[Orphan]:
        try:
            with failing_as_not_ready():
                return look()
        except NotReady as error:
            self.on_output(f"Could not look for resources outside the state: {error}")
            return []
