"""The example's model, loaded once. Its modules are loaded by path, because another example has an `inference.py` too."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "language-detector"


@pytest.fixture(scope="session")
def example() -> Path:
    return EXAMPLE


@pytest.fixture(scope="session")
def inference() -> ModuleType:
    """Module `inference` of the example, as the container imports it."""
    sys.path.insert(0, str(EXAMPLE / "code"))
    try:
        spec = importlib.util.spec_from_file_location("language_detector_inference", EXAMPLE / "code" / "inference.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(EXAMPLE / "code"))
    return module
