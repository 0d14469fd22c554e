"""The workflows of this repository, parsed strictly: a key that is not known here is an error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from support.documents import ROOT

FOLDER = ROOT / ".github/workflows"
ALLOWED_ACTIONS = ROOT / ".github/allowed-actions.json"

# Source: GitHub documentation, "Workflow syntax"; those used here.
WORKFLOW_KEYS = {"name", "on", "permissions", "concurrency", "env", "jobs"}
JOB_KEYS = {
    "runs-on",
    "timeout-minutes",
    "permissions",
    "outputs",
    "steps",
    "needs",
    "if",
    "strategy",
    "env",
    "environment",
    "concurrency",
}
CALL_KEYS = {"uses", "with", "permissions", "needs", "if"}
STEP_KEYS = {"uses", "with", "run", "id", "if", "env", "timeout-minutes"}


class _Loader(yaml.SafeLoader):
    """YAML 1.2 booleans, as GitHub reads them: `on` is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


@dataclass(frozen=True)
class Workflow:
    """One file."""

    path: Path
    document: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Workflow:
        document = yaml.load(path.read_text(encoding="utf-8"), _Loader)
        workflow = cls(path, document)
        workflow._check()
        return workflow

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        return dict(self.document["jobs"])

    @property
    def triggers(self) -> dict[str, Any]:
        return dict(self.document["on"])

    def steps(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each step with the name of its job."""
        for name, job in self.jobs.items():
            for step in job.get("steps", ()):
                yield name, step

    def _check(self) -> None:
        _only(WORKFLOW_KEYS, self.document, self.path.name)
        for name, job in self.jobs.items():
            _only(CALL_KEYS if "uses" in job else JOB_KEYS, job, f"{self.path.name} {name}")
            for step in job.get("steps", ()):
                _only(STEP_KEYS, step, f"{self.path.name} {name}")
                assert ("run" in step) != ("uses" in step), step


def _only(known: set[str], found: dict[str, Any], where: str) -> None:
    assert set(found) <= known, f"{where} has {sorted(set(found) - known)}, which the tests do not know"


def workflows() -> list[Workflow]:
    """All of them."""
    return [Workflow.read(path) for path in sorted(FOLDER.glob("*.y*ml"))]


def allowed_actions() -> dict[str, dict[str, str]]:
    """Actions that may be used, by name: version, commit and the evidence that the one is the other."""
    document: dict[str, dict[str, str]] = json.loads(ALLOWED_ACTIONS.read_text(encoding="utf-8"))
    return document
