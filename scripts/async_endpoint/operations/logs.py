"""An endpoint's container logs from CloudWatch Logs: the streams of all instances, merged by time.

Group `/aws/sagemaker/Endpoints/<name>`, streams `<variant>/<instance>` with the output of the container and
`<variant>/<instance>/data-log` with a line for each failed request. Times are the events' own, in milliseconds
since the epoch: on a local AWS they run ahead of this machine's clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final

from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession, error_code, translate_errors
from async_endpoint.client.clock import SYSTEM_CLOCK, Clock
from async_endpoint.core.errors import NotReady

POLL_SECONDS: Final = 2.0  # FilterLogEvents allows few calls a second, for the whole account and region
LATE_MILLISECONDS: Final = 60_000  # streams are ingested separately: an older event may appear after a newer one
_READ_ACTION: Final = "logs:FilterLogEvents"


@dataclass(frozen=True)
class LogLine:
    """One log event. `stream` is the log stream's name, `instance` the part of it that names the instance."""

    timestamp: int
    stream: str
    event_id: str
    message: str

    @property
    def time(self) -> str:
        """ISO 8601 in UTC, to the millisecond."""
        moment = datetime.fromtimestamp(self.timestamp / 1000, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{self.timestamp % 1000:03d}Z"

    @property
    def instance(self) -> str:
        parts = self.stream.split("/")
        return parts[1] if len(parts) > 1 else self.stream

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"time": self.time, "instance": self.instance}


def log_group(endpoint_name: str) -> str:
    return f"/aws/sagemaker/Endpoints/{endpoint_name}"


def read_logs(session: AwsSession, endpoint_name: str, *, since_minutes: float | None = None) -> list[LogLine]:
    """All log lines, oldest first, or those of the `since_minutes` before the newest line.

    Raises NotReady if nothing has been logged yet, besides what `translate_errors` raises.
    """
    if since_minutes is None:
        return _lines(session, endpoint_name)
    back = int(since_minutes * 60_000)
    lines = _lines(session, endpoint_name, max(_newest(session, endpoint_name) - back, 0))
    return [line for line in lines if line.timestamp >= lines[-1].timestamp - back]


def follow_logs(
    session: AwsSession, endpoint_name: str, *, since_minutes: float | None = None, clock: Clock = SYSTEM_CLOCK
) -> Iterator[LogLine]:
    """Log lines so far, then new ones without end; none twice. Raises what `read_logs` raises."""
    lines = read_logs(session, endpoint_name, since_minutes=since_minutes)
    seen: dict[tuple[str, str], int] = {}
    begin = lines[0].timestamp if lines and since_minutes is not None else 0  # older lines stay excluded
    while True:
        yield from lines
        seen |= {(line.stream, line.event_id): line.timestamp for line in lines}
        recent = max(begin, max(seen.values(), default=0) - LATE_MILLISECONDS)
        seen = {key: timestamp for key, timestamp in seen.items() if timestamp >= recent}
        clock.sleep(POLL_SECONDS)
        lines = [line for line in _lines(session, endpoint_name, recent) if (line.stream, line.event_id) not in seen]


def _lines(session: AwsSession, endpoint_name: str, start: int = 0) -> list[LogLine]:
    """Every line from `start` (milliseconds) on, sorted: neither pages nor streams have a guaranteed order."""
    request: dict[str, Any] = {"logGroupName": log_group(endpoint_name)} | ({"startTime": start} if start else {})
    lines: list[LogLine] = []
    while True:
        reply = _call(session, "filter_log_events", _READ_ACTION, endpoint_name, request)
        for event in reply.get("events", ()):
            lines.append(LogLine(event["timestamp"], event["logStreamName"], event["eventId"], event["message"].rstrip("\n")))
        if not reply.get("nextToken"):  # a page may be empty and not be the last
            return sorted(lines, key=attrgetter("timestamp"))  # stable for equal times
        request["nextToken"] = reply["nextToken"]


def _newest(session: AwsSession, endpoint_name: str) -> int:
    """The time of the newest event, or an earlier one: AWS updates it with a delay of up to an hour."""
    request = {"logGroupName": log_group(endpoint_name), "orderBy": "LastEventTime", "descending": True, "limit": 1}
    reply = _call(session, "describe_log_streams", "logs:DescribeLogStreams", endpoint_name, request)
    return max((stream.get("lastEventTimestamp", 0) for stream in reply.get("logStreams", ())), default=0)


def _call(session: AwsSession, call: str, action: str, endpoint_name: str, request: dict[str, Any]) -> dict[str, Any]:
    with translate_errors(session, action, log_group(endpoint_name)):
        try:
            reply: dict[str, Any] = getattr(session.logs, call)(**request)
            return reply
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise NotReady(
                    f"Endpoint {endpoint_name} has logged nothing yet (there is no log group {log_group(endpoint_name)}); "
                    f"invoke it, or wait for its first instance."
                ) from error
            raise
