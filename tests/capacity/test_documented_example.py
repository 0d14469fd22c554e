"""The example of docs/capacity.md runs, and prints what its words promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "capacity.md"


def test_the_python_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(compile(example, str(PAGE), "exec"), {})
    row = r"(\d): p50 (\d+) s, p95 (\d+) s, (\d+\.\d) instance hours"
    rows = [re.fullmatch(row, line) for line in capsys.readouterr().out.splitlines()]
    waits = [int(found[2]) for found in rows if found]
    assert len(waits) == 3
    assert waits == sorted(waits, reverse=True)
