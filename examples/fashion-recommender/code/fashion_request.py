"""Reading a request: what may come in, and a one-sentence refusal for what may not.

A refusal is an error of sagemaker-inference, which answers with its HTTP status and puts its message in the response body.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from sagemaker_inference.errors import GenericInferenceToolkitError

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "WEBP")
ACCEPTED = f"a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} image"
DEFAULT_TOP_K = 5
MAX_TOP_K = 50
MAX_PIXELS = 50_000_000


@dataclass(frozen=True)
class Query:
    """What to look for: an RGB image, and how many recommendations to give."""

    image: Image.Image
    top_k: int = DEFAULT_TOP_K


def refusal(status: int, message: str) -> GenericInferenceToolkitError:
    """The error to raise so that the container answers with HTTP `status` and `message`."""
    return GenericInferenceToolkitError(status, message)


def read_query(body: bytes | bytearray | str, content_type: str | None) -> Query:
    """Read a request body: JSON `{"image": "<base64>", "top_k": 5}`, or the bytes of an image.

    sagemaker-inference has already decoded `application/json` to text. Raises a refusal with status 415 for another content
    type than JSON, `image/*` and `application/octet-stream`, and 400 for a body that does not hold what its type says.
    """
    kind = (content_type or "application/octet-stream").split(";")[0].strip().lower()
    if kind == "application/json":
        return _from_json(body)
    if kind.startswith("image/") or kind in ("application/x-image", "application/octet-stream"):
        return Query(read_image(body.encode() if isinstance(body, str) else bytes(body), "The request body"))
    raise refusal(
        415, f"Content type {kind!r} is not accepted; send application/json, image/jpeg, image/png or application/octet-stream."
    )


def read_image(data: bytes, name: str) -> Image.Image:
    """Decode one image to RGB, upright by its EXIF orientation, on white where transparent; `name` is for refusals."""
    if not data:
        raise refusal(400, f"{name} is empty; send {ACCEPTED}.")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise refusal(400, f"{name} is {_describe(data)}; send {ACCEPTED}.") from error
    except Image.DecompressionBombError as error:
        raise refusal(400, f"{name} has far too many pixels; send at most {MAX_PIXELS:,}.") from error
    except Exception as error:  # Pillow raises whatever a broken file leads it to
        raise _broken(name, "an image", error) from error
    if image.width * image.height > MAX_PIXELS:
        raise refusal(400, f"{name} has {image.width} × {image.height} pixels; send at most {MAX_PIXELS:,}.")
    try:
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I"):  # 16 bits, which Pillow would cut to white instead of scale
            return Image.fromarray((np.asarray(upright).clip(0, 0xFFFF) // 256).astype(np.uint8)).convert("RGB")
        if not upright.has_transparency_data:
            return upright.convert("RGB")
        layer = upright.convert("RGBA")
    except Exception as error:  # as above, now from its decoder
        raise _broken(name, f"a {image.format} image", error) from error
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _broken(name: str, kind: str, error: Exception) -> GenericInferenceToolkitError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return refusal(400, f"{name} begins like {kind} and cannot be decoded ({reason}); send a whole file.")


def _from_json(body: bytes | bytearray | str) -> Query:
    if not body:
        raise refusal(400, 'The request body is empty; send {"image": "<base64>", "top_k": 5}.')
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise refusal(400, f'The request body is not JSON ({error}); send {{"image": "<base64>", "top_k": 5}}.') from error
    if not isinstance(document, dict) or not isinstance(document.get("image"), str):
        raise refusal(400, f'The request is {_outline(document)}; send an object with the image as base64 text under "image".')
    top_k = document.get("top_k", DEFAULT_TOP_K)
    if isinstance(top_k, bool) or not isinstance(top_k, int) or not 1 <= top_k <= MAX_TOP_K:
        raise refusal(400, f"top_k is {json.dumps(top_k)[:40]}; send a whole number from 1 to {MAX_TOP_K}.")
    try:
        data = base64.b64decode("".join(document["image"].split()), validate=True)  # base64 programs break lines
    except (binascii.Error, ValueError) as error:
        raise refusal(400, f'The text under "image" is not base64 ({error}); encode the file\'s bytes with base64.') from error
    return Query(read_image(data, 'The file under "image"'), top_k)


def _describe(data: bytes) -> str:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(data[:64])  # it waits for the rest of a character cut at 64
    except UnicodeDecodeError:
        text = "\0"
    if all(character.isprintable() or character.isspace() for character in text):
        return f"{len(data):,} bytes of text, not an image"
    return f"{len(data):,} bytes of no known image format"


def _outline(document: object) -> str:
    if not isinstance(document, dict):
        return f"a JSON {'null' if document is None else type(document).__name__}"
    if "image" in document:
        return f'an object whose "image" is a {type(document["image"]).__name__}'
    return f"an object with {'the keys ' + ', '.join(map(repr, list(document)[:5])) if document else 'no keys'}"
