"""AWS::SNS::Topic, Subscription and TopicPolicy. Ref of topics and subscriptions returns the ARN."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Final

from botocore.exceptions import ClientError

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
    as_list,
)
from async_endpoint.local_aws import ACCOUNT_ID

_DEFAULT_ATTRIBUTES: Final = {
    "DisplayName": "",
    "KmsMasterKeyId": "",
    "ContentBasedDeduplication": "false",
    "SignatureVersion": "1",
}


class Topic(ResourceType):
    named_by = "TopicName"
    mutable = frozenset(
        ("ContentBasedDeduplication", "DisplayName", "KmsMasterKeyId", "SignatureVersion", "Subscription", "Tags")
    )
    replacing = frozenset(("FifoTopic", "TopicName"))
    attributes = frozenset(("TopicArn", "TopicName"))
    structures: ClassVar = {"Subscription": "JSONArray", "Tags": "JSONArray"}

    def create(self, context: Context, properties: Values) -> Created:
        settings = (*_DEFAULT_ATTRIBUTES, "FifoTopic")
        fifo = as_attribute(properties.get("FifoTopic", False)) == "true"
        name = context.name(properties.get("TopicName"), 251) + (".fifo" if fifo and "TopicName" not in properties else "")
        client = context.client("sns")
        expected = f"arn:aws:sns:{context.calls.region}:{ACCOUNT_ID}:{name}"
        if _exists(client, expected):  # CreateTopic returns a topic that exists
            raise ResourceFailed(f"{name} already exists")
        arn = client.create_topic(
            Name=name,
            Attributes={key: as_attribute(properties[key]) for key in settings if key in properties},
            Tags=context.tag_list(properties.get("Tags")),
        )["TopicArn"]
        return Created(arn, {"TopicArn": arn, "TopicName": name})

    def stabilize(self, context: Context, created: Created, properties: Values) -> None:
        self._subscribe(context, created.physical_id, [], properties.get("Subscription", []))

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        client, arn, before = context.client("sns"), existing.physical_id, existing.properties
        for key, default in _DEFAULT_ATTRIBUTES.items():
            if before.get(key) != after.get(key):
                client.set_topic_attributes(
                    TopicArn=arn, AttributeName=key, AttributeValue=as_attribute(after.get(key, default))
                )
        self._subscribe(context, arn, before.get("Subscription", []), after.get("Subscription", []))
        context.change_tags(
            before.get("Tags"),
            after.get("Tags"),
            lambda tags: client.tag_resource(ResourceArn=arn, Tags=as_list(tags)),
            lambda keys: client.untag_resource(ResourceArn=arn, TagKeys=keys),
        )

    @staticmethod
    def _subscribe(context: Context, arn: str, before: list[Values], after: list[Values]) -> None:
        client = context.client("sns")
        for wanted in after:
            if wanted not in before:
                client.subscribe(TopicArn=arn, Protocol=wanted["Protocol"], Endpoint=wanted["Endpoint"])
        gone = [(item["Protocol"], item["Endpoint"]) for item in before if item not in after]
        for page in client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn) if gone else ():
            for item in page["Subscriptions"]:
                if (item["Protocol"], item["Endpoint"]) in gone:
                    _unsubscribe(client, item["SubscriptionArn"])

    def delete(self, context: Context, existing: Existing) -> None:
        """Delete the topic with the subscriptions of its own property, as CloudFormation does."""
        self._subscribe(context, existing.physical_id, existing.properties.get("Subscription", []), [])
        context.client("sns").delete_topic(TopicArn=existing.physical_id)


def _exists(client: Any, arn: str) -> bool:
    try:
        client.get_topic_attributes(TopicArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFound":
            raise
        return False
    return True


class Subscription(ResourceType):
    mutable = frozenset(
        ("DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy", "SubscriptionRoleArn")
    )
    replacing = frozenset(("Endpoint", "Protocol", "Region", "TopicArn"))
    required = frozenset(("Protocol", "TopicArn"))
    attributes = frozenset(("Arn",))
    structures: ClassVar = dict.fromkeys(("DeliveryPolicy", "FilterPolicy", "RedrivePolicy"), DOCUMENT)

    def create(self, context: Context, properties: Values) -> Created:
        region = properties.get("Region", context.calls.region)
        if region != context.calls.region:
            raise ResourceFailed(f"Region {region}, other than the stack's, is not supported by the local AWS")
        arn = context.client("sns").subscribe(
            TopicArn=properties["TopicArn"],
            Protocol=properties["Protocol"],
            Endpoint=properties.get("Endpoint", ""),
            ReturnSubscriptionArn=True,
            Attributes={key: as_attribute(properties[key]) for key in sorted(self.mutable) if key in properties},
        )["SubscriptionArn"]
        return Created(arn, {"Arn": arn})

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        defaults = {"RawMessageDelivery": "false", "FilterPolicyScope": "MessageAttributes", "FilterPolicy": "{}"}
        for key in sorted(self.mutable):
            if existing.properties.get(key) != after.get(key):
                context.client("sns").set_subscription_attributes(
                    SubscriptionArn=existing.physical_id,
                    AttributeName=key,
                    AttributeValue=as_attribute(after.get(key, defaults.get(key, ""))),
                )

    def delete(self, context: Context, existing: Existing) -> None:
        _unsubscribe(context.client("sns"), existing.physical_id)


def _unsubscribe(client: Any, arn: str) -> None:
    """Remove a subscription; one that is pending confirmation goes with its topic (cdkd issue 1301: as CloudFormation does)."""
    if arn == "PendingConfirmation":
        return
    try:
        client.unsubscribe(SubscriptionArn=arn)
    except client.exceptions.InvalidParameterException as error:
        if "pending confirmation" not in str(error):
            raise


class TopicPolicy(AttachedPolicy):
    """The policy of topics. Its deletion restores the default policy, in which the account may do everything."""

    targets = "Topics"
    mutable = required = frozenset(("PolicyDocument", "Topics"))
    structures: ClassVar = {"PolicyDocument": DOCUMENT, "Topics": "JSONArray"}

    def put(self, context: Context, target: str, document: str | None) -> None:
        context.client("sns").set_topic_attributes(
            TopicArn=target, AttributeName="Policy", AttributeValue=document or _default_policy(target)
        )


def _default_policy(arn: str) -> str:
    """The policy of a topic that was given none (SNS developer guide, "Default policy")."""
    account = arn.split(":")[4]
    actions = ("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic", "Subscribe")
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in (*actions, "ListSubscriptionsByTopic", "Publish")],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


TYPES: Final = {
    "AWS::SNS::Topic": Topic(),
    "AWS::SNS::Subscription": Subscription(),
    "AWS::SNS::TopicPolicy": TopicPolicy(),
}
