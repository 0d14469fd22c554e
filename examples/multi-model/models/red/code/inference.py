"""The red one of two models behind one endpoint."""

from __future__ import annotations


def model_fn(model_dir: str) -> str:
    return "red"


def input_fn(data: bytes, content_type: str) -> str:
    return data.decode()


def predict_fn(asked: str, colour: str) -> str:
    return f"{colour} {asked}"


def output_fn(prediction: str, accept: str) -> tuple[str, str]:
    return prediction, "text/plain"
