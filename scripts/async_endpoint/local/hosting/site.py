"""What every endpoint and instance of one local AWS shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from async_endpoint.local.clock import ScaledClock


@dataclass(frozen=True)
class Site:
    """The clock, the folder for the instances' files, and the AWS seconds that provisioning a machine takes."""

    clock: ScaledClock
    folder: Path
    launch_seconds: float
