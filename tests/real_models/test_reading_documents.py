"""examples/document-reader by the commands of its README: 50 pages through `batch`, compared word for word."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from support.documents import ROOT
from support.readme_commands import clone, commands, run

COMMAND = ROOT / ".venv/bin/async-endpoint"


def test_fifty_pages_are_read_without_a_mistake(tmp_path: Path) -> None:
    checkout, lines = clone(tmp_path), commands("document-reader")
    destroy = next(number for number, line in enumerate(lines) if " destroy " in line)
    assert any("--pages 50" in line for line in lines)
    try:
        printed = run(checkout, lines[:destroy], 3000)

        report = json.loads((checkout / "build/read/report.json").read_text())
        assert "50 pages, 6169 words, 0 mistakes" in printed
        assert (report["done"], report["failed"]) == (50, 0)
        bad = checkout / "build/bad"
        bad.mkdir()
        (bad / "letter.png").write_bytes((checkout / "build/pages/page-01.png").read_bytes()[:2000])
        (bad / "letter.txt").write_text("not an image")
        with pytest.raises(AssertionError):  # exit code 1
            run(checkout, ["async-endpoint batch documents/document-reader build/bad --out build/refused --local"], 300)
        reasons = {path.stem: path.read_text() for path in (checkout / "build/refused/failures").iterdir()}
        assert "(400)" in reasons["letter.png"] and "Page 1 of 1 cannot be decoded" in reasons["letter.png"]
        assert "(415)" in reasons["letter.txt"]
        assert "nothing of document-reader-documents is left" in run(checkout, [f"{lines[destroy]} 2>&1"], 600)
    finally:
        subprocess.run([COMMAND, "local", "down"], cwd=checkout, check=False)
