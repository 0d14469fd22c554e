"""Which embedder serves. What CLIP computes is tested by `make torch-examples`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fashion_colour_shape import ColourShape
from fashion_embedder import choose_embedder


def weights(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / "clip" / name).mkdir(parents=True)
        (folder / "clip" / name / "config.json").write_text("{}")
    return folder


def test_without_weights_colour_and_shape_serve(tmp_path: Path) -> None:
    assert isinstance(choose_embedder(tmp_path), ColourShape)
    (tmp_path / "clip/notes").mkdir(parents=True)
    (tmp_path / "clip/README.md").write_text("where the weights come from")
    assert isinstance(choose_embedder(tmp_path), ColourShape)


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_weights_without_their_library_are_an_error_not_a_fallback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, "torch", type(sys)("torch"))
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(RuntimeError, match=f"clip/vit is in the archive but {package} is not installed; uncomment"):
        choose_embedder(weights(tmp_path, "vit"))


def test_two_models_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"clip/ holds vit-base, vit-large; keep the one folder"):
        choose_embedder(weights(tmp_path, "vit-large", "vit-base"))
