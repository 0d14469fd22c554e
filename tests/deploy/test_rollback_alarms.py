"""An apply whose rollback alarms are in ALARM is refused, or mutes them for its update; nothing stays muted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.backends import get_backend
from moto.cloudwatch.models import CloudWatchBackend

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import NotReady, Refused, RollbackAlarmFiring, WorkFailed
from async_endpoint.core.outputs import OUTPUT_NAME, AsyncEndpointOutputs
from async_endpoint.deploy import alarm_muting
from async_endpoint.deploy.alarm_muting import muted
from async_endpoint.deploy.apply import apply_environment
from async_endpoint.deploy.plan import plan_environment
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.rollback_alarms import guarded_updates
from async_endpoint.deploy.verify import inspect
from async_endpoint.emulator.moto_patches import alarm_initial_state
from async_endpoint.terraform.adapter import Changes
from async_endpoint.terraform.plan_document import resource_changes
from support.deployment_fixtures import prepared
from support.plan_documents import change, plan_document

pytestmark = pytest.mark.usefixtures("checkout")

ALARM, NEW_FLEET = "shirts-main-server-errors", "shirts-2-new-fleet"
ADDRESS = "module.shirts.aws_sagemaker_endpoint.this"


def put_alarm(aws: AwsSession, name: str = ALARM, state: str = "ALARM", **members: Any) -> None:
    dimensions = members.pop("dimensions", {"EndpointName": "shirts", "VariantName": "main"})
    alarm = {
        "AlarmDescription": "shirts/main: server errors. Read the logs.",
        "MetricName": "Invocation5XXErrors",
        "Namespace": "AWS/SageMaker",
        "Statistic": "Sum",
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
        "Period": 60,
        "EvaluationPeriods": 2,
        "Threshold": 0.1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "ignore",
        "AlarmActions": ["arn:aws:sns:eu-west-1:123456789012:on-call"],
    }
    aws.cloudwatch.put_metric_alarm(AlarmName=name, **alarm | members)
    aws.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="Threshold Crossed: 1 datapoint was 3.0.")


def definition(aws: AwsSession, name: str = ALARM) -> dict[str, Any]:
    [alarm] = aws.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return {member: value for member, value in alarm.items() if "Timestamp" not in member and not member.startswith("State")}


def update(*alarms: str, **after: Any) -> dict[str, Any]:
    """A plan that gives the endpoint another configuration, which these alarms guard."""
    arn = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shirts"
    config = [{"auto_rollback_configuration": [{"alarms": [{"alarm_name": alarm} for alarm in alarms]}]}]
    before = {"name": "shirts", "arn": arn, "endpoint_config_name": "shirts-2", "deployment_config": config, "tags_all": {}}
    return change(ADDRESS, ["update"], before, before | {"endpoint_config_name": "shirts-3"} | after)


@pytest.fixture
def planned(terraform: Any, deployed: AsyncEndpointOutputs) -> Any:
    """A Terraform that updates an endpoint which its server errors roll back; the apply changes nothing that is verified."""
    terraform.values = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}
    terraform.document = plan_document(update(ALARM))
    return terraform


@pytest.fixture(autouse=True)
def evaluation(aws: AwsSession, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """CloudWatch's: an updated alarm keeps its state, and one whose threshold is out of reach is OK at the next look."""

    def evaluate(seconds: float) -> None:
        for alarm in aws.cloudwatch.describe_alarms()["MetricAlarms"]:
            if alarm["Threshold"] > 1e50:
                aws.cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue="OK", StateReason="evaluated")

    def put(backend: CloudWatchBackend, name: str, **request: Any) -> Any:
        return alarm_initial_state.put_alarm(backend, 0, name, **request)[0]

    monkeypatch.setattr(CloudWatchBackend, "put_metric_alarm", put)
    monkeypatch.setattr(alarm_muting, "MUTED", Poller(deadline=5, sleep=evaluate))
    yield


def test_an_update_that_would_be_rolled_back_at_once_is_refused(planned: Any, aws: AwsSession) -> None:
    put_alarm(aws)
    with pytest.raises(RollbackAlarmFiring) as refused:
        apply_environment(prepared())
    assert refused.value.exit_code == 4
    assert str(refused.value) == (
        f"Endpoint shirts would be rolled back as soon as its update begins: rollback alarm {ALARM} (Threshold Crossed: "
        "1 datapoint was 3.0) is in ALARM. Nothing was changed; wait until it is OK, or, if it is what serves now that trips "
        "it, mute it for this update: async-endpoint apply dev --mute-rollback-alarms"
    )
    assert "apply" not in planned.did
    [notice] = [notice for notice in plan_environment(prepared()).notices if ALARM in notice]
    assert notice.startswith("apply refuses this: Endpoint shirts would be rolled back")


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_other_states_refuse_nothing(planned: Any, aws: AwsSession, state: str) -> None:
    put_alarm(aws, state=state)
    apply_environment(prepared())
    assert "apply" in planned.did


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(update(), id="the update drops the alarm"),
        pytest.param(update(ALARM, endpoint_config_name="shirts-2", tags_all={"a": "b"}), id="tags alone"),
    ],
)
def test_what_the_alarm_cannot_roll_back_is_not_refused(planned: Any, aws: AwsSession, document: Any) -> None:
    put_alarm(aws)
    planned.document = plan_document(document)
    apply_environment(prepared())
    assert "apply" in planned.did


