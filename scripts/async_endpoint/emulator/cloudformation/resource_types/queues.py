"""AWS::SQS::Queue and QueuePolicy. Ref of a queue returns its URL."""

from __future__ import annotations

import json
from typing import Any, Final

from async_endpoint.emulator.cloudformation.errors import ResourceFailed
from async_endpoint.emulator.cloudformation.resource_types.base import (
    Context,
    Created,
    Existing,
    ResourceType,
    Values,
    as_document,
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


def _attribute(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


class Queue(ResourceType):
    named_by = "QueueName"
    mutable = frozenset((*_DEFAULTS, "Tags"))
    replacing = frozenset(("FifoQueue", "QueueName"))

    def create(self, context: Context, properties: Values) -> Created:
        client = context.client("sqs")
        attributes = {key: _attribute(properties[key]) for key in (*_DEFAULTS, "FifoQueue") if key in properties}
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
            key: _attribute(after.get(key, default)) for key, default in _DEFAULTS.items() if before.get(key) != after.get(key)
        }
        if changed:
            client.set_queue_attributes(QueueUrl=url, Attributes=changed)
        added, removed = context.tag_changes(before.get("Tags"), after.get("Tags"))
        if added:
            client.tag_queue(QueueUrl=url, Tags=added)
        if removed:
            client.untag_queue(QueueUrl=url, TagKeys=removed)

    def delete(self, context: Context, existing: Existing) -> None:
        context.client("sqs").delete_queue(QueueUrl=existing.physical_id)


def _exists(client: Any, name: str) -> bool:
    try:
        client.get_queue_url(QueueName=name)
    except client.exceptions.QueueDoesNotExist:
        return False
    return True


class QueuePolicy(ResourceType):
    mutable = frozenset(("PolicyDocument", "Queues"))
    required = frozenset(("PolicyDocument", "Queues"))

    def create(self, context: Context, properties: Values) -> Created:
        for url in properties["Queues"]:
            self._set(context, url, as_document(properties["PolicyDocument"]))
        return Created(context.name(None, 128), {})

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        for url in existing.properties["Queues"]:
            if url not in after["Queues"]:
                self._set(context, url, "")
        for url in after["Queues"]:
            self._set(context, url, as_document(after["PolicyDocument"]))

    def delete(self, context: Context, existing: Existing) -> None:
        for url in existing.properties["Queues"]:
            self._set(context, url, "")

    @staticmethod
    def _set(context: Context, url: str, policy: str) -> None:
        context.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


TYPES: Final = {"AWS::SQS::Queue": Queue(), "AWS::SQS::QueuePolicy": QueuePolicy()}
