"""One instance of a fleet: launch, start, serve, drain, stop."""

from __future__ import annotations

import contextlib
import shutil
import threading
import uuid
from collections.abc import Callable, Mapping
from enum import StrEnum

from async_endpoint.emulator.container.child_process import describe_exit
from async_endpoint.emulator.container.container import CannotStart, Container, ContainerDied, ContainerResponse, Workload
from async_endpoint.emulator.container.deadline import Deadline
from async_endpoint.emulator.container.payload import Body
from async_endpoint.emulator.container.runtime import launch
from async_endpoint.emulator.faults.faults import NO_FAULT, Start
from async_endpoint.emulator.hosting.context import HostingContext
from async_endpoint.emulator.hosting.provisioning import DeploymentFailed
from async_endpoint.emulator.hosting.utilization import ResourceUsage

# Between two pings while a container starts, in real seconds; a ping itself waits until the model server accepts connections.
PING_PAUSE_SECONDS = 0.05


class InstanceState(StrEnum):
    LAUNCHING = "Launching"  # the machine is being provisioned
    STARTING = "Starting"  # the container runs and does not answer /ping yet
    READY = "InService"
    DRAINING = "Draining"  # receives no new requests, finishes those in flight
    STOPPED = "Stopped"
    FAILED = "Failed"


class Instance:
    """A machine with the containers of one model. `changed` applies a state change with the endpoint's lock held.

    `workload` is called with the instance id once the machine is provisioned, because model data is read at each launch; it
    may raise DeploymentFailed.
    """

    def __init__(
        self,
        context: HostingContext,
        workload: Callable[[str], Workload],
        startup_seconds: float,
        on_output: Callable[[str, str], None],
        changed: Callable[[Callable[[], None]], None],
        fault: Start = NO_FAULT,
    ) -> None:
        self.id = f"i-{uuid.uuid4().hex[:17]}"
        self.state = InstanceState.LAUNCHING
        self.in_flight = 0
        self.reason = ""
        self._folder = context.folder / self.id
        self._usage = ResourceUsage(self._folder)
        self._workload = workload
        self._runtime = context.runtime
        self._interfaces = context.interfaces
        self._startup_seconds = startup_seconds  # the default is DEFAULT_STARTUP_SECONDS in hosted_config.py
        self._clock = context.clock
        self._launched_at = context.clock.now() + context.launch_seconds + fault.extra_seconds
        self._fails = fault.fails
        self._on_output = on_output
        self._changed = changed
        self._stopped = threading.Event()
        self._container: Container | None = None
        threading.Thread(target=self._start, name=self.id, daemon=True).start()

    @property
    def pid(self) -> int | None:
        """The container's process id, shown by `local status`; None before it starts."""
        return self._container.pid if self._container else None

    @property
    def serving(self) -> bool:
        return self.state is InstanceState.READY

    def utilization(self) -> dict[str, float]:
        """CPU, memory and disk utilization of its containers in percent, by metric name."""
        with contextlib.suppress(OSError):  # the process ended in between
            return self._usage.percent(self._container.pids if self._container else ())
        return {}

    @property
    def ended(self) -> bool:
        return self.state in (InstanceState.STOPPED, InstanceState.FAILED)

    def invoke(self, body: Body, headers: Mapping[str, str], timeout: float, target: str = "") -> ContainerResponse:
        """Forward one request, to the container or model `target` if given; raises ContainerDied or ContainerTimedOut."""
        if self._container is None:
            raise ContainerDied("the container is gone")
        return self._container.invoke(body, headers, timeout, target)

    def died(self, reason: str) -> None:
        """Mark the instance failed: its container broke a connection, which is noticed before the process's exit.

        A container that breaks a connection and keeps running is stopped too, and its instance replaced (A138).
        """
        if not self.ended:
            self.state, self.reason = InstanceState.FAILED, reason

    def kill(self) -> None:
        """Kill the containers without a state change, as a crash would; the endpoint detects it."""
        if self._container is not None:
            self._container.kill()

    def stop(self) -> None:
        """Stop the instance at once. Safe to call twice, and during start-up."""
        self._stopped.set()
        if not self.ended:
            self.state = InstanceState.STOPPED
        if self._container is not None:
            self._container.kill()
        self._interfaces.release(self.id)

    def _start(self) -> None:
        if self._clock.wait(self._stopped, self._launched_at):
            return
        self._set(InstanceState.STARTING)
        if self._fails:  # in AWS seconds, because no code of the model runs
            if not self._clock.wait(self._stopped, self._clock.now() + self._startup_seconds):
                self._never_answered()
            return
        deadline = Deadline(self._startup_seconds, self._stopped)  # includes installing requirements
        try:
            container = launch(self._folder, self._workload(self.id), self._output, self._exited, self._runtime, deadline)
        except Exception as error:  # whatever an archive causes, the instance must not stay in STARTING
            shutil.rmtree(self._folder, ignore_errors=True)
            if self._stopped.is_set():  # stopping it may have caused the error
                self._interfaces.release(self.id)
                return
            known = isinstance(error, CannotStart | DeploymentFailed | OSError)
            self._set(InstanceState.FAILED, str(error) if known else f"{type(error).__name__}: {error}")
            return
        self._container = container
        if self._stopped.is_set():  # stopped while the process was starting
            container.kill()
            self._interfaces.release(self.id)
            return
        self._await_ping(container, deadline)

    def _await_ping(self, container: Container, deadline: Deadline) -> None:
        while container.alive and not self._stopped.is_set():
            if container.ping():
                self._set(InstanceState.READY)
                return
            if deadline.expired:
                self._never_answered()
                container.kill()
                return
            self._stopped.wait(PING_PAUSE_SECONDS)

    def _never_answered(self) -> None:
        self._set(InstanceState.FAILED, f"/ping did not answer within {self._startup_seconds:.0f} seconds")

    def _output(self, line: str) -> None:
        self._on_output(self.id, line)

    def _exited(self, code: int) -> None:
        start_error = getattr(code, "reason", "")
        reason = f"the container could not be started: {start_error}" if start_error else describe_exit(code)
        if not self._stopped.is_set():
            self._output(reason[0].upper() + reason[1:])
        self._set(InstanceState.FAILED, reason)

    def _set(self, state: InstanceState, reason: str = "") -> None:
        def change() -> None:
            if not self.ended and not (state is InstanceState.READY and self.state is InstanceState.DRAINING):
                self.state, self.reason = state, reason

        self._changed(change)
