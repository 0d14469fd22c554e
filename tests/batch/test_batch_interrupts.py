"""Ctrl-C at any point of a batch, once and twice: one line, no traceback, and the same command resumes it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ITEMS, POINTS = 10, 6
LONGEST_SECONDS = 300
pytestmark = pytest.mark.xdist_group("client-batch")  # one local AWS for all of them


def test_ctrl_c_at_any_point_leaves_no_traceback_and_loses_nothing(shared_endpoint: Any, tmp_path: Path) -> None:
    source, out = tmp_path / "rows.jsonl", tmp_path / "out"
    source.write_text("\n".join(json.dumps({"id": f"item-{number}", "body": {"number": number}}) for number in range(ITEMS)))
    order = {
        "outputs": shared_endpoint.outputs.as_dict(),
        "url": shared_endpoint.local_aws.url,
        "source": str(source),
        "out": str(out),
    }
    order |= {"scratch": str(tmp_path), "points": POINTS}
    script = [sys.executable, str(Path(__file__).parents[1] / "support" / "interrupted_batch.py"), json.dumps(order)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    (_, first, said), *runs = json.loads(done.stdout.splitlines()[-1])
    assert first == 0, said
    assert len(runs) == POINTS
    for interrupts, code, said in runs:
        # 0 where it was at its end already; by the signal itself where Python was ending
        assert code in (130, 0, -signal.SIGINT), (interrupts, code, said)
        assert "Traceback" not in said and "Exception ignored" not in said, (interrupts, said)
    assert [code for _, code, _ in runs].count(130) >= POINTS / 2
    report = shared_endpoint.run(source, out)
    assert (report.items, report.done, report.open) == (ITEMS, ITEMS, 0)


def test_a_second_ctrl_c_ends_what_hangs(tmp_path: Path) -> None:
    program = """
import sys, time
from async_endpoint.cli.interrupts import second_interrupt_ends_at_once
with second_interrupt_ends_at_once("stopped at once; the same command resumes it"):
    try:
        print("begun", flush=True)
        time.sleep(60)
    finally:
        print("ending", flush=True)
        while True:  # what is being closed does not come to its end
            time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            for line in ("begun\n", "ending\n"):
                assert process.stdout.readline() == line
                os.kill(process.pid, signal.SIGINT)
            assert process.wait(30) == 130
            assert "stopped at once; the same command resumes it" in process.stderr.read()
        finally:
            process.kill()


def test_an_interrupt_that_is_ignored_stays_ignored() -> None:
    program = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
from async_endpoint.cli.interrupts import second_interrupt_ends_at_once
with second_interrupt_ends_at_once("never"):
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
