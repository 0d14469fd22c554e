"""Composite alarms over the API: states from other alarms, messages, suppression of actions, cycles, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.persistence import pickling
from support.common import refusal, unique, until
from support.deployed_endpoint import Queue
from support.in_process_aws import ACCOUNT, REGION, AwsHarness


class Alarms:
    """Metric alarms whose states a test sets, and composite ones of them, by names of their own."""

    def __init__(self, local_aws: AwsHarness) -> None:
        self.aws = local_aws.cloudwatch
        self._names: dict[str, str] = {}

    def name(self, word: str) -> str:
        return self._names.setdefault(word, unique(word))

    def metric(self, *words: str) -> None:
        for word in words:
            self.aws.put_metric_alarm(
                AlarmName=self.name(word),
                Namespace="Unused",
                MetricName=word,
                Statistic="Sum",
                Period=60,
                EvaluationPeriods=1,
                Threshold=1,
                ComparisonOperator="GreaterThanThreshold",
                TreatMissingData="ignore",
            )

    def rule(self, rule: str) -> str:
        """`rule` with the words in braces as names."""
        for word in self._names:
            rule = rule.replace(f"{{{word}}}", self._names[word])
        return rule

    def composite(self, word: str, rule: str, **members: Any) -> None:
        self.aws.put_composite_alarm(AlarmName=self.name(word), AlarmRule=self.rule(rule), **members)

    def set(self, word: str, state: str) -> None:
        self.aws.set_alarm_state(AlarmName=self.name(word), StateValue=state, StateReason="a test says so")

    def described(self, word: str) -> dict[str, Any]:
        (found,) = self.aws.describe_alarms(AlarmNames=[self.name(word)], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
        return dict(found)

    def state(self, word: str) -> str:
        return str(self.described(word)["StateValue"])

    def clear(self) -> None:
        """Delete all, composite ones first, each without a rule that names another."""
        found = self.aws.describe_alarms(AlarmNames=list(self._names.values()), AlarmTypes=["CompositeAlarm", "MetricAlarm"])
        composite = [alarm["AlarmName"] for alarm in found["CompositeAlarms"]]
        for name in composite:
            self.aws.put_composite_alarm(AlarmName=name, AlarmRule="FALSE")
        for name in composite:
            self.aws.delete_alarms(AlarmNames=[name])
        self.aws.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in found["MetricAlarms"]])


@pytest.fixture
def alarms(local_aws: AwsHarness) -> Iterator[Alarms]:
    made = Alarms(local_aws)
    yield made
    made.clear()


def message(queue: Queue) -> dict[str, Any]:
    (body,) = until(queue.take, "the alarm's message")
    found: dict[str, Any] = json.loads(json.loads(body)["Message"])
    return found


def arn(name: str) -> str:
    return f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"


def test_a_composite_alarm_follows_its_children(alarms: Alarms) -> None:
    alarms.metric("cpu", "disk", "deploying")
    alarms.composite("both", '(ALARM({cpu}) OR ALARM("{disk}")) AND NOT ALARM({deploying})')
    created = alarms.described("both")
    assert (created["StateValue"], created["AlarmRule"]) == (
        "OK",
        alarms.rule('(ALARM({cpu}) OR ALARM("{disk}")) AND NOT ALARM({deploying})'),
    )
    assert created["StateReason"] == f"{arn(alarms.name('both'))} was created and its alarm rule evaluates to OK"
    alarms.set("disk", "ALARM")
    changed = alarms.described("both")
    assert changed["StateValue"] == "ALARM"
    assert changed["StateReason"].startswith(f"{arn(alarms.name('disk'))} transitioned to ALARM at ")
    assert changed["StateReason"].endswith(" UTC")
    (triggering,) = json.loads(changed["StateReasonData"])["triggeringAlarms"]
    assert (triggering["arn"], triggering["state"]["value"]) == (arn(alarms.name("disk")), "ALARM")
    assert changed["StateTransitionedTimestamp"] > created["StateTransitionedTimestamp"]
    alarms.set("deploying", "ALARM")
    assert alarms.state("both") == "OK"
    alarms.set("deploying", "OK")
    alarms.set("disk", "OK")
    assert alarms.state("both") == "OK"
    history = alarms.aws.describe_alarm_history(AlarmName=alarms.name("both"), AlarmTypes=["CompositeAlarm"])[
        "AlarmHistoryItems"
    ]
    assert {item["AlarmType"] for item in history} == {"CompositeAlarm"}
    assert [item["HistorySummary"] for item in history if item["HistoryItemType"] == "StateUpdate"] == [
        "Alarm updated from ALARM to OK",
        "Alarm updated from OK to ALARM",
        "Alarm updated from ALARM to OK",
        "Alarm updated from OK to ALARM",
        "Alarm updated from INSUFFICIENT_DATA to OK",
    ]


def test_children_are_named_by_arn_too_and_may_be_composite(alarms: Alarms) -> None:
    alarms.metric("child")
    alarms.composite("inner", f'ALARM("{arn(alarms.name("child"))}")')
    alarms.composite("outer", "NOT ALARM({inner})")
    assert (alarms.state("inner"), alarms.state("outer")) == ("OK", "ALARM")
    alarms.set("child", "ALARM")
    assert (alarms.state("inner"), alarms.state("outer")) == ("ALARM", "OK")


def test_a_minutes_evaluation_of_a_metric_alarm_changes_its_composite_alarm(local_aws: AwsHarness, alarms: Alarms) -> None:
    alarms.metric("orders")
    alarms.composite("few", "NOT OK({orders})")
    assert alarms.state("few") == "ALARM"
    local_aws.put_minutely("Unused", {"MetricName": "orders", "Value": 0.0})
    until(lambda: alarms.state("few") == "OK", "the child is OK")


def test_a_state_that_was_set_stays_until_a_child_changes(local_aws: AwsHarness, alarms: Alarms) -> None:
    alarms.metric("child")
    alarms.composite("parent", "ALARM({child})")
    alarms.set("parent", "ALARM")
    before = local_aws.aws.clock.now()
    until(lambda: local_aws.aws.clock.now() > before + 180, "three minutes go by")
    assert alarms.state("parent") == "ALARM"
    alarms.set("child", "INSUFFICIENT_DATA")  # no change
    assert alarms.state("parent") == "ALARM"
    alarms.set("child", "OK")
    assert alarms.state("parent") == "OK"


def test_messages_name_the_rule_and_the_child(local_aws: AwsHarness, alarms: Alarms) -> None:
    topic, queue = local_aws.topic(), local_aws.queue()
    local_aws.subscribe(topic, queue)
    alarms.metric("child")
    alarms.composite("parent", "ALARM({child})", AlarmActions=[topic], AlarmDescription="a child")
    alarms.set("child", "ALARM")
    found = message(queue)
    assert (found["AlarmName"], found["AlarmDescription"]) == (alarms.name("parent"), "a child")
    assert (found["OldStateValue"], found["NewStateValue"]) == ("OK", "ALARM")
    assert (found["AlarmRule"], "Trigger" in found) == (alarms.rule("ALARM({child})"), False)
    (child,) = found["TriggeringChildren"]
    assert (child["Arn"], child["State"]["Value"]) == (arn(alarms.name("child")), "ALARM")


def test_an_updated_rule_is_evaluated_at_once(alarms: Alarms) -> None:
    alarms.metric("child")
    alarms.composite("parent", "FALSE")
    alarms.composite("parent", "NOT ALARM({child})")
    assert alarms.state("parent") == "ALARM"
    assert alarms.described("parent")["StateReason"].endswith(" was updated and its alarm rule evaluates to ALARM")


def test_the_evaluation_of_a_cycle_stops(alarms: Alarms) -> None:
    alarms.metric("child")
    alarms.composite("one", "FALSE")
    alarms.composite("two", "NOT ALARM({one}) OR ALARM({child})")
    alarms.composite("one", "ALARM({two}) AND ALARM({child})")
    alarms.set("child", "ALARM")
    assert alarms.state("two") == "ALARM"
    for word in ("one", "two"):
        assert refusal(alarms.aws.delete_alarms, AlarmNames=[alarms.name(word)])[0] == "ValidationError"


def test_alarms_that_others_depend_on_are_not_deleted(alarms: Alarms) -> None:
    alarms.metric("first", "second", "other")
    alarms.composite("parent", "ALARM({first}) OR ALARM({second})")
    first, second, parent = (alarms.name(word) for word in ("first", "second", "parent"))
    code, text = refusal(alarms.aws.delete_alarms, AlarmNames=[first, second])
    assert (code, text) == (
        "ValidationError",
        f"Cannot delete {first},{second} as there are composite alarm(s) depending on them.",
    )
    assert refusal(alarms.aws.delete_alarms, AlarmNames=[first])[1].endswith("composite alarm(s) depending on it.")
    alarms.composite("another", "TRUE")
    code, text = refusal(alarms.aws.delete_alarms, AlarmNames=[parent, alarms.name("another")])
    assert (code, text) == ("ValidationError", "Only one composite alarm can be deleted in an operation.")
    alarms.aws.delete_alarms(AlarmNames=[parent, alarms.name("other")])
    alarms.aws.delete_alarms(AlarmNames=[first, second])


def test_descriptions_by_type_relatives_and_page(alarms: Alarms) -> None:
    alarms.metric("first", "second")
    alarms.composite("parent", "ALARM({first}) AND OK({second})")
    first, second, parent = (alarms.name(word) for word in ("first", "second", "parent"))

    def names(**request: Any) -> list[list[str]]:
        found = alarms.aws.describe_alarms(**request)
        return [[alarm["AlarmName"] for alarm in found[kind]] for kind in ("CompositeAlarms", "MetricAlarms")]

    assert names(AlarmNames=[first, parent]) == [[], [first]]
    assert names(AlarmNames=[first, parent], AlarmTypes=["MetricAlarm", "CompositeAlarm"]) == [[parent], [first]]
    assert names(ChildrenOfAlarmName=parent) == [[], [first, second]]
    assert names(ParentsOfAlarmName=second) == [[parent], []]
    assert refusal(alarms.aws.describe_alarms, ParentsOfAlarmName=second, StateValue="OK")[0] == "ValidationError"
    alarms.set("first", "ALARM")
    assert names(AlarmNames=[first, second], StateValue="ALARM") == [[], [first]]
    pages = alarms.aws.get_paginator("describe_alarms").paginate(
        AlarmNames=[first, second, parent], AlarmTypes=["MetricAlarm", "CompositeAlarm"], PaginationConfig={"PageSize": 1}
    )
    seen = [alarm["AlarmName"] for page in pages for alarm in (*page["CompositeAlarms"], *page["MetricAlarms"])]
    assert seen == [parent, first, second]


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"AlarmRule": "()"}, "Error in AlarmRule [Unsupported token ')' at char 1]"),
        ({"AlarmRule": "ALARM(none) OR OK(nothing)"}, "as alarms [none, nothing] in the alarm rule do not exist"),
        ({"AlarmRule": 'ALARM("arn:aws:cloudwatch:us-west-2:123456789012:alarm:x")'}, "do not exist"),
        ({"AlarmActions": ["arn:aws:automate:eu-west-1:ec2:stop"]}, "is not supported for composite alarms"),
        ({"AlarmActions": ["nothing"]}, "Invalid arn syntax: nothing"),
        ({"ActionsSuppressor": "none"}, "ActionsSuppressorWaitPeriod is required with ActionsSuppressor"),
        ({"ActionsSuppressorWaitPeriod": 60}, "allowed with it only"),
        (
            {"ActionsSuppressor": "none", "ActionsSuppressorWaitPeriod": 60, "ActionsSuppressorExtensionPeriod": 60},
            "its ActionsSuppressor none does not exist",
        ),
    ],
)
def test_refused_composite_alarms(local_aws: AwsHarness, members: dict[str, Any], text: str) -> None:
    request = {"AlarmName": unique("refused"), "AlarmRule": "TRUE"} | members
    code, said = refusal(local_aws.cloudwatch.put_composite_alarm, **request)
    assert (code, text in said) == ("ValidationError", True), said


def test_a_name_is_of_one_kind_of_alarm(alarms: Alarms) -> None:
    alarms.metric("metric")
    alarms.composite("composite", "TRUE")
    code, text = refusal(alarms.aws.put_composite_alarm, AlarmName=alarms.name("metric"), AlarmRule="TRUE")
    assert (code, text.endswith("exists already as a metric alarm")) == ("ValidationError", True)
    alarms._names["other"] = alarms.name("composite")
    with pytest.raises(alarms.aws.exceptions.ClientError, match="exists already as a composite alarm"):
        alarms.metric("other")


def test_actions_are_suppressed_and_executed_later(local_aws: AwsHarness, alarms: Alarms) -> None:
    topic, queue = local_aws.topic(), local_aws.queue()
    local_aws.subscribe(topic, queue)
    alarms.metric("child", "maintenance")
    suppression = {"ActionsSuppressorWaitPeriod": 60, "ActionsSuppressorExtensionPeriod": 60}
    actions = {"AlarmActions": [topic], "OKActions": [topic]}
    alarms.set("maintenance", "ALARM")
    alarms.composite("parent", "ALARM({child})", ActionsSuppressor=alarms.name("maintenance"), **suppression, **actions)
    alarms.set("child", "ALARM")
    described = alarms.described("parent")
    assert (described["StateValue"], described["ActionsSuppressedBy"]) == ("ALARM", "Alarm")
    assert (described["ActionsSuppressor"], described["ActionsSuppressorWaitPeriod"]) == (alarms.name("maintenance"), 60)
    alarms.set("maintenance", "OK")
    found = message(queue)  # the one of the present state, once the extension period is over
    assert (found["OldStateValue"], found["NewStateValue"]) == ("OK", "ALARM")
    assert "ActionsSuppressedBy" not in alarms.described("parent")

    alarms.set("child", "OK")
    assert alarms.described("parent")["ActionsSuppressedBy"] == "WaitPeriod"
    assert message(queue)["NewStateValue"] == "OK"
    assert refusal(alarms.aws.delete_alarms, AlarmNames=[alarms.name("maintenance")])[0] == "ValidationError"


def test_a_snapshot_keeps_what_is_suppressed(alarms: Alarms) -> None:
    """Of moto's alarm, as the snapshot of --state-dir has it: its rule, and the actions that wait."""
    alarms.metric("child", "maintenance")
    alarms.set("maintenance", "ALARM")
    periods = {"ActionsSuppressorWaitPeriod": 60, "ActionsSuppressorExtensionPeriod": 60}
    alarms.composite("parent", "ALARM({child})", ActionsSuppressor=alarms.name("maintenance"), **periods)
    alarms.set("child", "ALARM")
    stored = next(alarm for alarm in moto_backends.alarms(REGION) if alarm.name == alarms.name("parent"))
    restored = pickling.loads(pickling.dumps(stored, lambda *_: (0, 0, 0)), lambda *_: b"")
    assert (restored.rule, restored.state_value) == (alarms.rule("ALARM({child})"), "ALARM")
    assert (restored.actions_suppressed_by, restored.suppressed_change.new) == ("Alarm", "ALARM")
