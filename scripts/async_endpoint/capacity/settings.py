"""What simulation needs to know of an endpoint, and the variables of module async-inference that determine it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from async_endpoint.autoscaling.alarms import AlarmRule
from async_endpoint.autoscaling.decisions import Bounds
from async_endpoint.autoscaling.policies import Step, StepScaling, TargetTracking
from async_endpoint.autoscaling.schedules import parse_schedule
from async_endpoint.autoscaling.statistics import MetricId
from async_endpoint.capacity.price_items import INSTANCE_TYPE
from async_endpoint.core import metrics as m
from async_endpoint.core.errors import InvalidInput

# The metrics that a simulation computes: one sample of each, every minute.
SIMULATED: Final = (
    m.APPROXIMATE_BACKLOG_SIZE.name,
    m.APPROXIMATE_BACKLOG_SIZE_PER_INSTANCE.name,
    m.APPROXIMATE_AGE_OF_OLDEST_REQUEST.name,
    m.HAS_BACKLOG_WITHOUT_CAPACITY.name,
)


@dataclass(frozen=True)
class Tracked:
    """A target tracking policy on one metric."""

    policy: TargetTracking

    @property
    def metric(self) -> str:
        """The metric's name; raises InvalidInput for metric math, which is not simulated."""
        if not isinstance(self.policy.metric, MetricId):
            raise InvalidInput(f"Scaling policy {self.policy.name} tracks a metric math expression, which cannot be simulated.")
        return self.policy.metric.name


@dataclass(frozen=True)
class Stepped:
    """A step scaling policy, and the alarm on `metric` that triggers it."""

    policy: StepScaling
    alarm: AlarmRule
    metric: str


@dataclass(frozen=True)
class ScheduledBounds:
    """A scheduled action: it sets the bounds that it names, None to leave one. `start` and `end` are epoch seconds.

    Raises InvalidInput for a schedule that PutScheduledAction refuses.
    """

    name: str
    schedule: str
    timezone: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    start: float | None = None
    end: float | None = None

    def __post_init__(self) -> None:
        parse_schedule(self.schedule, self.timezone, 0.0, self.start, self.end)


@dataclass(frozen=True)
class Settings:
    """The capacity and scaling of one asynchronous endpoint, as deployed.

    `concurrency` is the number of requests per instance, `initial` of instances in service when simulation begins, and `bounds`
    those of that moment. Raises InvalidInput for a policy on a metric that asynchronous endpoints do not publish (it would
    never act), or that is not simulated.
    """

    instance_type: str
    concurrency: int
    bounds: Bounds
    initial: int = 1
    policies: tuple[Tracked | Stepped, ...] = ()
    schedules: tuple[ScheduledBounds, ...] = ()
    request_ttl_seconds: int = 21_600

    def __post_init__(self) -> None:
        if not INSTANCE_TYPE.fullmatch(self.instance_type):
            raise InvalidInput(f"{self.instance_type!r} is no SageMaker instance type; use one such as ml.m5.xlarge.")
        if self.concurrency < 1:
            raise InvalidInput(f"The concurrency of an instance is {self.concurrency}; use 1 or more.")
        if self.initial < 0:
            raise InvalidInput(f"The initial number of instances is {self.initial}; use 0 or more.")
        if self.request_ttl_seconds <= 0:
            raise InvalidInput(f"The time to live of requests is {self.request_ttl_seconds} s; use more than 0 seconds.")
        for policy in self.policies:
            _check_metric(policy)

    @property
    def most_instances(self) -> int:
        """The largest maximum of the bounds and of scheduled actions."""
        return max([self.bounds.maximum, *(action.maximum for action in self.schedules if action.maximum is not None)])


def _check_metric(policy: Tracked | Stepped) -> None:
    if policy.metric in SIMULATED:
        return
    where = f"Scaling policy {policy.policy.name} follows {policy.metric}"
    if policy.metric not in m.PUBLISHED:
        raise InvalidInput(f"{where}, which no asynchronous endpoint publishes, so it never acts; use {SIMULATED[1]}.")
    raise InvalidInput(f"{where}, which is not simulated; metrics that are: {', '.join(SIMULATED)}.")


@dataclass(frozen=True)
class ModuleSettings:
    """The variables of module async-inference that determine capacity and cost, by their names and with their defaults.

    Cooldowns and the time to live are in seconds. tests/capacity/test_module_settings.py compares them with the module.
    """

    instance_type: str = "ml.m5.xlarge"
    max_concurrent_invocations: int = 4
    min_instances: int = 0
    max_instances: int = 2
    target_backlog_per_instance: float = 5
    scale_in_cooldown_seconds: int = 300
    scale_out_cooldown_seconds: int = 300
    wake_cooldown_seconds: int = 300
    schedules: tuple[ScheduledBounds, ...] = ()
    request_ttl_seconds: int = 21_600
    initial_instances: int = 1

    def settings(self) -> Settings:
        """What modules/endpoint deploys for them: target tracking of the backlog per instance, and waking from zero."""
        tracked = MetricId(m.NAMESPACE, m.APPROXIMATE_BACKLOG_SIZE_PER_INSTANCE.name, (("EndpointName", ""),))
        tracking = TargetTracking(
            "backlog-per-instance",
            self.target_backlog_per_instance,
            tracked,
            self.scale_in_cooldown_seconds,
            self.scale_out_cooldown_seconds,
        )
        wake = StepScaling("wake-from-zero", "ChangeInCapacity", (Step(0, None, 1),), self.wake_cooldown_seconds)
        alarm = AlarmRule("GreaterThanOrEqualToThreshold", 1, 60, 2, 2, "Average", "missing")
        return Settings(
            instance_type=self.instance_type,
            concurrency=self.max_concurrent_invocations,
            bounds=Bounds(self.min_instances, self.max_instances),
            initial=self.initial_instances,
            policies=(Tracked(tracking), Stepped(wake, alarm, m.HAS_BACKLOG_WITHOUT_CAPACITY.name)),
            schedules=self.schedules,
            request_ttl_seconds=self.request_ttl_seconds,
        )
