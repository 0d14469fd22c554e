"""When metrics become visible to alarms, and which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from async_endpoint.core.errors import InvalidInput


@dataclass(frozen=True)
class Publication:
    """What is not known of the metrics on AWS; the defaults are what the local AWS does.

    `delay_minutes` pass between the end of a minute and the evaluation that first sees its metrics; about 1 on AWS (A292).
    Without `per_instance_at_zero` no ApproximateBacklogSizePerInstance is published while no instance is in service, contrary
    to A171: the low alarm then loses its data, and an endpoint that was woken stays for another fifteen minutes.
    """

    delay_minutes: int = 0
    per_instance_at_zero: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.delay_minutes <= 15:
            raise InvalidInput(f"The publication delay of metrics is {self.delay_minutes} minutes; use 0 to 15.")


DEFAULT: Final = Publication()
