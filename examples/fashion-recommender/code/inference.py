"""The four functions a SageMaker container calls: load once, then read, search and answer for every request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fashion_catalogue import Recommender
from fashion_embedder import choose_embedder
from fashion_request import Query, read_query, refusal

JSON = "application/json"


def model_fn(model_dir: str) -> Recommender:
    """Embed the catalogue of the unpacked archive."""
    folder = Path(model_dir)
    return Recommender(folder, choose_embedder(folder))


def input_fn(request_body: bytes | str, content_type: str | None) -> Query:
    """Read the image to search with, and how many recommendations are wanted."""
    return read_query(request_body, content_type)


def predict_fn(query: Query, recommender: Recommender) -> dict[str, Any]:
    """Find the most similar items."""
    return recommender.recommend(query.image, query.top_k)


def output_fn(prediction: dict[str, Any], accept: str) -> tuple[str, str]:
    """Answer in JSON; refuse a request that accepts only something else (406)."""
    accepted = [part.split(";")[0].strip().lower() for part in accept.split(",")]
    if not {JSON, "application/*", "*/*"} & set(accepted):
        raise refusal(406, f"Accept is {accept!r} and this model answers in {JSON}; ask for that, or for */*.")
    return json.dumps(prediction), JSON
