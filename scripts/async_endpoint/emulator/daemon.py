"""Lifecycle of the local AWS: run in the foreground or detached, query, reset, stop."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from async_endpoint.core.errors import InvalidInput, LocalAwsDenied, LocalAwsNotRunning, WorkFailed
from async_endpoint.core.extras import require_extra
from async_endpoint.emulator.auth.credentials import remove_credentials, write_credentials
from async_endpoint.emulator.container.runtime import runtime_named
from async_endpoint.emulator.file_lock import try_lock
from async_endpoint.emulator.filter_delay import DEFAULT_FILTER_DELAY_MINUTES
from async_endpoint.emulator.persistence.folder import was_closed
from async_endpoint.emulator.process_limits import allow_open_files, return_large_blocks
from async_endpoint.local_aws import (
    AccessKey,
    LocalAwsRecord,
    credentials_path,
    process_exists,
    read_credentials,
    read_record,
    remove_record,
    require_record,
    write_record,
)
from async_endpoint.workspace import Workspace

ACCESS_KEY_VARIABLE = "ASYNC_ENDPOINT_ACCESS_KEY"
SECRET_KEY_VARIABLE = "ASYNC_ENDPOINT_SECRET_KEY"
START_SECONDS = 60.0
ANSWER_SECONDS = 10.0
STOP_SECONDS = 30.0
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy for loopback
SAVE_SECONDS = 330.0  # more than the time limit of a save


def run(
    workspace: Workspace,
    port: int,
    time_scale: float,
    launch_seconds: float,
    ready: Callable[[LocalAwsRecord], None],
    containers: str = "python",
    state_dir: Path | None = None,
    access_key: AccessKey | None = None,
    filter_delay_minutes: float = DEFAULT_FILTER_DELAY_MINUTES,
    *,
    enforce_iam: bool = False,
) -> None:
    """Serve until stopped by a signal or by `stop`; `access_key` None generates credentials.

    Raises InvalidInput when the port is in use, another one runs, or `state_dir` cannot be restored; ToolMissing without the
    program for `containers`; WorkFailed when the state could not be saved at the end.
    """
    require_extra("local", "The local AWS")
    return_large_blocks()
    allow_open_files()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # importing moto fails if this shell's AWS_PROFILE does not exist
    from async_endpoint.emulator.emulator import Emulator  # noqa: PLC0415 - loads moto, which only the serving process needs

    refuse_second(workspace)
    folder = workspace.make_local("aws")
    with try_lock(folder) as locked:
        if not locked:  # its record does not exist yet, or no longer
            raise InvalidInput(
                "A local AWS of this checkout is starting or stopping; wait a moment, then see: async-endpoint local status"
            )
        for left_over in folder.glob("*" + "[0-9a-f]" * 12):  # folders of killed ones, named by instance_id
            shutil.rmtree(left_over, ignore_errors=True)
        runtime = runtime_named(containers, folder)
        runtime.remove_leftovers()
        try:
            aws = Emulator(
                folder,
                port,
                time_scale,
                launch_seconds,
                runtime,
                state_dir,
                access_key,
                partial(write_record, workspace),
                filter_delay_minutes,
                enforce_iam=enforce_iam,
            )
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise InvalidInput(
                f"Port {port} cannot be bound ({reason}); choose another with --port, or 0 for a free one."
            ) from error
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: aws.stopped.set())
        aws.start()
        write_credentials(workspace, aws.credentials)
        write_record(workspace, aws.record)
        try:
            ready(aws.record)
            aws.stopped.wait()
        finally:
            remove_record(workspace, aws.instance_id)
            remove_credentials(workspace, aws.credentials)
            aws.stop()


def start_detached(
    workspace: Workspace,
    port: int,
    time_scale: float,
    launch_seconds: float,
    containers: str = "python",
    state_dir: Path | None = None,
    access_key: AccessKey | None = None,
    filter_delay_minutes: float = DEFAULT_FILTER_DELAY_MINUTES,
    *,
    enforce_iam: bool = False,
) -> LocalAwsRecord:
    """Start one in a process of its own and wait until it is ready; raises its error if it does not start."""
    require_extra("local", "The local AWS")
    refuse_second(workspace)
    runtime_named(containers, workspace.local / "aws")
    log = log_path(workspace)
    workspace.make_local("aws")
    settings = {
        "root": str(workspace.root),
        "port": port,
        "time_scale": time_scale,
        "launch_seconds": launch_seconds,
        "containers": containers,
        "filter_delay_minutes": filter_delay_minutes,
        "enforce_iam": enforce_iam,
        "state_dir": str(state_dir.absolute()) if state_dir else None,
    }
    log.write_bytes(b"")
    with log.open("ab") as output:  # append: another one that starts concurrently writes to it too
        process = subprocess.Popen(
            [sys.executable, "-m", "async_endpoint.emulator", json.dumps(settings)],
            cwd=workspace.root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | _as_variables(access_key),
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        record = read_record(workspace)
        if record is not None and record.pid == process.pid and _is_ready(workspace, record):
            return record
        time.sleep(0.05)
    process.kill()
    lines = log.read_text(errors="replace").strip().splitlines() or ["it printed nothing"]
    last = next((line for line in reversed(lines) if line.startswith("error: ")), lines[-1]).removeprefix("error: ")
    if process.wait() == InvalidInput.exit_code:
        raise InvalidInput(last)
    raise LocalAwsNotRunning(f"The local AWS did not start: {last} (full log: {log}).")


def refuse_second(workspace: Workspace) -> None:
    """Raise InvalidInput when this checkout's local AWS is already running."""
    running = _running(workspace)
    if running is not None:
        raise InvalidInput(
            f"A local AWS of this checkout is already running at {running[0].endpoint_url}; stop it with: "
            "async-endpoint local down"
        )


