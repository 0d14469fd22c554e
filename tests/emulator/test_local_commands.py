"""`async-endpoint local up|down|status` as a user runs them, and the record by which they find the local AWS."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder

from async_endpoint.core.errors import InvalidInput, LocalAwsNotRunning
from async_endpoint.emulator import daemon
from async_endpoint.emulator.router import Router
from async_endpoint.local_aws import LocalAwsRecord, read_record, record_path, write_record
from async_endpoint.workspace import Workspace
from support.common import process_runs, until
from support.emulator_process import command, empty_checkout, remote
from support.in_process_aws import AwsHarness

NOT_RUNNING = "No local AWS runs for this checkout; start it with: async-endpoint local up --detach"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """An empty checkout; its local AWS is stopped afterwards."""
    root = tmp_path / "a check out"
    workspace = empty_checkout(root)
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(root))
    yield workspace
    daemon.stop(workspace)


def test_up_status_and_down_agree(workspace: Workspace) -> None:
    code, out, errors = command("up", "--detach", "--port", "0", "--time-scale", "600", "--json")
    assert code == 0, errors
    record = json.loads(out)
    assert record == asdict(read_record(workspace))  # type: ignore[call-overload]
    assert process_runs(record["pid"])

    code, out, _ = command("status", "--json")
    status = json.loads(out)
    assert (code, status["endpoint_url"], status["endpoints"]) == (0, record["endpoint_url"], [])
    assert status["not_emulated"]
    assert {status[name] == record[name] for name in ("instance_id", "pid", "account_id", "time_scale")} == {True}

    runs = (
        f"A local AWS of this checkout is already running at {record['endpoint_url']}; stop it with: async-endpoint local down"
    )
    assert command("up", "--port", "0") == (2, "", [f"error: {runs}"])
    with pytest.raises(InvalidInput, match=re.escape(runs)):
        daemon.start_detached(workspace, 0, 60, 60)

    assert command("down") == (0, "", [f"stopped the local AWS at {record['endpoint_url']}"])
    assert not process_runs(record["pid"])
    assert not record_path(workspace).exists()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(record["endpoint_url"], timeout=5)
    assert daemon.stop(workspace) is None
    assert command("status") == (3, "", [f"error: {NOT_RUNNING}"])


def test_a_killed_local_aws_leaves_no_containers_and_no_lock(workspace: Workspace) -> None:
    record = daemon.start_detached(workspace, 0, 600, 6)
    deployed = remote(workspace).endpoint()
    container: int = deployed.status()["instances"][0]["pid"]
    assert process_runs(container)
    os.kill(record.pid, signal.SIGKILL)
    until(lambda: not process_runs(container), "the container ends too")
    os.waitpid(record.pid, 0)
    assert read_record(workspace) is None
    again = daemon.start_detached(workspace, 0, 600, 6)
    assert {path.name for path in record_path(workspace).parent.iterdir() if path.is_dir()} == {again.instance_id}


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_shuts_it_down_cleanly(workspace: Workspace, signal_: signal.Signals) -> None:
    record = daemon.start_detached(workspace, 0, 600, 6)
    deployed = remote(workspace).endpoint(wait=False)
    until(lambda: deployed.status()["instances"] and deployed.status()["instances"][0]["pid"], "a container runs")
    container: int = deployed.status()["instances"][0]["pid"]
    os.kill(record.pid, signal_)
    _, status = os.waitpid(record.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert not record_path(workspace).exists()
    until(lambda: not process_runs(container), "the container is gone")
    assert "Traceback" not in daemon.log_path(workspace).read_text()
    assert [path.name for path in record_path(workspace).parent.iterdir()] == ["log.txt"]


def test_a_port_in_use_is_reported_in_one_sentence(workspace: Workspace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, errors = command("up", "--detach", "--port", str(port))
    sentence = f"Port {port} cannot be bound (Address already in use); choose another with --port, or 0 for a free one."
    assert (code, out, errors) == (2, "", [f"error: {sentence}"])
    assert read_record(workspace) is None


def test_a_record_of_an_ended_process_is_ignored(workspace: Workspace) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    write_record(workspace, LocalAwsRecord("http://127.0.0.1:9", "instance", gone.pid, 60.0))
    assert read_record(workspace) is None
    assert daemon.stop(workspace) is None


def test_a_record_whose_process_id_was_reused_by_another_user_is_ignored(workspace: Workspace) -> None:
    """Otherwise a user who reuses process id and port of a killed local AWS would receive its token."""
    root = os.getuid() == 0
    another = subprocess.Popen(["sleep", "60"], user=65_534) if root else None  # any but root's can be had by root alone
    try:
        write_record(workspace, LocalAwsRecord("http://127.0.0.1:9", "instance", another.pid if another else 1, 60.0))
        assert read_record(workspace) is None
        with pytest.raises(LocalAwsNotRunning, match="No local AWS runs for this checkout"):
            daemon.faults(workspace)
    finally:
        if another:
            another.kill()
            another.wait()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"endpoint_url": 1, "more": 2}'])
def test_an_invalid_record_is_ignored(workspace: Workspace, text: str) -> None:
    record_path(workspace).parent.mkdir(parents=True)
    record_path(workspace).write_text(text)
    assert read_record(workspace) is None
    daemon.refuse_second(workspace)


def test_a_record_whose_process_id_was_reused_by_another_program_is_removed(workspace: Workspace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        url = f"http://127.0.0.1:{closed_soon.getsockname()[1]}"
    stale = LocalAwsRecord(url, "instance", os.getpid(), 60.0)
    for do in (daemon.refuse_second, daemon.stop):
        write_record(workspace, stale)
        assert do(workspace) is None
        assert not record_path(workspace).exists()
    write_record(workspace, stale)
    with pytest.raises(LocalAwsNotRunning, match="No local AWS runs for this checkout"):
        daemon.status(workspace)


def test_another_checkouts_local_aws_at_the_recorded_port_is_not_stopped(workspace: Workspace, local_aws: AwsHarness) -> None:
    write_record(workspace, LocalAwsRecord(local_aws.url, "another-instance", os.getpid(), 60.0))
    assert daemon.stop(workspace) is None
    assert not local_aws.aws.stopped.is_set()
    assert local_aws.s3.list_buckets()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_truncated_response_is_reported_in_one_sentence(workspace: Workspace) -> None:
    def answer_half(listener: socket.socket) -> None:
        with listener.accept()[0] as connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer_half, args=(listener,))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        write_record(workspace, LocalAwsRecord(url, "instance", os.getpid(), 60.0))
        with pytest.raises(LocalAwsNotRunning, match=rf"{url} does not answer \(IncompleteRead.*\); stop process"):
            daemon.faults(workspace)
        thread.join()
    record_path(workspace).unlink()


def test_it_stops_only_after_the_response_was_sent() -> None:
    done: list[str] = []
    nothing: Any = None
    front = Router(nothing, nothing, lambda *_: {"stopping": True}, lambda: done.append("stop"), nothing)
    environ = EnvironBuilder("/_local/stop", method="POST").get_environ()
    answer = front(environ, lambda status, _: done.append(status))
    assert b"".join(answer) == b'{"stopping": true}'
    assert done == ["200 OK"]
    answer.close()  # type: ignore[attr-defined]  # as a server does when all is sent
    assert done == ["200 OK", "stop"]


def test_a_failed_start_reports_the_last_log_line(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(workspace.root))
    (workspace.root / "moto.py").write_text("raise RuntimeError('moto is broken')\n")
    with pytest.raises(LocalAwsNotRunning, match="RuntimeError: moto is broken"):
        daemon.start_detached(workspace, 0, 60, 60)


def test_it_listens_on_loopback_only(local_aws: AwsHarness) -> None:
    assert local_aws.url.startswith("http://127.0.0.1:")
    assert local_aws.aws._server._server.socket.getsockname()[0] == "127.0.0.1"


def test_an_unknown_administration_path_is_not_found(local_aws: AwsHarness) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(
            urllib.request.Request(f"{local_aws.url}/_local/nothing", headers=local_aws.credentials.admin_headers())
        )
    assert refused.value.code == 404
