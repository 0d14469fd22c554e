from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import VerificationFailed
from async_endpoint.core.outputs import AsyncEndpointOutputs, HttpApi, Schedule
from async_endpoint.deploy.polling import Poller
from support.deployment_fixtures import ACCOUNT, REGION, verify_one

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:"
AT_ONCE = Poller(deadline=0)


def altered(outputs: AsyncEndpointOutputs, part: str, **changes: Any) -> AsyncEndpointOutputs:
    return dataclasses.replace(outputs, **{part: dataclasses.replace(getattr(outputs, part), **changes)})


def test_what_was_applied_is_verified_part_by_part(aws: AwsSession, recorded: AsyncEndpointOutputs) -> None:
    checks = {check.name: check.detail for check in verify_one(aws, recorded, AT_ONCE)}
    assert recorded.model is not None
    [archive] = recorded.model.archives
    assert checks == {
        "endpoint": "shirts is InService with configuration shirts-2",
        "variant": "main has weight 1 and 1 instances",
        "configuration": "asynchronous, model shirts-model on ml.m5.large",
        "model": "shirts-model acts as shirts-execution",
        "scaling range": "0 to 2 instances",
        "scaling policies": "shirts-tracking and shirts-wake attached",
        "tracking alarms": "2 act on shirts-tracking",
        "wake alarm": "shirts-wake acts on shirts-wake",
        "schedules": "none, as planned",
        "notifications": "shirts-success and shirts-error deliver to shirts-results",
        "model archives": f"{archive.uri} is version {archive.version_id}, as applied",
        "execution role": "shirts-execution may do what was planned, and nothing else",
    }


def test_a_state_of_an_earlier_version_says_nothing_of_model_and_role(aws: AwsSession, deployed: AsyncEndpointOutputs) -> None:
    checks = {check.name: check.detail for check in verify_one(aws, deployed, AT_ONCE)}
    assert "model archives" not in checks
    assert checks["execution role"] == "shirts-execution is not compared: apply once to record what was planned"


@pytest.mark.parametrize(
    ("part", "changes", "difference"),
    [
        ("endpoint", {"config_name": "shirts-1"}, "endpoint shirts has configuration shirts-2 instead of shirts-1"),
        ("endpoint", {"name": "coats"}, "endpoint coats does not exist"),
        ("endpoint", {"config_name": "gone"}, "endpoint configuration gone does not exist"),
        ("endpoint", {"model_name": "coats"}, "endpoint configuration shirts-2 has model shirts-model instead of coats"),
        ("endpoint", {"variant_name": "blue"}, "has variant None instead of blue"),
        ("storage", {"output_uri": "s3://b/o/"}, "has output path s3://shirts-data/out instead of s3://b/o"),
        ("storage", {"failure_uri": "s3://b/f/"}, "has failure path s3://shirts-data/failed instead of s3://b/f"),
        ("notifications", {"error_topic_arn": f"{TOPIC}unread"}, f"instead of {TOPIC}unread"),
        ("notifications", {"success_topic_arn": f"{TOPIC}gone"}, "topic gone does not exist"),
        ("notifications", {"error_topic_arn": f"{TOPIC}unread"}, "topic unread does not deliver to queue shirts-results"),
        ("notifications", {"results_queue_arn": "arn:aws:sqs:x:1:q"}, "topic shirts-success does not deliver to queue q"),
        ("notifications", {"results_queue_url": "https://sqs/1/gone"}, "results queue gone does not exist"),
        ("notifications", {"dead_letter_queue_url": "https://sqs/1/gone"}, "dead-letter queue gone does not exist"),
        ("scaling", {"max_instances": 7}, "scalable target endpoint/shirts/variant/main has maximum 2 instead of 7"),
        ("scaling", {"resource_id": "endpoint/x/variant/y"}, "scalable target endpoint/x/variant/y does not exist"),
        ("scaling", {"wake_policy_name": "other"}, "has policy other None instead of StepScaling"),
        ("scaling", {"tracking_policy_name": "other"}, "has policy other None instead of TargetTrackingScaling"),
        ("scaling", {"target_backlog_per_instance": 2.0}, "has tracking target 5.0 instead of 2.0"),
        ("scaling", {"wake_alarm_name": "gone"}, "alarm gone does not exist"),
    ],
)
def test_a_difference_is_named_exactly(
    aws: AwsSession, deployed: AsyncEndpointOutputs, part: str, changes: dict[str, Any], difference: str
) -> None:
    aws.client("sns").create_topic(Name="unread")
    with pytest.raises(VerificationFailed) as failure:
        verify_one(aws, altered(deployed, part, **changes), AT_ONCE)
    assert difference in str(failure.value)


