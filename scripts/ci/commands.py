"""Runs a command of async-endpoint as a step: its progress goes to the log, the reason of a failure to the page of the run.

All of the log is written to standard output: GitHub's runner reads the two streams separately, and takes what it has of
standard error first (actions/runner, ProcessInvoker.cs), so that it could obey a line there before commands are stopped.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Final

from ci.run import Run, annotation

PROGRAM: Final = Path(sys.executable).with_name("async-endpoint")
REFUSED: Final = 4  # the exit code of core/errors.py for what is possible and unsafe, or has drifted

_ERROR = re.compile(r"^error: ", re.MULTILINE)


@dataclass(frozen=True)
class Finished:
    """How a command ended: its exit code, what it printed, and the sentence of its error (empty on success)."""

    code: int
    output: str
    reason: str


def execute(arguments: list[str], *, cwd: Path, region: str) -> Finished:
    """Run async-endpoint with `arguments` in the checkout `cwd`. What it says on standard error appears at once, in the log."""
    # With CI, values of resources stay out of the log.
    environment = os.environ | {"TF_VAR_region": region, "NO_COLOR": "1", "COLUMNS": "4000", "CI": "true"}
    environment.pop("GITHUB_TOKEN", None)  # no command calls GitHub, and Terraform passes variables on to providers
    process = subprocess.Popen(
        [PROGRAM, *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    with uninterpreted(), _outliving(process):
        return _followed(process)


@contextmanager
def uninterpreted() -> Iterator[None]:
    """GitHub reads nothing that is printed on standard output meanwhile as a workflow command: texts of others."""
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}", flush=True)
    try:
        yield
    finally:
        print(f"::{token}::", flush=True)


@contextmanager
def _outliving(process: subprocess.Popen[str]) -> Iterator[None]:
    """A job that is cancelled waits for its command, which ends Terraform and releases the state's lock.

    SIGINT reaches the command together with this process, SIGTERM is passed on.
    """
    before = {signal.SIGINT: signal.getsignal(signal.SIGINT), signal.SIGTERM: signal.getsignal(signal.SIGTERM)}
    signal.signal(signal.SIGINT, lambda number, frame: None)
    signal.signal(signal.SIGTERM, lambda number, frame: process.send_signal(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _followed(process: subprocess.Popen[str]) -> Finished:
    """Both streams are read at once: one that is not read blocks the command when its pipe is full."""
    assert process.stdout is not None
    assert process.stderr is not None
    printed: list[str] = []
    reader = Thread(target=lambda: printed.append(process.stdout.read()))  # type: ignore[union-attr]
    reader.start()
    lines = []
    for line in process.stderr:
        sys.stdout.write(line)
        sys.stdout.flush()
        lines.append(line)
    code = process.wait()
    reader.join()
    return Finished(code, "".join(printed), _reason("".join(lines), code) if code else "")


def _reason(text: str, code: int) -> str:
    """The last error in `text`: its first line begins with `error: `, and it goes to the end."""
    found = list(_ERROR.finditer(text))
    if found:
        return text[found[-1].end() :].strip()
    return (text.strip().splitlines() or [f"It ended with exit code {code}."])[-1]


def report_failure(run: Run, title: str, reason: str) -> None:
    """Show why a step fails: as an annotation, and in the job's summary as text that is not read as Markdown."""
    print(annotation("error", title, reason), flush=True)
    run.write_summary(f"### {title} failed\n\n{quoted(reason)}\n")


def quoted(text: str) -> str:
    """`text` as a block of code whose fence it cannot close."""
    longest = max((len(found) for found in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
