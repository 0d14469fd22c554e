"""The second stage: how often each word occurs."""

from __future__ import annotations

import json
from collections import Counter


def model_fn(model_dir: str) -> None:
    """Nothing to load."""


def input_fn(data: bytes, content_type: str) -> str:
    return data.decode()


def predict_fn(text: str, model: None) -> Counter[str]:
    return Counter(text.split())


def output_fn(prediction: Counter[str], accept: str) -> tuple[str, str]:
    return json.dumps(prediction), "application/json"
