"""The optional embedder: CLIP through open_clip, with weights that lie in the archive, so that no start depends on a download.

`clip/` holds one file, named after its open_clip architecture: `clip/ViT-B-32.safetensors`, or `clip/ViT-B-32-quickgelu.pt` for
OpenAI's own weights, which were trained with another activation.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fashion_colour_shape import Floats
from PIL import Image

SUFFIXES = (".bin", ".pt", ".safetensors")
BATCH = 32  # images: about 20 MB of input


def find_weights(model_dir: Path) -> Path | None:
    """The weights under `model_dir`/clip, or None; raises ValueError when there are several files to choose from."""
    found = sorted(path for path in (model_dir / "clip").glob("*") if path.suffix in SUFFIXES)
    if len(found) > 1:
        raise ValueError(
            f"clip/ holds {', '.join(path.name for path in found)}; keep the one file whose weights are to be used."
        )
    return found[0] if found else None


class Clip:
    """Embeds images with the image tower of a CLIP model, on a GPU where there is one."""

    def __init__(self, weights: Path) -> None:
        """Load `weights`, named after their architecture. Raises RuntimeError when open_clip or torch is not installed."""
        try:
            open_clip: Any = importlib.import_module("open_clip")
            self._torch: Any = importlib.import_module("torch")
        except ImportError as error:
            raise RuntimeError(
                f"clip/{weights.name} is in the archive but {error.name} is not installed; "
                "uncomment open_clip_torch in code/requirements.txt."
            ) from error
        self.name = f"clip-{weights.stem}"
        self._device = "cuda" if self._torch.cuda.is_available() else "cpu"
        self._model, _, self._preprocess = open_clip.create_model_and_transforms(
            weights.stem, pretrained=str(weights), device=self._device
        )
        self._model.eval()

    def embed(self, images: Sequence[Image.Image]) -> Floats:
        """Unit vectors of RGB `images`, one a row: (n, 512) float32 for ViT-B-32."""
        rows = []
        with self._torch.inference_mode():
            for start in range(0, len(images), BATCH):
                batch = self._torch.stack([self._preprocess(image) for image in images[start : start + BATCH]])
                rows.append(self._model.encode_image(batch.to(self._device), normalize=True).float().cpu().numpy())
        return np.concatenate(rows)
