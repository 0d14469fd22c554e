"""What a kept plan was made from, beside the plan: for `apply FILE`, and for the approval of the changes by their digest.

A record has no value of any resource, only digests of them: of a plan file, which holds secrets, it is the part that is shown.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from async_endpoint.core.errors import PlanDamaged
from async_endpoint.terraform.plan_digest import sha256_of

FORMAT: Final = 1
MAX_BYTES: Final = 16 << 20


@dataclass(frozen=True)
class StateVersion:
    """Which state a plan was made for: each write raises `serial`. A new state has no lineage."""

    lineage: str
    serial: int


@dataclass(frozen=True)
class PlanRecord:
    """A plan's origin and its changes. SHA-256 sums are in hex.

    `instance` is that of the local AWS, empty on AWS. `root` is the sum of the Terraform files, `provider_lock` that of
    .terraform.lock.hcl, `archives` those of the model archives by path, `plan` that of the plan file. `changes` are digests by
    `ADDRESS: ACTION`, `endpoints` what becomes of each. `summary` is what `async-endpoint plan --json` prints.
    """

    environment: str
    region: str
    account: str
    instance: str
    created: str
    terraform: str
    provider_lock: str
    root: str
    archives: Mapping[str, str]
    state: StateVersion
    changes: Mapping[str, str]
    endpoints: Mapping[str, str]
    plan: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def digest(self) -> str:
        """What an approval is for: where, with which provider and archives, and the changes."""
        names = ("environment", "region", "account", "provider_lock", "archives", "changes", "endpoints", "format")
        return sha256_of({name: getattr(self, name) for name in names})

    def text(self) -> str:
        """The record as JSON."""
        return json.dumps(dataclasses.asdict(self) | {"digest": self.digest}, indent=2, sort_keys=True) + "\n"


def parse_record(text: str | bytes, where: str) -> PlanRecord:
    """The record that `text` is, from `where`. Raises PlanDamaged for anything else, and for a digest that is not its own."""
    try:
        document = json.loads(text)
        if document.get("format") != FORMAT:
            raise PlanDamaged(
                f"{where} is a plan of format {document.get('format')!r}, and this version of async-endpoint reads {FORMAT}; "
                "plan again."
            )
        digest = document.pop("digest")
        state = StateVersion(str(document["state"]["lineage"]), int(document["state"]["serial"]))
        record = PlanRecord(**document | {"state": state})
        own = record.digest
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise PlanDamaged(f"{where} is no record of a plan, or is damaged; plan again.") from error
    if digest != own:
        raise PlanDamaged(f"{where} was changed after the plan was made: its digest is not that of its changes; plan again.")
    return record


def difference(approved: PlanRecord, planned: PlanRecord) -> list[str]:
    """What makes the digest of `planned` another than that of `approved`, in words; empty where they are equal."""
    found = [
        f"{what} was {getattr(approved, name)} and is {getattr(planned, name)}"
        for name, what in (("environment", "the environment"), ("region", "the region"), ("account", "the account"))
        if getattr(approved, name) != getattr(planned, name)
    ]
    if approved.provider_lock != planned.provider_lock:
        found.append("the provider lock file .terraform.lock.hcl has changed")
    found += [f"archive {name} has changed" for name in _differing(approved.archives, planned.archives)]
    gone, new = approved.changes.keys() - planned.changes.keys(), planned.changes.keys() - approved.changes.keys()
    found += [f"{title} was not approved" for title in sorted(new)]
    found += [f"{title} was approved and is not planned" for title in sorted(gone)]
    found += [
        f"{title} has other values"
        for title in sorted(approved.changes.keys() & planned.changes.keys())
        if approved.changes[title] != planned.changes[title]
    ]
    if not found:
        found += [f"endpoint {name} has another fate" for name in _differing(approved.endpoints, planned.endpoints)]
    return found


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
