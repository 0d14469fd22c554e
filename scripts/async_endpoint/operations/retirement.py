"""Retiring a real-time endpoint: whether its callers have left, by its own metric, and then its deletion.

`Invocations` is published in the minutes with calls only (A331), so its absence says nothing by itself: the backlog of the
asynchronous endpoint, published every minute, shows that metrics arrive, and up to which minute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession, error_code, translate_errors
from async_endpoint.client.clock import SYSTEM_CLOCK, Clock
from async_endpoint.client.endpoint_metrics import metric_data, recent_metrics
from async_endpoint.core import metrics
from async_endpoint.core.errors import EndpointInUse, EndpointNotReady, NotReady, UsageError
from async_endpoint.core.outputs import EndpointDetails
from async_endpoint.core.terraform_tags import terraform_tag
from async_endpoint.stacks import ASKING, STACK_TAG, stack_holding

QUIET_MINUTES: Final = 15
LATE: Final = timedelta(minutes=5)  # calls after the newest minute of the backlog count too
HISTORY: Final = timedelta(days=14)  # in which the last call is looked for: hourly datapoints, 336 of them
DELETION_SECONDS: Final = 900.0
POLL_SECONDS: Final = 5.0
LOCAL_POLL_SECONDS: Final = 0.5
DELETE_TAGS: Final = "aws sagemaker delete-tags --resource-arn … --tag-keys"


@dataclass(frozen=True)
class RealTimeEndpoint:
    """An endpoint that answers InvokeEndpoint, as SageMaker describes it."""

    name: str
    arn: str
    config_name: str
    variants: tuple[str, ...]
    model_names: tuple[str, ...]


@dataclass(frozen=True)
class Drained:
    """No call from `since` to `until`; the last before was in the hour from `last_call`, None if none is on record."""

    endpoint: RealTimeEndpoint
    since: datetime
    until: datetime
    last_call: datetime | None


def describe_real_time(session: AwsSession, name: str, *, to_delete: bool = True) -> RealTimeEndpoint:
    """The real-time or serverless endpoint `name`.

    Raises EndpointNotReady if there is none, UsageError if it is asynchronous. Raises UsageError too if it is `to_delete` and a
    CloudFormation stack has it, whose next update would fail, or Terraform has it by its tags, and would create it again.
    """
    with translate_errors(session, "sagemaker:DescribeEndpoint", f"endpoint {name}"):
        found = _endpoint(session, name)
        if found is None:
            raise EndpointNotReady(f"Endpoint {name} does not exist in {session.region}; check its name and the region.")
        config_name = found["EndpointConfigName"]
        config = session.sagemaker.describe_endpoint_config(EndpointConfigName=config_name)
        tags = session.sagemaker.list_tags(ResourceArn=found["EndpointArn"]).get("Tags", [])
    if config.get("AsyncInferenceConfig"):
        raise UsageError(f"Endpoint {name} is asynchronous; name the real-time endpoint that callers have left.")
    if to_delete:
        _require_unmanaged(session, found, {tag["Key"]: tag["Value"] for tag in tags})
    variants = config["ProductionVariants"]
    return RealTimeEndpoint(
        name,
        found["EndpointArn"],
        config_name,
        tuple(variant["VariantName"] for variant in variants),
        tuple(variant["ModelName"] for variant in variants if variant.get("ModelName")),
    )


def _require_unmanaged(session: AwsSession, endpoint: Mapping[str, Any], tags: Mapping[str, str]) -> None:
    """Raise UsageError if a stack has the endpoint, or by its tags a Terraform state, which AWS does not know."""
    name = endpoint["EndpointName"]
    if STACK_TAG in tags:
        with translate_errors(session, ASKING, f"endpoint {name}"):
            holding = stack_holding(session, endpoint["EndpointArn"])
        if holding is not None:
            raise UsageError(
                f"Endpoint {name} is of CloudFormation stack {holding.stack}; remove it from the template and update the stack."
            )
    if tag := terraform_tag(tags):
        raise UsageError(
            f"Endpoint {name} is Terraform's by its tag {tag}; remove it from its configuration and apply that. If no state "
            f"has it any more, remove the tag ({DELETE_TAGS} {tag.partition('=')[0]}), and repeat this."
        )


def check_successor(session: AwsSession, name: str) -> None:
    """Raise EndpointNotReady unless the asynchronous endpoint that callers have moved to is in service."""
    with translate_errors(session, "sagemaker:DescribeEndpoint", f"endpoint {name}"):
        found = _endpoint(session, name)
    status = found["EndpointStatus"] if found is not None else "missing"
    if status != "InService":
        raise EndpointNotReady(f"Endpoint {name}, which callers move to, is {status}; apply its environment first.")


def check_drained(
    session: AwsSession,
    endpoint: RealTimeEndpoint,
    successor: EndpointDetails,
    minutes: int = QUIET_MINUTES,
    clock: Clock = SYSTEM_CLOCK,
) -> Drained:
    """That nothing called the endpoint in the last `minutes` that CloudWatch has; `successor` is what callers have moved to.

    Raises EndpointInUse with the number of calls and the last minute of them, NotReady if metrics do not arrive, or CloudWatch
    has not returned all of them.
    """
    until = _known_until(session, successor, clock.now())
    since = until - timedelta(minutes=minutes)
    counted = _calls(session, endpoint, (since, until + LATE), 60)
    if counted:
        total, last = sum(counted.values()), max(counted)
        times = "time" if total == 1 else "times"
        raise EndpointInUse(
            f"Endpoint {endpoint.name} was called {total:.0f} {times} in the last {minutes} minutes, last in the minute of "
            f"{last:%H:%M} UTC; move the callers that remain, and repeat this."
        )
    hours = _calls(session, endpoint, (until - HISTORY, until), 3600)
    return Drained(endpoint, since, until, max(hours, default=None))


def wait_until_drained(
    session: AwsSession,
    endpoint: RealTimeEndpoint,
    successor: EndpointDetails,
    minutes: int,
    seconds: float,
    *,
    on_wait: Callable[[str], object] = lambda text: None,
    clock: Clock = SYSTEM_CLOCK,
) -> Drained:
    """`check_drained`, repeated for up to `seconds` of this machine; raises what its last check raised."""
    deadline = clock.now() + seconds
    while True:
        try:
            return check_drained(session, endpoint, successor, minutes, clock)
        except (EndpointInUse, NotReady) as error:
            pause = _poll_seconds(session)
            if clock.now() + pause > deadline:
                raise
            on_wait(str(error))
            clock.sleep(pause)


def delete_endpoint(session: AwsSession, endpoint: RealTimeEndpoint, clock: Clock = SYSTEM_CLOCK) -> None:
    """Delete the endpoint, and wait until it is gone; its configuration and model stay, so that it can be created again.

    Raises NotReady if it is not gone in time, and what `translate_errors` raises.
    """
    deadline = clock.now() + DELETION_SECONDS
    with translate_errors(session, "sagemaker:DeleteEndpoint", f"endpoint {endpoint.name}"):
        session.sagemaker.delete_endpoint(EndpointName=endpoint.name)
        while _endpoint(session, endpoint.name) is not None:
            if clock.now() > deadline:
                raise NotReady(
                    f"Endpoint {endpoint.name} is still being deleted after {DELETION_SECONDS:g} s; look again later."
                )
            clock.sleep(_poll_seconds(session))


def _endpoint(session: AwsSession, name: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = session.sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        if error_code(error) not in ("ValidationError", "ValidationException"):
            raise
        return None
    return found


def _known_until(session: AwsSession, successor: EndpointDetails, now: float) -> datetime:
    """The end of the newest minute that CloudWatch has of the asynchronous endpoint, which publishes one each minute."""
    backlog = recent_metrics(session, successor, {"backlog": (metrics.APPROXIMATE_BACKLOG_SIZE, "Average")}, now)["backlog"]
    if not backlog:
        raise NotReady(
            f"Endpoint {successor.name} has published no backlog in ten minutes, so metrics do not arrive and calls cannot be "
            "counted; check its status, and repeat this."
        )
    return max(backlog) + timedelta(minutes=1)


def _calls(
    session: AwsSession, endpoint: RealTimeEndpoint, window: tuple[datetime, datetime], period: int
) -> dict[datetime, float]:
    """The calls of all variants in each period that had some."""
    queries = [
        {
            "Id": f"v{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": metrics.NAMESPACE,
                    "MetricName": metrics.INVOCATIONS.name,
                    "Dimensions": metrics.INVOCATIONS.dimensions(endpoint.name, variant),
                },
                "Period": period,
                "Stat": "Sum",
            },
        }
        for number, variant in enumerate(endpoint.variants)
    ]
    found: dict[datetime, float] = {}
    for series in metric_data(session, endpoint.name, queries, window).values():
        for moment, value in series.items():
            found[moment] = found.get(moment, 0.0) + value
    return {moment: count for moment, count in found.items() if count > 0}


def _poll_seconds(session: AwsSession) -> float:
    return LOCAL_POLL_SECONDS if session.endpoint_url else POLL_SECONDS
