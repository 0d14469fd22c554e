"""The status of a prediction, from S3: an output before a failure, and neither by the deadline is `expired`.

SageMaker has no call for the state of a request, so `accepted` covers waiting and running alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

from botocore.exceptions import ClientError

from async_endpoint.aws import error_code, translate_errors
from async_endpoint.client.models import Submitted
from async_endpoint.core.failure_reasons import FailureReason
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.http_api.predictions.records import Claim
from async_endpoint.http_api.served_endpoint import ServedEndpoint

REASON_BYTES: Final = 4_096  # of a failure object; it begins with what SageMaker says
STALE_SECONDS: Final = 3_600.0  # before the submission, beyond any difference of clocks
EXPIRY_GRACE_SECONDS: Final = 60.0  # after the deadline: an object may be written at the last moment, by another clock
LIFECYCLE_SECONDS: Final = 86_400.0  # a lifecycle rule deletes nothing that is younger (S3, LifecycleExpiration, `Days`)
EXPIRED_REASON: Final = "Neither an output nor a failure was written by the deadline."
NOT_THERE_REASON: Final = (
    "There is neither an output nor a failure: none was written by the deadline, or a lifecycle rule has deleted it since."
)


class Status(StrEnum):
    """All but the first are terminal."""

    ACCEPTED = "accepted"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Outcome:
    """A status and, of a terminal one, when it began. `reason` and `model_status` (HTTP, of the model) are a failure's."""

    status: Status
    completed_at: datetime | None = None
    reason: str | None = None
    model_status: int | None = None

    @property
    def terminal(self) -> bool:
        return self.status is not Status.ACCEPTED


ACCEPTED: Final = Outcome(Status.ACCEPTED)


def deadline_of(submitted: Submitted) -> datetime:
    """When the prediction has ended in any case."""
    return submitted.submitted_at + timedelta(seconds=submitted.deadline_seconds)


def settled_at(submitted: Submitted) -> float:
    """When a prediction without output and failure has expired, in seconds since the epoch."""
    return deadline_of(submitted).timestamp() + EXPIRY_GRACE_SECONDS


def resolve(endpoint: ServedEndpoint, submitted: Submitted) -> Outcome:
    """The current outcome: one call where there is an output, else two. Raises what `translate_errors` raises."""
    written = _head(endpoint, submitted.output_location)
    if written is not None and not is_stale(written, submitted):
        return Outcome(Status.SUCCEEDED, _ended_at(written, submitted))
    if submitted.failure_location is not None:
        failure = _failure(endpoint, submitted, submitted.failure_location)
        if failure is not None:
            return failure
    now = endpoint.clock.now()
    if now < settled_at(submitted):
        return ACCEPTED
    young = now - submitted.submitted_at.timestamp() < LIFECYCLE_SECONDS
    return Outcome(Status.EXPIRED, deadline_of(submitted), EXPIRED_REASON if young else NOT_THERE_REASON)


def _ended_at(written: datetime, submitted: Submitted) -> datetime:
    """S3's times are whole seconds, rounded down: nothing ends before it was submitted."""
    return max(written, submitted.submitted_at)


def is_stale(written: datetime, submitted: Submitted) -> bool:
    """Whether an output is that of an earlier prediction of the same id, whose record a lifecycle rule has deleted."""
    return (submitted.submitted_at - written).total_seconds() > STALE_SECONDS


def _head(endpoint: ServedEndpoint, location: str) -> datetime | None:
    """When the object was written; None without one."""
    uri = S3Uri.parse(location)

    def once() -> datetime | None:
        try:
            reply = endpoint.session.s3.head_object(Bucket=uri.bucket, Key=uri.key)
        except ClientError as error:
            if error_code(error) in ("404", "NoSuchKey", "NotFound"):
                return None
            raise
        written: datetime = reply["LastModified"]
        return written

    with translate_errors(endpoint.session, "s3:GetObject", location):
        return endpoint.retries.call(once)


def _failure(endpoint: ServedEndpoint, submitted: Submitted, location: str) -> Outcome | None:
    uri = S3Uri.parse(location)

    def once() -> Outcome | None:
        try:
            reply = endpoint.session.s3.get_object(Bucket=uri.bucket, Key=uri.key)
        except ClientError as error:
            if error_code(error) in ("404", "NoSuchKey"):
                return None
            raise
        reason = reply["Body"].read(REASON_BYTES).decode("utf-8", "replace").strip()
        return Outcome(Status.FAILED, _ended_at(reply["LastModified"], submitted), reason, FailureReason.parse(reason).status)

    with translate_errors(endpoint.session, "s3:GetObject", location):
        return endpoint.retries.call(once)


def prediction_object(endpoint: ServedEndpoint, claim: Claim, submitted: Submitted, outcome: Outcome) -> dict[str, Any]:
    """A prediction as responses and webhooks have it."""
    failed = outcome.status in (Status.FAILED, Status.EXPIRED)
    return {
        "id": claim.id,
        "endpoint": endpoint.name,
        "status": outcome.status.value,
        "created_at": timestamp(claim.created_at),
        "completed_at": timestamp(outcome.completed_at) if outcome.completed_at else None,
        "deadline": timestamp(deadline_of(submitted)),
        "input": {"content_type": claim.content_type, "bytes": claim.bytes, "url": claim.input_url},
        "error": {"reason": outcome.reason, "status": outcome.model_status} if failed else None,
        "webhook": {"url": claim.webhook.url, "events": list(claim.webhook.events)} if claim.webhook else None,
        "urls": urls(endpoint.name, claim.id, output=outcome.status is Status.SUCCEEDED),
    }


def recorded_outcome(document: Mapping[str, Any]) -> Outcome:
    """The outcome in a prediction object that has ended."""
    error = document["error"] or {}
    completed_at = datetime.fromisoformat(document["completed_at"])
    return Outcome(Status(document["status"]), completed_at, error.get("reason"), error.get("status"))


def urls(endpoint: str, prediction_id: str, *, output: bool) -> dict[str, str | None]:
    """The paths of a prediction; that of the output once there is one."""
    here = prediction_path(endpoint, prediction_id)
    return {"self": here, "output": f"{here}/output" if output else None, "events": f"{here}/events"}


def prediction_path(endpoint: str, prediction_id: str) -> str:
    return f"/v1/endpoints/{quote(endpoint)}/predictions/{quote(prediction_id, safe='~:@+=')}"


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
