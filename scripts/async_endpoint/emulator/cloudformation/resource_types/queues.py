"""AWS::SQS::Queue and QueuePolicy. Ref of a queue returns its URL."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from async_endpoint.emulator.cloudformation.errors import ResourceFailed
from async_endpoint.emulator.cloudformation.resource_types.base import (
    DOCUMENT,
    AttachedPolicy,
    Context,
    Created,
    Existing,
    ResourceType,
    Values,
    as_attribute,
)

# Attributes of a queue with the values that SQS gives them (API reference, SetQueueAttributes).
_DEFAULTS: Final = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "DelaySeconds": "0",
    "FifoThroughputLimit": "perQueue",
    "KmsDataKeyReusePeriodSeconds": "300",
    "KmsMasterKeyId": "",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "RedriveAllowPolicy": "",
    "RedrivePolicy": "",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}


class Queue(ResourceType):
    named_by = "QueueName"
    mutable = frozenset((*_DEFAULTS, "Tags"))
    replacing = frozenset(("FifoQueue", "QueueName"))
    attributes = frozenset(("Arn", "QueueName", "QueueUrl"))
    structures: ClassVar = {"RedriveAllowPolicy": DOCUMENT, "RedrivePolicy": DOCUMENT, "Tags": "JSONArray"}

    def create(self, context: Context, properties: Values) -> Created:
        client = context.client("sqs")
        attributes = {key: as_attribute(properties[key]) for key in (*_DEFAULTS, "FifoQueue") if key in properties}
        if attributes.get("FifoQueue") == "false":  # SQS refuses it for a standard queue
            del attributes["FifoQueue"]
        fifo = ".fifo" if "FifoQueue" in attributes and "QueueName" not in properties else ""
        name = context.name(properties.get("QueueName"), 80 - len(fifo)) + fifo
        if _exists(client, name):  # CreateQueue returns a queue that exists
            raise ResourceFailed(f"{name} already exists")
        url = client.create_queue(QueueName=name, Attributes=attributes, tags=context.all_tags(properties.get("Tags")))[
            "QueueUrl"
        ]
        arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return Created(url, {"Arn": arn, "QueueName": name, "QueueUrl": url})

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        client, url, before = context.client("sqs"), existing.physical_id, existing.properties
        changed = {
            key: as_attribute(after.get(key, default))
            for key, default in _DEFAULTS.items()
            if before.get(key) != after.get(key)
        }
        if changed:
            client.set_queue_attributes(QueueUrl=url, Attributes=changed)
        context.change_tags(
            before.get("Tags"),
            after.get("Tags"),
            lambda tags: client.tag_queue(QueueUrl=url, Tags=tags),
            lambda keys: client.untag_queue(QueueUrl=url, TagKeys=keys),
        )

    def delete(self, context: Context, existing: Existing) -> None:
        context.client("sqs").delete_queue(QueueUrl=existing.physical_id)


def _exists(client: Any, name: str) -> bool:
    try:
        client.get_queue_url(QueueName=name)
    except client.exceptions.QueueDoesNotExist:
        return False
    return True


class QueuePolicy(AttachedPolicy):
    targets = "Queues"
    mutable = required = frozenset(("PolicyDocument", "Queues"))
    structures: ClassVar = {"PolicyDocument": DOCUMENT, "Queues": "JSONArray"}

    def put(self, context: Context, target: str, document: str | None) -> None:
        context.client("sqs").set_queue_attributes(QueueUrl=target, Attributes={"Policy": document or ""})


TYPES: Final = {"AWS::SQS::Queue": Queue(), "AWS::SQS::QueuePolicy": QueuePolicy()}
