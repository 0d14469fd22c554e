"""Reads one image of a document with Donut (arXiv 2111.15664), which has no separate text recognition, and answers in JSON.

`model/` in the archive is a `VisionEncoderDecoderModel` with its `DonutProcessor`, as `save_pretrained` writes them. The
environment variable DONUT_TASK is the token that a model was trained to begin its answers with.
"""

from __future__ import annotations

import io
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from sagemaker_inference.errors import GenericInferenceToolkitError
from transformers import DonutProcessor, VisionEncoderDecoderModel

TASK_VARIABLE = "DONUT_TASK"
RECEIPTS = "<s_cord-v2>"
JSON = "application/json"


@dataclass(frozen=True)
class Donut:
    """A loaded model; `prompt` has the ids of the tokens that its answer begins with: (1, n)."""

    processor: Any
    model: Any
    prompt: torch.Tensor
    device: str


def model_fn(model_dir: str) -> Donut:
    """Load the model from the archive, on a GPU where there is one.

    Raises RuntimeError when weights are missing, or the tokenizer has no token as DONUT_TASK says.
    """
    folder, task = Path(model_dir, "model"), os.environ.get(TASK_VARIABLE) or RECEIPTS
    device = "cuda" if torch.cuda.is_available() else "cpu"
    processor = DonutProcessor.from_pretrained(folder, local_files_only=True)
    model, loaded = VisionEncoderDecoderModel.from_pretrained(folder, local_files_only=True, output_loading_info=True)
    if loaded["missing_keys"]:  # transformers would serve with random numbers in their place
        raise RuntimeError(
            f"The weights in model/ lack {', '.join(sorted(loaded['missing_keys'])[:3])}; save the whole model there."
        )
    if task not in processor.tokenizer.get_vocab():
        raise RuntimeError(f"The tokenizer in model/ has no token {task}; set {TASK_VARIABLE} to the task of this model.")
    prompt = processor.tokenizer(task, add_special_tokens=False, return_tensors="pt").input_ids
    return Donut(processor, model.to(device).eval(), prompt.to(device), device)


def input_fn(request_body: bytes | bytearray, content_type: str | None) -> Image.Image:
    """Decode an image; refuses what is none (400), and other content types (415)."""
    kind = (content_type or "application/x-image").split(";")[0].strip().lower()
    if not kind.startswith("image/") and kind not in ("application/x-image", "application/octet-stream"):
        raise GenericInferenceToolkitError(415, f"Content type {kind!r} is not accepted; send image/png or image/jpeg.")
    try:
        return Image.open(io.BytesIO(request_body)).convert("RGB")
    except Exception as error:  # Pillow raises whatever a broken file leads it to
        raise GenericInferenceToolkitError(400, f"The request body is not an image ({error}); send a PNG or JPEG.") from error


def predict_fn(image: Image.Image, donut: Donut) -> dict[str, Any]:
    """What the model reads: its tokens `<s_name>…</s_name>` as an object."""
    tokenizer = donut.processor.tokenizer
    pixels = donut.processor(image, return_tensors="pt").pixel_values.to(donut.device)
    with torch.inference_mode():
        generated = donut.model.generate(
            pixels,
            decoder_input_ids=donut.prompt,
            max_length=donut.model.decoder.config.max_position_embeddings,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bad_words_ids=[[tokenizer.unk_token_id]],
            do_sample=False,
        )
    text = tokenizer.batch_decode(generated)[0].replace(tokenizer.eos_token, "").replace(tokenizer.pad_token, "")
    answer = re.sub(r"<.*?>", "", text, count=1).strip()  # the task
    return {"document": donut.processor.token2json(answer)}


def output_fn(prediction: dict[str, Any], accept: str) -> tuple[str, str]:
    """Answer in JSON."""
    return json.dumps(prediction, ensure_ascii=False), JSON
