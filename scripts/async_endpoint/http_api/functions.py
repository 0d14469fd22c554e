"""Handlers of the AWS Lambda functions that modules/http-api creates: `api`, `deliver` and `sweep`.

Each is called in a process that serves one event at a time and is frozen in between, so nothing runs in the background here:
deliveries have a function of their own, and events of predictions are sent as snapshots. What is served is in the environment
variable ASYNC_ENDPOINT_HTTP_API, compressed JSON; credentials are those of the function's role.
"""

from __future__ import annotations

import base64
import gzip
import json
import logging
import os
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from async_endpoint.core.errors import AsyncEndpointError, InvalidInput, WorkFailed
from async_endpoint.core.outputs import parse_endpoint
from async_endpoint.http_api.request_context import HEADER, log_as_json
from async_endpoint.http_api.served_endpoint import ServedEndpoint, Services
from async_endpoint.http_api.settings import ApiSettings, EndpointSettings
from async_endpoint.http_api.webhooks.addresses import checked_prefixes

if TYPE_CHECKING:
    from mangum import Mangum

VARIABLE: Final = "ASYNC_ENDPOINT_HTTP_API"
RESERVE_SECONDS: Final = 20.0  # of a sweep's time limit, for what it has begun
DELIVERY_RESERVE_SECONDS: Final = 3.0  # of the time limit of `deliver`, to report what is not done yet
BATCH: Final = 10  # messages of one event, as the event source mapping of modules/http-api has it
# Every body in base64: as text in JSON, 4 MiB of quotation marks would take more than the 6 MB of a response (Lambda quotas).
NO_TEXT: Final = ["none/none"]
_NOT_OF_AN_ID: Final = re.compile(r"[^A-Za-z0-9_-]")

log = logging.getLogger(__name__)


def api(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Serve one request of an HTTP API (payload format 2.0); returns the response in that format.

    Bodies of JSON and text come as text, others in base64 (assumption A289).
    """
    return dict(_gateway()(_with_request_id(event), context))


def deliver(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handle the messages of one delivery queue, side by side; returns those to be received again.

    Source of both forms: Lambda developer guide, "Using Lambda with Amazon SQS", "Reporting batch item failures". The mapping
    deletes all others. One that is not done shortly before the function's time limit is received again; a function that is cut
    off would have all of them received again.
    """
    records, handlers = event["Records"], _handlers()
    threads = ThreadPoolExecutor(max(1, min(BATCH, len(records))))
    handled = [threads.submit(_handled, record, handlers) for record in records]
    threads.shutdown(wait=False)
    done, _ = wait(handled, max(0.0, context.get_remaining_time_in_millis() / 1000 - DELIVERY_RESERVE_SECONDS))
    failed = [record["messageId"] for record, one in zip(records, handled, strict=True) if one not in done or not one.result()]
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}


def sweep(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Sweep every endpoint, each for its share of the time that is left; returns the reports by name.

    The schedule decides how often, whatever the lease of the run before: the function's concurrency is 1.

    Raises WorkFailed, after the others are swept, if a sweep failed: the function's metric Errors has an alarm.
    """
    from async_endpoint.http_api.webhooks.sweep import Sweep  # noqa: PLC0415 - of this function alone

    reports: dict[str, Any] = {}
    failures: list[str] = []
    endpoints = _endpoints()
    for number, (name, endpoint) in enumerate(endpoints.items()):
        left = context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
        try:
            reports[name] = Sweep(endpoint).run(force=True, seconds=max(0.0, left / (len(endpoints) - number))).as_dict()
        except AsyncEndpointError as error:
            failures.append(f"{name}: {error}")
    log.info("sweep", extra={"fields": {"endpoints": reports}})
    if failures:
        raise WorkFailed("Sweeps failed. " + " ".join(failures))
    return reports


def settings_of(environment: Mapping[str, str]) -> ApiSettings:
    """The settings in an environment; raises InvalidInput for what modules/http-api did not write."""
    try:
        document = json.loads(gzip.decompress(base64.b64decode(environment[VARIABLE], validate=True)))
        outputs = {name: parse_endpoint(name, value) for name, value in document["endpoints"].items()}
        return ApiSettings(
            environment=", ".join(sorted({one.environment for one in outputs.values()})),
            endpoints={name: EndpointSettings(name, one) for name, one in outputs.items()},
            read_only=document["read_only"],
            deliveries=False,
            max_wait=document["max_wait_seconds"],
            longest_wait=document["longest_wait_seconds"],
            allowed_webhooks=checked_prefixes(document["allowed_webhooks"]),
            input_prefixes=tuple(document["input_uris"]),
            cors_origins=tuple(document["cors_origins"]),
            keys_required=True,
            streaming=False,
        )
    except (KeyError, ValueError, OSError, EOFError) as error:
        raise InvalidInput(f"Variable {VARIABLE} of this function is not what modules/http-api writes ({error!r}).") from error


@cache
def _gateway() -> Mangum:
    """The application behind the gateway; made by the first request of a process."""
    from mangum import Mangum  # noqa: PLC0415 - of this function alone

    from async_endpoint.http_api.application import create_application  # noqa: PLC0415

    log_as_json()
    settings = settings_of(os.environ)
    return Mangum(create_application(settings, Services.of(settings)), lifespan="off", text_mime_types=NO_TEXT)


@cache
def _endpoints() -> dict[str, ServedEndpoint]:
    """The endpoints of this process by name, without an application."""
    log_as_json()
    settings = settings_of(os.environ)
    services = Services.of(settings)
    return {name: ServedEndpoint.create(endpoint, settings, services) for name, endpoint in settings.endpoints.items()}


@cache
def _handlers() -> dict[str, Callable[[str], None]]:
    """What handles a message, by the ARN of its queue."""
    from async_endpoint.http_api.webhooks.deliverer import Deliverer  # noqa: PLC0415 - of this function alone

    return {one.settings.http_api.delivery_queue_arn: Deliverer.of(one).handle for one in _endpoints().values()}


def _handled(record: Mapping[str, Any], handlers: Mapping[str, Callable[[str], None]]) -> bool:
    """Handle a message; False if it is to be received again."""
    try:
        handlers[record["eventSourceARN"]](record["body"])
    except AsyncEndpointError as error:
        log.warning("A delivery is put off: %s", error)
        return False
    except Exception:
        log.exception("A message of the delivery queue cannot be handled.")
        return False
    return True


def _with_request_id(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event, with the gateway's request id where the caller has given none: access log and inference id then have the same.

    Without the characters that an inference id does not have: the gateway's ids end in `=`.
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    identifier = _NOT_OF_AN_ID.sub("", str(event.get("requestContext", {}).get("requestId", "")))[:32]
    if identifier:
        headers.setdefault(HEADER, identifier)
    return {**event, "headers": headers}
