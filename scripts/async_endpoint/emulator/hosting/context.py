"""What every endpoint and instance of one local AWS shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from async_endpoint.core.limits import REAL_TIME_RESPONSE_SECONDS
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.container.launch import ContainerRuntime, PythonRuntime
from async_endpoint.emulator.faults.faults import Faults
from async_endpoint.emulator.hosting.network_interfaces import NetworkInterfaces


@dataclass
class Registry:
    """What hosting asks and reports to the control plane, which sets both: whether a model exists, that an endpoint is gone.

    Both take region and name.
    """

    model_exists: Callable[[str, str], bool] = lambda region, name: True
    endpoint_gone: Callable[[str, str], None] = lambda region, name: None


@dataclass(frozen=True)
class HostingContext:
    """The clock, the folder for instances' files, the AWS seconds that provisioning a machine takes, what runs containers.

    `response_seconds` is how long InvokeEndpoint waits for a container, in real seconds.
    """

    clock: ScaledClock
    folder: Path
    launch_seconds: float
    runtime: ContainerRuntime = field(default_factory=PythonRuntime)
    response_seconds: float = REAL_TIME_RESPONSE_SECONDS
    registry: Registry = field(default_factory=Registry)

    @cached_property
    def interfaces(self) -> NetworkInterfaces:
        """Those of instances in a VPC."""
        return NetworkInterfaces(self.clock)

    @cached_property
    def faults(self) -> Faults:
        """What goes wrong on purpose; nothing, until somebody sets it."""
        return Faults(self.clock)
