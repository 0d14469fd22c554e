"""Runs scenarios on a local AWS in this process, all at once, each on an endpoint with the policies of module endpoint."""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from async_endpoint.capacity.settings import ModuleSettings, Stepped, Tracked
from async_endpoint.core import metrics as m
from support.capacity_scenarios import END, LAUNCH_SECONDS, MINUTE, ORIGIN_HOUR, Planned, Scenario, module_settings
from support.deployed_endpoint import Deployed
from support.in_process_aws import DIMENSION, REGION, AwsHarness
from support.recorded_run import (
    Conditions,
    Kind,
    RecordedActivity,
    RecordedAlarm,
    RecordedInstance,
    RecordedRequest,
    Recording,
)
from support.run_recorder import InstanceTimes, Recorder
from support.sample_model import archive

# Before the origin endpoints are created and their policies put, which takes some seconds of the machine too.
SETTLING_SECONDS: Final = 30 * MINUTE
SETTLING_REAL_SECONDS: Final = 60.0
SLEEPER: Final = """
import json, time

def model_fn(model_dir):
    return None

def input_fn(data, content_type):
    return json.loads(data)

def predict_fn(order, model):
    time.sleep(order["seconds"])
    return "done"

def output_fn(prediction, accept):
    return prediction, accept
"""


def next_origin(now: float) -> float:
    """The next Monday, ORIGIN_HOUR o'clock UTC; epoch seconds."""
    earliest = datetime.fromtimestamp(now, UTC)
    monday = (earliest - timedelta(days=earliest.weekday())).replace(hour=ORIGIN_HOUR, minute=0, second=0, microsecond=0)
    return (monday if monday >= earliest else monday + timedelta(days=7)).timestamp()


