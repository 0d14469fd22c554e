"""The tags of resources by ARN, for the condition keys aws:ResourceTag and its relatives; looked up where a policy has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from moto.backends import get_backend

from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.access import iam_store
from async_endpoint.local_aws import ACCOUNT_ID

Tags = dict[str, str]
HostingTags = Callable[[str], Tags]  # of the models, configurations and endpoints of hosting, by ARN


def resource_tag_keys(arn: str, hosting_tags: HostingTags, version: str | None = None) -> dict[str, str | list[str]]:
    """The condition keys of the tags of a resource, or of a version of an object; none if it does not exist or has no tags.

    Buckets have none: attribute-based access is off for a bucket until it is enabled (S3 user guide, "Enabling ABAC").
    """
    parts = arn.split(":", 5)
    if len(parts) != 6:
        return {}
    service, region, name = parts[2], parts[3], parts[5]
    if service == "s3":
        bucket, _, key = name.partition("/")
        tags = moto_backends.object_tags(S3Uri(bucket, key), version) if key else {}
        return {f"s3:ExistingObjectTag/{tag}": value for tag, value in tags.items()}
    found: Tags = hosting_tags(arn) if service == "sagemaker" else _LOOKUPS.get(service, _none)(arn, region, name)
    own = {"sagemaker": "sagemaker", "iam": "iam"}.get(service)
    keys: dict[str, str | list[str]] = {f"aws:ResourceTag/{tag}": value for tag, value in found.items()}
    return keys | ({f"{own}:ResourceTag/{tag}": value for tag, value in found.items()} if own else {})


def _none(arn: str, region: str, name: str) -> Tags:
    return {}


def _topic_tags(arn: str, region: str, name: str) -> Tags:
    topic = _backend("sns", region).topics.get(arn)
    return {} if topic is None else dict(topic._tags)


def _queue_tags(arn: str, region: str, name: str) -> Tags:
    queue = _backend("sqs", region).queues.get(name)
    return {} if queue is None else dict(queue.tags)


def _key_tags(arn: str, region: str, name: str) -> Tags:
    backend, key = _backend("kms", region), name.removeprefix("key/")
    return dict(backend.tagger.get_tag_dict_for_resource(key)) if key in backend.keys else {}


def _tagger(service: str) -> Callable[[str, str, str], Tags]:
    return lambda arn, region, name: dict(_backend(service, region).tagger.get_tag_dict_for_resource(arn.removesuffix(":*")))


def _iam_tags(arn: str, region: str, name: str) -> Tags:
    kind, _, path = name.partition("/")
    if kind not in ("user", "role"):
        return dict(_backend("iam", "aws").tagger.get_tag_dict_for_resource(arn))
    found = (iam_store.role if kind == "role" else iam_store.user)(path.rpartition("/")[2])
    return {} if found is None else found.tags


def _backend(service: str, region: str) -> Any:
    return get_backend(service)[ACCOUNT_ID][region]


_LOOKUPS: Final[dict[str, Callable[[str, str, str], Tags]]] = {
    "cloudwatch": _tagger("cloudwatch"),
    "iam": _iam_tags,
    "kms": _key_tags,
    "logs": _tagger("logs"),
    "sns": _topic_tags,
    "sqs": _queue_tags,
}
