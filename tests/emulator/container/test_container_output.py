"""Container output is always read, whatever becomes of the lines."""

from __future__ import annotations

import io
import logging
import threading
from pathlib import Path

import pytest

from async_endpoint.emulator.container.child_process import MAX_LINE_BYTES, forward_lines
from async_endpoint.emulator.container.container import Container, Workload
from async_endpoint.emulator.container.runtime import PythonRuntime, launch
from support.common import until
from support.containers import pipeline, single

TALKATIVE = """
def model_fn(d): pass
def transform_fn(model, data, content_type, accept):
    for number in range(4000):
        print("line", number, "x" * 60)
    return "said", "text/plain"
"""


@pytest.mark.parametrize("workload", [single(TALKATIVE), pipeline(TALKATIVE, TALKATIVE)], ids=["one", "pipeline"])
def test_output_that_cannot_be_stored_does_not_block_the_model(tmp_path: Path, workload: Workload) -> None:
    ended = threading.Event()
    received: list[str] = []

    def broken(line: str) -> None:
        received.append(line)
        raise OSError("no space left on device")

    container: Container = launch(tmp_path / "instance", workload, broken, lambda _: ended.set(), PythonRuntime())
    until(container.ping, "it answers /ping")
    assert container.invoke(b"", {}, 60).body == b"said"  # four times what a pipe holds
    until(lambda: any(line.startswith("line 3999") for line in received), "all of it was taken")
    container.kill()
    assert ended.wait(60)


def test_a_lost_line_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    kept: list[str] = []

    def picky(line: str) -> None:
        if line == "bad":
            raise ValueError("not this one")
        kept.append(line)

    with caplog.at_level(logging.WARNING):
        forward_lines(io.BytesIO(b"good\nbad\nbetter \xff\n"), picky)
    assert kept == ["good", "better \ufffd"]
    assert caplog.messages == ["A line of container output is lost: ValueError: not this one"]


def test_an_endless_line_is_split() -> None:
    """Otherwise the local AWS's process would hold all of it in memory."""
    kept: list[str] = []
    forward_lines(io.BytesIO(b"x" * (2 * MAX_LINE_BYTES + 1) + b"\nend"), kept.append)
    assert [len(line) for line in kept] == [MAX_LINE_BYTES, MAX_LINE_BYTES, 1, 3]
