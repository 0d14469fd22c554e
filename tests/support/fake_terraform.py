"""The Terraform adapter replaced by one that records its commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from async_endpoint.terraform.adapter import Changes
from async_endpoint.terraform.plan_record import StateVersion


@dataclass
class FakeTerraform:
    """Replaces the adapter: `did` holds the commands, `changes` is what a plan finds, `values` the outputs.

    `document` is what `show` prints of a plan, `state` what it prints of the state, `version_of_state` which state that is,
    `fails` what an apply raises.
    """

    changes: Changes = field(default_factory=lambda: Changes(True, add=23))
    values: dict[str, Any] = field(default_factory=dict)
    planned: list[dict[str, Any]] = field(default_factory=list)  # a plan's resource_changes
    carry_out: Callable[[], None] = lambda: None  # what an apply does to AWS
    did: list[str] = field(default_factory=list)
    saved: list[Path] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    fails: Exception | None = None
    version: str = "1.11.4"
    folder: Path = Path("not-there")
    secrets: frozenset[str] = frozenset()
    pushes: Exception | None = None  # what writing a state raises
    version_of_state: StateVersion = field(default_factory=lambda: StateVersion("lineage", 1))

    def __call__(self, folder: Path, environment: dict[str, str], on_output: Any, **options: Any) -> FakeTerraform:
        self._say, self.folder = on_output, folder
        return self

    def init(self, backend_files: Iterable[Path] = (), *, migrate: bool = False) -> None:
        self.did.append("init")

    def plan(
        self,
        file: Path,
        *,
        destroy: bool = False,
        replace: Iterable[str] = (),
        targets: Iterable[str] = (),
        lock: bool = True,
    ) -> Changes:
        options = ["to destroy"] if destroy else []
        options += [*(f"replacing {address}" for address in replace), *(f"of {address}" for address in targets)]
        self.did.append(" ".join(["plan", *options]))
        self._say("a line of [the] plan")
        file.write_text("plan")
        self.saved.append(file)
        return self.changes

    def apply(self, file: Path) -> None:
        assert file.read_text() == "plan"
        self.did.append("apply")
        if self.fails is not None:
            raise self.fails
        self.carry_out()

    def show(self, file: Path | None = None) -> dict[str, Any]:
        return ({"resource_changes": self.planned} | self.document) if file else self.state

    def silent(self) -> Any:
        return self

    def require_unlocked(self) -> None:
        self.did.append("require unlocked")

    def state_version(self) -> StateVersion:
        return self.version_of_state

    def push_state(self, file: Path) -> None:
        self.did.append(f"push {file.read_text()}")
        if self.pushes is not None:
            raise self.pushes

    def output(self) -> dict[str, Any]:
        return self.values
