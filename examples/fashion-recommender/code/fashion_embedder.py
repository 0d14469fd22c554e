"""Which embedder serves: CLIP when its weights are in the archive, colour and outline otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from fashion_clip import Clip, find_weights
from fashion_colour_shape import ColourShape, Floats
from PIL import Image


class Embedder(Protocol):
    """Turns images into vectors whose dot product says how alike they are."""

    @property
    def name(self) -> str:
        """What a response calls it."""

    def embed(self, images: Sequence[Image.Image]) -> Floats:
        """Unit vectors of RGB `images`, one a row."""


def choose_embedder(model_dir: Path) -> Embedder:
    """CLIP if there are weights under `model_dir`/clip; raises what `Clip` raises rather than fall back unseen."""
    weights = find_weights(model_dir)
    return ColourShape() if weights is None else Clip(weights)