def test_a_topic_whose_subscriptions_may_not_be_listed_is_not_compared(
    aws: AwsSession, deployed: AsyncEndpointOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise ClientError({"Error": {"Code": "AuthorizationError", "Message": "not authorized"}}, "ListSubscriptionsByTopic")

    monkeypatch.setattr("async_endpoint.deploy.verification.notifications.pages", lambda *_, **__: refuse())
    checks = {check.name: check.detail for check in verify_one(aws, deployed, AT_ONCE)}
    assert checks["notifications"] == (
        "shirts-results exists; shirts-success and shirts-error: not compared, sns:ListSubscriptionsByTopic is denied"
    )


def test_a_root_may_have_topics_and_no_results_queue(aws: AwsSession, deployed: AsyncEndpointOutputs) -> None:
    without = {"results_queue_arn": "", "results_queue_url": "", "dead_letter_queue_url": ""}
    checks = {check.name: check.detail for check in verify_one(aws, altered(deployed, "notifications", **without), AT_ONCE)}
    assert checks["notifications"] == "shirts-success and shirts-error, without a results queue"


def with_http_api(outputs: AsyncEndpointOutputs) -> AsyncEndpointOutputs:
    url = outputs.notifications.results_queue_url.removesuffix("results")
    arn = outputs.notifications.results_queue_arn.removesuffix("results")
    api = HttpApi("s3://b/p/", "s3://b/c/", f"{url}deliveries", f"{arn}deliveries", f"{url}delivery-dead-letters")
    return dataclasses.replace(outputs, http_api=api)


def test_an_http_api_needs_its_delivery_queue_and_its_subscriptions(aws: AwsSession, deployed: AsyncEndpointOutputs) -> None:
    served = with_http_api(deployed)
    assert served.http_api is not None
    with pytest.raises(VerificationFailed) as failure:
        verify_one(aws, served, AT_ONCE)
    assert "delivery queue shirts-deliveries does not exist" in str(failure.value)
    assert "dead-letter queue of deliveries shirts-delivery-dead-letters does not exist" in str(failure.value)
    assert "topic shirts-error does not deliver to queue shirts-deliveries" in str(failure.value)

    for name in ("shirts-deliveries", "shirts-delivery-dead-letters"):
        aws.client("sqs").create_queue(QueueName=name)
    for topic in (served.notifications.success_topic_arn, served.notifications.error_topic_arn):
        aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=served.http_api.delivery_queue_arn)
    checks = {check.name: check.detail for check in verify_one(aws, served, AT_ONCE)}
    assert checks["notifications"] == "shirts-success and shirts-error deliver to shirts-results and shirts-deliveries"


def test_a_wake_alarm_that_does_not_act_is_a_difference(aws: AwsSession, deployed: AsyncEndpointOutputs) -> None:
    aws.client("cloudwatch").disable_alarm_actions(AlarmNames=["shirts-wake"])
    with pytest.raises(VerificationFailed, match="alarm shirts-wake does not act on arn:aws:autoscaling"):
        verify_one(aws, deployed, AT_ONCE)


@pytest.fixture
def scheduled(aws: AwsSession, deployed: AsyncEndpointOutputs) -> AsyncEndpointOutputs:
    """`deployed`, with an action that has set its bounds, 1 to 4 instances, and one that has not."""
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": deployed.scaling.resource_id,
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    schedules = (Schedule("shirts-morning", 1, 4), Schedule("shirts-night", 0, 1))
    scaling = aws.client("application-autoscaling")
    for one in schedules:
        scaling.put_scheduled_action(
            **target,
            ScheduledActionName=one.action_name,
            Schedule="cron(0 7 * * ? *)",
            ScalableTargetAction={"MinCapacity": one.min_instances, "MaxCapacity": one.max_instances},
        )
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=4)
    return altered(deployed, "scaling", schedules=schedules)


