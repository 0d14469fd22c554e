"""What tests of the client against the local AWS share: an endpoint, clients of it, counted calls, and faults."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from async_endpoint import AsyncEndpoint, ClientConfig, EndpointInfo
from async_endpoint.client.queue_leases import Released
from async_endpoint.core.errors import InvocationFailed
from async_endpoint.core.outputs import Limits
from support.common import until
from support.deployed_endpoint import Deployed
from support.fault_injection import ask
from support.in_process_aws import REGION, AwsHarness

INCLUDED = ("SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC")
JSON = "application/json"


class Stage:
    """One endpoint with a success and an error topic."""

    def __init__(
        self, local_aws: AwsHarness, *, include: tuple[str, ...] = INCLUDED, concurrency: int = 4, instances: int = 1
    ) -> None:
        self.local_aws = local_aws
        self.deployed: Deployed = local_aws.endpoint(
            topics=True,
            include=include,
            concurrency=concurrency,
            variant={"InitialInstanceCount": instances},
            SAGEMAKER_MODEL_SERVER_WORKERS=str(concurrency),
        )
        topics = (self.deployed.topics["SuccessTopic"], self.deployed.topics["ErrorTopic"])
        bounds = Limits(request_ttl_seconds=21_600, invocation_timeout_seconds=60, cold_start_seconds=60)
        self.target = EndpointInfo(self.deployed.name, REGION, f"s3://{self.deployed.bucket}/input/", topics, bounds, True)

    def client(self, *, limits: Limits | None = None, **options: Any) -> AsyncEndpoint:
        """An AsyncEndpoint; keyword arguments are ClientConfig's, besides `limits`, `explain` and `run`.

        By default it uses notifications for its first request already.
        """
        own = {name: options.pop(name) for name in ("explain", "run") if name in options}
        target = self.target if limits is None else replace(self.target, limits=limits)
        config = ClientConfig(**{"deadline": 90.0, "collect": "notifications"} | options)
        return AsyncEndpoint(target, endpoint_url=self.local_aws.url, config=config, **own)

    @contextmanager
    def counted(self) -> Iterator[Callable[[], dict[str, int]]]:
        """How often each action was called since the block began, `service:Action`."""
        before = self._calls()
        yield lambda: {
            name: count - before.get(name, 0) for name, count in self._calls().items() if count > before.get(name, 0)
        }

    def _calls(self) -> dict[str, int]:
        calls: dict[str, dict[str, int]] = self.local_aws.aws.status()["calls"]
        return {f"{service}:{action}": count for service, actions in calls.items() for action, count in actions.items()}

    def queues(self) -> list[str]:
        """The reply queues that are there."""
        found: list[str] = self.local_aws.sqs.list_queues(QueueNamePrefix=f"{self.target.name}-reply-").get("QueueUrls", [])
        return found

    def leases(self) -> dict[str, bool]:
        """The reply queues that have a lease, and whether a client holds it."""
        found = self.local_aws.s3.list_objects_v2(Bucket=self.deployed.bucket, Prefix="input/_queues/").get("Contents", ())
        return {item["Key"].rpartition("/")[2]: item["Size"] > max(Released) for item in found}

    @staticmethod
    def clear_faults(local_aws: AwsHarness) -> None:
        ask(local_aws, "DELETE")


class Batch:
    """Requests numbered from 0, each answered with its number, and how often the callback of each was called."""

    def __init__(self, client: AsyncEndpoint, count: int, **others: dict[str, Any]) -> None:
        """`others` are orders for the requests of those numbers, `n7=...`, instead."""
        self.done: Counter[str] = Counter()
        self.invocations = []
        for number in range(count):
            wanted = others.get(f"n{number}", {"answer": number})
            invocation = client.submit(orders(**wanted), content_type=JSON, tag=number)
            invocation.add_done_callback(lambda ended: self.done.update([ended.inference_id]))
            self.invocations.append(invocation)

    def check(self, *, failed: Collection[int] = ()) -> None:
        """Every request ends once: those of `failed` failed, every other with its own answer."""
        for number, invocation in enumerate(self.invocations):
            error = invocation.exception(timeout=120)
            if number in failed:
                assert isinstance(error, InvocationFailed), error
            else:
                assert error is None, error
                assert invocation.result().json() == number
        until(lambda: len(self.done) == len(self.invocations), "all callbacks were called")  # waiting threads are woken before
        assert self.done == {invocation.inference_id: 1 for invocation in self.invocations}


def orders(**what: Any) -> bytes:
    """A request for the obedient model."""
    return json.dumps(what).encode()
