"""Counts the words of a text."""

from __future__ import annotations

import json
from collections import Counter

from sagemaker_inference.errors import GenericInferenceToolkitError


def model_fn(model_dir: str) -> None:
    """Nothing to load."""


def input_fn(data: bytearray | str, content_type: str) -> str:
    """A request that is not text is answered 400: its failure has this sentence instead of a traceback."""
    if isinstance(data, str):  # JSON and CSV are decoded before
        return data
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise GenericInferenceToolkitError(400, f"The request is not UTF-8 ({error.reason}); send text.") from error


def predict_fn(text: str, model: None) -> Counter[str]:
    return Counter(text.lower().split())


def output_fn(prediction: Counter[str], accept: str) -> tuple[str, str]:
    return json.dumps(prediction), "application/json"
