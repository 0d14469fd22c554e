"""SNS and SQS.

Source: service authorization references. Subscriptions have no ARNs in IAM: what acts on one has no resource type. A receive
from a queue under a KMS key decrypts with the caller's rights (SQS guide, "Key management"). sns:Endpoint: A92.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from async_endpoint.iam.actions.call import (
    UNKNOWN,
    ApiCall,
    Permission,
    ResourceFacts,
    Rule,
    Rules,
    alike,
    anywhere,
    each,
    expand,
    on,
    via,
)

_TOPIC: Final = "arn:{partition}:sns:{region}:{account}:{Name}"
_QUEUE: Final = "arn:{partition}:sqs:{region}:{account}:{QueueName}"

_BY_NAME: Final = ("CreateQueue", "GetQueueUrl")
_WRITE: Final = ("kms:GenerateDataKey", "kms:Decrypt")  # of a sender (SNS and SQS guides, "Key management")


def _publish(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    """Publishing to a topic, by either name; to a phone number or an endpoint, which have no ARN, it is on anything."""
    named = dict.fromkeys(call.params[name] for name in ("TopicArn", "TargetArn") if call.params.get(name))
    for topic in named or ("*",):
        yield Permission("sns:Publish", topic, {})
        if key := facts.topic_key(topic):
            for action in _WRITE:
                yield Permission(action, key, via(call, "sns"))


SNS: Final[Rules] = {
    **anywhere("ListTopics", "ListSubscriptions", "GetSubscriptionAttributes", "SetSubscriptionAttributes", "Unsubscribe"),
    **each(
        "{TopicArn}", "AddPermission", "ConfirmSubscription", "DeleteTopic", "GetTopicAttributes", "ListSubscriptionsByTopic",
        "RemovePermission", "SetTopicAttributes",
    ),
    **each(
        "{ResourceArn}", "GetDataProtectionPolicy", "ListTagsForResource", "PutDataProtectionPolicy", "TagResource",
        "UntagResource",
    ),
    **alike(_publish, "Publish", "PublishBatch"),
    "CreateTopic": (on(_TOPIC), on(_TOPIC, "sns:TagResource", when="Tags")),
    "Subscribe": (on("{TopicArn}", keys={"sns:Protocol": "Protocol", "sns:Endpoint": "Endpoint"}),),
}  # fmt: skip


def _queue(action: str = "", *uses: str) -> Rule:
    """The action on the queue of a URL, or of a name in the two operations that have one; `uses` are those on its key.

    A member that an operation does not have is ignored, as the service ignores it.
    """

    def rule(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
        name = call.params["QueueName" if call.operation in _BY_NAME else "QueueUrl"].rpartition("/")[2]
        [arn] = expand(_QUEUE.replace("{QueueName}", name), call)
        yield Permission(f"sqs:{action or call.operation}", arn, {})
        if uses and (key := facts.queue_key(arn)):
            for use in uses:
                yield Permission(use, key, via(call, "sqs"))

    return rule


def _tag_queue(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    if call.params.get("tags") or call.params.get("Tags"):
        yield Permission("sqs:TagQueue", expand(_QUEUE, call)[0], {})


def _move_messages(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    """A redrive receives, sends and deletes with the rights of the caller (SQS guide, "Configuring queue permissions")."""
    source = call.params["SourceArn"]
    for action in ("StartMessageMoveTask", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        yield Permission(f"sqs:{action}", source, {})
    yield Permission("sqs:SendMessage", call.params.get("DestinationArn") or UNKNOWN, {})


def _cancel_move(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    """The handle of a task does not show its queue."""
    yield Permission("sqs:CancelMessageMoveTask", UNKNOWN, {})


SQS: Final[Rules] = {
    **anywhere("ListQueues"),
    **alike(
        _queue(),
        "AddPermission", "ChangeMessageVisibility", "DeleteMessage", "DeleteQueue", "GetQueueAttributes", "GetQueueUrl",
        "ListDeadLetterSourceQueues", "ListQueueTags", "PurgeQueue", "RemovePermission", "SetQueueAttributes", "TagQueue",
        "UntagQueue",
    ),
    **{f"{action}Batch": (_queue(action),) for action in ("ChangeMessageVisibility", "DeleteMessage")},
    **alike(_queue("SendMessage", *_WRITE), "SendMessage", "SendMessageBatch"),
    **each("{SourceArn}", "ListMessageMoveTasks"),
    "CancelMessageMoveTask": (_cancel_move,),
    "CreateQueue": (_queue(), _tag_queue),
    "ReceiveMessage": (_queue("", "kms:Decrypt"),),
    "StartMessageMoveTask": (_move_messages,),
}  # fmt: skip
