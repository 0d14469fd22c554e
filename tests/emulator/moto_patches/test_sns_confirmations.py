"""Subscriptions that their recipients have to confirm: pending, not removable, and confirmed by the token in the log."""

from __future__ import annotations

import pytest

from support.common import refusal
from support.in_process_aws import AwsHarness


@pytest.mark.parametrize(("protocol", "endpoint"), [("email", "on-call@example.com"), ("https", "https://shop.example/hook")])
def test_a_subscription_is_pending_until_it_is_confirmed(
    local_aws: AwsHarness, caplog: pytest.LogCaptureFixture, protocol: str, endpoint: str
) -> None:
    sns, topic = local_aws.sns, local_aws.topic()
    wanted = {"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint}
    assert sns.subscribe(**wanted)["SubscriptionArn"] == "pending confirmation"
    token = next(record.args[2] for record in caplog.records if topic in record.getMessage())
    arn = sns.subscribe(**wanted, ReturnSubscriptionArn=True)["SubscriptionArn"]

    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert (attributes["PendingConfirmation"], attributes["ConfirmationWasAuthenticated"]) == ("true", "false")
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [item["SubscriptionArn"] for item in listed] == ["PendingConfirmation"]
    counts = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (counts["SubscriptionsPending"], counts["SubscriptionsConfirmed"]) == ("1", "0")
    code, message = refusal(sns.unsubscribe, SubscriptionArn=arn)
    assert (code, "Cannot unsubscribe a subscription that is pending confirmation" in message) == ("InvalidParameter", True)

    assert refusal(sns.confirm_subscription, TopicArn=topic, Token="0" * 32)[0] == "InvalidParameter"
    assert sns.confirm_subscription(TopicArn=topic, Token=token)["SubscriptionArn"] == arn
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "false"
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"] == arn
    sns.unsubscribe(SubscriptionArn=arn)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_a_queue_needs_no_confirmation(local_aws: AwsHarness) -> None:
    topic, queue = local_aws.topic(), local_aws.queue()
    arn = local_aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)["SubscriptionArn"]
    assert local_aws.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "false"
    counts = local_aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (counts["SubscriptionsPending"], counts["SubscriptionsConfirmed"]) == ("0", "1")


def test_a_pending_subscription_goes_with_its_topic(local_aws: AwsHarness) -> None:
    topic = local_aws.topic()
    wanted = {"TopicArn": topic, "Protocol": "email", "Endpoint": "a@example.com", "ReturnSubscriptionArn": True}
    arn = local_aws.sns.subscribe(**wanted)["SubscriptionArn"]
    local_aws.sns.delete_topic(TopicArn=topic)
    assert refusal(local_aws.sns.get_subscription_attributes, SubscriptionArn=arn)[0] == "NotFound"