def test_alarms_that_the_apply_creates_are_not_those_in_service(
    planned: Any, aws: AwsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_alarm(aws)
    unknown = update(ALARM)
    unknown["change"]["after"]["deployment_config"] = [{"auto_rollback_configuration": [{"alarms": [{}]}]}]
    planned.document = plan_document(unknown)
    monkeypatch.setattr("async_endpoint.deploy.rollback_alarms.live_alarm_names", lambda aws, endpoint: [ALARM])
    apply_environment(prepared())
    assert "apply" in planned.did


def test_muting_lasts_for_the_update(planned: Any, aws: AwsSession) -> None:
    put_alarm(aws)
    before, during, said = definition(aws), list[dict[str, Any]](), list[str]()
    planned.carry_out = lambda: during.append(aws.cloudwatch.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"][0])
    apply_environment(prepared(said.append), mute_rollback_alarms=True)
    [alarm] = during
    assert (alarm["StateValue"], alarm["ActionsEnabled"], alarm["TreatMissingData"]) == ("OK", False, "notBreaching")
    assert alarm["AlarmDescription"].startswith("[Muted by async-endpoint during an update since ")
    assert alarm["AlarmDescription"].endswith("shirts/main: server errors. Read the logs.")
    assert f"Muted alarm {ALARM} for this update." in said
    assert definition(aws) == before


@pytest.mark.parametrize(
    "members",
    [
        {"ComparisonOperator": "LessThanThreshold"},
        {"TreatMissingData": "breaching", "ActionsEnabled": False, "Threshold": 1e-05},
        {"AlarmDescription": "[two]\nlines"},
        {"AlarmDescription": "x" * 850},
    ],
)
def test_an_alarm_is_restored_as_it_was(aws: AwsSession, deployed: Any, members: dict[str, Any]) -> None:
    put_alarm(aws, state="OK", **members)
    before, changes = definition(aws), resource_changes(plan_document(update(ALARM)))
    with muted(lambda region: aws, guarded_updates(lambda region: aws, changes), changes, "again", print):
        threshold = definition(aws)["Threshold"]
        assert (abs(threshold), threshold < 0) == (1e100, "LessThanThreshold" in before["ComparisonOperator"])
    assert definition(aws) == before


def test_an_alarm_that_the_new_fleet_alone_feeds_still_guards(planned: Any, aws: AwsSession) -> None:
    put_alarm(aws)
    put_alarm(aws, NEW_FLEET, "OK", dimensions={"EndpointName": "shirts", "EndpointConfigName": "shirts-3"})
    planned.document, seen = plan_document(update(ALARM, NEW_FLEET)), list[tuple[float, float]]()
    planned.carry_out = lambda: seen.append((definition(aws)["Threshold"], definition(aws, NEW_FLEET)["Threshold"]))
    apply_environment(prepared(), mute_rollback_alarms=True)
    assert seen == [(1e100, 0.1)]


def test_after_a_killed_command_the_next_one_restores_the_alarm_and_says_so(
    planned: Any, aws: AwsSession, deployed: AsyncEndpointOutputs
) -> None:
    put_alarm(aws)
    before, changes = definition(aws), resource_changes(plan_document(update(ALARM)))
    with suppress(KeyboardInterrupt), pytest.MonkeyPatch.context() as killed:
        killed.setattr(alarm_muting, "_restore_or_explain", lambda *_: None)
        with muted(lambda region: aws, guarded_updates(lambda region: aws, changes), changes, "again", print):
            raise KeyboardInterrupt
    assert definition(aws) != before

    planned.values = {OUTPUT_NAME: {"shirts": deployed.as_dict() | {"monitoring": {"alarm_names": [ALARM]}}}}
    warned = [notice for notice in plan_environment(prepared()).notices if "is muted since" in notice]
    assert len(warned) == 1 and warned[0].endswith("restore the alarm with: async-endpoint apply dev")
    assert definition(aws) != before

    outputs = AsyncEndpointOutputs.parse(planned.values[OUTPUT_NAME]["shirts"])
    [found] = [str(found) for found in inspect(aws, outputs).differences if ALARM in str(found)]
    assert "is muted since" in found and found.endswith("(an apply repairs this)")

    planned.changes, said = Changes(False), list[str]()
    apply_environment(prepared(said.append))
    assert definition(aws) == before
    assert [line for line in said if line.startswith(f"Restored alarm {ALARM}, which ")]
    assert "require unlocked" in planned.did


def test_a_planned_alarm_that_was_left_muted_is_restored_before_it_is_read(planned: Any, aws: AwsSession) -> None:
    put_alarm(aws)
    [alarm] = aws.cloudwatch.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
    before = definition(aws)
    alarm_muting.put_described(aws.cloudwatch, "PutMetricAlarm", alarm_muting._silenced(alarm))
    with suppress(RollbackAlarmFiring):
        apply_environment(prepared())
    assert definition(aws) == before


def test_an_alarm_that_the_plan_changes_is_not_muted(planned: Any, aws: AwsSession) -> None:
    put_alarm(aws)
    address = "module.shirts.aws_cloudwatch_metric_alarm.this"
    alarm = change(address, ["update"], {"alarm_name": ALARM, "threshold": 1}, {"alarm_name": ALARM, "threshold": 2})
    planned.document = plan_document(update(ALARM), alarm)
    with pytest.raises(Refused, match="apply the change of the alarm alone first"):
        apply_environment(prepared(), mute_rollback_alarms=True)
    assert "apply" not in planned.did and definition(aws)["Threshold"] == 0.1


def test_an_alarm_whose_tags_alone_the_plan_changes_is_muted(planned: Any, aws: AwsSession) -> None:
    put_alarm(aws)
    before = {"alarm_name": ALARM, "threshold": 1, "tags_all": {}}
    alarm = change("module.shirts.aws_cloudwatch_metric_alarm.this", ["update"], before, before | {"tags_all": {"a": "b"}})
    planned.document = plan_document(update(ALARM), alarm)
    apply_environment(prepared(), mute_rollback_alarms=True)
    assert "apply" in planned.did


def test_an_alarm_that_goes_off_while_the_apply_is_approved_refuses_it(planned: Any, aws: AwsSession) -> None:
    put_alarm(aws, state="OK")
    with pytest.raises(RollbackAlarmFiring):
        apply_environment(prepared(), approve=lambda plan: put_alarm(aws) is None)
    assert "apply" not in planned.did


def test_an_alarm_is_not_restored_while_the_update_is_in_progress(
    planned: Any, aws: AwsSession, deployed: AsyncEndpointOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_alarm(aws)
    [alarm] = aws.cloudwatch.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
    alarm_muting.put_described(aws.cloudwatch, "PutMetricAlarm", alarm_muting._silenced(alarm))
    monkeypatch.setattr(alarm_muting, "settle", lambda aws, name: refuse_updating(name))
    planned.values = {OUTPUT_NAME: {"shirts": deployed.as_dict() | {"monitoring": {"alarm_names": [ALARM]}}}}
    with pytest.raises(NotReady, match="shirts is still Updating"):
        apply_environment(prepared())
    assert definition(aws)["Threshold"] == 1e100


def refuse_updating(name: str) -> None:
    raise NotReady(f"Endpoint {name} is still Updating.")


def test_an_alarm_that_has_no_threshold_cannot_be_muted(planned: Any, aws: AwsSession) -> None:
    put_alarm(aws, "unusual")
    stored = get_backend("cloudwatch")["123456789012"][aws.cloudwatch.meta.region_name].alarms["unusual"]
    stored.comparison_operator, stored.threshold, stored.threshold_metric_id = "GreaterThanUpperThreshold", None, "band"
    planned.document = plan_document(update("unusual"))
    with pytest.raises(Refused, match=r"unusual is in ALARM and cannot be muted: .* leave it out of guardrails\.rollback_on"):
        apply_environment(prepared(), mute_rollback_alarms=True)


def test_an_alarm_that_stays_in_alarm_stops_the_update_and_is_restored(
    planned: Any, aws: AwsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_alarm(aws)
    before = definition(aws)
    monkeypatch.setattr(alarm_muting, "MUTED", Poller(deadline=0))
    with pytest.raises(NotReady, match=f"Alarm {ALARM} was muted and is still in ALARM, so nothing was updated"):
        apply_environment(prepared(), mute_rollback_alarms=True)
    assert "apply" not in planned.did and definition(aws) == before


def test_an_alarm_that_cannot_be_restored_is_named(planned: Any, aws: AwsSession, monkeypatch: pytest.MonkeyPatch) -> None:
    put_alarm(aws)
    planned.carry_out = lambda: monkeypatch.setattr(alarm_muting, "_restore", refuse)
    with pytest.raises(WorkFailed, match=rf"Alarm {ALARM} is still muted .*; restore it with: async-endpoint apply dev$"):
        apply_environment(prepared(), mute_rollback_alarms=True)


def refuse(*_: Any) -> Callable[[], None]:
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutMetricAlarm")
