"""Bring orphans back: import into the state what holds data or serves, delete what can be made again.

Imports are `import` blocks in the working copy, so that the plan shows them and applies them with everything else; nothing is
imported or deleted before the plan is approved.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import OrphansFound
from async_endpoint.deploy.orphans import Orphan, planned_orphans, served_configurations, stray_orphans, used_models
from async_endpoint.deploy.quiesce import settle
from async_endpoint.deploy.removal import remove_endpoint
from async_endpoint.deploy.resource_kinds import CONFIGURATION, ENDPOINT, MODEL
from async_endpoint.terraform.plan_view import PlanView

IMPORTS_FILE: Final = "adopted_imports.tf"


@dataclass(frozen=True)
class Adoption:
    """What is to be done with the orphans of a plan: `imports` by the plan, `deletions` before it is applied."""

    imports: Sequence[Orphan]
    deletions: Sequence[Orphan]

    def describe(self) -> Iterator[str]:
        """One line a resource, for the person who approves."""
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
            "belong to another deployment; choose another name, or delete or tag them yourself."
        )


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
