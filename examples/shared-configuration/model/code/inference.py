"""Returns the request, immediately."""

from __future__ import annotations

import json
import os
from typing import Any


def model_fn(model_dir: str) -> str:
    return os.environ.get("VERSION", "unknown")


def input_fn(data: bytes, content_type: str) -> Any:
    return json.loads(data)


def predict_fn(asked: Any, version: str) -> dict[str, Any]:
    return {"version": version, "asked": asked}


def output_fn(prediction: dict[str, Any], accept: str) -> tuple[str, str]:
    return json.dumps(prediction), "application/json"
