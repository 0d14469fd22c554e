"""Headers under which a model's output is harmless: a model is as trusted as what it was sent, and its content types too."""

from __future__ import annotations

import re
from typing import Final

from async_endpoint.client.models import BINARY_TYPE, guess_suffix

FILE_NAME_CHARS: Final = 100
# RFC 9110, section 8.3.1: type/subtype and parameters of tokens or quoted strings; no control characters, so no other header
_TOKEN: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_TYPE: Final = re.compile(rf'{_TOKEN}/{_TOKEN}(?:[ \t]*;[ \t]*{_TOKEN}=(?:{_TOKEN}|"[ !#-\[\]-~]*"))*')
_TYPE_CHARS: Final = 200
# What a browser shows without running anything of it; SVG is not among them, PDF escapes the sandbox.
_INLINE: Final = frozenset(
    {
        "application/json", "audio/mpeg", "audio/ogg", "audio/wav", "image/avif", "image/gif", "image/jpeg", "image/png",
        "image/webp", "text/csv", "text/plain", "video/mp4", "video/webm",
    }
)  # fmt: skip

# A response that is opened in a browser all the same has an origin of its own, runs no script and loads nothing.
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


def safe_content_type(stored: str | None) -> str:
    """The content type of an object as a header may have it; application/octet-stream where that is none."""
    text = (stored or "").strip()
    return text if len(text) <= _TYPE_CHARS and _TYPE.fullmatch(text) else BINARY_TYPE


def disposition(prediction_id: str, content_type: str, *, inline: bool) -> str:
    """Content-Disposition: a download unless `inline` is asked for a type that browsers only show."""
    shown = inline and media_type(content_type) in _INLINE
    return f'{"inline" if shown else "attachment"}; filename="{file_name(prediction_id, content_type)}"'


def file_name(prediction_id: str, content_type: str) -> str:
    """A file name of letters, digits, `_` and `-`, with the usual suffix of the content type."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", prediction_id)[:FILE_NAME_CHARS].strip("_") or "output"
    return stem + (guess_suffix(content_type) or ".bin")


def media_type(content_type: str) -> str:
    """type/subtype in lower case, without parameters."""
    return content_type.partition(";")[0].strip().lower()
