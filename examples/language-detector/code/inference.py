"""Detects the language of a text: the four functions that a SageMaker container calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from language_profiles import Detector
from sagemaker_inference.errors import GenericInferenceToolkitError

JSON = "application/json"
EXAMPLE = '{"text": "Guten Morgen"}'


def refusal(status: int, message: str) -> GenericInferenceToolkitError:
    """The error to raise so that the container answers with HTTP `status` and `message`."""
    return GenericInferenceToolkitError(status, message)


def model_fn(model_dir: str) -> Detector:
    """Learn the n-gram profile of each language from the sentences in the archive: a few milliseconds."""
    return Detector.load(Path(model_dir, "sentences"))


def input_fn(request_body: bytes | str, content_type: str | None) -> str:
    """Read the text: the body itself (`text/plain`, UTF-8), or field `text` of a JSON object.

    Raises a refusal with status 415 for another content type, 400 for a body that does not hold what its type says.
    """
    kind = (content_type or "text/plain").split(";")[0].strip().lower()
    if kind not in {JSON, "text/plain"}:
        raise refusal(415, f"Content type {kind!r} is not accepted; send text/plain or {JSON}.")
    try:
        text = request_body if isinstance(request_body, str) else bytes(request_body).decode()
    except UnicodeDecodeError as error:
        raise refusal(400, f"The request body is not UTF-8 text ({error.reason} at byte {error.start}); send UTF-8.") from error
    return _text_of(text) if kind == JSON else text


def predict_fn(text: str, detector: Detector) -> dict[str, Any]:
    """Rank the languages; raises a refusal with status 400 for a text without letters."""
    found = detector.detect(text)
    if not found:
        raise refusal(400, "The text has no letters; send at least one word.")
    ranked = [{"language": language, "probability": round(probability, 4)} for language, probability in found]
    return {"language": ranked[0]["language"], "languages": ranked}


def output_fn(prediction: dict[str, Any], accept: str) -> tuple[str, str]:
    """Answer in JSON."""
    return json.dumps(prediction), JSON


def _text_of(body: str) -> str:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise refusal(400, f"The request body is not JSON ({error}); send {EXAMPLE}.") from error
    if not isinstance(document, dict) or not isinstance(document.get("text"), str):
        raise refusal(400, f'The request has no string under "text"; send {EXAMPLE}.')
    text: str = document["text"]
    return text
