"""Of one request: its outcome, as S3 has it, or the notification where that carries it."""

from __future__ import annotations

import re
from typing import Final

from async_endpoint.client.invocation import Invocation
from async_endpoint.client.objects import LIST_ACTION, Found, Objects, Unreadable
from async_endpoint.client.results import Completed, Submitted
from async_endpoint.client.target import Target
from async_endpoint.contract.errors import (
    AsyncEndpointError,
    InvocationExpired,
    InvocationFailed,
    ResultNotReady,
    ResultUnreadable,
)
from async_endpoint.contract.notifications import Notification
from async_endpoint.contract.s3_uri import S3Uri

REASON_CHARS: Final = 300
# Of a request not begun in time SageMaker's wording is not documented; the local AWS says so in these words.
_EXPIRED: Final = re.compile(r"\bexpired\b|time.to.live|RequestTTLSeconds", re.IGNORECASE)

Outcome = Completed | AsyncEndpointError


def announced(invocation: Invocation, notification: Notification, seconds: float) -> Completed | None:
    """The result that a notification carries, when it is of this request and carries it."""
    submitted = invocation.submitted
    if (
        submitted is None
        or notification.status != "Completed"
        or notification.response_body is None
        or notification.output_location not in (None, submitted.output_location)
    ):
        return None
    return Completed(notification.response_body, notification.response_type or "", submitted.output_location, seconds)


def stored(
    objects: Objects, target: Target, invocation: Invocation, told: Notification | None, seconds: float
) -> Outcome | Unreadable | None:
    """The outcome that S3 has, or that a notification tells of where S3 could not be written; None when there is none yet.

    `told` is the hint that led here, and spares looks. An output counts before a failure: a request that was sent twice may
    have both. Raises what `explained` raises.
    """
    submitted = invocation.submitted
    assert submitted is not None
    failed = told is not None and told.status == "Failed"
    if not failed or invocation.sent > 1:
        result = objects.look(submitted.output_location)
        if isinstance(result, Found):
            invocation.written_at = result.written_at
            return Completed(result.body, result.content_type, submitted.output_location, seconds)
        if isinstance(result, Unreadable):
            return result
        if told is not None and not failed:
            return None
    return _failure(objects, target, submitted, told if failed else None)


def _failure(objects: Objects, target: Target, submitted: Submitted, told: Notification | None) -> InvocationFailed | None:
    """The failure that S3 has, or that a notification of it tells."""
    where = (told.failure_location if told else None) or submitted.failure_location
    reason = objects.look(where) if where else None
    if isinstance(reason, Found):
        return failure(target, submitted, reason.body.decode("utf-8", "replace"), where)
    if isinstance(reason, Unreadable) and (reason.exists or told):
        said = told.failure_reason if told and told.failure_reason else f"the reason cannot be read: {reason.action} is denied"
        return failure(target, submitted, said, where)
    if told is not None and told.failure_location is None:  # neither object could be written
        return failure(target, submitted, told.failure_reason or "no reason given", None)
    return None


def failure(target: Target, submitted: Submitted, reason: str, where: str | None) -> InvocationFailed:
    """The error of a request that failed, with the service's reason."""
    lines = reason.strip().splitlines() or ["no reason given"]
    first = lines[0] if len(lines[0]) <= REASON_CHARS else lines[0][: REASON_CHARS - 1] + "…"
    places = f"{where} and in log group {target.log_group}" if where else f"log group {target.log_group}"
    kind = InvocationExpired if _EXPIRED.search(first) and not first.startswith("Received ") else InvocationFailed
    # the service's own wording: "Received client error (400) from primary with message …"
    remedy = "correct the input" if re.search(r"client error \(4\d\d\)", reason) else "mend the cause"
    return kind(
        f"Endpoint {target.name} failed on {submitted.inference_id}: {first.rstrip('. ')}; read the rest in {places}, "
        f"{remedy} and submit again.",
        reason=reason.strip(),
        failure_location=where,
    )


def unreadable(submitted: Submitted, refused: Unreadable) -> ResultUnreadable:
    """The error of a result that may not be read."""
    there = "is there and " if refused.exists else ""
    return ResultUnreadable(
        f"The result of {submitted.inference_id} {there}cannot be read: {refused.action} on {submitted.output_location} is "
        "denied; attach the environment's caller policy and read it there."
    )


def late(target: Target, submitted: Submitted, blind: bool) -> ResultNotReady:
    """The error of a request whose deadline has passed with no outcome to be seen."""
    places = [place for place in (submitted.output_location, submitted.failure_location) if place]
    bucket = S3Uri.parse(places[0]).bucket
    doubt = (
        f" as far as can be seen without {LIST_ACTION} on {bucket} (grant it to tell missing from forbidden)" if blind else ""
    )
    return ResultNotReady(
        f"Inference {submitted.inference_id} on endpoint {target.name} has not ended after {submitted.deadline_seconds:g} s: "
        f"there is {'neither' if len(places) > 1 else 'no'} {' nor '.join(places)}{doubt}; wait longer, or read log group "
        f"{target.log_group}."
    )
