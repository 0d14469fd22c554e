"""What a run on AWS will do and cost, before anything is created.

Prices are upper bounds in US dollars over the commercial regions, rounded up (aws.amazon.com/pricing of SageMaker AI, KMS and
CloudWatch; not verified on a bill): the estimate is meant to be above the bill, never below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from parity.probe import INSTANCE_TYPE, Cost, Need, Probe
from parity.schedule import Limits

INSTANCE_HOUR = {"ml.m5.large": 0.20, "ml.t2.medium": 0.10, "ml.m5.xlarge": 0.40, "ml.c5.large": 0.20, "ml.m5d.large": 0.24}
REQUEST = 0.00001  # the most expensive calls are S3's PUT and CloudWatch's GetMetricData
KEY = 0.01  # a customer-managed key is prorated by the hour
METRIC = 0.01  # a custom metric or an alarm, prorated by the hour
FIXED = 0.02  # storage, logs and data transfer of a run
CREATION_SECONDS = 600  # of an endpoint
SLEEPER_SECONDS = 1800  # of its first instance, until the first probe, the longest, has scaled it to zero


@dataclass(frozen=True)
class Plan:
    """The probes of a run with an estimate of its cost in US dollars and of its AWS seconds."""

    probes: Sequence[Probe]
    limits: Limits

    @property
    def own(self) -> list[Probe]:
        return [probe for probe in self.probes if Need.OWN_ENDPOINT in probe.needs]

    @property
    def shared(self) -> int:
        """How many shared endpoints the run creates, each with one instance."""
        return sum(any(need in probe.needs for probe in self.probes) for need in (Need.ENDPOINT, Need.SLEEPER))

    @property
    def instances(self) -> int:
        """The most instances at a time: those of the probes that have most, together, and of the shared endpoints."""
        peaks = sorted((probe.cost.peak for probe in self.own), reverse=True)
        return self.shared + sum(peaks[: self.limits.endpoints])

    @property
    def seconds(self) -> float:
        """Until the last probe has ended."""
        sequences = [
            sum(probe.seconds for probe in self.own) / self.limits.endpoints,
            sum(probe.seconds for probe in self.probes if Need.SLEEPER in probe.needs) / self.limits.sleepers,
            max((probe.seconds for probe in self.probes), default=0),
        ]
        return CREATION_SECONDS + max(sequences)

    @property
    def dollars(self) -> float:
        """The whole estimate."""
        return FIXED + self.shared_dollars + sum(price(probe.cost) for probe in self.probes)

    @property
    def shared_dollars(self) -> float:
        """The shared endpoints: each is deleted after its last user. What a probe scales is in its own cost."""
        users = [probe.seconds for probe in self.probes if Need.ENDPOINT in probe.needs]
        seconds = (CREATION_SECONDS + max(users) if users else 0) + (SLEEPER_SECONDS if self._sleeps else 0)
        return seconds / 3600 * INSTANCE_HOUR[INSTANCE_TYPE]

    @property
    def _sleeps(self) -> bool:
        return any(Need.SLEEPER in probe.needs for probe in self.probes)

    @property
    def dollars_beside_instances(self) -> float:
        """What is left of the estimate without instances."""
        return FIXED + sum(price(replace(probe.cost, minutes={})) for probe in self.probes)

    def text(self) -> str:
        """The plan for a person: one line a probe, then what is shared, and the sums."""
        width = max((len(probe.name) for probe in self.probes), default=0)
        lines = [
            f"{probe.name:<{width}}  {' '.join(probe.assumptions):<12}  {uses(probe):<48}  ${price(probe.cost):.4f}"
            for probe in self.probes
        ]
        return "\n".join(
            [
                *lines,
                f"{self.shared} shared endpoints with one {INSTANCE_TYPE}, deleted after their use: ${self.shared_dollars:.2f}",
                f"{len(self.probes)} probes, at most {self.instances} instances at a time",
                f"about {self.seconds / 60:.0f} minutes and the time of the removal, at most ${self.dollars:.2f}",
            ]
        )


def price(cost: Cost) -> float:
    """US dollars. Raises KeyError for an instance type without a price."""
    instances = sum(minutes / 60 * INSTANCE_HOUR[kind] for kind, minutes in cost.minutes.items())
    return instances + cost.requests * REQUEST + cost.keys * KEY + cost.metrics * METRIC


def uses(probe: Probe) -> str:
    """What a probe uses, in words."""
    cost = probe.cost
    parts = [f"{kind} × {minutes:g} min" for kind, minutes in cost.minutes.items()]
    parts += [f"{cost.requests} requests"]
    parts += [f"{cost.keys} keys"] if cost.keys else []
    parts += [f"{cost.metrics} metrics or alarms"] if cost.metrics else []
    return ", ".join(parts)
