"""Reads the text of scanned documents: the four functions that a SageMaker container calls."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from document_layout import lines_of, page_document
from document_pages import Document, open_document, refusal

JSON = "application/json"
Recogniser = Callable[[Any], tuple[Any, Any]]


def model_fn(model_dir: str) -> Recogniser:
    """Load the networks, 15 MB that are in the archive: a tenth of a second.

    Each worker process gets as many threads as OMP_NUM_THREADS says; without it, one for each core. Without the network that
    detects lines upside down, because it takes one of some hundred upright lines for such; pages must be upright.
    """
    if find_spec("rapidocr_onnxruntime") is None:
        raise RuntimeError(
            "rapidocr_onnxruntime is not in the archive; unpack it into code/ as README.md says, and package again."
        )
    from rapidocr_onnxruntime import RapidOCR  # noqa: PLC0415 - the code around the model is tested without it

    recogniser: Recogniser = RapidOCR(use_cls=False, intra_op_num_threads=int(os.environ.get("OMP_NUM_THREADS") or -1))
    return recogniser


def input_fn(request_body: bytes | bytearray, content_type: str | None) -> Document:
    """Open the document; refuses what is none (400), and other content types (415)."""
    return open_document(request_body, content_type)


def predict_fn(document: Document, recogniser: Recogniser) -> dict[str, Any]:
    """Recognise page after page, about a second each; refuses a page that cannot be decoded (400)."""
    pages = []
    for number, page in enumerate(document.pages(), start=1):
        recognised, _ = recogniser(np.asarray(page)[:, :, ::-1])  # in OpenCV's order of colours
        pages.append(page_document(number, page.size, lines_of(recognised)))
    return {"pages": pages}


def output_fn(prediction: dict[str, Any], accept: str) -> tuple[str, str]:
    """Answer in JSON; refuse a request that accepts only something else (406)."""
    accepted = {part.split(";")[0].strip().lower() for part in accept.split(",")}
    if not {JSON, "application/*", "*/*"} & accepted:
        raise refusal(406, f"Accept is {accept!r} and this model answers in {JSON}; ask for that, or for */*.")
    return json.dumps(prediction, ensure_ascii=False), JSON
