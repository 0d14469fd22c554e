"""The example's folders on the import path, as `code/` is in its container, and its handler with a model that reads nothing."""

from __future__ import annotations

import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "document-reader"
sys.path[:0] = [str(EXAMPLE / "code"), str(EXAMPLE / "render")]


@pytest.fixture(scope="session")
def example() -> Path:
    return EXAMPLE


@pytest.fixture(scope="session")
def handler() -> ModuleType:
    """Module `inference` of the example, under a name of its own: other examples have one too."""
    spec = importlib.util.spec_from_file_location("document_reader_inference", EXAMPLE / "code" / "inference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiff() -> bytes:
    """A document of three pages, 60, 70 and 80 pixels wide."""
    first, *rest = [Image.new("L", (width, 90), 255) for width in (60, 70, 80)]
    first.save(file := io.BytesIO(), "TIFF", save_all=True, append_images=rest, compression="tiff_deflate")
    return file.getvalue()
