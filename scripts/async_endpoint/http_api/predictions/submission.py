"""Submission: claim, send, mark. Whichever process is killed in between, the same request again completes it.

A claim without a marker was claimed and perhaps not sent. For TAKEOVER_SECONDS its process may still be at work; afterwards the
next request of the same id sends it again. That is harmless: the output's name follows from the id.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

from async_endpoint.client.invocation import Invocation
from async_endpoint.client.models import BINARY_TYPE, Request, Submitted
from async_endpoint.core.errors import AsyncEndpointError
from async_endpoint.http_api.predictions.identity import inference_id, prediction_key
from async_endpoint.http_api.predictions.records import Claim, Found, Held, Webhook
from async_endpoint.http_api.predictions.status import deadline_of
from async_endpoint.http_api.problems import Problem
from async_endpoint.http_api.served_endpoint import ServedEndpoint, Services
from async_endpoint.http_api.webhooks.deliverer import delivery_queue
from async_endpoint.http_api.webhooks.messages import send_check

TAKEOVER_SECONDS: Final = 30.0
TAKEOVERS: Final = 3  # attempts to take over, where several processes try
MARKER_WAITS: Final = (0.05, 0.1, 0.2, 0.4, 0.6, 0.65)  # seconds between looks for the marker of another process, two in all


@dataclass(frozen=True)
class Submission:
    """What a caller asks for. The input is `body`, or the object at the S3 URI `input_location`.

    The caller names that object `input_url`; `input_type` and `input_bytes` are its content type, where the caller states none,
    and its size, if it is known. `content_type` is as it was stated: an object may change, its repetition may not.
    """

    id: str
    body: bytes | None
    content_type: str | None
    accept: str | None
    input_url: str | None = None
    input_location: str | None = None
    input_type: str | None = None
    input_bytes: int | None = None
    webhook: Webhook | None = None

    @cached_property
    def sha256(self) -> str:
        """The digest of all that must be equal for a repetition, in hex; of 4 MiB it takes longer than a request."""
        hook = [self.webhook.url, list(self.webhook.events)] if self.webhook else None
        options = json.dumps([self.content_type, self.accept, self.input_url, hook]).encode()
        return hashlib.sha256(hashlib.sha256(options).digest() + (self.body or b"")).hexdigest()


@dataclass(frozen=True)
class Accepted:
    """A prediction that the endpoint has accepted; `repeated` if an earlier request had submitted it."""

    claim: Claim
    submitted: Submitted
    repeated: bool


async def submit(endpoint: ServedEndpoint, services: Services, caller: str, asked: Submission, request_id: str) -> Accepted:
    """Submit a prediction, or find it submitted.

    Raises the problems `conflict` for an id of another request and `request-in-progress` while another process may be sending
    it, and what `Sender.send` raises.
    """
    wanted = _claim(endpoint, caller, asked)
    for _ in range(TAKEOVERS):
        found = await services.run(_claim_and_send, endpoint, wanted, asked, request_id)
        if isinstance(found, Accepted):
            return found
        if found.claim.sha256 != wanted.sha256:
            raise _conflict(asked.id)
        submitted = await _marker(endpoint, services, found)
        if submitted is not None:
            return Accepted(found.claim, submitted, repeated=True)
        if found.age < TAKEOVER_SECONDS:
            raise _in_progress(TAKEOVER_SECONDS - found.age)
        taken = await services.run(endpoint.records.take_over, found)
        if taken is not None:
            return await services.run(_send, endpoint, taken, asked, request_id, late=True)
    raise _in_progress(1)  # another process was first each time


def _claim_and_send(endpoint: ServedEndpoint, wanted: Claim, asked: Submission, request_id: str) -> Accepted | Found:
    """The usual case, in one thread: nothing was there, and the prediction is submitted."""
    claimed = endpoint.records.claim(wanted)
    return claimed if isinstance(claimed, Found) else _send(endpoint, claimed, asked, request_id)


def _conflict(prediction_id: str) -> Problem:
    return Problem(
        "conflict",
        f"The id {prediction_id!r} was used for another input, content type, accepted type or webhook; use a new id.",
    )


def _in_progress(wait: float) -> Problem:
    seconds = max(1, round(wait))
    return Problem(
        "request-in-progress",
        f"The same request is being sent, or its process has ended; repeat it in {seconds} s.",
        headers={"Retry-After": str(seconds)},
    )


def _claim(endpoint: ServedEndpoint, caller: str, asked: Submission) -> Claim:
    return Claim(
        key=prediction_key(caller, endpoint.settings.info.name, asked.id),
        id=asked.id,
        caller=caller,
        created_at=datetime.fromtimestamp(endpoint.clock.now(), UTC),
        content_type=asked.content_type or asked.input_type or BINARY_TYPE,
        accept=asked.accept,
        sha256=asked.sha256,
        bytes=asked.input_bytes if asked.body is None else len(asked.body),
        input_url=asked.input_url,
        webhook=asked.webhook,
        nonce=secrets.token_hex(8),
    )


async def _marker(endpoint: ServedEndpoint, services: Services, found: Found) -> Submitted | None:
    """The marker; one that is missing is waited for, where the process that claimed may be about to write it."""
    submitted = await services.run(endpoint.records.submitted, found.claim)
    if found.age >= TAKEOVER_SECONDS:
        return submitted
    for seconds in MARKER_WAITS:
        if submitted is not None:
            break
        await services.sleep(seconds)
        submitted = await services.run(endpoint.records.submitted, found.claim)
    return submitted


def _send(endpoint: ServedEndpoint, held: Held, asked: Submission, request_id: str, *, late: bool = False) -> Accepted:
    """Send what is claimed, and mark it. A claim whose request was certainly not accepted is released.

    `late` says that the claim is old: the sweep, which looks for expiries in the order of markers, may have passed its place.
    A message then has the prediction looked at after its deadline.
    """
    if endpoint.clock.now() - held.since > TAKEOVER_SECONDS / 2:  # a process that was suspended: another may have taken over
        raise _in_progress(TAKEOVER_SECONDS / 2)
    claim = held.claim
    payload = asked.body if asked.body is not None else asked.input_location
    assert payload is not None
    request = Request(payload, content_type=claim.content_type, accept=claim.accept, key=claim.key)
    invocation = Invocation(inference_id(claim.key, request_id), claim.key)
    try:
        submitted = endpoint.sender.send(request, invocation)
    except AsyncEndpointError:
        if invocation.sent == 0 and not late:  # who held the claim before may have sent it
            with suppress(AsyncEndpointError):  # then it can be taken over in half a minute
                endpoint.records.release(held)
        raise
    if late and claim.webhook is not None:
        send_check(delivery_queue(endpoint), claim.key, deadline_of(submitted).timestamp(), endpoint.clock.now())
    return Accepted(claim, endpoint.records.mark(claim, submitted), repeated=False)
