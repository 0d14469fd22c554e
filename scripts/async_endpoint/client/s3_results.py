"""Resolve a request's outcome from S3, or from the notification if it includes the response and can be trusted."""

from __future__ import annotations

from typing import Final

from async_endpoint.client.endpoint_info import EndpointInfo
from async_endpoint.client.invocation import Invocation, Outcome
from async_endpoint.client.models import Completed, Submitted
from async_endpoint.client.s3_reader import LIST_ACTION, FetchedObject, ObjectReader, ReadDenied
from async_endpoint.core.errors import (
    EndpointDeleted,
    InvocationExpired,
    InvocationFailed,
    ResultDeleted,
    ResultNotReady,
    ResultUnreadable,
)
from async_endpoint.core.failure_reasons import REASON_CHARS, FailureReason, first_line
from async_endpoint.core.notifications import Notification
from async_endpoint.core.s3_uri import S3Uri

LIFECYCLE_SECONDS: Final = 86_400  # lifecycle rules delete after a day at the earliest


def names_request(info: EndpointInfo, submitted: Submitted, notification: Notification) -> bool:
    """Whether a message matches this endpoint, this request, and its locations if the message has any.

    Which location the message of an inline input has is unknown (A71), so only the location of an input in S3 is compared.
    """
    return (
        notification.endpoint_name == info.name
        and notification.inference_id == submitted.inference_id
        and submitted.input_location in (None, notification.input_location)
        and notification.output_location in (None, submitted.output_location)
        and notification.failure_location in (None, submitted.failure_location)
    )


def result_from_notification(
    info: EndpointInfo, submitted: Submitted, notification: Notification, seconds: float
) -> Completed | None:
    """The result that a trusted notification includes; None if it includes none, or a field does not match the request."""
    if (
        notification.status != "Completed"
        or notification.response_body is None
        or notification.output_location is None
        or not names_request(info, submitted, notification)
    ):
        return None
    return Completed(notification.response_body, notification.response_type or "", submitted.output_location, seconds)


def result_from_s3(
    objects: ObjectReader,
    info: EndpointInfo,
    invocation: Invocation,
    hint: Notification | None,
    seconds: float,
    *,
    trusted: bool,
) -> Outcome | ReadDenied | None:
    """Resolve a request's outcome from S3; None if there is none yet.

    `hint` is the reason for reading and saves reads: a notification, or an entry of a listing. Unless `trusted`, it only says
    where to look first. An output takes precedence over a failure: a request that was sent twice may have both. Raises what
    `translate_errors` raises.
    """
    submitted = invocation.submitted
    assert submitted is not None
    failed = hint is not None and hint.status == "Failed"
    if failed and invocation.sent <= 1:
        ended = _failure(objects, info, submitted, hint, trusted=trusted)
        if ended is not None:
            return ended
        return _output(objects, invocation, submitted, seconds)  # the hint is wrong, or forged
    result = _output(objects, invocation, submitted, seconds)
    if result is not None or (hint is not None and not failed):
        return result
    return _failure(objects, info, submitted, hint if failed else None, trusted=trusted)


def _output(
    objects: ObjectReader, invocation: Invocation, submitted: Submitted, seconds: float
) -> Completed | ReadDenied | None:
    result = objects.fetch(submitted.output_location)
    if not isinstance(result, FetchedObject):
        return result
    invocation.written_at = result.written_at
    if invocation.resumed_at is not None and result.written_at is not None and result.written_at <= invocation.resumed_at:
        seconds = max(result.written_at - submitted.submitted_at.timestamp(), 0.0)  # it ended before it was resumed
    return Completed(result.body, result.content_type, submitted.output_location, seconds)


