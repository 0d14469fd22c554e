"""Requests that can be read in two ways, as two calls: one could be decided and the other answered.

Source: S3 refuses several subresources in one URL with "Conflicting query string parameters". What other services do with two
actions is not documented; SDKs never send them (A244).
"""

from __future__ import annotations

import re
from typing import Final

from async_endpoint.emulator.api_calls import REST, ApiCall, conflicting_subresources, named_actions
from async_endpoint.emulator.wsgi import FORM_FIELDS, Environ

_SIGNATURE: Final = re.compile(r"X-Amz-[A-Za-z-]+=[^&]*")


def ambiguity(environ: Environ, call: ApiCall) -> tuple[str, str] | None:
    """Code and message of the error for a request that can be read in two ways; None for any other."""
    if call.service == "s3":
        names = frozenset() if FORM_FIELDS in environ else conflicting_subresources(environ)
        text = f"Conflicting query string parameters: {', '.join(sorted(names))}"
        return ("InvalidArgument", text) if names else None
    if call.service in (*REST, "sagemaker-runtime"):
        return None
    named = named_actions(environ)
    if len(named) > 1:
        return "InvalidAction", f"The request names more than one action: {', '.join(named)}."
    if environ.get("HTTP_X_AMZ_TARGET"):
        extra = [part for part in environ.get("QUERY_STRING", "").split("&") if part and not _SIGNATURE.fullmatch(part)]
        if extra or environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
            return "SerializationException", "The parameters of a JSON call are in its body, as JSON, and nowhere else."
    return None
