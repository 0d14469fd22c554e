"""The console page: one static file, without an API key, since it has no data of its own; its script calls the API."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from async_endpoint.http_api.openapi import problem_responses

PAGE: Final = Path(__file__).parents[1] / "console/index.html"
# `require-trusted-types-for` makes Chromium refuse every way from a string to markup or script (W3C Trusted Types).
# Blobs are pictures that the page has fetched itself; data URLs are those inside an output.
_POLICY: Final = (
    "default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; img-src blob: data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)

router = APIRouter(tags=["process"], default_response_class=Response)


@router.get(
    "/",
    responses={
        200: {"description": "The console page.", "content": {"text/html": {"schema": {"type": "string"}}}},
        **problem_responses("forbidden-origin"),
    },
)
async def get_console() -> Response:
    """The console page."""
    page, policy = console_page()
    headers = {
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
    }
    return HTMLResponse(page, headers=headers)


@cache
def console_page() -> tuple[str, str]:
    """The page and its Content-Security-Policy, which allows this page's one script and one style sheet by their hashes."""
    page = PAGE.read_text(encoding="utf-8")
    return page, _POLICY.format(script=_hash_of(page, "script"), style=_hash_of(page, "style"))


def _hash_of(page: str, tag: str) -> str:
    """The source expression of the page's only element `tag` (CSP level 3, section 2.3.1)."""
    (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