def stop(workspace: Workspace, *, lose_changes: bool = False) -> LocalAwsRecord | None:
    """Stop this checkout's local AWS and wait until its process has ended; None when none was running.

    Raises WorkFailed when its state cannot be saved: it then keeps running, unless `lose_changes`.
    """
    running = _running(workspace)
    if running is None:
        return None
    record, state = running[0], running[1].get("state")
    try:
        _request(workspace, record, "stop", "POST", {"lose_changes": lose_changes}, SAVE_SECONDS if state else ANSWER_SECONDS)
    except LocalAwsNotRunning as error:
        complaint = _refusal_message(error)
        if complaint is None:
            raise
        raise WorkFailed(complaint) from None
    _await_end(workspace, record, STOP_SECONDS + (SAVE_SECONDS if state else 0.0))
    if state and not lose_changes and not was_closed(Path(state["dir"])):
        raise WorkFailed(
            f"The local AWS at {record.endpoint_url} has ended without saving its last changes in {state['dir']}; see the end "
            "of its log or terminal for the reason before you restart it from there."
        )
    return record


def reset(workspace: Workspace) -> LocalAwsRecord:
    """Delete all resources of the running one; returns its new record. Raises LocalAwsNotRunning, WorkFailed if it refuses."""
    running = _running(workspace)
    record = running[0] if running else require_record(workspace)
    try:
        return LocalAwsRecord(**_request(workspace, record, "reset", "POST", {}, SAVE_SECONDS))
    except LocalAwsNotRunning as error:
        complaint = _refusal_message(error)
        if complaint is None:
            raise
        raise WorkFailed(complaint) from None


