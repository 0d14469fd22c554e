"""No tracked file has a conflict that a merge left unresolved."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Not "=======", which underlines titles. Built from parts, so that this file has none.
MARKER = re.compile(rb"^(?:%b|%b|%b) .*$" % (b"<" * 7, re.escape(b"|" * 7), b">" * 7), re.MULTILINE)


def tracked() -> list[Path]:
    """Files as git knows them; all below the repository where there is none, as in an archive of it."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=False)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for top in ("docs", "modules", "envs", "scripts", "tests") for path in (ROOT / top).rglob("*")]


def test_no_tracked_file_has_a_conflict_marker() -> None:
    files = [path for path in tracked() if path.is_file() and not path.is_symlink()]
    assert len(files) > 1000
    found = {str(path.relative_to(ROOT)): MARKER.findall(path.read_bytes()) for path in files}
    assert {name: markers for name, markers in found.items() if markers} == {}


def test_the_check_finds_what_git_writes() -> None:
    text = b"a\n" + b"<" * 7 + b" HEAD\nb\n=======\nc\n" + b">" * 7 + b" main\n"
    assert len(MARKER.findall(text)) == 2
    assert MARKER.findall(b"text <" + b"<" * 6 + b" HEAD\n=======\n") == []
