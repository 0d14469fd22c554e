"""The environments whose plans a change can affect, from the files that it touches."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from async_endpoint.core.errors import NotReady
from async_endpoint.input_files import printable
from ci.run import Run

# Folders and files that every environment is made of; below them, what no plan reads.
_SHARED: Final = ("modules/", "scripts/", "examples/", "requirements/", "pyproject.toml", "Makefile")
_NOT_READ: Final = ("/tests/", "/queries/")
_NOT_READ_SUFFIXES: Final = (".md", ".tftest.hcl")

_NO_COMMIT: Final = "0" * 40  # GitHub's `before` of a new branch


def changed_environments(known: Iterable[str], files: Iterable[str]) -> list[str]:
    """Those of `known` that `files` (paths from the top of the checkout) can affect, in the order of `known`."""
    read = [name for name in files if not name.endswith(_NOT_READ_SUFFIXES) and not any(part in name for part in _NOT_READ)]
    if any(name.startswith(_SHARED) for name in read):
        return list(known)
    own = {name.split("/")[1] for name in read if name.startswith("envs/") and name.count("/") > 1}
    return [name for name in known if name in own]


def changed_files(run: Run, checkout: Path) -> list[str] | None:
    """The files that a pull request, or a push, changes; None where that cannot be known: a new branch, a forced push.

    A pull request is checked out as a merge whose first parent is its base (GitHub: `refs/pull/NUMBER/merge`).
    """
    if run.event_name == "pull_request":
        return _git_names(checkout, "HEAD^1", "HEAD")
    before = str(run.event.get("before") or _NO_COMMIT)
    if run.event_name != "push" or run.event.get("forced") or before == _NO_COMMIT:
        return None
    return _git_names(checkout, before, "HEAD")


def _git_names(checkout: Path, before: str, after: str) -> list[str]:
    """Raises NotReady when the history does not have both commits. Both names of a file that was moved count."""
    done = subprocess.run(
        ["git", "diff", "--name-only", "--no-renames", "-z", "--end-of-options", before, after, "--"],
        cwd=checkout,
        capture_output=True,
        text=True,
        errors="surrogateescape",  # git keeps names that are not UTF-8
        check=False,
    )
    if done.returncode != 0:
        raise NotReady(
            f"git has no difference of {before} and {after} ({printable(done.stderr.strip())}); check out with fetch-depth: 0."
        )
    return [name for name in done.stdout.split("\0") if name]
