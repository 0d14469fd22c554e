"""PutEvents: delivered by the policies of targets, for enabled rules with a pattern; refused where nothing is delivered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.common import refusal, unique
from support.deployed_endpoint import Queue
from support.in_process_aws import ACCOUNT, REGION, AwsHarness

EVENTBRIDGE = {"Service": "events.amazonaws.com"}


class Bus:
    """A source whose events one rule matches."""

    def __init__(self, aws: AwsHarness) -> None:
        self.client = aws.client("events")
        self.source, self.rule = unique("source"), unique("rule")
        pattern = json.dumps({"source": [self.source]})
        self.arn = self.client.put_rule(Name=self.rule, EventPattern=pattern)["RuleArn"]

    def target(self, arn: str, **more: Any) -> None:
        answer = self.client.put_targets(Rule=self.rule, Targets=[{"Id": unique("target"), "Arn": arn, **more}])
        assert answer["FailedEntryCount"] == 0

    @property
    def entries(self) -> list[dict[str, str]]:
        return [{"Source": self.source, "DetailType": "sold", "Detail": json.dumps({"coat": 1})}]

    def put(self) -> None:
        assert self.client.put_events(Entries=self.entries)["FailedEntryCount"] == 0


@pytest.fixture
def bus(local_aws: AwsHarness) -> Iterator[Bus]:
    made = Bus(local_aws)
    yield made
    targets = made.client.list_targets_by_rule(Rule=made.rule)["Targets"]
    if targets:
        made.client.remove_targets(Rule=made.rule, Ids=[target["Id"] for target in targets])
    made.client.delete_rule(Name=made.rule)


def details(queue: Queue) -> list[Any]:
    return [json.loads(body)["detail"] for body in queue.take()]


def test_a_queue_receives_what_its_policy_allows(local_aws: AwsHarness, bus: Bus) -> None:
    queue, dead_letters = local_aws.queue(open_to_sns=False), local_aws.queue(open_to_sns=False)
    bus.target(queue.arn, DeadLetterConfig={"Arn": dead_letters.arn})
    bus.put()
    assert (details(queue), details(dead_letters)) == ([], [])
    dead_letters.allow(EVENTBRIDGE)
    bus.put()
    assert (details(queue), details(dead_letters)) == ([], [{"coat": 1}])
    queue.allow(EVENTBRIDGE, Condition={"ArnEquals": {"aws:SourceArn": bus.arn}})
    bus.put()
    assert (details(queue), details(dead_letters)) == ([{"coat": 1}], [])
    queue.allow(EVENTBRIDGE, Condition={"ArnEquals": {"aws:SourceArn": f"{bus.arn}-other"}})
    bus.put()
    assert (details(queue), details(dead_letters)) == ([], [{"coat": 1}])


def test_a_disabled_rule_and_a_schedule_match_no_event(local_aws: AwsHarness, bus: Bus) -> None:
    queue = local_aws.queue(open_to_sns=False)
    queue.allow(EVENTBRIDGE)
    bus.target(queue.arn)
    bus.client.disable_rule(Name=bus.rule)
    schedule = unique("schedule")
    bus.client.put_rule(Name=schedule, ScheduleExpression="rate(1 day)")
    bus.client.put_targets(Rule=schedule, Targets=[{"Id": "1", "Arn": queue.arn}])
    bus.put()
    assert details(queue) == []
    bus.client.enable_rule(Name=bus.rule)
    bus.put()
    assert details(queue) == [{"coat": 1}]
    bus.client.remove_targets(Rule=schedule, Ids=["1"])
    bus.client.delete_rule(Name=schedule)


def test_a_topic_receives_events(local_aws: AwsHarness, bus: Bus) -> None:
    topic, queue = local_aws.topic(), local_aws.queue()
    local_aws.subscribe(topic, queue, RawMessageDelivery="true")
    bus.target(topic)
    bus.put()
    assert details(queue) == [], "the default policy of a topic is for its account"
    allowed = {"Effect": "Allow", "Principal": EVENTBRIDGE, "Action": "sns:Publish", "Resource": topic}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    local_aws.sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document)
    bus.put()
    assert details(queue) == [{"coat": 1}]


def test_a_log_group_receives_events_by_a_policy_of_logs(local_aws: AwsHarness, bus: Bus) -> None:
    group = f"/aws/events/{unique('group')}"
    local_aws.logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    bus.target(arn)
    bus.put()
    assert local_aws.logs.filter_log_events(logGroupName=group)["events"] == []
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    allowed = {"Effect": "Allow", "Principal": EVENTBRIDGE, "Action": actions, "Resource": f"{arn}:*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    local_aws.logs.put_resource_policy(policyName=bus.rule, policyDocument=document)
    bus.put()
    (event,) = local_aws.logs.filter_log_events(logGroupName=group)["events"]
    assert json.loads(event["message"])["detail"] == {"coat": 1}
    local_aws.logs.delete_resource_policy(policyName=bus.rule)


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ({"Arn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s"}, "does not deliver to arn:aws:kinesis"),
        ({"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q", "Input": "{}"}, "does not apply Input"),
        ({"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q", "InputPath": "$.detail"}, "does not apply InputPath"),
    ],
)
def test_an_event_that_would_not_be_delivered_is_refused(
    local_aws: AwsHarness, bus: Bus, target: dict[str, str], named: str
) -> None:
    queue = local_aws.queue(open_to_sns=False)
    queue.allow(EVENTBRIDGE)
    bus.target(queue.arn)
    bus.target(**{key.lower() if key == "Arn" else key: value for key, value in target.items()})
    code, said = refusal(bus.client.put_events, Entries=bus.entries)
    assert code == "ValidationException"
    assert named in said
    assert bus.rule in said
    assert details(queue) == [], "nothing was delivered before the refusal"
