"""Conditional writes of S3 (If-Match, If-None-Match) are atomic; moto checks the condition and writes in two steps.

Source: S3 User Guide, "How to prevent object overwrites with conditional writes".
"""

from __future__ import annotations

import threading
from typing import Any

from moto.s3.responses import S3Response

_one_at_a_time = threading.Lock()
_put_object = S3Response.put_object


def _put(self: S3Response) -> Any:
    if self.headers.get("If-Match") is None and self.headers.get("If-None-Match") is None:
        return _put_object(self)
    with _one_at_a_time:
        return _put_object(self)


def apply() -> None:
    S3Response.put_object = _put
