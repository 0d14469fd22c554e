"""AWS::SNS::Topic, Subscription and TopicPolicy. Ref of topics and subscriptions returns the ARN."""

from __future__ import annotations

import json
from typing import Any, Final

from botocore.exceptions import ClientError

from async_endpoint.emulator.cloudformation.errors import ResourceFailed
from async_endpoint.emulator.cloudformation.resource_types.base import (
    Context,
    Created,
    Existing,
    ResourceType,
    Values,
    as_document,
)
from async_endpoint.local_aws import ACCOUNT_ID

_DEFAULT_ATTRIBUTES: Final = {
    "DisplayName": "",
    "KmsMasterKeyId": "",
    "ContentBasedDeduplication": "false",
    "SignatureVersion": "1",
}


def _attribute(value: Any) -> str:
    """A property as an attribute of SNS: text, JSON for an object."""
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


class Topic(ResourceType):
    named_by = "TopicName"
    mutable = frozenset(
        ("ContentBasedDeduplication", "DisplayName", "KmsMasterKeyId", "SignatureVersion", "Subscription", "Tags")
    )
    replacing = frozenset(("FifoTopic", "TopicName"))

    def create(self, context: Context, properties: Values) -> Created:
        settings = (*_DEFAULT_ATTRIBUTES, "FifoTopic")
        fifo = _attribute(properties.get("FifoTopic", False)) == "true"
        name = context.name(properties.get("TopicName"), 251) + (".fifo" if fifo and "TopicName" not in properties else "")
        client = context.client("sns")
        expected = f"arn:aws:sns:{context.calls.region}:{ACCOUNT_ID}:{name}"
        if _exists(client, expected):  # CreateTopic returns a topic that exists
            raise ResourceFailed(f"{name} already exists")
        arn = client.create_topic(
            Name=name,
            Attributes={key: _attribute(properties[key]) for key in settings if key in properties},
            Tags=context.tag_list(properties.get("Tags")),
        )["TopicArn"]
        return Created(arn, {"TopicArn": arn, "TopicName": name})

    def stabilize(self, context: Context, created: Created, properties: Values) -> None:
        self._subscribe(context, created.physical_id, [], properties.get("Subscription", []))

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        client, arn, before = context.client("sns"), existing.physical_id, existing.properties
        for key, default in _DEFAULT_ATTRIBUTES.items():
            if before.get(key) != after.get(key):
                client.set_topic_attributes(TopicArn=arn, AttributeName=key, AttributeValue=_attribute(after.get(key, default)))
        self._subscribe(context, arn, before.get("Subscription", []), after.get("Subscription", []))
        added, removed = context.tag_changes(before.get("Tags"), after.get("Tags"))
        if added:
            client.tag_resource(ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in added.items()])
        if removed:
            client.untag_resource(ResourceArn=arn, TagKeys=removed)

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
                    client.unsubscribe(SubscriptionArn=item["SubscriptionArn"])

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

    def create(self, context: Context, properties: Values) -> Created:
        region = properties.get("Region", context.calls.region)
        if region != context.calls.region:
            raise ResourceFailed(f"Region {region}, other than the stack's, is not supported by the local AWS")
        arn = context.client("sns").subscribe(
            TopicArn=properties["TopicArn"],
            Protocol=properties["Protocol"],
            Endpoint=properties.get("Endpoint", ""),
            ReturnSubscriptionArn=True,
            Attributes={key: _attribute(properties[key]) for key in sorted(self.mutable) if key in properties},
        )["SubscriptionArn"]
        return Created(arn, {"Arn": arn})

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        defaults = {"RawMessageDelivery": "false", "FilterPolicyScope": "MessageAttributes", "FilterPolicy": "{}"}
        for key in sorted(self.mutable):
            if existing.properties.get(key) != after.get(key):
                context.client("sns").set_subscription_attributes(
                    SubscriptionArn=existing.physical_id,
                    AttributeName=key,
                    AttributeValue=_attribute(after.get(key, defaults.get(key, ""))),
                )

    def delete(self, context: Context, existing: Existing) -> None:
        context.client("sns").unsubscribe(SubscriptionArn=existing.physical_id)


class TopicPolicy(ResourceType):
    """The policy of topics. Its deletion restores the default policy, in which the account may do everything."""

    mutable = frozenset(("PolicyDocument", "Topics"))
    required = frozenset(("PolicyDocument", "Topics"))

    def create(self, context: Context, properties: Values) -> Created:
        for arn in properties["Topics"]:
            self._set(context, arn, as_document(properties["PolicyDocument"]))
        return Created(context.name(None, 128), {})

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        for arn in existing.properties["Topics"]:
            if arn not in after["Topics"]:
                self._set(context, arn, _default_policy(arn))
        for arn in after["Topics"]:
            self._set(context, arn, as_document(after["PolicyDocument"]))

    def delete(self, context: Context, existing: Existing) -> None:
        for arn in existing.properties["Topics"]:
            self._set(context, arn, _default_policy(arn))

    @staticmethod
    def _set(context: Context, arn: str, policy: str) -> None:
        context.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)


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
