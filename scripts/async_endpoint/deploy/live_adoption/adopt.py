"""Adopt a live endpoint into an environment: describe it, write that, and plan it. AWS is only read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from async_endpoint.aws import AwsSession, failing_as_not_ready
from async_endpoint.core.errors import InvalidInput, ReplacementRefused
from async_endpoint.core.terraform_tags import DEPLOYMENT_TAG
from async_endpoint.core.text import joined
from async_endpoint.deploy.deployment import Deployment
from async_endpoint.deploy.live_adoption.async_block import async_block
from async_endpoint.deploy.live_adoption.beneath_block import beneath_blocks
from async_endpoint.deploy.live_adoption.described import Described
from async_endpoint.deploy.live_adoption.inventory import Inventory, read_inventory
from async_endpoint.deploy.live_adoption.module_settings import Naming
from async_endpoint.deploy.live_adoption.ownership import require_released
from async_endpoint.deploy.live_adoption.root_files import OUTPUTS_FILE, Root
from async_endpoint.deploy.live_adoption.sharing import Sharing, sharing
from async_endpoint.deploy.plan import Planned
from async_endpoint.terraform.whole_files import write_whole


@dataclass(frozen=True)
class Request:
    """What a person asks for: `referenced` of `sharing.REFERABLE` are left as they are, `states` are copies of other states."""

    endpoint: str
    name: str | None = None
    referenced: frozenset[str] = frozenset()
    states: Sequence[Path] = ()


@dataclass(frozen=True)
class Adoption:
    """What is to be written, by file, and what a person has to know: `notes` on what could not be decided or written."""

    inventory: Inventory
    naming: Naming
    described: Described
    files: Mapping[Path, str]
    notes: Sequence[str]

    def document(self, environment: str) -> dict[str, Any]:
        return {
            "environment": environment,
            "endpoint": self.inventory.name,
            "kind": self.inventory.kind,
            "name": self.naming.name,
            "files": {path.name: text for path, text in self.files.items()},
            "imports": {one.address: one.resource.id for one in self.described.imports},
            "changes": list(self.described.changes),
            "kept": list(self.described.kept),
            "secrets": sorted(self.described.secrets),
            "notes": list(self.notes),
        }


def describe_adoption(deployment: Deployment, request: Request) -> Adoption:
    """Read the endpoint and describe it in terms of the environment of `deployment`; nothing is written or changed.

    Raises UnknownEndpoint, NotReady for an endpoint that is changing, OwnedElsewhere for one that another tool owns, and
    InvalidInput for one that cannot be described, and for a name that the environment does not take.
    """
    root = _root(deployment)
    aws = deployment.session(root.region)
    with failing_as_not_ready():
        inventory = read_inventory(aws, request.endpoint)
        _require_foreign(inventory, root.default_tags.get(DEPLOYMENT_TAG, ""), deployment)
        naming = root.naming(inventory, request.name)
        shared = sharing(aws, inventory, request.referenced)
        own = root.default_tags.get(DEPLOYMENT_TAG, "")
        notes = require_released(aws, _adopted(inventory, shared), own, request.states)
        described = _described(aws, inventory, shared, naming, root.default_tags)
    files = root.files(inventory, naming, described)
    by_hand = root.output_note(files, described)
    return Adoption(inventory, naming, described, files, [*notes, *([by_hand] if by_hand else [])])


def _root(deployment: Deployment) -> Root:
    region = deployment.copy.region
    if region is None:
        raise InvalidInput(
            f"envs/{deployment.environment} has no variable region, so the endpoint's region is not known; add one."
        )
    return Root(deployment.copy.source, deployment.environment, region.name)


def _require_foreign(inventory: Inventory, own: str, deployment: Deployment) -> None:
    """Raise InvalidInput for an endpoint of this environment: a second address in one state would be a second owner."""
    if own and inventory.endpoint.tags.get(DEPLOYMENT_TAG) == own:
        raise InvalidInput(
            f"Endpoint {inventory.name} is one of {deployment.environment} already ({DEPLOYMENT_TAG}={own}): change it in "
            f"envs/{deployment.environment}, or, where its state has lost it, import it with: "
            f"{deployment.copy.command('apply')} --adopt"
        )


def _adopted(inventory: Inventory, shared: Sharing) -> list[Any]:
    """What would be imported or replaced: all but what is referenced."""
    kept = {inventory.role.arn} if inventory.role and (shared.role or inventory.kind != "async") else set()
    kept |= {inventory.bucket.arn} if inventory.bucket and shared.bucket else set()
    return [one for one in inventory.resources if one.arn not in kept and one.arn not in shared.topics]


def _described(aws: AwsSession, inventory: Inventory, shared: Sharing, naming: Naming, tags: Mapping[str, str]) -> Described:
    if inventory.kind == "async":
        return async_block(inventory, shared, naming, inventory.key_arn, tags)
    return beneath_blocks(inventory, naming, inventory.key_arn, tags)


def require_kept(planned: Planned, adoption: Adoption, command: str) -> None:
    """Raise ReplacementRefused where the plan would delete or replace something that serves, or that was to be imported."""
    imported = {one.address for one in adoption.described.imports}
    updated = {name for name, endpoint in planned.summary.endpoints.items() if endpoint.action == "update"}
    kept = adoption.inventory.name in updated or adoption.naming.name in updated
    lost = [
        one
        for one in planned.summary.resources
        if one.address in imported
        and one.action in ("delete", "replace")
        and not (kept and "aws_sagemaker_endpoint.this" in one.address)
    ]
    if lost:
        shown = joined([f"{one.address} ({', '.join(one.forcing) or one.action})" for one in lost])
        raise ReplacementRefused(
            f"The plan would delete or replace what was to be imported: {shown}. Nothing was changed; the files that were "
            f"written describe it otherwise than it is: correct them, and look again with: {command}"
        )


def write(deployment: Deployment, adoption: Adoption) -> None:
    """Write the files. A new one is created, never replaced; outputs.tf is replaced whole."""
    for path, text in adoption.files.items():
        if path.name != OUTPUTS_FILE:
            _create(path, text)
    for path, text in adoption.files.items():
        if path.name == OUTPUTS_FILE:
            write_whole(deployment.workspace, path, text.encode())


def _create(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be created ({error.strerror}); nothing of AWS was changed.") from error
