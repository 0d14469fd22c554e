"""`Prefer: wait=N` (RFC 7240): a response is held back until the prediction has ended, N seconds at most."""

from __future__ import annotations

import asyncio
import json
import math
import re
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError
from starlette.requests import Request

from async_endpoint.aws import error_code, translate_errors
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.http_api.access.content import media_type
from async_endpoint.http_api.predictions.current import CurrentPrediction, current
from async_endpoint.http_api.predictions.status import Status, is_stale, prediction_object, resolve
from async_endpoint.http_api.watcher import Watch, Watcher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from async_endpoint.client.models import Submitted
    from async_endpoint.http_api.predictions.records import Claim
    from async_endpoint.http_api.served_endpoint import ServedEndpoint

INCLUDED_BYTES: Final = 1_048_576
_WAIT: Final = re.compile(r'wait\s*=\s*"?(?P<seconds>[0-9]{1,9})"?\s*(?:;.*)?', re.IGNORECASE)


def preferred_wait(request: Request) -> int:
    """The seconds to wait, 0 without the preference. More are cut to the maximum; RFC 7240 ignores a malformed preference."""
    for item in ",".join(request.headers.getlist("prefer")).split(","):
        match = _WAIT.fullmatch(item.strip())
        if match:
            longest: int = request.app.state.settings.longest_wait
            return min(int(match["seconds"]), longest)
    return 0


def applied(seconds: int) -> dict[str, str]:
    """The header that says how long was waited at most; none without the preference."""
    return {"Preference-Applied": f"wait={seconds}"} if seconds else {}


@asynccontextmanager
async def watched(
    request: Request, endpoint: ServedEndpoint, claim: Claim, submitted: Submitted
) -> AsyncIterator[Watch[CurrentPrediction]]:
    """Watch a prediction; all requests of this process that do so share its calls of S3."""
    watcher = watcher_of(request.app.state)
    async with watcher.watch((endpoint.name, claim.key), partial(_ended, endpoint, claim, submitted)) as watch:
        yield watch


async def wait_until_ended(
    request: Request, endpoint: ServedEndpoint, claim: Claim, submitted: Submitted, seconds: int
) -> CurrentPrediction | None:
    """The prediction once it has ended; None after `seconds`, or once the client has gone. The body must have been read."""
    async with watched(request, endpoint, claim, submitted) as watch:
        tasks = {asyncio.ensure_future(watch.ended(seconds)), asyncio.ensure_future(_disconnected(request))}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        return next((found for task in done if (found := task.result()) is not None), None)


def with_output(endpoint: ServedEndpoint, document: dict[str, Any], submitted: Submitted) -> dict[str, Any]:
    """The prediction object with member `output`: a JSON value, or a str for text.

    Null for other types, above 1 MiB, and for an output that was deleted. One call of S3.
    Raises what `translate_errors` raises.
    """
    if document["status"] != Status.SUCCEEDED:
        return document | {"output": None}
    uri = S3Uri.parse(submitted.output_location)
    with translate_errors(endpoint.session, "s3:GetObject", str(uri)):
        try:
            found = endpoint.retries.call(lambda: endpoint.session.s3.get_object(Bucket=uri.bucket, Key=uri.key))
        except ClientError as error:
            if error_code(error) in ("404", "NoSuchKey"):
                return document | {"output": None}
            raise
        if found["ContentLength"] > INCLUDED_BYTES or is_stale(found["LastModified"], submitted):
            found["Body"].close()
            return document | {"output": None}
        body = found["Body"].read()
    return document | {"output": decoded(body, found.get("ContentType", ""))}


def decoded(body: bytes, content_type: str) -> Any:
    """JSON and text as a value that JSON can have; None for what is neither, or not what its content type says."""
    kind = media_type(content_type)
    try:
        if kind == "application/json" or kind.endswith("+json"):
            value = json.loads(body, parse_constant=_refused, parse_float=_finite)
            json.dumps(value, ensure_ascii=False).encode()  # lone surrogates
            return value
        return body.decode() if kind.startswith("text/") else None
    except (ValueError, RecursionError):
        return None


def watcher_of(state: Any) -> Watcher[CurrentPrediction]:
    """The watcher of an application, whose `state` it is."""
    if not hasattr(state, "watcher"):
        state.watcher = Watcher()
    found: Watcher[CurrentPrediction] = state.watcher
    return found


def _ended(endpoint: ServedEndpoint, claim: Claim, submitted: Submitted) -> CurrentPrediction | None:
    outcome = resolve(endpoint, submitted)
    if not outcome.terminal:
        return None
    if claim.webhook is not None:  # what was announced counts
        return current(endpoint, claim, submitted)
    return CurrentPrediction(outcome, prediction_object(endpoint, claim, submitted, outcome))


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refused(text: str) -> float:
    raise ValueError(text)  # NaN and Infinity are not JSON


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):  # 1e999
        raise ValueError(text)
    return number
