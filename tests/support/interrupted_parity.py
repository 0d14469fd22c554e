"""Runs of `python -m parity` on a local AWS that signals interrupt at a number of calls, and what they leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from parity.local import REGION
from support.account_snapshot import account_snapshot
from support.remote_aws import RemoteAws

TESTS = Path(__file__).resolve().parents[1]
LONGEST_SECONDS = 180.0


@dataclass(frozen=True)
class Interrupted:
    """One trial: what was sent after how many calls, and the exit code, None where it did not end."""

    point: int
    signals: Sequence[signal.Signals]
    exit_code: int | None
    output: str


class ParityRuns:
    """Runs of the command on one local AWS."""

    def __init__(self, aws: RemoteAws, home: Path) -> None:
        self.aws, self.home = aws, home
        self._clients: dict[str, Any] = {}
        self.before = self.snapshot()

    def client(self, service: str) -> Any:
        """A client of this local AWS, the same one each time."""
        if service not in self._clients:
            credentials = self.aws.credentials
            session = boto3.Session(credentials.access_key_id, credentials.secret_access_key, region_name=REGION)
            self._clients[service] = session.client(service, endpoint_url=self.aws.record.endpoint_url)
        return self._clients[service]

    def snapshot(self) -> set[tuple[str, str]]:
        return account_snapshot(self.client)

    def left(self) -> set[tuple[str, str]]:
        """What there is and was not before the first run."""
        return self.snapshot() - self.before

    def calls(self) -> int:
        """How many calls this local AWS has answered."""
        return sum(sum(actions.values()) for actions in self.aws.status()["calls"].values())

    def start(self, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "parity", "--home", str(self.home), *options]
        return subprocess.Popen(
            command,
            env=os.environ | {"PYTHONPATH": str(TESTS)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def phases(self) -> tuple[int, int]:
        """How many calls a run makes until the removal begins, and how many in all."""
        begin, process = self.calls(), self.start()
        assert process.stdout is not None
        for line in process.stdout:
            if "removing what was created" in line:
                break
        observed = self.calls() - begin
        process.communicate(timeout=LONGEST_SECONDS)
        assert process.returncode == 0
        return observed, self.calls() - begin

    def complete(self, *options: str) -> tuple[int, str]:
        """The exit code and the output of a run without interruption."""
        process = self.start(*options)
        output, _ = process.communicate(timeout=LONGEST_SECONDS)
        return process.returncode, output

    def interrupt(self, point: int, signals: Sequence[signal.Signals], *options: str) -> Interrupted:
        """Start a run, send the signals once it has made `point` calls, and wait for its end."""
        begin, process = self.calls(), self.start(*options)
        deadline = time.monotonic() + LONGEST_SECONDS
        while process.poll() is None and self.calls() - begin < point and time.monotonic() < deadline:
            time.sleep(0.01)
        for number in signals:
            process.send_signal(number)
            time.sleep(0.05)
        try:
            output, _ = process.communicate(timeout=LONGEST_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return Interrupted(point, signals, None, process.communicate()[0])
        return Interrupted(point, signals, process.returncode, output)