@dataclass
class LiveScenario:
    """One scenario on its endpoint."""

    scenario: Scenario
    settings: ModuleSettings
    deployed: Deployed

    @classmethod
    def deploy(cls, aws: AwsHarness, scenario: Scenario) -> LiveScenario:
        settings = module_settings(scenario.settings)
        concurrency = settings.max_concurrent_invocations
        variant = {"InstanceType": settings.instance_type, "InitialInstanceCount": settings.initial_instances}
        deployed = aws.endpoint(
            archive(SLEEPER),
            wait=False,
            concurrency=concurrency,
            variant=variant,
            SAGEMAKER_MODEL_SERVER_WORKERS=str(concurrency),
        )
        return cls(scenario, settings, deployed)

    def scale_automatically(self) -> None:
        """Put the scalable target, policies, alarm and scheduled actions that module endpoint creates for these settings."""
        self.deployed.until_status("InService")
        scaling, settings = self.deployed.local_aws.scaling, self.settings.settings()
        target = {"ServiceNamespace": "sagemaker", "ResourceId": self.deployed.resource_id, "ScalableDimension": DIMENSION}
        scaling.register_scalable_target(**target, MinCapacity=settings.bounds.minimum, MaxCapacity=settings.bounds.maximum)
        for action in settings.schedules:
            scaling.put_scheduled_action(
                **target,
                ScheduledActionName=f"{self.deployed.name}-{action.name}",
                Schedule=action.schedule,
                Timezone=action.timezone,
                ScalableTargetAction={"MinCapacity": action.minimum, "MaxCapacity": action.maximum},
            )
        for policy in settings.policies:
            if isinstance(policy, Tracked):
                self._track(target, policy)
            else:
                self._step(target, policy)

    def _track(self, target: dict[str, str], tracked: Tracked) -> None:
        policy = tracked.policy
        self.deployed.local_aws.scaling.put_scaling_policy(
            **target,
            PolicyName=f"{self.deployed.name}-{policy.name}",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": policy.target,
                "ScaleInCooldown": policy.scale_in_cooldown,
                "ScaleOutCooldown": policy.scale_out_cooldown,
                "CustomizedMetricSpecification": {
                    "Namespace": m.NAMESPACE,
                    "MetricName": tracked.metric,
                    "Statistic": policy.statistic,
                    "Dimensions": self._dimensions,
                },
            },
        )

    def _step(self, target: dict[str, str], stepped: Stepped) -> None:
        policy, rule = stepped.policy, stepped.alarm
        steps = [
            {"MetricIntervalLowerBound": step.lower, "ScalingAdjustment": step.adjustment}
            for step in policy.steps  # those of the module have no upper bound
        ]
        arn = self.deployed.local_aws.scaling.put_scaling_policy(
            **target,
            PolicyName=f"{self.deployed.name}-{policy.name}",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={
                "AdjustmentType": policy.adjustment_type,
                "Cooldown": policy.cooldown,
                "MetricAggregationType": policy.metric_aggregation,
                "StepAdjustments": steps,
            },
        )["PolicyARN"]
        self.deployed.local_aws.cloudwatch.put_metric_alarm(
            AlarmName=f"{self.deployed.name}-{policy.name}",
            AlarmActions=[arn],
            Namespace=m.NAMESPACE,
            MetricName=stepped.metric,
            Dimensions=self._dimensions,
            ComparisonOperator=rule.comparison,
            DatapointsToAlarm=rule.datapoints_to_alarm,
            EvaluationPeriods=rule.evaluation_periods,
            Period=rule.period,
            Statistic=rule.statistic,
            Threshold=rule.threshold,
            TreatMissingData=rule.missing,
        )

    @property
    def _dimensions(self) -> list[dict[str, str]]:
        return [{"Name": "EndpointName", "Value": self.deployed.name}]

    def send(self, number: int, planned: Planned, scale: float) -> None:
        self.deployed.local_aws.patient_runtime.invoke_endpoint_async(
            EndpointName=self.deployed.name,
            Body=json.dumps({"seconds": planned.service / scale}).encode(),
            ContentType="application/json",
            InferenceId=self.inference_id(number),
            RequestTTLSeconds=self.settings.request_ttl_seconds,
        )

    def inference_id(self, number: int) -> str:
        return f"{self.scenario.name}-{number}"

    def kill_oldest(self) -> None:
        """Kill the oldest serving instance, as the deaths of a simulation do."""
        endpoint = self.deployed.local_aws.aws.hosting.get(REGION, self.deployed.name)
        assert endpoint is not None
        serving = [instance for instance in endpoint.instances if instance.serving]
        if serving:
            serving[0].kill()

    # --- what came of it ---------------------------------------------------------------------------------------------

    def recording(self, recorder: Recorder, conditions: Conditions, origin: float) -> Recording:
        """All that was recorded until the end, in seconds from `origin`."""

        def since(time: float | None) -> float | None:
            return None if time is None or time > origin + END else round(time - origin, 1)

        instances = list(recorder.instances[self.deployed.name].values())
        in_service = max(sorted(one.ready or 0.0 for one in instances)[: self.settings.initial_instances])
        return Recording(
            scenario=self.scenario.name,
            settings=dict(self.scenario.settings),
            conditions=conditions,
            origin=origin,
            start=in_service // MINUTE * MINUTE - origin,
            end=END,
            requests=self._requests(recorder, origin),
            instances=[_instance(one, since) for one in instances if one.launched <= origin + END],
            activities=self._activities(since),
            alarms=self._alarms(since),
        )

    def _requests(self, recorder: Recorder, origin: float) -> list[RecordedRequest]:
        found = []
        for number, planned in enumerate(self.scenario.requests):
            times = recorder.requests[self.inference_id(number)]
            arrival = round(times.arrival - origin, 1)
            if times.expired is not None:
                found.append(RecordedRequest(arrival, None, round(planned.service, 1)))
                continue
            assert times.started is not None and times.ended is not None, f"{self.inference_id(number)} has not ended"
            wait, service = times.started - times.arrival, times.ended - times.started
            assert service > 0.99 * planned.service, f"{self.inference_id(number)} failed after {service:.1f} AWS seconds"
            found.append(RecordedRequest(arrival, round(wait, 1), round(service, 1)))
        return sorted(found, key=lambda request: request.arrival)

    def _activities(self, since: Callable[[float | None], float | None]) -> list[RecordedActivity]:
        pages = self.deployed.local_aws.scaling.get_paginator("describe_scaling_activities").paginate(
            ServiceNamespace="sagemaker", ResourceId=self.deployed.resource_id
        )
        described = [item for page in pages for item in page["ScalingActivities"]]
        found: list[RecordedActivity] = []
        before = self.settings.initial_instances
        for item in reversed(described):
            count = re.fullmatch(r"Setting desired instance count to (\d+)\.", item["Description"])
            start = since(item["StartTime"].timestamp())
            if count is None or start is None:
                continue
            after = int(count[1])
            end = since(item["EndTime"].timestamp()) if "EndTime" in item else None
            found.append(RecordedActivity(start, end, before, after, _kind(item["Cause"], before, after)))
            before = after
        return found

    def _alarms(self, since: Callable[[float | None], float | None]) -> list[RecordedAlarm]:
        cloudwatch, found = self.deployed.local_aws.cloudwatch, []
        for alarm in (item for page in cloudwatch.get_paginator("describe_alarms").paginate() for item in page["MetricAlarms"]):
            if alarm["Dimensions"] != self._dimensions:
                continue
            name = alarm["AlarmName"]
            word = next((word for word in ("high", "low") if f"Alarm{word.title()}" in name), "wake")
            pages = cloudwatch.get_paginator("describe_alarm_history").paginate(AlarmName=name, HistoryItemType="StateUpdate")
            for item in (item for page in pages for item in page["AlarmHistoryItems"]):
                time = since(item["Timestamp"].timestamp())
                if time is not None:
                    found.append(RecordedAlarm(time, word, item["HistorySummary"].rsplit(" to ", 1)[1]))
        return sorted(found)


