"""Container output in CloudWatch Logs, written with the execution role's permissions."""

from __future__ import annotations

import threading
from collections.abc import Callable

from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.container.container import OutputLine
from async_endpoint.emulator.hosting.execution_role import AssumedRole


class EndpointLogs:
    """The log group `/aws/sagemaker/Endpoints/<name>`.

    One stream per instance, `<variant>/<instance>`, with the suffix `/data-log` for an asynchronous endpoint; in a pipeline one
    per container, `<variant>/<instance>/<container>`.
    """

    def __init__(self, endpoint_name: str, region: str, clock: ScaledClock, asynchronous: bool) -> None:
        self.endpoint_name = endpoint_name
        self.region = region
        self.group = f"/aws/sagemaker/Endpoints/{endpoint_name}"
        self._clock = clock
        self._suffix = ["data-log"] if asynchronous else []
        self._lock = threading.Lock()

    def writer(self, role: AssumedRole, variant: str) -> Callable[[str, str], None]:
        """A function of (instance id, line). Lines that the role is not allowed to write are dropped, as on AWS."""

        def stream(instance_id: str, line: str) -> str:
            container = [line.container] if isinstance(line, OutputLine) and line.container else self._suffix
            return "/".join([variant, instance_id, *container])

        def write(instance_id: str, line: str) -> None:
            with self._lock:
                try:
                    if line and role.may_log(self.group):
                        lines = [(int(self._clock.now() * 1e3), line)]
                        moto_backends.put_log_lines(self.region, self.group, stream(instance_id, line), lines)
                except moto_backends.ResourceNotFound:  # the role was deleted
                    return

        return write
