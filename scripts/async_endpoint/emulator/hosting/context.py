"""The context that all endpoints and instances of one local AWS share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from async_endpoint.core.limits import REAL_TIME_RESPONSE_SECONDS
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.container.runtime import ContainerRuntime, PythonRuntime
from async_endpoint.emulator.faults.faults import Faults
from async_endpoint.emulator.hosting.network_interfaces import NetworkInterfaces


@dataclass
class ControlPlaneCallbacks:
    """Callbacks into the control plane, by region and name: does a model exist, and an endpoint was deleted."""

    model_exists: Callable[[str, str], bool] = lambda region, name: True
    endpoint_deleted: Callable[[str, str], None] = lambda region, name: None


@dataclass(frozen=True)
class HostingContext:
    """`folder` holds the instances' files; `launch_seconds` is how long provisioning a machine takes, in AWS seconds.

    `response_seconds` is how long InvokeEndpoint waits for a container, in real seconds.
    """

    clock: ScaledClock
    folder: Path
    launch_seconds: float
    runtime: ContainerRuntime = field(default_factory=PythonRuntime)
    response_seconds: float = REAL_TIME_RESPONSE_SECONDS
    callbacks: ControlPlaneCallbacks = field(default_factory=ControlPlaneCallbacks)

    @cached_property
    def interfaces(self) -> NetworkInterfaces:
        """The network interfaces of instances in a VPC."""
        return NetworkInterfaces(self.clock)

    @cached_property
    def faults(self) -> Faults:
        """The injected faults; initially none."""
        return Faults(self.clock)
