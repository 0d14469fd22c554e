"""The handler around the model, served by AWS's own code (sagemaker-inference), and what is packaged.

What the model itself reads is tested by `make document-reader`.
"""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from sagemaker_inference.errors import GenericInferenceToolkitError

from async_endpoint.packaging import build_archive


def wide(image: Any) -> tuple[Any, float]:
    """A model that reads the width of each page, and nothing on one of 70 pixels."""
    width = image.shape[1]
    found = [[[0, 0], [width, 0], [width, 20], [0, 20]], f"{width} wide", 0.5]
    return (None if width == 70 else [found]), 0.0


def test_every_page_is_answered_in_json(handler: ModuleType, tiff: bytes) -> None:
    prediction = handler.predict_fn(handler.input_fn(bytearray(tiff), "image/tiff"), wide)
    body, content_type = handler.output_fn(prediction, "text/plain, application/*;q=0.5")

    assert content_type == "application/json"
    pages = json.loads(body)["pages"]
    assert [(page["page"], page["text"]) for page in pages] == [(1, "60 wide"), (2, ""), (3, "80 wide")]


def test_another_type_of_answer_is_refused(handler: ModuleType) -> None:
    with pytest.raises(GenericInferenceToolkitError, match="Accept is 'text/csv'") as refused:
        handler.output_fn({"pages": []}, "text/csv")
    assert refused.value.status_code == 406


def test_an_archive_without_the_model_says_what_to_do(handler: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="rapidocr_onnxruntime is not in the archive; unpack it"):
        handler.model_fn("/opt/ml/model")


def test_only_the_model_is_packaged(example: Path, tmp_path: Path) -> None:
    with tarfile.open(build_archive(example, tmp_path / "model.tar.gz").path) as archive:
        names = {name for name in archive.getnames() if not name.startswith("code/rapidocr_onnxruntime")}
    assert names == {f"code/{name}" for name in ("document_layout.py", "document_pages.py", "inference.py", "requirements.txt")}


def test_donut_is_packaged_on_its_own(example: Path, tmp_path: Path) -> None:
    with tarfile.open(build_archive(example / "donut", tmp_path / "donut.tar.gz").path) as archive:
        names = {name for name in archive.getnames() if not name.startswith("model/")}
    assert names == {"code/inference.py", "code/requirements.txt"}


def test_the_model_is_named_by_its_hash_and_without_its_own_opencv(example: Path) -> None:
    """opencv-python needs libraries of the system that plain Debian does not have."""
    [model] = [line for line in (example / "model.txt").read_text().splitlines() if not line.startswith("#")]
    assert re.fullmatch(r"rapidocr-onnxruntime==1\.4\.4 --hash=sha256:[0-9a-f]{64}", model)
    lines = (example / "code/requirements.txt").read_text().splitlines()
    required = {Requirement(line).name for line in lines if not line.startswith("#")}
    assert "opencv-python-headless" in required
    assert not required & {"opencv-python", "rapidocr-onnxruntime"}
