"""Which embedder serves, and how CLIP is called.

open_clip and torch are stand-ins here: they record how they are called and compute nothing of CLIP's.
What CLIP itself computes is not tested.
"""

from __future__ import annotations

import sys
import types
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fashion_clip import BATCH
from fashion_colour_shape import ColourShape
from fashion_embedder import choose_embedder
from PIL import Image


class Tensor(np.ndarray[Any, Any]):
    """A stand-in tensor: an array with the few methods of torch's that are used."""

    def to(self, device: str) -> Tensor:
        assert device == "cpu"
        return self

    def float(self) -> Tensor:
        return self.astype(np.float32)  # type: ignore[return-value]

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> Any:
        return np.asarray(self)


class StandInModel:
    """A stand-in for a loaded model: its embedding is the mean colour."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.training = True

    def eval(self) -> None:
        self.training = False

    def encode_image(self, batch: Any, *, normalize: bool) -> Any:
        assert normalize and not self.training
        self.batches.append(len(batch))
        means = batch.mean(axis=(1, 2)) + 1e-3
        return means / np.linalg.norm(means, axis=1, keepdims=True)


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    calls: dict[str, Any] = {"model": StandInModel()}

    def create_model_and_transforms(architecture: str, *, pretrained: str, device: str) -> tuple[Any, None, Any]:
        calls.update(architecture=architecture, pretrained=pretrained, device=device)
        return calls["model"], None, lambda image: np.asarray(image, dtype=np.float32)

    open_clip, torch = types.ModuleType("open_clip"), types.ModuleType("torch")
    vars(open_clip).update(create_model_and_transforms=create_model_and_transforms)
    vars(torch).update(
        cuda=types.SimpleNamespace(is_available=lambda: False),
        inference_mode=nullcontext,
        stack=lambda arrays: np.stack(arrays).view(Tensor),
    )
    monkeypatch.setitem(sys.modules, "open_clip", open_clip)
    monkeypatch.setitem(sys.modules, "torch", torch)
    return calls


def weights(folder: Path, *names: str) -> Path:
    (folder / "clip").mkdir()
    for name in names:
        (folder / "clip" / name).write_bytes(b"stand-in")
    return folder


def test_without_weights_colour_and_shape_serve(tmp_path: Path) -> None:
    assert isinstance(choose_embedder(tmp_path), ColourShape)
    assert isinstance(choose_embedder(weights(tmp_path, "README.md")), ColourShape)


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("ViT-B-32.safetensors", "ViT-B-32"),
        ("ViT-B-32-quickgelu.pt", "ViT-B-32-quickgelu"),
        ("ViT-B-32.bin", "ViT-B-32"),
    ],
)
def test_weights_are_loaded_from_the_archive(tmp_path: Path, stand_ins: dict[str, Any], name: str, architecture: str) -> None:
    embedder = choose_embedder(weights(tmp_path, name))
    assert embedder.name == f"clip-{architecture}"
    assert (stand_ins["architecture"], stand_ins["device"]) == (architecture, "cpu")
    assert stand_ins["pretrained"] == str(tmp_path / "clip" / name)


def test_images_are_embedded_in_batches_and_in_order(tmp_path: Path, stand_ins: dict[str, Any]) -> None:
    embedder = choose_embedder(weights(tmp_path, "ViT-B-32.pt"))
    images = [Image.new("RGB", (2, 2), (255, 0, 0) if number % 2 else (0, 0, 255)) for number in range(BATCH + 3)]
    vectors = embedder.embed(images)
    assert stand_ins["model"].batches == [BATCH, 3]
    assert vectors.dtype == np.float32
    assert [int(row.argmax()) for row in vectors] == [0 if number % 2 else 2 for number in range(BATCH + 3)]


def test_weights_without_open_clip_are_an_error_not_a_fallback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(RuntimeError, match=r"clip/ViT-B-32\.pt is in the archive but open_clip is not installed; uncomment"):
        choose_embedder(weights(tmp_path, "ViT-B-32.pt"))


def test_two_weight_files_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"clip/ holds ViT-B-32\.pt, ViT-L-14\.safetensors; keep the one file"):
        choose_embedder(weights(tmp_path, "ViT-L-14.safetensors", "ViT-B-32.pt"))
