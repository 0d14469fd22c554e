"""Targets of bucket notifications: S3 must be allowed to send to them. moto accepts and serves any ARN.

On AWS the call is refused for a target that does not exist, that does not let s3.amazonaws.com send for this bucket, or that is
FIFO, unless x-amz-skip-destination-validation is true; and what S3 may not send later is lost. Sources: S3 User Guide,
"Granting permissions to publish event notification messages to a destination", "Configuring event notifications using object
key name filtering" (overlaps) and "Event notification types and destinations" (FIFO); texts as quoted by users, and in
LocalStack's provider of S3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any, Final

from moto.backends import get_backend
from moto.core.exceptions import ServiceException
from moto.s3 import notifications
from moto.s3.exceptions import InvalidArgumentError, InvalidNotificationDestination, MalformedXML
from moto.s3.responses import S3Response
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from async_endpoint.emulator.delivery_permissions import may_deliver, resource_allows
from async_endpoint.local_aws import ACCOUNT_ID

SERVICE: Final = "s3.amazonaws.com"
_KINDS: Final = {"Topic": "topic", "Queue": "queue", "CloudFunction": "function"}
_SKIP: Final = "x-amz-skip-destination-validation"
_UNVERIFIED: Final = "Unable to validate the following destination configurations"
_OVERLAP: Final = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
_AMBIGUOUS: Final = (
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping "
    "for the same event type."
)
_parse = S3Response._notification_config_from_body
_send_to_queue = notifications._send_sqs_message
_send_to_topic = notifications._send_sns_message


def _parsed(self: S3Response) -> dict[str, Any]:
    try:
        configuration: dict[str, Any] = _parse(self)
    except AssertionError:  # an unknown filter, or no event
        raise MalformedXML from None
    bucket = self.backend.get_bucket(self.bucket_name)
    _check_overlaps(configuration)
    for kind, entry in _targets(configuration):
        arn = str(entry[kind])
        if arn.split(":")[3] != bucket.region_name:
            raise InvalidNotificationDestination
        problem = _problem(kind, arn, str(bucket.arn))
        if problem and str(self.headers.get(_SKIP)).lower() != "true":
            raise InvalidArgumentError(_UNVERIFIED, arn, problem)
    return configuration


def _targets(configuration: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind in _KINDS:
        yield from ((kind, entry) for entry in configuration.get(f"{kind}Configuration") or ())


def _problem(kind: str, arn: str, bucket_arn: str) -> str:
    """Why S3 cannot deliver from a bucket to a target; empty if it can."""
    what = _KINDS[kind]
    if not _exists(kind, arn):
        return f"The destination {what} does not exist"
    if arn.endswith(".fifo"):
        return f"The destination {what} is FIFO, which S3 does not support"
    if _may_send(kind, arn, bucket_arn):
        return ""
    return f"Permissions on the destination {what} do not allow S3 to publish notifications from this bucket"


def _exists(kind: str, arn: str) -> bool:
    region, name = arn.split(":")[3], arn.split(":", maxsplit=5)[5]
    if kind == "CloudFunction":
        return _function(arn) is not None
    return (
        arn in sns_backends[ACCOUNT_ID][region].topics if kind == "Topic" else name in sqs_backends[ACCOUNT_ID][region].queues
    )


def _may_send(kind: str, arn: str, bucket_arn: str) -> bool:
    if kind != "CloudFunction":
        return may_deliver(SERVICE, bucket_arn, arn)
    policy = {"Version": "2012-10-17", "Statement": _function(arn).policy.statements}
    context = {"aws:SourceArn": bucket_arn, "aws:SourceAccount": ACCOUNT_ID}
    return resource_allows(SERVICE, "lambda:InvokeFunction", arn, policy, context)


def _function(arn: str) -> Any:
    """A function of Lambda, or None; that service is slow to load, and does so here if no call has done it."""
    try:
        return get_backend("lambda")[ACCOUNT_ID][arn.split(":")[3]].get_function(arn)
    except ServiceException:
        return None


# --- Overlaps ---------------------------------------------------------------------------------------------------------


def _check_overlaps(configuration: Mapping[str, Any]) -> None:
    for (_, first), (_, second) in combinations(list(_targets(configuration)), 2):
        if not any(_same_event(one, other) for one in first["Event"] for other in second["Event"]):
            continue
        prefixes, suffixes = (_filter(first, name) + _filter(second, name) for name in ("prefix", "suffix"))
        if not any(prefixes + suffixes):
            raise InvalidArgumentError(_OVERLAP, "", "")
        if _overlap(prefixes, str.startswith) and _overlap(suffixes, str.endswith):
            raise InvalidArgumentError(_AMBIGUOUS, "", "")


def _same_event(one: str, other: str) -> bool:
    start, end = one.removesuffix("*"), other.removesuffix("*")
    return one == other or (one != start and other.startswith(start)) or (other != end and one.startswith(end))


def _filter(entry: Mapping[str, Any], name: str) -> list[str]:
    rules = ((entry.get("Filter") or {}).get("S3Key") or {}).get("FilterRule") or []
    return [next((rule["Value"] for rule in rules if rule["Name"].lower() == name), "")]


def _overlap(pair: list[str], holds: Callable[[str, str], bool]) -> bool:
    one, other = pair
    return holds(one, other) or holds(other, one)


# --- Delivery ---------------------------------------------------------------------------------------------------------


def _bucket_arn(event: Mapping[str, Any]) -> str:
    """The bucket of an event or of the test event."""
    return str(event["Records"][0]["s3"]["bucket"]["arn"] if "Records" in event else f"arn:aws:s3:::{event['Bucket']}")


def _to_queue(account_id: str, event_body: Any, queue_name: str, region_name: str) -> None:
    if may_deliver(SERVICE, _bucket_arn(event_body), f"arn:aws:sqs:{region_name}:{account_id}:{queue_name}"):
        _send_to_queue(account_id, event_body, queue_name, region_name)


def _to_topic(account_id: str, event_body: Any, topic_arn: str, region_name: str) -> None:
    if may_deliver(SERVICE, _bucket_arn(event_body), topic_arn):
        _send_to_topic(account_id, event_body, topic_arn, region_name)


def apply() -> None:
    S3Response._notification_config_from_body = _parsed
    notifications._send_sqs_message = _to_queue
    notifications._send_sns_message = _to_topic