def _await_end(workspace: Workspace, record: LocalAwsRecord, seconds: float) -> None:
    """Wait until its process has ended; kill it after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if read_record(workspace) is None and not _is_running(record.pid):
            return
        time.sleep(0.05)
    os.kill(record.pid, signal.SIGKILL)
    remove_record(workspace, record.instance_id)


def status(workspace: Workspace) -> dict[str, Any]:
    """The status document of the running one; raises LocalAwsNotRunning."""
    running = _running(workspace)
    return running[1] if running else _request(workspace, require_record(workspace), "status")


def faults(workspace: Workspace, method: str = "GET", name: str = "", document: dict[str, Any] | None = None) -> dict[str, Any]:
    """Call the faults API of the running one (faults/admin.py); raises LocalAwsNotRunning, or InvalidInput if it refuses."""
    path = f"faults/{quote(name, safe='')}" if name else "faults"
    try:
        return _request(workspace, require_record(workspace), path, method, document)
    except LocalAwsNotRunning as error:
        complaint = _refusal_message(error)
        if complaint is None:
            raise
        raise InvalidInput(complaint) from None


def _refusal_message(error: LocalAwsNotRunning) -> str | None:
    """The error message if the local AWS refused a request; None when it did not answer."""
    if isinstance(error.__cause__, urllib.error.HTTPError) and error.__cause__.code == 400:
        return str(json.load(error.__cause__)["error"])
    return None


def log_path(workspace: Workspace) -> Path:
    return workspace.local / "aws" / "log.txt"


def _as_variables(access_key: AccessKey | None) -> dict[str, str]:
    """Environment variables that pass credentials to a detached process: command lines are visible to all users."""
    if access_key is None:
        return {}
    return {ACCESS_KEY_VARIABLE: access_key.access_key_id, SECRET_KEY_VARIABLE: access_key.secret_access_key}


def _request(
    workspace: Workspace,
    record: LocalAwsRecord,
    path: str,
    method: str = "GET",
    document: dict[str, Any] | None = None,
    seconds: float = ANSWER_SECONDS,
) -> dict[str, Any]:
    body = None if document is None else json.dumps(document).encode()
    credentials = read_credentials(workspace)
    headers = credentials.admin_headers() if credentials else {}
    request = urllib.request.Request(f"{record.endpoint_url}/_local/{path}", body, headers, method=method)
    try:
        with _OPENER.open(request, timeout=seconds) as answer:
            return cast("dict[str, Any]", json.load(answer))
    except urllib.error.HTTPError as error:
        if error.code == 403 and _instance_of(error) == record.instance_id:
            raise LocalAwsDenied(
                f"The local AWS at {record.endpoint_url} rejects the token in {credentials_path(workspace)}; run this as the "
                f"user who started it, or end process {record.pid} and start it again."
            ) from error
        raise _not_answering(record, error) from error
    except (http.client.HTTPException, OSError, ValueError) as error:  # HTTPException: a truncated response
        raise _not_answering(record, error) from error


def _not_answering(record: LocalAwsRecord, error: Exception) -> LocalAwsNotRunning:
    return LocalAwsNotRunning(
        f"The local AWS at {record.endpoint_url} does not answer ({error}); stop process {record.pid}, then start it again."
    )


def _instance_of(error: urllib.error.HTTPError) -> str | None:
    """The instance id in the response to a rejected request."""
    try:
        return str(json.load(error)["instance_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _running(workspace: Workspace) -> tuple[LocalAwsRecord, dict[str, Any]] | None:
    """This checkout's local AWS and its status; raises LocalAwsNotRunning when it does not respond in time.

    A stale record, whose process id may belong to another program by now, is removed.
    """
    record = read_record(workspace)
    if record is None:
        return None
    try:
        document = _request(workspace, record, "status")
    except LocalAwsDenied:
        raise
    except LocalAwsNotRunning as error:
        if isinstance(getattr(error.__cause__, "reason", error.__cause__), TimeoutError):
            raise
        document = {}
    if document.get("instance_id") == record.instance_id:
        return record, document
    if read_record(workspace) not in (None, record):  # it was reset in between
        return _running(workspace)
    remove_record(workspace, record.instance_id)
    return None


def _is_ready(workspace: Workspace, record: LocalAwsRecord) -> bool:
    try:
        return bool(_request(workspace, record, "status")["instance_id"] == record.instance_id)
    except LocalAwsNotRunning:
        return False


def _is_running(pid: int) -> bool:
    """Whether a process runs; reaps a child that has ended."""
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except ChildProcessError:
        pass
    return process_exists(pid)
