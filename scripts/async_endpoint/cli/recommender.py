"""The request and result format of examples/fashion-recommender: `--top-k` and the table of recommendations."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from async_endpoint.client.models import JSON_TYPE, guess_content_type
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.limits import INPUT_OBJECT_BYTES
from async_endpoint.input_files import printable, read_input


def with_top_k(argument: str, content_type: str | None, top_k: int) -> bytes:
    """The recommender's JSON request for a file: an image becomes `{"image": <base64>, "top_k": n}`; JSON gets `top_k`.

    `content_type` None is guessed from the name. Raises InvalidInput for an S3 URI and for other files.
    """
    if argument.startswith("s3://"):
        raise InvalidInput(f"--top-k cannot be added to {argument}, an existing object; give a file, or leave out --top-k.")
    path = Path(argument)
    kind = content_type or guess_content_type(argument)
    if kind.startswith("image/"):
        image = base64.b64encode(read_input(path, INPUT_OBJECT_BYTES)).decode("ascii")
        return json.dumps({"image": image, "top_k": top_k}).encode()
    if kind == JSON_TYPE:
        return json.dumps(_json_object(path) | {"top_k": top_k}).encode()
    raise InvalidInput(f"--top-k cannot be added to {path} ({kind}); give an image or a JSON file.")


def recommendations_in(document: Any) -> list[Any] | None:
    """The recommendations in a decoded result; None if it is not the recommender's."""
    items = document.get("recommendations") if isinstance(document, Mapping) else None
    return items if isinstance(items, list) else None


def recommendations_table(items: list[Any]) -> Table:
    """The recommendations for people: path, category, gender, score."""
    table = Table("#", "item", "category", "gender", "score", title="recommendations")
    for rank, item in enumerate(items, start=1):
        fields = item if isinstance(item, Mapping) else {"path": item}
        score = fields.get("score")
        shown = f"{score:.4f}" if isinstance(score, float) else score
        cells = (rank, *(fields.get(name) for name in ("path", "category", "gender")), shown)
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in cells))
    return table


def _json_object(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_input(path, INPUT_OBJECT_BYTES))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"--top-k cannot be added to {printable(path)}: it is not JSON ({error}).") from error
    if not isinstance(document, dict):
        raise InvalidInput(f"--top-k cannot be added to {path}: it is a JSON {type(document).__name__}; give an object.")
    return document
