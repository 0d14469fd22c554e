"""Content negotiation of responses that exist as JSON only."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from async_endpoint.http_api.problems import Problem


def require_json(request: Request) -> None:
    """Raise the problem `not-acceptable` if the request accepts no JSON (RFC 9110, 12.5.1)."""
    values = request.headers.getlist("accept")
    if values and not accepts(values, "application", "json"):
        raise Problem("not-acceptable", "This resource is application/json; accept that, or leave out the header Accept.")


def accepts(values: Sequence[str], kind: str, subtype: str) -> bool:
    """Whether values of Accept allow a media type; the most specific range decides, and quality 0 refuses."""
    best: tuple[int, bool] = (-1, False)
    for part in ",".join(values).split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        specificity = {f"{kind}/{subtype}": 2, f"{kind}/*": 1, "*/*": 0}.get(name)
        if specificity is not None and specificity >= best[0]:
            refused = any(_is_zero(parameter) for parameter in parameters)
            best = (specificity, not refused)
    return best[1] or not any(value.strip() for value in values)


def _is_zero(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and value.strip().rstrip("0") in ("0.", "", "0")
