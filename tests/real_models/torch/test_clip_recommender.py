"""The recommender's archive with a small random CLIP in it: real torch and transformers, AWS's own handler code around it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPVisionModelWithProjection

from support.served_archive import request, serve

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "fashion-recommender"
sys.path.insert(0, str(EXAMPLE / "code"))
NAME = "tiny-random"
SIDE = 32


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's folder with `clip/tiny-random`: a whole CLIP of two layers, of 32 pixels in patches of 8."""
    folder = tmp_path_factory.mktemp("recommender") / "model"
    shutil.copytree(EXAMPLE, folder)
    torch.manual_seed(7)
    small = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2, "projection_dim": 16}
    config = CLIPConfig(
        text_config={**small, "vocab_size": 99}, vision_config={**small, "image_size": SIDE, "patch_size": 8}, projection_dim=16
    )
    CLIPModel(config).save_pretrained(folder / "clip" / NAME)
    processor = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    processor.save_pretrained(folder / "clip" / NAME)
    return folder


def clip(folder: Path) -> Any:
    from fashion_clip import Clip  # noqa: PLC0415 - importable only once the path above is set

    return Clip(folder / "clip" / NAME)


def test_the_archive_serves_with_clip(model: Path, tmp_path: Path) -> None:
    item = json.loads((EXAMPLE / "catalogue/catalogue.json").read_text())[17]["path"]
    bodies = [(EXAMPLE / item).read_bytes(), (EXAMPLE / "queries/red-shirt.png").read_bytes()]

    itself, photograph, corrupt = serve(
        model,
        tmp_path,
        [
            *(request(body, "image/png") for body in bodies),
            request((EXAMPLE / "queries/corrupt.jpg").read_bytes(), "image/jpeg"),
        ],
        {"HF_HUB_OFFLINE": "1"},
    )

    found = json.loads(itself["body"])
    assert found["embedder"] == f"clip-{NAME}"
    assert (found["recommendations"][0]["path"], found["recommendations"][0]["score"]) == (item, 1.0)
    scores = [entry["score"] for entry in json.loads(photograph["body"])["recommendations"]]
    assert (len(scores), scores) == (5, sorted(scores, reverse=True))
    assert corrupt["status"] == 400


def test_embeddings_are_those_of_transformers_and_do_not_depend_on_the_batch(model: Path) -> None:
    images = [Image.effect_noise((50, 40 + number), 60).convert("RGB") for number in range(35)]  # more than a batch
    vectors = clip(model).embed(images)

    assert (vectors.shape, vectors.dtype) == ((35, 16), np.float32)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(35), abs=1e-5)
    folder = model / "clip" / NAME
    whole, processor = CLIPModel.from_pretrained(folder).eval(), CLIPImageProcessor.from_pretrained(folder)
    with torch.no_grad():
        pixels = processor(images=images[34], return_tensors="pt").pixel_values
        expected = whole.visual_projection(whole.vision_model(pixels).pooler_output)[0].numpy()
    assert vectors[34] == pytest.approx(expected / np.linalg.norm(expected), abs=1e-5)


def test_incomplete_weights_are_an_error_not_random_numbers(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model / "clip" / NAME, tmp_path / "clip" / NAME)
    tower = CLIPVisionModelWithProjection.from_pretrained(tmp_path / "clip" / NAME)
    kept = {key: value for key, value in tower.state_dict().items() if "visual_projection" not in key}
    tower.save_pretrained(tmp_path / "clip" / NAME, state_dict=kept)
    with pytest.raises(
        RuntimeError, match=r"The weights in clip/tiny-random lack 1 of the image tower's, such as visual_projection"
    ):
        clip(tmp_path)


def test_weights_that_are_no_weights_stop_the_model(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model / "clip" / NAME, tmp_path / "clip" / NAME)
    (tmp_path / "clip" / NAME / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(Exception, match=r"(?i)safetensor|header|deserializ"):
        clip(tmp_path)
