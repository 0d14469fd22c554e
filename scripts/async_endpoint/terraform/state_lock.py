"""A state that is locked: who holds the lock, since when, and whether that command still runs on this machine.

With an S3 backend (`use_lockfile`) the lock is an object beside the state, which a command that is killed leaves behind.
A local state is locked by the kernel: that lock ends with its process, so its holder is alive.
"""

from __future__ import annotations

import getpass
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from async_endpoint.core.errors import StateLocked

_FIELD: Final = re.compile(r"^\s*(ID|Path|Operation|Who|Version|Created):[ \t]*(.*)$", re.MULTILINE)
_SUMMARY: Final = "Error acquiring the state lock"
_OF_SAVED_PLAN: Final = "backend from plan"  # Terraform's word while an apply of a saved plan looks at its backend
# Answers of S3 to a conditional write, and of the kernel.
_TAKEN: Final = ("PreconditionFailed", "ConditionalRequestConflict", "temporarily unavailable")
_PROC: Final = Path("/proc")


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


def running_terraform(folder: Path) -> int | None:
    """The id of a process named terraform that works in `folder` on this machine, as far as /proc shows it (Linux)."""
    wanted = folder.resolve()
    for process in _PROC.glob("[0-9]*"):
        try:
            if (process / "comm").read_text().strip() == "terraform" and (process / "cwd").resolve(strict=True) == wanted:
                return int(process.name)
        except OSError:  # it has ended, or is another user's
            continue
    return None


def locked_error(lock: StateLock, *, environment: str, folder: Path, unlock: str | None) -> StateLocked:
    """Describe `lock` and what to do. `unlock` is the command that removes it, without the ID, None for a local state."""
    subject = f"The state of {environment} is {lock}"
    process = running_terraform(folder)
    if process is not None:
        return StateLocked(f"{subject}; Terraform still works on it, as process {process} of this machine: wait until it ends.")
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
            f"{subject}; no Terraform of this checkout works on it any more. Unless another checkout on this machine has it, "
            f"unlock it with: {unlock}"
        )
    return StateLocked(f"{subject}; if that command has ended on {lock.host or 'its machine'}, unlock it with: {unlock}")
