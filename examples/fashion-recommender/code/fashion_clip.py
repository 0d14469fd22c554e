"""The optional embedder: CLIP through transformers, with weights in the archive, so that no start depends on a download.

`clip/` holds one folder as `save_pretrained` writes it, named as responses are to call it: `clip/vit-base-patch32/config.json`,
`model.safetensors` and `preprocessor_config.json`. Only the image tower is loaded, of a whole CLIP model too.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fashion_colour_shape import Floats
from PIL import Image

CONFIG = "config.json"
BATCH = 32  # images: about 20 MB of input


def find_weights(model_dir: Path) -> Path | None:
    """The model folder under `model_dir`/clip, or None; raises ValueError when there are several to choose from."""
    found = sorted(path.parent for path in (model_dir / "clip").glob(f"*/{CONFIG}"))
    if len(found) > 1:
        raise ValueError(
            f"clip/ holds {', '.join(path.name for path in found)}; keep the one folder whose weights are to be used."
        )
    return found[0] if found else None


class Clip:
    """Embeds images with the image tower of a CLIP model, on a GPU where there is one."""

    def __init__(self, folder: Path) -> None:
        """Load the model in `folder`; raises RuntimeError without torch or transformers, and for incomplete weights."""
        try:
            self._torch: Any = importlib.import_module("torch")
            transformers: Any = importlib.import_module("transformers")
        except ImportError as error:
            raise RuntimeError(
                f"clip/{folder.name} is in the archive but {error.name} is not installed; "
                "uncomment torch and transformers in code/requirements.txt."
            ) from error
        self.name = f"clip-{folder.name}"
        self._device = "cuda" if self._torch.cuda.is_available() else "cpu"
        self._processor = transformers.CLIPImageProcessor.from_pretrained(folder, local_files_only=True)
        model, loaded = transformers.CLIPVisionModelWithProjection.from_pretrained(
            folder, local_files_only=True, output_loading_info=True
        )
        if missing := sorted({*loaded["missing_keys"], *(str(key) for key, *_ in loaded["mismatched_keys"])}):
            # transformers would serve with random numbers in their place
            raise RuntimeError(
                f"The weights in clip/{folder.name} lack {len(missing)} of the image tower's, such as {missing[0]}; "
                "save a CLIP model with a projection there."
            )
        self._model = model.to(self._device).eval()

    def embed(self, images: Sequence[Image.Image]) -> Floats:
        """Unit vectors of RGB `images`, one a row: (n, 512) float32 for vit-base-patch32."""
        rows = []
        with self._torch.inference_mode():
            for start in range(0, len(images), BATCH):
                pixels = self._processor(images=list(images[start : start + BATCH]), return_tensors="pt")["pixel_values"]
                vectors = self._model(pixel_values=pixels.to(self._device)).image_embeds
                rows.append((vectors / vectors.norm(dim=-1, keepdim=True)).float().cpu().numpy())
        return np.concatenate(rows)
