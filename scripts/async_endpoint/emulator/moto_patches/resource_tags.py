"""Tags of buckets, topics, queues, KMS keys and alarms: 50 of a resource at most, and none of keys that only AWS sets.

moto takes any number when a resource is created, on queues that have some and on buckets, and reserved keys on KMS keys and
alarms. Limits: AWS General Reference, "Tag naming limits and requirements". Texts: scality/cloudserver, compared with AWS
(buckets), LocalStack's provider of KMS, compared with AWS (keys); those of queues and topics are moto's, that of alarms is
CloudFormation's, not verified.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from moto.cloudwatch.exceptions import CloudWatchException, InvalidParameterValue, ValidationError
from moto.cloudwatch.models import CloudWatchBackend
from moto.core.exceptions import JsonRESTError
from moto.kms.models import Key, KmsBackend
from moto.s3.exceptions import BadRequest
from moto.s3.models import S3Backend
from moto.sns.exceptions import TagLimitExceededError
from moto.sns.models import SNSBackend, Topic
from moto.sqs.exceptions import SQSException
from moto.sqs.models import SQSBackend

from async_endpoint.emulator.sagemaker.tags import MAX_TAGS, RESERVED

_create_key = KmsBackend.create_key
_tag_key = KmsBackend.tag_resource
_tag_alarm = CloudWatchBackend.tag_resource
_tag_bucket = S3Backend.put_bucket_tagging
_create_topic = SNSBackend.create_topic
_tag_queue = SQSBackend.tag_queue


def check_tags_of_queue(name: str, tags: Mapping[str, str]) -> None:
    """Raise SQSException where a queue would have more tags than it can."""
    if len(tags) > MAX_TAGS:
        raise SQSException("InvalidParameterValue", f"Too many tags added for queue {name}.")


def check_tags_of_alarm(keys: Iterable[str], error: type[CloudWatchException] = ValidationError) -> None:
    """Raise `error` for the keys of tags that CloudWatch refuses."""
    found = [*keys]
    if any(map(_is_reserved, found)):
        raise error("aws: prefixed tag key names are not allowed for external use.")
    if len(found) > MAX_TAGS:
        raise error(f"A resource has at most {MAX_TAGS} tags.")


def _check_tags_of_key(keys: Iterable[str]) -> None:
    found = [*keys]
    if len(found) > MAX_TAGS:
        raise JsonRESTError("TagException", "Too many tags")
    if len(set(found)) < len(found):
        raise JsonRESTError("TagException", "Duplicate tag keys")
    if any(map(_is_reserved, found)):
        raise JsonRESTError("TagException", f"Tags beginning with {RESERVED} are reserved")


def _is_reserved(key: str) -> bool:
    return key.lower().startswith(RESERVED)


def _key_created(self: KmsBackend, *arguments: Any, **options: Any) -> Key:
    tags = options.get("tags", arguments[4] if len(arguments) > 4 else None)
    _check_tags_of_key(tag["TagKey"] for tag in tags or ())
    return _create_key(self, *arguments, **options)


def _key_tagged(self: KmsBackend, arn: str, tags: dict[str, str]) -> None:
    key_id = self.get_key_id(arn)
    _check_tags_of_key(self.tagger.get_tag_dict_for_resource(key_id) | tags)
    _tag_key(self, arn, tags)


def _alarm_tagged(self: CloudWatchBackend, arn: str, tags: dict[str, str]) -> None:
    check_tags_of_alarm(tags, InvalidParameterValue)
    check_tags_of_alarm(self.list_tags_for_resource(arn) | tags, InvalidParameterValue)
    _tag_alarm(self, arn, tags)


def _bucket_tagged(self: S3Backend, bucket_name: str, tags: dict[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise BadRequest(f"Bucket tag count cannot be greater than {MAX_TAGS}")
    _tag_bucket(self, bucket_name, tags)


def _topic_created(
    self: SNSBackend, name: str, attributes: dict[str, str] | None = None, tags: dict[str, str] | None = None
) -> Topic:
    if len(tags or ()) > MAX_TAGS:
        raise TagLimitExceededError
    return _create_topic(self, name, attributes, tags)


def _queue_tagged(self: SQSBackend, queue_name: str, tags: dict[str, str]) -> None:
    check_tags_of_queue(queue_name, self.get_queue(queue_name).tags | tags)
    _tag_queue(self, queue_name, tags)


def apply() -> None:
    KmsBackend.create_key = _key_created
    KmsBackend.tag_resource = _key_tagged
    CloudWatchBackend.tag_resource = _alarm_tagged
    S3Backend.put_bucket_tagging = _bucket_tagged
    SNSBackend.create_topic = _topic_created
    SQSBackend.tag_queue = _queue_tagged
