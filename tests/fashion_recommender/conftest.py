"""The example's own folders on the import path, as `code/` is in its container, and the model loaded once."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "fashion-recommender"
sys.path[:0] = [str(EXAMPLE / "code"), str(EXAMPLE / "render")]


@pytest.fixture(scope="session")
def example() -> Path:
    return EXAMPLE


@pytest.fixture(scope="session")
def catalogue() -> list[dict[str, str]]:
    """The lines of catalogue.json, with the colour that the model itself does not read."""
    entries: list[dict[str, str]] = json.loads((EXAMPLE / "catalogue" / "catalogue.json").read_text(encoding="utf-8"))
    return entries


@pytest.fixture(scope="session")
def recommender() -> Any:
    from inference import model_fn  # noqa: PLC0415 - importable only once the path above is set

    return model_fn(str(EXAMPLE))