def _failure(
    objects: ObjectReader, info: EndpointInfo, submitted: Submitted, hint: Notification | None, *, trusted: bool
) -> InvocationFailed | None:
    """The failure in S3, or the one that a trusted notification reports if SageMaker could not write an object.

    The object is always read from the location in the endpoint's response, never from one in a message.
    """
    where = submitted.failure_location
    reported = hint is not None and trusted and names_request(info, submitted, hint)
    found = objects.fetch(where) if where else None
    if isinstance(found, FetchedObject):
        return failure(info, submitted, found.body.decode("utf-8", "replace"), where)
    if isinstance(found, ReadDenied) and (found.exists or reported):
        said = hint.failure_reason if hint and reported else None
        return failure(info, submitted, said or f"the reason cannot be read: {found.action} is denied", where)
    if hint is not None and reported and hint.failure_location is None:  # neither object could be written
        return failure(info, submitted, hint.failure_reason or "no reason given", None)
    return None


def failure(info: EndpointInfo, submitted: Submitted, reason: str, where: str | None) -> InvocationFailed:
    """The error for a failed request, with the service's reason."""
    first, parsed = first_line(reason), FailureReason.parse(reason)
    places = f"{where} and log group {info.log_group}" if where else f"log group {info.log_group}"
    kind = InvocationExpired if parsed.expired else InvocationFailed
    remedy = "Correct the input" if parsed.of_the_input else "Fix the cause"
    return kind(
        f"Endpoint {info.name} failed on {submitted.inference_id}: {first}. Details: {places}. {remedy} and submit again.",
        reason=reason.strip(),
        failure_location=where,
        status=parsed.status,
    )


def access_error(submitted: Submitted, denied: ReadDenied) -> ResultUnreadable:
    """The error for a result that the caller may not read."""
    there = "exists and " if denied.exists else ""
    return ResultUnreadable(
        f"The result of {submitted.inference_id} {there}cannot be read: {denied.action} on {submitted.output_location} is "
        "denied; attach the environment's caller policy and read it there."
    )


def deleted_error(submitted: Submitted, hint: Notification | None, now: float, *, marked: bool) -> ResultDeleted | None:
    """The error for a result that was deleted, None if it may never have been written; `hint` is the notification, if any.

    Evidence is a delete marker (`marked`), a notification of success, or a deadline that has passed for longer than the
    shortest lifecycle rule takes.
    """
    reported = hint is not None and hint.status == "Completed"
    deadline = submitted.submitted_at.timestamp() + submitted.deadline_seconds
    if not (marked or reported or now - deadline >= LIFECYCLE_SECONDS):
        return None
    why = "it was deleted" if marked or reported else "a lifecycle rule has deleted it, or it was never written"
    return ResultDeleted(
        f"The result of {submitted.inference_id} of {submitted.submitted_at:%Y-%m-%d %H:%M} UTC is no longer in "
        f"{submitted.output_location}: {why}; submit the request again."
    )


def endpoint_deleted_error(info: EndpointInfo, submitted: Submitted) -> EndpointDeleted:
    """The error for a request whose endpoint was deleted before it ended."""
    return EndpointDeleted(
        f"Endpoint {info.name} was deleted before {submitted.inference_id} ended: there is no {submitted.output_location}; "
        "apply its environment and submit the request again."
    )


def timeout_error(info: EndpointInfo, submitted: Submitted, hint: Notification | None, *, cannot_list: bool) -> ResultNotReady:
    """The error for a request without an outcome at its deadline; `hint` is the notification that came, if any."""
    places = [place for place in (submitted.output_location, submitted.failure_location) if place]
    bucket = S3Uri.parse(places[0]).bucket
    doubt = (
        f" as far as can be seen without {LIST_ACTION} on {bucket} (grant it to distinguish missing from forbidden)"
        if cannot_list
        else ""
    )
    unconfirmed = ""
    if hint is not None and hint.status == "Failed":
        reason = " ".join((hint.failure_reason or "no reason given").split())[:REASON_CHARS].rstrip(". ")
        unconfirmed = f", and a notification reports a failure that no object confirms ({reason})"
    return ResultNotReady(
        f"Inference {submitted.inference_id} on endpoint {info.name} has not ended after {submitted.deadline_seconds:g} s: "
        f"there is {'neither' if len(places) > 1 else 'no'} {' nor '.join(places)}{doubt}{unconfirmed}; wait longer, or read "
        f"log group {info.log_group}."
    )
