"""The first stage: lower case, and letters only."""

from __future__ import annotations


def model_fn(model_dir: str) -> None:
    """Nothing to load."""


def input_fn(data: bytes, content_type: str) -> str:
    return data.decode()


def predict_fn(text: str, model: None) -> str:
    return "".join(letter for letter in text.lower() if letter.isalpha() or letter.isspace())


def output_fn(prediction: str, accept: str) -> tuple[str, str]:
    return prediction, "text/plain"
