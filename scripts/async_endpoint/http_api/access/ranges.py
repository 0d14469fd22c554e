"""Conditional and range requests for an object of S3 (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# one range; S3 serves no several at once (GetObject API reference, "Range"), and a server may ignore a Range header
_SINGLE: Final = re.compile(r"bytes=(?:(?P<first>[0-9]{1,15})-(?P<last>[0-9]{0,15})|-(?P<suffix>[0-9]{1,15}))", re.IGNORECASE)
_ETAG: Final = re.compile(r'(?:W/)?"[^"]*"')


def is_unchanged(etag: str, if_none_match: str | None) -> bool:
    """Whether If-None-Match has the object's `etag`, compared weakly as that header is (section 13.1.2)."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return etag.removeprefix("W/") in {given.removeprefix("W/") for given in _ETAG.findall(if_none_match)}


def wanted_range(headers: Mapping[str, str], etag: str, size: int) -> tuple[int, int] | None:
    """First and last byte of the range to serve, None for all of the object; raises ValueError if no byte is in the range.

    A Range header of several ranges, of another unit or malformed is ignored, and one whose If-Range is not `etag` too.
    """
    given = headers.get("range")
    if given is None or ("if-range" in headers and headers["if-range"].strip() != etag):
        return None
    match = _SINGLE.fullmatch(given.strip())
    if match is None:
        return None
    if match["suffix"] is not None:
        length = min(int(match["suffix"]), size)
        if not length:
            raise ValueError(given)
        return size - length, size - 1
    first, last = int(match["first"]), int(match["last"]) if match["last"] else size - 1
    if match["last"] and last < first:
        return None
    if first >= size:
        raise ValueError(given)
    return first, min(last, size - 1)
