"""What a running local AWS writes about itself, so that other commands find it."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from async_endpoint.core.errors import LocalAwsNotRunning
from async_endpoint.workspace import Workspace

ACCOUNT_ID = "123456789012"  # moto's account
KEPT = "kept-"  # begins the id of one that can come back, with its `--state-dir`


def new_instance_id(*, kept: bool) -> str:
    """An id that no other local AWS has."""
    return (KEPT if kept else "") + uuid.uuid4().hex[:12]


@dataclass(frozen=True)
class LocalAwsRecord:
    """One running local AWS. State made under another `instance_id` is void; only one with a `--state-dir` keeps its own."""

    endpoint_url: str
    instance_id: str
    pid: int
    time_scale: float
    account_id: str = ACCOUNT_ID


def record_path(workspace: Workspace) -> Path:
    return workspace.local / "aws" / "record.json"


def write_record(workspace: Workspace, record: LocalAwsRecord) -> None:
    """Write atomically, so that a reader never sees half a record."""
    path = record_path(workspace)
    workspace.make_local("aws")
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(asdict(record), indent=2) + "\n")
    temporary.replace(path)


def remove_record(workspace: Workspace, instance_id: str) -> None:
    """Remove the record if it is still this instance's."""
    record = _load(record_path(workspace))
    if record is not None and record.instance_id == instance_id:
        record_path(workspace).unlink(missing_ok=True)


def read_record(workspace: Workspace) -> LocalAwsRecord | None:
    """The local AWS of this checkout, or None when none is alive; a stale record is not returned.

    A process of another user makes a record stale too: who waits for the id and the port of one that was killed would else be
    sent its token and signed requests.
    """
    path = record_path(workspace)
    record = _load(path)
    return record if record is not None and _runs_for_owner(record.pid, path) else None


def require_record(workspace: Workspace) -> LocalAwsRecord:
    """The local AWS of this checkout; raises LocalAwsNotRunning with the command that starts it."""
    record = read_record(workspace)
    if record is None:
        raise LocalAwsNotRunning("No local AWS runs for this checkout; start it with: async-endpoint local up --detach")
    return record


def _load(path: Path) -> LocalAwsRecord | None:
    try:
        return LocalAwsRecord(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _runs_for_owner(pid: int, path: Path) -> bool:
    """Whether a process has this id, and is of the user who owns the file."""
    try:
        owner = path.stat().st_uid
        with contextlib.suppress(FileNotFoundError):  # it has ended, or there is no /proc
            return Path(f"/proc/{pid}").stat().st_uid == owner
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def runs(pid: int) -> bool:
    """Whether a process has this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
