"""docs/migrate.md, each block in its order, while callers with a fixed timeout keep calling: no call fails."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from support.documents import ROOT
from support.readme_commands import clone, guide, run

COMMAND = ROOT / ".venv/bin/async-endpoint"
VARIANTS = {"AllTraffic", "primary", "refused"}  # of the old endpoint, of the new one, and inputs that the model refuses


def test_no_call_fails_while_callers_move(tmp_path: Path) -> None:
    checkout, blocks = clone(tmp_path), guide("migrate.md")
    assert len(blocks) >= 10
    try:
        printed = run(checkout, ["exec 2>&1", *blocks], 1500)
    finally:
        subprocess.run([COMMAND, "local", "down"], cwd=checkout, check=False)
    before, after = (report(checkout, name) for name in ("before", "after"))
    print(json.dumps({"before": before, "after": after}, indent=2))

    assert (before["failed"], after["failed"]) == (0, 0), before["failures"] + after["failures"]
    assert before["begun"] < after["begun"] < before["ended"] < after["ended"]  # a caller was there all the time
    assert before["calls"] > 100 and after["calls"] > 50
    assert set(before["variants"]) == {"AllTraffic", "refused"} and set(after["variants"]) == VARIANTS
    router = after["router"]
    assert router["real_time"] > 0 and router["asynchronous"] > 0 and router["fallbacks"] == 0
    assert router["real_time"] + router["asynchronous"] == after["calls"]
    assert "language-real-time is deleted" in printed
    assert "nothing of language-shop is left" in printed
    assert "the same answers" in (checkout / "build/migration/comparison.md").read_text()


def report(checkout: Path, name: str) -> dict[str, Any]:
    """What a caller wrote when it ended."""
    document: dict[str, Any] = json.loads((checkout / f"build/migration/{name}.json").read_text())
    return document
