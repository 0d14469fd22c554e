"""AccessDenied in XML for requests that a bucket policy denies, as from S3; moto answers status 403 without a body.

For HEAD requests S3 has no body either, and clients read the status.
"""

from __future__ import annotations

from typing import Any

from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.responses import S3Response

_answer = S3Response._key_response


def _key_response(self: S3Response, request: Any, full_url: str) -> Any:
    answer = _answer(self, request, full_url)
    if request.method != "HEAD" and isinstance(answer, tuple) and (answer[0], answer[2]) == (403, ""):
        raise S3AccessDeniedError
    return answer


def apply() -> None:
    S3Response._key_response = _key_response
