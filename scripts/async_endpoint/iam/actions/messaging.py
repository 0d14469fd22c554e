"""SNS and SQS.

Source: service authorization references. Subscriptions have no ARNs in IAM: what acts on one has no resource type. A receive
from a queue under a KMS key decrypts with the caller's rights (SQS guide, "Key management"). sns:Endpoint: A92.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from async_endpoint.iam.actions.call import (
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

SNS: Final[Rules] = {
    **anywhere("ListTopics", "ListSubscriptions", "GetSubscriptionAttributes", "SetSubscriptionAttributes", "Unsubscribe"),
    **each("{TopicArn}", "DeleteTopic", "GetTopicAttributes", "ListSubscriptionsByTopic", "Publish", "SetTopicAttributes"),
    **each("{ResourceArn}", "ListTagsForResource", "TagResource", "UntagResource"),
    "CreateTopic": (on(_TOPIC), on(_TOPIC, "sns:TagResource", when="Tags")),
    "Subscribe": (on("{TopicArn}", keys={"sns:Protocol": "Protocol", "sns:Endpoint": "Endpoint"}),),
}


def _queue(action: str = "", *, decrypt: bool = False) -> Rule:
    """The action on the queue of a URL or a name; `decrypt`: of its messages."""

    def rule(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
        name = call.params.get("QueueName") or str(call.params.get("QueueUrl", "")).rpartition("/")[2]
        [arn] = expand(_QUEUE.replace("{QueueName}", name), call)
        yield Permission(f"sqs:{action or call.operation}", arn, {})
        if decrypt and (key := facts.queue_key(arn)):
            yield Permission("kms:Decrypt", key, via(call, "sqs"))

    return rule


def _tag_queue(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    if call.params.get("tags") or call.params.get("Tags"):
        yield Permission("sqs:TagQueue", expand(_QUEUE, call)[0], {})


SQS: Final[Rules] = {
    **anywhere("ListQueues"),
    **alike(
        _queue(),
        "ChangeMessageVisibility", "DeleteMessage", "DeleteQueue", "GetQueueAttributes", "GetQueueUrl", "ListQueueTags",
        "PurgeQueue", "SendMessage", "SetQueueAttributes", "TagQueue", "UntagQueue",
    ),
    **{
        f"{action}Batch": (_queue(action),) for action in ("ChangeMessageVisibility", "DeleteMessage", "SendMessage")
    },
    "CreateQueue": (_queue(), _tag_queue),
    "ReceiveMessage": (_queue(decrypt=True),),
}  # fmt: skip
