"""Tests with real models, or with the libraries of such: collected for the targets of the Makefile that install them."""

from __future__ import annotations

import os
from pathlib import Path


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave these files out, unless their target runs."""
    return None if os.environ.get("REAL_MODELS") or collection_path.suffix != ".py" else True
