"""Resolve a request's outcome from S3, or from the notification if it includes the response and can be trusted."""

from __future__ import annotations

import re
from typing import Final

from async_endpoint.client.invocation import Invocation
from async_endpoint.client.objects import LIST_ACTION, Found, Objects, Unreadable
from async_endpoint.client.results import Completed, Submitted
from async_endpoint.client.target import Target
from async_endpoint.core.errors import (
    AsyncEndpointError,
    InvocationExpired,
    InvocationFailed,
    ResultNotReady,
    ResultUnreadable,
)
from async_endpoint.core.notifications import Notification
from async_endpoint.core.s3_uri import S3Uri

REASON_CHARS: Final = 300
# Of a request not begun in time SageMaker's wording is not documented; the local AWS says so in these words.
_EXPIRED: Final = re.compile(r"\bexpired\b|time.to.live|RequestTTLSeconds", re.IGNORECASE)

Outcome = Completed | AsyncEndpointError


def names_request(target: Target, submitted: Submitted, notification: Notification) -> bool:
    """Whether a message names this endpoint, this request, and its locations where the message has any.

    What the message says of an inline input is not documented, so only the location of an input in S3 is compared.
    """
    return (
        notification.endpoint_name == target.name
        and notification.inference_id == submitted.inference_id
        and submitted.input_location in (None, notification.input_location)
        and notification.output_location in (None, submitted.output_location)
        and notification.failure_location in (None, submitted.failure_location)
    )


def result_from_notification(
    target: Target, submitted: Submitted, notification: Notification, seconds: float
) -> Completed | None:
    """The result that a trustworthy notification includes; None when it includes none, or any field is another request's."""
    if (
        notification.status != "Completed"
        or notification.response_body is None
        or notification.output_location is None
        or not names_request(target, submitted, notification)
    ):
        return None
    return Completed(notification.response_body, notification.response_type or "", submitted.output_location, seconds)


def result_from_s3(
    objects: Objects, target: Target, invocation: Invocation, hint: Notification | None, seconds: float, *, trusted: bool
) -> Outcome | Unreadable | None:
    """The outcome that S3 has; None when there is none yet.

    `hint` is what led here and spares reads: a notification, or an entry of a listing. Only with `trusted` does it say more
    than where to look first. An output counts before a failure: a request that was sent twice may have both. Raises what
    `translate_errors` raises.
    """
    submitted = invocation.submitted
    assert submitted is not None
    failed = hint is not None and hint.status == "Failed"
    if failed and invocation.sent <= 1:
        ended = _failure(objects, target, submitted, hint, trusted=trusted)
        if ended is not None:
            return ended
        return _output(objects, invocation, submitted, seconds)  # the hint is wrong, or forged
    result = _output(objects, invocation, submitted, seconds)
    if result is not None or (hint is not None and not failed):
        return result
    return _failure(objects, target, submitted, hint if failed else None, trusted=trusted)


def _output(objects: Objects, invocation: Invocation, submitted: Submitted, seconds: float) -> Completed | Unreadable | None:
    result = objects.look(submitted.output_location)
    if not isinstance(result, Found):
        return result
    invocation.written_at = result.written_at
    return Completed(result.body, result.content_type, submitted.output_location, seconds)


def _failure(
    objects: Objects, target: Target, submitted: Submitted, hint: Notification | None, *, trusted: bool
) -> InvocationFailed | None:
    """The failure whose object is in S3, or that a trusted notification reports where SageMaker could write no object.

    The object is always looked for where the endpoint's acceptance said it would be, never where a message says.
    """
    where = submitted.failure_location
    reported = hint is not None and trusted and names_request(target, submitted, hint)
    found = objects.look(where) if where else None
    if isinstance(found, Found):
        return failure(target, submitted, found.body.decode("utf-8", "replace"), where)
    if isinstance(found, Unreadable) and (found.exists or reported):
        said = hint.failure_reason if hint and reported else None
        return failure(target, submitted, said or f"the reason cannot be read: {found.action} is denied", where)
    if hint is not None and reported and hint.failure_location is None:  # neither object could be written
        return failure(target, submitted, hint.failure_reason or "no reason given", None)
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


def timeout_error(target: Target, submitted: Submitted, hint: Notification | None, *, blind: bool) -> ResultNotReady:
    """The error of a request whose deadline has passed with no outcome in S3; `hint` is what was announced, if anything."""
    places = [place for place in (submitted.output_location, submitted.failure_location) if place]
    bucket = S3Uri.parse(places[0]).bucket
    doubt = (
        f" as far as can be seen without {LIST_ACTION} on {bucket} (grant it to tell missing from forbidden)" if blind else ""
    )
    unconfirmed = ""
    if hint is not None and hint.status == "Failed":
        reason = " ".join((hint.failure_reason or "no reason given").split())[:REASON_CHARS].rstrip(". ")
        unconfirmed = f", and a notification reports a failure that no object confirms ({reason})"
    return ResultNotReady(
        f"Inference {submitted.inference_id} on endpoint {target.name} has not ended after {submitted.deadline_seconds:g} s: "
        f"there is {'neither' if len(places) > 1 else 'no'} {' nor '.join(places)}{doubt}{unconfirmed}; wait longer, or read "
        f"log group {target.log_group}."
    )
