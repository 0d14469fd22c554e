"""Refusal of predictions whose expected wait exceeds a limit.

    expected wait = backlog x processing time / (instances x concurrent invocations of an instance)

`backlog` is ApproximateBacklogSize; `processing time` the mean TotalProcessingTime of the last ten minutes, or the last one
known; `instances` are those desired now, one at least: an endpoint that is asleep wakes for a request, so the time of its start
does not count. Until a processing time is known, the expected wait is the age of the oldest request, if an instance is there.
All are CloudWatch's, so a minute old, and cached for another minute: this limits a growing backlog, and a burst passes.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Final

from async_endpoint.core.errors import AsyncEndpointError
from async_endpoint.http_api.problems import Problem

if TYPE_CHECKING:
    from async_endpoint.http_api.endpoint_status import Backlog, Instances
    from async_endpoint.http_api.served_endpoint import ServedEndpoint

MAX_RETRY_SECONDS: Final = 600
log = logging.getLogger(__name__)


def expected_wait(backlog: Backlog, instances: Instances, concurrency: int) -> float:
    """Seconds that a request submitted now is expected to wait; `concurrency` is that of an instance."""
    if backlog.processing_seconds is None:
        return (backlog.oldest_seconds or 0.0) if instances.current else 0.0
    return (backlog.size or 0) * backlog.processing_seconds / (max(instances.desired, 1) * concurrency)


def check_backlog(endpoint: ServedEndpoint) -> None:
    """Raise a Problem if the expected wait exceeds the limit of this process. Without metrics every prediction is accepted."""
    limit = endpoint.api.max_wait
    if limit is None:
        return
    try:
        backlog, instances = endpoint.status.backlog(), endpoint.status.instances()
    except AsyncEndpointError as error:
        log.warning("The backlog of %s is unknown, so predictions are accepted: %s", endpoint.name, error)
        return
    wait = expected_wait(backlog, instances, endpoint.settings.outputs.endpoint.max_concurrent_invocations_per_instance)
    if wait > limit:
        seconds = min(max(wait - limit, endpoint.api.metrics_seconds), MAX_RETRY_SECONDS)
        raise Problem(
            "backlog-too-large",
            f"A prediction is expected to wait {wait:.0f} s for the {backlog.size or 0} before it, and this API accepts up to "
            f"{limit:g} s; try again later.",
            headers={"Retry-After": str(math.ceil(seconds))},
            expected_wait_seconds=round(wait),
        )