def test_bounds_that_a_schedule_has_set_are_verified(aws: AwsSession, scheduled: AsyncEndpointOutputs) -> None:
    checks = {check.name: check.detail for check in verify_one(aws, scheduled, AT_ONCE)}
    assert checks["scaling range"] == "1 to 4 instances, as scheduled"
    assert checks["schedules"] == "shirts-morning and shirts-night"


@pytest.mark.parametrize(
    ("schedules", "difference"),
    [
        ((Schedule("shirts-morning", 1, 4), Schedule("gone", 0, 1)), "scheduled action gone (None, None) instead of (0, 1)"),
        ((Schedule("shirts-morning", 1, 5), Schedule("shirts-night", 0, 1)), "shirts-morning (1, 4) instead of (1, 5)"),
        ((Schedule("shirts-night", 0, 1),), "has minimum 1 instead of 0, maximum 4 instead of 2"),
    ],
)
def test_schedules_that_differ_are_named(
    aws: AwsSession, scheduled: AsyncEndpointOutputs, schedules: tuple[Schedule, ...], difference: str
) -> None:
    with pytest.raises(VerificationFailed) as failure:
        verify_one(aws, altered(scheduled, "scaling", schedules=schedules), AT_ONCE)
    assert difference in str(failure.value)


def test_alarms_are_verified(aws: AwsSession, deployed: AsyncEndpointOutputs) -> None:
    watched = altered(deployed, "monitoring", alarm_names=("shirts-wake",))
    assert {check.name: check.detail for check in verify_one(aws, watched, AT_ONCE)}["alarms"] == "1 watch shirts"

    with pytest.raises(VerificationFailed, match="alarms that do not exist, or do not act: shirts-backlog"):
        verify_one(aws, altered(deployed, "monitoring", alarm_names=("shirts-backlog", "shirts-wake")), AT_ONCE)


def test_a_real_time_configuration_is_not_asynchronous(aws: AwsSession, deployed: AsyncEndpointOutputs) -> None:
    sagemaker = aws.client("sagemaker")
    variant = {"VariantName": "main", "ModelName": "shirts-model", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="plain", ProductionVariants=[variant])
    with pytest.raises(VerificationFailed, match="output path None instead of s3://shirts-data/out"):
        verify_one(aws, altered(deployed, "endpoint", config_name="plain"), AT_ONCE)


class Passing:
    """AWS whose endpoint is in `states` one after the other; the last one stays."""

    def __init__(self, aws: AwsSession, *states: str) -> None:
        self._aws, self._states = aws, list(states)

    def client(self, service: str) -> Any:
        return self if service == "sagemaker" else self._aws.client(service)

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._aws.client("sagemaker"), operation)

    def describe_endpoint(self, **named: str) -> Any:
        live = self._aws.client("sagemaker").describe_endpoint(**named)
        return live | {"EndpointStatus": self._states.pop(0) if len(self._states) > 1 else self._states[0]}


@pytest.fixture
def poller() -> Callable[[float], Poller]:
    """Poller on a clock that only sleeping moves."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    return lambda deadline: Poller(deadline, pause=1, clock=lambda: now[0], sleep=sleep)


def test_an_endpoint_that_is_scaling_is_waited_for(
    aws: AwsSession, deployed: AsyncEndpointOutputs, poller: Callable[[float], Poller]
) -> None:
    assert len(verify_one(Passing(aws, "Updating", "SystemUpdating", "InService"), deployed, poller(10))) == len(
        verify_one(aws, deployed, AT_ONCE)
    )


@pytest.mark.parametrize("states", [("Updating",), ("RollingBack", "UpdateRollbackFailed"), ("Failed",)])
def test_an_endpoint_that_does_not_serve_is_not_verified(
    aws: AwsSession, deployed: AsyncEndpointOutputs, poller: Callable[[float], Poller], states: tuple[str, ...]
) -> None:
    with pytest.raises(VerificationFailed, match=f"endpoint shirts has state {states[-1]} instead of InService"):
        verify_one(Passing(aws, *states), deployed, poller(10))
