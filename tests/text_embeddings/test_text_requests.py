"""Requests of examples/text-embeddings: what is read and refused. The model itself is tested by `make text-embeddings`."""

from __future__ import annotations

import importlib.util
import tarfile
from pathlib import Path
from types import ModuleType

import pytest
from sagemaker_inference.errors import GenericInferenceToolkitError

from async_endpoint.packaging import build_archive

CODE = Path(__file__).resolve().parents[2] / "examples" / "text-embeddings" / "code"


@pytest.fixture(scope="module")
def handler() -> ModuleType:
    spec = importlib.util.spec_from_file_location("text_embeddings_inference", CODE / "inference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ('{"texts": ["a shirt", "äöü"]}', "application/json"),
        (bytearray('{"texts": ["a shirt", "äöü"]}'.encode()), None),
        ("a shirt\n\n  äöü \r\n", "text/plain; charset=utf-8"),
    ],
)
def test_texts_are_read(handler: ModuleType, body: str | bytearray, content_type: str | None) -> None:
    assert handler.input_fn(body, content_type) == ["a shirt", "äöü"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("a,b", "text/csv", 415),
        ("", "application/json", 400),
        ("[1]", "application/json", 400),
        ("{}", "application/json", 400),
        ('{"texts": "a shirt"}', "application/json", 400),
        ('{"texts": ["a shirt", 7]}', "application/json", 400),
        ('{"texts": [" "]}', "application/json", 400),
        ('{"texts": []}', "application/json", 400),
        ("[" * 100_000, "application/json", 400),
        (bytearray(b"\xff\xfe"), "application/json", 400),
        (" \n", "text/plain", 400),
        ("a\n" * 1001, "text/plain", 400),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_is_no_texts_is_refused(handler: ModuleType, body: str | bytearray, content_type: str, status: int) -> None:
    with pytest.raises(GenericInferenceToolkitError) as refused:
        handler.input_fn(body, content_type)
    assert refused.value.status_code == status


def test_only_the_model_is_packaged(tmp_path: Path) -> None:
    with tarfile.open(build_archive(CODE.parent, tmp_path / "model.tar.gz").path) as archive:
        assert set(archive.getnames()) == {"code/inference.py", "code/requirements.txt"}
