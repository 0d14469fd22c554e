"""Waiting for the one terminal state of a request: an output, a failure, or a deadline."""

from __future__ import annotations

import dataclasses
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.client.aws import AwsClients
from async_endpoint.client.clock import SYSTEM_CLOCK, Clock
from async_endpoint.client.objects import LIST_ACTION, Found, Place, Unreadable
from async_endpoint.client.submit import Submitted
from async_endpoint.contract.errors import InvocationFailed, NotReady, ResultNotReady, UsageError
from async_endpoint.contract.outputs import AsyncEndpointOutputs
from async_endpoint.contract.s3_uri import S3Uri

REASON_CHARS: Final = 300


@dataclass(frozen=True)
class Completed:
    """A result; `seconds` from submission to the moment it was seen."""

    body: bytes
    content_type: str
    output_location: str
    seconds: float

    def document(self) -> Any:
        """The decoded JSON of the body; None when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def as_dict(self) -> dict[str, Any]:
        """For --json: the JSON itself, or of a binary body its size."""
        fields = dataclasses.asdict(self)
        body = fields.pop("body")
        return fields | {"status": "Completed", "bytes": len(body), "result": self.document()}


@dataclass(frozen=True)
class Poll:
    """One look that found nothing: its number from 1, seconds since submission, seconds until the deadline."""

    number: int
    elapsed_seconds: float
    remaining_seconds: float


@dataclass(frozen=True)
class Polling:
    """How often S3 is asked: after `first_seconds`, then `factor` times rarer each time, at least every `cap_seconds`.

    `jitter` is the share of each delay left to chance, `patience` how many looks in a row may go unanswered.
    """

    first_seconds: float = 0.25
    factor: float = 1.5
    cap_seconds: float = 5.0
    jitter: float = 0.2
    patience: int = 5

    def delays(self) -> Iterator[float]:
        delay = self.first_seconds
        while True:
            yield delay * random.uniform(1 - self.jitter, 1)
            delay = min(delay * self.factor, self.cap_seconds)


def wait(
    clients: AwsClients,
    submitted: Submitted,
    outputs: AsyncEndpointOutputs,
    *,
    deadline_seconds: float | None = None,
    on_poll: Callable[[Poll], None] | None = None,
    polling: Polling = Polling(),
    clock: Clock = SYSTEM_CLOCK,
) -> Completed:
    """Look at the output and at the failure location until one of them is there.

    The deadline counts from the submission: `deadline_seconds`, or else the time to live, one cold start and one invocation.
    S3 alone decides, one or two calls a look. Raises InvocationFailed with the service's reason, ResultNotReady at the
    deadline, UsageError when the caller may not read the result, NotReady when S3 stops answering.
    """
    started = submitted.submitted_at.timestamp()
    allowed = submitted.deadline_seconds if deadline_seconds is None else deadline_seconds
    output = Place(clients, submitted.output_location)
    failure = Place(clients, submitted.failure_location) if submitted.failure_location else None
    delays = polling.delays()
    number = unanswered = 0
    while True:
        number += 1
        try:
            found = _look(output, failure, submitted, outputs)
            unanswered = 0
        except NotReady:
            found, unanswered = None, unanswered + 1
            if unanswered >= polling.patience:
                raise
        elapsed = clock.now() - started
        if found is not None:
            return Completed(found.body, found.content_type, submitted.output_location, elapsed)
        if elapsed >= allowed:
            raise ResultNotReady(_late(submitted, outputs, allowed, [place for place in (output, failure) if place]))
        if on_poll:
            on_poll(Poll(number, elapsed, allowed - elapsed))
        clock.sleep(min(next(delays), allowed - elapsed))


def _look(output: Place, failure: Place | None, submitted: Submitted, outputs: AsyncEndpointOutputs) -> Found | None:
    result = output.look()
    if isinstance(result, Found):
        return result
    if isinstance(result, Unreadable):
        raise UsageError(
            f"The result of {submitted.inference_id} {'is there and ' if result.exists else ''}cannot be read: "
            f"{result.action} on {output.location} is denied; attach the environment's caller policy and read it there."
        )
    reason = failure.look() if failure else None
    if isinstance(reason, Found):
        raise _failed(reason.body.decode("utf-8", "replace"), submitted, outputs)
    if isinstance(reason, Unreadable) and reason.exists:
        raise _failed(f"the reason cannot be read because {reason.action} is denied", submitted, outputs)
    return None


def _failed(reason: str, submitted: Submitted, outputs: AsyncEndpointOutputs) -> InvocationFailed:
    lines = reason.strip().splitlines() or ["no reason given"]
    first = lines[0] if len(lines[0]) <= REASON_CHARS else lines[0][: REASON_CHARS - 1] + "…"
    # the service's own wording: "Received client error (400) from primary with message …"
    remedy = "correct the input" if re.search(r"client error \(4\d\d\)", reason) else "mend the cause"
    return InvocationFailed(
        f"Endpoint {outputs.endpoint.name} failed on {submitted.inference_id}: {first.rstrip('. ')}; read the rest in "
        f"{submitted.failure_location} and in {_log_group(outputs)}, {remedy} and submit again.",
        reason=reason.strip(),
        failure_location=submitted.failure_location,
    )


def _late(submitted: Submitted, outputs: AsyncEndpointOutputs, allowed: float, places: list[Place]) -> str:
    missing = " nor ".join(place.location for place in places)
    blind = sorted({S3Uri.parse(place.location).bucket for place in places if place.blind})
    doubt = (
        f" as far as can be seen without {LIST_ACTION} on {', '.join(blind)} (grant it to tell missing from forbidden)"
        if blind
        else ""
    )
    return (
        f"Inference {submitted.inference_id} on endpoint {outputs.endpoint.name} has not ended after {allowed:g} s: there is "
        f"{'neither' if len(places) > 1 else 'no'} {missing}{doubt}; wait longer, or read {_log_group(outputs)}."
    )


def _log_group(outputs: AsyncEndpointOutputs) -> str:
    return f"log group /aws/sagemaker/Endpoints/{outputs.endpoint.name}"
