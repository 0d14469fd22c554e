"""What the instances of a run have cost so far, by what AWS says about them: a run ends before they exceed its budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from parity.plan import INSTANCE_HOUR

READ_SECONDS = 30.0
REMOVAL_HOURS = 0.25  # instances cost until their endpoint is deleted, which takes minutes
DEAREST = max(INSTANCE_HOUR.values())


class Meter:
    """Adds up dollars from the instance counts of endpoints. `now` is the wall clock, which counts while a machine sleeps."""

    def __init__(self, sagemaker: Any, endpoints: Callable[[], Sequence[str]], now: Callable[[], float] = time.time) -> None:
        self._sagemaker, self._endpoints, self._now = sagemaker, endpoints, now
        self._hourly: dict[str, float] = {}
        self._types: dict[str, dict[str, tuple[str, int]]] = {}
        self._last = now()
        self.dollars = 0.0

    def projected(self) -> float:
        """US dollars until every endpoint is deleted, if that begins now; read at most every READ_SECONDS."""
        hours = (self._now() - self._last) / 3600
        if hours * 3600 >= READ_SECONDS:
            before = sum(self._hourly.values())
            for name in self._endpoints():
                self._hourly[name] = self._price(name)
            # Instances may have been there since the last reading, or until this one.
            self.dollars += hours * max(before, sum(self._hourly.values()))
            self._last = self._now()
        return self.dollars + REMOVAL_HOURS * sum(self._hourly.values())

    def _price(self, name: str) -> float:
        """Dollars an hour of an endpoint's instances. One that cannot be described costs what it did, at least an instance."""
        try:
            seen = self._sagemaker.describe_endpoint(EndpointName=name)
            types = self._variants(seen["EndpointConfigName"])
        except (ClientError, BotoCoreError) as error:
            if "Could not find endpoint " in str(error):
                return 0.0
            return max(self._hourly.get(name, 0.0), DEAREST)
        if seen["EndpointStatus"] == "Failed":
            return 0.0
        pending = seen.get("PendingDeploymentSummary", {}).get("ProductionVariants", [])
        shown = [*seen.get("ProductionVariants", ()), *pending]
        if not shown:  # it is being created
            return sum(INSTANCE_HOUR.get(kind, DEAREST) * count for kind, count in types.values())
        return sum(_instances(item) * INSTANCE_HOUR.get(types.get(item["VariantName"], ("", 0))[0], DEAREST) for item in shown)

    def _variants(self, config: str) -> dict[str, tuple[str, int]]:
        """Variant → (instance type, initial count) of a configuration."""
        if config not in self._types:
            found = self._sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
            self._types[config] = {item["VariantName"]: (item["InstanceType"], item["InitialInstanceCount"]) for item in found}
        return self._types[config]


def _instances(variant: dict[str, Any]) -> int:
    return max(int(variant.get("CurrentInstanceCount", 0)), int(variant.get("DesiredInstanceCount", 0)))
