"""ServedEndpoint: what the routes use of one endpoint; it holds nothing that another process could miss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final, TypeVar

import anyio
import anyio.to_thread
from fastapi import Depends, Path, Request

from async_endpoint.aws import AwsSession
from async_endpoint.client.clock import SYSTEM_CLOCK, Clock
from async_endpoint.client.config import ClientConfig
from async_endpoint.client.retries import Retries
from async_endpoint.client.sender import Sender
from async_endpoint.http_api.endpoint_status import EndpointStatus
from async_endpoint.http_api.predictions.records import Records
from async_endpoint.http_api.problems import Problem
from async_endpoint.http_api.settings import RUN, ApiSettings, EndpointSettings

THREADS: Final = 64  # calls of AWS at a time; a slow one occupies one of them
ATTEMPTS: Final = 3
READ_TIMEOUT_SECONDS: Final = 10  # API Gateway gives up after 30 s (quotas of HTTP APIs, "Maximum integration timeout")
CONFIG: Final = ClientConfig(attempts=ATTEMPTS, backoff_base=0.05, backoff_cap=1.0)

Answer = TypeVar("Answer")


class Services:
    """What an API process works with, replaced in tests: sessions by region, the clock, and its threads."""

    def __init__(self, sessions: Callable[[str], AwsSession], clock: Clock = SYSTEM_CLOCK, threads: int = THREADS) -> None:
        self.sessions, self.clock = sessions, clock
        self._limiter = anyio.CapacityLimiter(threads)

    @classmethod
    def of(cls, settings: ApiSettings) -> Services:
        """Sessions of the environment, shared by its endpoints of a region."""
        sessions: dict[str, AwsSession] = {}

        def session(region: str) -> AwsSession:
            if region not in sessions:
                sessions[region] = AwsSession.create(
                    region,
                    settings.endpoint_url,
                    role_arn=settings.role_arn,
                    attempts=1,
                    connections=THREADS,
                    read_timeout=READ_TIMEOUT_SECONDS,
                )
            return sessions[region]

        return cls(session)

    async def run(self, function: Callable[..., Answer], *arguments: Any, **named: Any) -> Answer:
        """Call a function that blocks in a thread; other requests are served meanwhile."""
        return await anyio.to_thread.run_sync(partial(function, *arguments, **named), limiter=self._limiter)

    async def sleep(self, seconds: float) -> None:
        """Wait without a thread."""
        await anyio.sleep(seconds)


@dataclass(frozen=True)
class ServedEndpoint:
    """One endpoint of this process, by its `name` in URLs."""

    name: str
    settings: EndpointSettings
    api: ApiSettings
    session: AwsSession
    clock: Clock
    retries: Retries
    records: Records
    sender: Sender
    status: EndpointStatus

    @classmethod
    def create(cls, settings: EndpointSettings, api: ApiSettings, services: Services) -> ServedEndpoint:
        session, clock = services.sessions(settings.region), services.clock

        def pause(seconds: float) -> bool:
            clock.sleep(seconds)
            return False

        retries = Retries(ATTEMPTS, CONFIG.backoff_base, CONFIG.backoff_cap, pause)
        records = Records(session, settings.state, retries, clock.now)
        sender = Sender(session, settings.info, RUN, CONFIG, clock, pause)
        status = EndpointStatus(session, settings.outputs, clock.now, api.metrics_seconds)
        return cls(settings.name, settings, api, session, clock, retries, records, sender, status)


def served_endpoint(request: Request) -> ServedEndpoint:
    """The endpoint of the path; raises the problem `not-found`."""
    found: ServedEndpoint | None = request.app.state.endpoints.get(request.path_params["name"])
    if found is None:
        raise Problem("not-found", f"There is no endpoint {request.path_params['name'][:63]!r}; GET /v1/endpoints lists them.")
    return found


async def _served(
    request: Request, name: Annotated[str, Path(description="An endpoint.", examples=["recommender"])]
) -> ServedEndpoint:
    return served_endpoint(request)


Served = Annotated[ServedEndpoint, Depends(_served)]
