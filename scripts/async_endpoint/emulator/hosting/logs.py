"""The logs of an endpoint in CloudWatch Logs, written with the execution role's permissions."""

from __future__ import annotations

import threading
from collections.abc import Callable

from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.container.container import OutputLine
from async_endpoint.emulator.hosting.execution_role import AssumedRole


class EndpointLogs:
    """The log group `/aws/sagemaker/Endpoints/<name>`.

    The output of containers is in one stream per instance, `<variant>/<instance>`, in a pipeline in one per container,
    `<variant>/<instance>/<container>`. An asynchronous endpoint has besides them the platform log
    `<variant>/<instance>/data-log`, whose lines carry the inference id (developer guide, "Monitor asynchronous endpoint").
    """

    def __init__(self, endpoint_name: str, region: str, clock: ScaledClock) -> None:
        self.endpoint_name = endpoint_name
        self.region = region
        self.group = f"/aws/sagemaker/Endpoints/{endpoint_name}"
        self._clock = clock
        self._lock = threading.Lock()

    def writer(self, role: AssumedRole, variant: str, suffix: str = "") -> Callable[[str, str], None]:
        """A function of (instance id, line). Lines that the role is not allowed to write are dropped, as on AWS."""

        def stream(instance_id: str, line: str) -> str:
            container = line.container if isinstance(line, OutputLine) else ""
            return "/".join(part for part in (variant, instance_id, container or suffix) if part)

        def write(instance_id: str, line: str) -> None:
            with self._lock:
                try:
                    if line and role.may_log(self.group):
                        lines = [(int(self._clock.now() * 1e3), line)]
                        moto_backends.put_log_lines(self.region, self.group, stream(instance_id, line), lines)
                except moto_backends.ResourceNotFound:  # the role was deleted
                    return

        return write
