"""A state that is locked: who holds the lock, since when, and whether a command still works on it on this machine.

The lock names user and host of its holder and no process. A Terraform of this machine is known to work on the state when it
runs in the same working copy, or in a folder that was initialised with the same bucket and key, as of another checkout.

With an S3 backend (`use_lockfile`) the lock is an object beside the state, which a command that is killed leaves behind.
A local state is locked by the kernel: that lock ends with its process, so its holder is alive.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from async_endpoint.core.errors import StateLocked

_FIELD: Final = re.compile(r"^\s*(ID|Path|Operation|Who|Version|Created):[ \t]*(.*)$", re.MULTILINE)
_SUMMARY: Final = "Error acquiring the state lock"
_OF_SAVED_PLAN: Final = "backend from plan"  # Terraform's word while an apply of a saved plan looks at its backend
# Answers of S3 to a conditional write, and of the kernel.
_TAKEN: Final = ("PreconditionFailed", "ConditionalRequestConflict", "temporarily unavailable")
_PROC: Final = Path("/proc")
_ENDPOINT: Final = "AWS_ENDPOINT_URL="
_INITIALISED_BACKEND: Final = Path(".terraform", "terraform.tfstate")  # what `terraform init` was given


@dataclass(frozen=True)
class StateLock:
    """A lock as Terraform describes it; `id` is empty where the lock's own description could not be read."""

    id: str
    operation: str
    who: str
    created: str

    @property
    def host(self) -> str:
        return self.who.rpartition("@")[2]

    def __str__(self) -> str:
        operation = self.operation.removeprefix("OperationType").lower() or "an unknown operation"
        if operation == _OF_SAVED_PLAN:
            operation = "apply"
        since = self.created.partition(".")[0].removesuffix(" +0000 UTC") or "an unknown time"
        return f"locked by {self.who or 'an unknown user'} since {since} UTC ({operation}, lock ID {self.id or 'unknown'})"


def read_lock(output: str) -> StateLock | None:
    """The lock that made a Terraform command fail, from what it printed; None when it failed for another reason."""
    start = output.find(_SUMMARY)
    if start < 0:
        return None
    found: dict[str, str] = {}
    for name, value in _FIELD.findall(output[start:]):
        found.setdefault(name, value.strip())
    if not found.get("ID") and not any(reason in output[start:] for reason in _TAKEN):
        return None  # the lock may not be written, or its bucket not reached
    return StateLock(found.get("ID", ""), found.get("Operation", ""), found.get("Who", ""), found.get("Created", ""))


@dataclass(frozen=True)
class RunningTerraform:
    """A Terraform process of this machine. `elsewhere`: it runs in another folder than the one that was asked about."""

    process: int
    folder: Path
    elsewhere: bool

    def __str__(self) -> str:
        return f"process {self.process} of this machine{f' in {self.folder}' if self.elsewhere else ''}"


def running_terraform(folder: Path, state: tuple[str, str] | None = None) -> RunningTerraform | None:
    """A Terraform that works on the state of `folder` on this machine, as far as /proc shows it (Linux, one's own processes).

    `state` is its bucket and key, where `folder` need not be initialised.
    """
    wanted, state = folder.resolve(), state or _state_in_s3(folder)
    found = [RunningTerraform(process, where, elsewhere=where != wanted) for process, where in _processes()]
    own = (terraform for terraform in found if not terraform.elsewhere)
    others = (one for one in found if state is not None and _state_in_s3(one.folder) == state and _is_of_this_aws(one.process))
    return next(own, None) or next(others, None)


def initialised_backend(folder: Path) -> Mapping[str, Any]:
    """The backend that the last `terraform init` in `folder` was given: `type` and `config`; empty without one."""
    try:
        document = json.loads((folder / _INITIALISED_BACKEND).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    found: Mapping[str, Any] = (document.get("backend") or {}) if isinstance(document, dict) else {}
    return found


def _state_in_s3(folder: Path) -> tuple[str, str] | None:
    backend = initialised_backend(folder)
    settings = backend.get("config") or {}
    return (str(settings.get("bucket")), str(settings.get("key"))) if backend.get("type") == "s3" else None


def _is_of_this_aws(process: int) -> bool:
    """Whether a process of Terraform calls the AWS of this one: buckets of two local AWSs may have the same name."""
    wanted = f"{_ENDPOINT}{os.environ[_ENDPOINT[:-1]]}" if os.environ.get(_ENDPOINT[:-1]) else ""
    try:
        variables = os.fsdecode((_PROC / str(process) / "environ").read_bytes()).split("\0")
    except OSError:
        return False
    return next((variable for variable in variables if variable.startswith(_ENDPOINT)), "") == wanted


def _processes() -> Iterator[tuple[int, Path]]:
    """The processes named terraform, and where they work."""
    for process in _PROC.glob("[0-9]*"):
        try:
            if (process / "comm").read_text().strip() == "terraform":
                yield int(process.name), (process / "cwd").resolve(strict=True)
        except OSError:  # it has ended, or is another user's
            continue


def locked_error(lock: StateLock, *, environment: str, folder: Path, unlock: str | None) -> StateLocked:
    """Describe `lock` and what to do. `unlock` is the command that removes it, without the ID, None for a local state."""
    subject = f"The state of {environment} is {lock}"
    here = lock.host in ("", socket.gethostname())
    running = running_terraform(folder)
    if running is not None and (here or not running.elsewhere):
        return StateLocked(f"{subject}; Terraform still works on it, as {running}: wait until it ends.")
    if unlock is None:
        return StateLocked(f"{subject}; only a running process can hold a local state: wait until it ends, or stop it.")
    if not lock.id:  # released just now, or not written by Terraform
        return StateLocked(
            f"{subject}; repeat the command. If the holder stays unknown, delete the lock, which is the object <key of the "
            "state>.tflock in the state bucket."
        )
    unlock = f"{unlock} {lock.id}"
    if lock.who == f"{getpass.getuser()}@{socket.gethostname()}":
        return StateLocked(
            f"{subject}; no Terraform was found that works on it on this machine, where one in a container is not seen. "
            f"Confirm that its command has ended, then unlock it with: {unlock}"
        )
    return StateLocked(
        f"{subject}; confirm that its command has ended on {lock.host or 'its machine'}, then unlock it with: {unlock}"
    )