def _instance(times: InstanceTimes, since: Callable[[float | None], float | None]) -> RecordedInstance:
    launched = since(times.launched)
    assert launched is not None
    return RecordedInstance(launched, since(times.ready), since(times.stopped), times.died and since(times.stopped) is not None)


def _kind(cause: str, before: int, after: int) -> Kind:
    if "capacity was set to" in cause:
        return "bounds"
    if "wake-from-zero" in cause:
        return "wake"
    return "out" if after > before else "in"


class LiveRun:
    """All scenarios at once. The local AWS must have started just now: its time jumps to shortly before the origin."""

    def __init__(self, aws: AwsHarness, recorder: Recorder, say: Callable[[str], None]) -> None:
        self._aws = aws
        self._clock = aws.aws.clock
        self._recorder = recorder
        self._say = say
        self._settling = max(SETTLING_SECONDS, SETTLING_REAL_SECONDS * self._clock.scale)
        self._origin = next_origin(self._clock.now() + self._settling)

    def run(self, scenarios: Sequence[Scenario]) -> list[Recording]:
        self._clock.jump(self._origin - self._settling - self._clock.now())
        with ThreadPoolExecutor(max_workers=16) as pool:
            live = list(pool.map(partial(LiveScenario.deploy, self._aws), scenarios))
            list(pool.map(LiveScenario.scale_automatically, live))
            spare = self._origin - self._clock.now()
            assert spare > 0, f"the endpoints were deployed {-spare:.0f} AWS seconds after the origin"
            self._say(f"{len(live)} endpoints scale automatically, {spare:.0f} AWS seconds before the origin.")
            self._send_all(live, pool)
        self._wait_until(END + 2 * MINUTE)
        return [one.recording(self._recorder, self.conditions(), self._origin) for one in live]

    def conditions(self) -> Conditions:
        """How late the minutes of the run itself were."""
        late = [seconds for end, seconds in self._recorder.minutes.items() if end > self._origin]
        return Conditions(self._clock.scale, LAUNCH_SECONDS, round(max(late), 1), round(statistics.median(late), 2))

    def _send_all(self, live: list[LiveScenario], pool: ThreadPoolExecutor) -> None:
        scale = self._clock.scale
        due: list[tuple[float, Callable[[], None]]] = []
        for one in live:
            due += [(item.at, partial(one.send, number, item, scale)) for number, item in enumerate(one.scenario.requests)]
            due += [(at, one.kill_oldest) for at in one.scenario.deaths]
        futures: list[Future[None]] = []
        hour = 1
        for at, act in sorted(due, key=lambda pair: pair[0]):
            self._wait_until(at)
            futures.append(pool.submit(act))
            if at >= hour * 3_600:
                self._say(f"Hour {hour}: {len(futures)} of {len(due)} sent; {self.conditions()}.")
                hour += 1
        for future in futures:
            future.result()

    def _wait_until(self, seconds: float) -> None:
        left = self._clock.real(self._origin + seconds - self._clock.now())
        if left > 0:
            time.sleep(left)
