"""What a plan depends on beside the state: the files of root and modules, the provider lock file, the model archives."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from async_endpoint.terraform.account import ACCOUNT_FILE
from async_endpoint.terraform.provider import LOCK_FILE
from async_endpoint.terraform.working_copy import WorkingCopy, root_files


def provider_lock_sum(copy: WorkingCopy) -> str:
    """SHA-256 of the provider lock file; empty without one, as of a root that uses no provider."""
    lock = copy.folder / LOCK_FILE
    return _file_sum(lock) if lock.is_file() else ""


def root_sum(copy: WorkingCopy) -> str:
    """SHA-256 of the paths and contents of what Terraform reads: the root's files and those of modules/.

    Without the account file, which states where and not what, and the lock file, which has a sum of its own.
    """
    modules = copy.source.parents[1] / "modules"
    own = [path for path in root_files(copy.source) if path.name not in (ACCOUNT_FILE, LOCK_FILE)]
    called = (path for path in sorted(modules.rglob("*")) if path.is_file() and path.suffix in (".tf", ".json", ".tftpl"))
    return _sum_of(copy.source.parents[1], [*own, *called])


def archive_sums(copy: WorkingCopy) -> dict[str, str]:
    """SHA-256 of each model archive that main.tf names, by its path in the checkout; empty for one that is not built."""
    return {name: _file_sum(path) if path.is_file() else "" for name, path in copy.archives().items()}


def _sum_of(top: Path, paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.relative_to(top)}\0{_file_sum(path)}\n".encode())
    return total.hexdigest()


def _file_sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
