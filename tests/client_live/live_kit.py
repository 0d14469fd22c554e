"""What tests of the client against the local AWS share: an endpoint, clients of it, counted calls, and faults."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from fault_tools import ask
from local_kit import REGION, Kit
from local_parts import Deployed

from async_endpoint.client import AsyncEndpoint, ClientConfig, Target
from async_endpoint.contract.outputs import Limits

INCLUDED = ("SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC")
JSON = "application/json"


class Stage:
    """One endpoint with a success and an error topic."""

    def __init__(self, kit: Kit, *, include: tuple[str, ...] = INCLUDED, concurrency: int = 4, instances: int = 1) -> None:
        self.kit = kit
        self.deployed: Deployed = kit.endpoint(
            topics=True,
            include=include,
            concurrency=concurrency,
            variant={"InitialInstanceCount": instances},
            SAGEMAKER_MODEL_SERVER_WORKERS=str(concurrency),
        )
        topics = (self.deployed.topics["SuccessTopic"], self.deployed.topics["ErrorTopic"])
        bounds = Limits(request_ttl_seconds=21_600, invocation_timeout_seconds=60, cold_start_seconds=60)
        self.target = Target(self.deployed.name, REGION, f"s3://{self.deployed.bucket}/input/", topics, bounds)

    def client(self, *, limits: Limits | None = None, **options: Any) -> AsyncEndpoint:
        """An AsyncEndpoint; keyword arguments are ClientConfig's, besides `limits`, `explain` and `run`."""
        own = {name: options.pop(name) for name in ("explain", "run") if name in options}
        target = self.target if limits is None else replace(self.target, limits=limits)
        config = ClientConfig(**{"deadline_seconds": 90.0} | options)
        return AsyncEndpoint(target, endpoint_url=self.kit.url, config=config, **own)

    @contextmanager
    def counted(self) -> Iterator[Callable[[], dict[str, int]]]:
        """How often each action was called since the block began, `service:Action`."""
        before = self._calls()
        yield lambda: {
            name: count - before.get(name, 0) for name, count in self._calls().items() if count > before.get(name, 0)
        }

    def _calls(self) -> dict[str, int]:
        calls: dict[str, dict[str, int]] = self.kit.aws.status()["calls"]
        return {f"{service}:{action}": count for service, actions in calls.items() for action, count in actions.items()}

    def queues(self) -> list[str]:
        """The ephemeral queues that are there."""
        found: list[str] = self.kit.sqs.list_queues(QueueNamePrefix=f"{self.target.name}-run-").get("QueueUrls", [])
        return found

    @staticmethod
    def clear_faults(kit: Kit) -> None:
        ask(kit, "DELETE")


def orders(**what: Any) -> bytes:
    """A request for the obedient model."""
    return json.dumps(what).encode()
