"""Which resources belong to runs of probes: their names have the form of a run's names and, where they take tags, its tags.

An account may have resources of others whose names begin with `parity-`, or that have a tag of that name: the form and the
tags together decide, and what lacks either is never changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "parity-"
TAG = "async-endpoint-parity-run"
REGION_TAG = "async-endpoint-parity-region"
# What AWS puts before the name of an endpoint in names that it makes of it; aliases have a prefix by rule.
DERIVED = ("alias/", "endpoint/", "/aws/sagemaker/Endpoints/", "TargetTracking-endpoint/")
_NAME = re.compile(rf"(?:{'|'.join(map(re.escape, DERIVED))})?{PREFIX}([0-9a-f]{{8}})-[a-z][a-z-]*-\d")


@dataclass(frozen=True)
class Scope:
    """One run, or every run (`run` is empty), in one region. Runs of other regions are never in it."""

    region: str
    run: str = ""

    @property
    def prefix(self) -> str:
        """What the names in it begin with."""
        return f"{PREFIX}{self.run}-" if self.run else PREFIX

    def has_name(self, name: str) -> bool:
        """Whether a name has the form of those of this run, or of any."""
        return run_of(name) == self.run if self.run else bool(run_of(name))

    def has_tags(self, tags: Mapping[str, str]) -> bool:
        """Whether these tags are those of this run, or of any, in this region."""
        run = tags.get(TAG, "")
        known = run == self.run if self.run else re.fullmatch("[0-9a-f]{8}", run) is not None
        return known and tags.get(REGION_TAG) == self.region

    def owns(self, name: str, tags: Mapping[str, str]) -> bool:
        """Whether both are of the same run, which is in it."""
        return self.has_tags(tags) and run_of(name) == tags[TAG]


def run_of(name: str) -> str:
    """The run that a name has the form of; empty for any other name."""
    found = _NAME.match(name)
    return found[1] if found else ""


def as_mapping(tags: Iterable[Mapping[str, Any]], key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Tags of the form that most services list them in."""
    return {str(tag[key]): str(tag[value]) for tag in tags}
