"""Whole migrations, minutes each: collected for `make migration-test` only."""

from __future__ import annotations

import os
from pathlib import Path


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave these files out, unless their target runs."""
    return None if os.environ.get("MIGRATION_TEST") or collection_path.suffix != ".py" else True
