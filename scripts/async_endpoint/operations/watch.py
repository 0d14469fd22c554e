"""Watch: a snapshot of an endpoint's backlog, instances, results and scaling.

SageMaker has no API to query the state of a request, so these are all that can be seen.

Backlog, age and counts are CloudWatch metrics, a minute old at best. Times are the service's own: metrics and scaling of a
local AWS are in AWS time, which runs ahead of this machine's clock; its S3 writes objects in wall time.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from async_endpoint.aws import AwsSession, error_code, translate_errors
from async_endpoint.client.clock import SYSTEM_CLOCK, Clock
from async_endpoint.client.endpoint_metrics import RECENT, recent_metrics
from async_endpoint.client.s3_reader import LIST_ACTION
from async_endpoint.core import metrics
from async_endpoint.core.errors import EndpointNotReady, UsageError
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.operations.suspended_scaling import suspended_scaling

NEWEST: Final = 5  # results and scaling activities shown
PAGES: Final = 3  # of a thousand keys each: S3 lists by key, not by time
_MEASURES: Final = {
    "backlog": (metrics.APPROXIMATE_BACKLOG_SIZE, "Maximum"),
    "oldest": (metrics.APPROXIMATE_AGE_OF_OLDEST_REQUEST, "Maximum"),
    "processed": (metrics.INVOCATIONS_PROCESSED, "Sum"),
    "failed": (metrics.INVOCATION_FAILURES, "Sum"),
    "expired": (metrics.EXPIRED_REQUESTS, "Sum"),
}


@dataclass(frozen=True)
class Result:
    """An object below the output or the failure prefix; `time` is when it was written, ISO 8601 in UTC."""

    kind: str
    uri: str
    bytes: int
    time: str


@dataclass(frozen=True)
class Activity:
    """One scaling activity: its start time, and its cause as Application Auto Scaling reports it."""

    time: str
    status: str
    description: str
    cause: str


@dataclass(frozen=True)
class WatchSnapshot:
    """The state of an endpoint. None means unknown: no datapoint yet, or a missing permission (see `hidden`).

    `measured` is the minute of backlog and age of the oldest request (seconds); counts cover the ten minutes up to it.
    `results` are the newest of the `keys_seen` listed objects, `all_keys` whether those were all. `suspended` lists the
    suspended parts of scaling, `suspension` is a sentence about it and how to resume.
    """

    endpoint: str
    status: str
    config: str
    failure_reason: str | None
    instances: int
    desired_instances: int
    measured: str | None
    backlog: float | None
    oldest_seconds: float | None
    processed: float | None
    failed: float | None
    expired: float | None
    results: tuple[Result, ...]
    keys_seen: int
    all_keys: bool
    activities: tuple[Activity, ...]
    suspended: tuple[str, ...]
    suspension: str | None
    hidden: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def instances_of(session: AwsSession, endpoint: str) -> str:
    """Instances in service and, if different, desired, as text; empty if unknown."""
    try:
        described = session.sagemaker.describe_endpoint(EndpointName=endpoint)
    except (BotoCoreError, ClientError):
        return ""
    variant = (described.get("ProductionVariants") or [{}])[0]
    current, desired = variant.get("CurrentInstanceCount", 0), variant.get("DesiredInstanceCount", 0)
    return f"instances {current}" if current == desired else f"instances {current}, {desired} desired"


class Watch:
    """Takes snapshots of one endpoint."""

    def __init__(self, session: AwsSession, outputs: AsyncEndpointOutputs, clock: Clock = SYSTEM_CLOCK) -> None:
        self._session, self._outputs, self._clock = session, outputs, clock

    def snapshot(self) -> WatchSnapshot:
        """The current state. Parts that the caller may not read are left out and listed as `hidden`.

        Raises EndpointNotReady if there is no such endpoint, and what `translate_errors` raises.
        """
        hidden: list[str] = []

        def allowed(part: Any, nothing: Any) -> Any:
            try:
                return part()
            except UsageError as error:
                hidden.append(str(error))
                return nothing

        described = self._described()
        variant = (described.get("ProductionVariants") or [{}])[0]
        measured = allowed(self._measured, {})
        results, seen, complete = allowed(self._results, ((), 0, False))
        suspended, suspension = allowed(lambda: suspended_scaling(self._session, self._outputs), ((), None))
        return WatchSnapshot(
            endpoint=self._outputs.endpoint.name,
            status=described["EndpointStatus"],
            config=described["EndpointConfigName"],
            failure_reason=described.get("FailureReason"),
            instances=variant.get("CurrentInstanceCount", 0),
            desired_instances=variant.get("DesiredInstanceCount", 0),
            measured=measured.get("minute"),
            backlog=measured.get("backlog"),
            oldest_seconds=measured.get("oldest"),
            processed=measured.get("processed"),
            failed=measured.get("failed"),
            expired=measured.get("expired"),
            results=results,
            keys_seen=seen,
            all_keys=complete,
            activities=allowed(self._activities, ()),
            suspended=tuple(suspended),
            suspension=suspension,
            hidden=tuple(hidden),
        )

    def _described(self) -> Any:
        name = self._outputs.endpoint.name
        with translate_errors(self._session, "sagemaker:DescribeEndpoint", f"endpoint {name}"):
            try:
                return self._session.sagemaker.describe_endpoint(EndpointName=name)
            except ClientError as error:
                if error_code(error) not in ("ValidationException", "ValidationError"):
                    raise
                raise EndpointNotReady(f"Endpoint {name} does not exist; apply its environment first.") from error

    def _measured(self) -> dict[str, Any]:
        """Metrics of the newest minute with a backlog datapoint, and counts of the time before it."""
        found = recent_metrics(self._session, self._outputs.endpoint, _MEASURES, self._clock.now())
        if not found["backlog"]:
            return {}
        minute = max(found["backlog"])
        measured: dict[str, Any] = {"minute": _iso(minute)}
        for name, series in found.items():
            counts = _MEASURES[name][1] == "Sum"
            since = minute - RECENT
            measured[name] = sum(value for when, value in series.items() if when > since) if counts else series.get(minute)
        return measured

    def _results(self) -> tuple[tuple[Result, ...], int, bool]:
        storage = self._outputs.storage
        found: list[Result] = []
        complete = True
        for kind, prefix in (("output", storage.output_uri), ("failure", storage.failure_uri)):
            listed, whole = self._listed(kind, S3Uri.parse(prefix))
            found += listed
            complete = complete and whole
        newest = sorted(found, key=attrgetter("time", "uri"), reverse=True)[:NEWEST]
        return tuple(newest), len(found), complete

    def _listed(self, kind: str, prefix: S3Uri) -> tuple[list[Result], bool]:
        found: list[Result] = []
        more: dict[str, str] = {}
        for _ in range(PAGES):
            with translate_errors(self._session, LIST_ACTION, str(prefix)):
                page = self._session.s3.list_objects_v2(Bucket=prefix.bucket, Prefix=prefix.key, **more)
            found += [
                Result(kind, str(S3Uri(prefix.bucket, item["Key"])), item["Size"], _iso(item["LastModified"]))
                for item in page.get("Contents", ())
            ]
            if not page.get("IsTruncated"):
                return found, True
            more = {"ContinuationToken": page["NextContinuationToken"]}
        return found, False

    def _activities(self) -> tuple[Activity, ...]:
        resource = self._outputs.scaling.resource_id
        with translate_errors(self._session, "application-autoscaling:DescribeScalingActivities", resource):
            answer = self._session.scaling.describe_scaling_activities(
                ServiceNamespace="sagemaker", ResourceId=resource, MaxResults=NEWEST
            )
        return tuple(
            Activity(_iso(item["StartTime"]), item["StatusCode"], item["Description"], item["Cause"])
            for item in answer["ScalingActivities"][:NEWEST]
        )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
