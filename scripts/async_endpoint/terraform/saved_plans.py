"""Saved plans, in `.local/plans`. A plan holds secrets: only its owner can read it, and it goes with the command that made it.

A command that is killed cannot remove its plan, so the next one does: a folder belongs to the process that has it locked, and
the kernel ends that lock with the process.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from async_endpoint.terraform.whole_files import try_lock
from async_endpoint.workspace import Workspace


@contextmanager
def saved_plan(workspace: Workspace) -> Iterator[Path]:
    """The path of a plan to be saved, in a folder of mode 0700 that is removed afterwards; removes those of dead processes."""
    plans = workspace.make_local("plans")
    remove_abandoned_plans(plans)
    folder, lock = _locked_folder(plans)
    try:
        yield folder / "saved.tfplan"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def remove_abandoned_plans(plans: Path) -> None:
    """Remove every plan below `plans` that no living process has locked."""
    for folder in plans.glob("*"):
        lock = try_lock(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _locked_folder(plans: Path) -> tuple[Path, int]:
    """A new folder and the descriptor that locks it; if another command removes it before it is locked, one more is made."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=plans))  # mode 0700
        lock = try_lock(folder)
        if lock is not None and folder.is_dir():
            return folder, lock
        if lock is not None:
            os.close(lock)
