"""Webhooks over AWS in memory: delivery queues, receivers that a test decides about, and time that passes by itself."""

# ruff: noqa: N803 - the arguments are spelled as boto3 spells them
from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import AsyncEndpointError
from async_endpoint.http_api.webhooks.deliverer import Deliverer
from async_endpoint.http_api.webhooks.delivery import Attempt
from async_endpoint.http_api.webhooks.schedule import RetrySchedule
from async_endpoint.http_api.webhooks.signatures import sign
from async_endpoint.http_api.webhooks.sweep import Sweep, SweepReport
from support.api_client import HTTP_API, NAME, Api, create_api
from support.in_memory_aws import FakeAws, FakeTime

HOOK = "https://hooks.example.com/ends"


@dataclass
class QueuedMessage:
    id: str
    body: str
    sent_at: float
    visible_at: float
    receives: int = 0

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document


@dataclass
class FakeQueues:
    """The SQS calls of deliveries, by queue URL; messages become visible as fake time passes."""

    time: FakeTime
    queues: dict[str, list[QueuedMessage]] = field(default_factory=dict)
    error: Exception | None = None
    _numbers: Any = field(default_factory=count)

    def send_message(self, QueueUrl: str, MessageBody: str, DelaySeconds: int = 0) -> dict[str, str]:
        if self.error:
            raise self.error
        assert 0 <= DelaySeconds <= 900
        now = self.time.now()
        message = QueuedMessage(str(next(self._numbers)), MessageBody, now, now + DelaySeconds)
        self.queues.setdefault(QueueUrl, []).append(message)
        return {"MessageId": message.id}

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        assert 1 <= len(Entries) <= 10
        for entry in Entries:
            self.send_message(QueueUrl, entry["MessageBody"])
        return {}

    def receive_message(
        self, QueueUrl: str, MaxNumberOfMessages: int, VisibilityTimeout: int, WaitTimeSeconds: int = 0, **_: Any
    ) -> dict[str, Any]:
        if self.error:
            raise self.error
        now = self.time.now()
        if WaitTimeSeconds and not any(message.visible_at <= now for message in self.queues.get(QueueUrl, [])):
            time.sleep(0.01)  # a long poll, of a worker's thread
        visible = [message for message in self.queues.get(QueueUrl, []) if message.visible_at <= now][:MaxNumberOfMessages]
        for message in visible:
            message.visible_at, message.receives = now + VisibilityTimeout, message.receives + 1
        return {
            "Messages": [
                {
                    "MessageId": message.id,
                    "ReceiptHandle": f"{message.id}/{message.receives}",
                    "Body": message.body,
                    "Attributes": {
                        "SentTimestamp": str(int(message.sent_at * 1000)),
                        "ApproximateReceiveCount": str(message.receives),
                    },
                }
                for message in visible
            ]
        }

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:
        identity = ReceiptHandle.partition("/")[0]
        self.queues[QueueUrl] = [message for message in self.queues[QueueUrl] if message.id != identity]


@dataclass(frozen=True)
class Post:
    """One attempt that was made: where, with what, at which time."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    at: float

    @property
    def event(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document


@dataclass
class FakePoster:
    """`answer` says how each attempt ends, by its number from 0; it may raise, as a killed process ends."""

    time: FakeTime
    posts: list[Post] = field(default_factory=list)
    answer: Callable[[int], int | Attempt] = lambda number: 204

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Attempt:
        self.posts.append(Post(url, body, headers, self.time.now()))
        answer = self.answer(len(self.posts) - 1)
        if isinstance(answer, Attempt):
            return answer
        return Attempt(answer) if answer < 300 else Attempt(answer, f"The receiver answered {answer}, an error.")


class Killed(BaseException):
    """The process ends here: nothing after it happens, and its message is received again."""


class Deliveries:
    """An API process, its deliverer and its sweep, over AWS in memory."""

    def __init__(self, aws: FakeAws, queues: FakeQueues | None = None, **settings: Any) -> None:
        """`queues` are those of another process, to share."""
        self.aws, self.time = aws, aws.time
        self.queues = queues or FakeQueues(aws.time)
        services = {"s3": aws.s3, "sagemaker-runtime": aws.runtime, "sagemaker": aws.sagemaker, "sqs": self.queues}
        self.session = AwsSession(services.__getitem__, "eu-west-1")
        self.api: Api = create_api(aws, self.session, **settings)
        self.poster = FakePoster(aws.time)
        self.deliverer = self.another()

    def another(self) -> Deliverer:
        """A deliverer as another process would have one; its jitter is none."""
        poster: Any = self.poster
        return Deliverer(self.api.endpoint, poster, schedule=RetrySchedule(draw=lambda: 0.0))

    # --- predictions -------------------------------------------------------------------------------------------------

    def submit(self, prediction_id: str = "one", events: str | None = None, url: str = HOOK) -> dict[str, Any]:
        """Submit a prediction with a webhook; returns the request that SageMaker received."""
        more = {"webhook_events": events} if events else {}
        response = self.api.submit(b"{}", prediction_id, webhook_url=url, **more)
        assert response.status_code == 202, response.text
        return self.api.requests[-1]

    def notify(self, request: dict[str, Any], status: str = "Completed") -> None:
        """SageMaker's notification of a request, as the subscription delivers it."""
        document = {
            "invocationStatus": status,
            "inferenceId": request["InferenceId"],
            "requestParameters": {"endpointName": "shop"},
        }
        self.queues.send_message(HTTP_API.delivery_queue_url, json.dumps(document))

    def succeed(self, request: dict[str, Any]) -> None:
        self.api.output(request)
        self.notify(request)

    def fail(self, request: dict[str, Any], reason: str = "ClientError: Received server error (500) from primary") -> None:
        self.api.failure(request, reason)
        self.notify(request, "Failed")

    # --- deliveries --------------------------------------------------------------------------------------------------

    @property
    def posts(self) -> list[Post]:
        return self.poster.posts

    @property
    def waiting(self) -> list[QueuedMessage]:
        return self.queues.queues.get(HTTP_API.delivery_queue_url, [])

    @property
    def dead(self) -> list[QueuedMessage]:
        return self.queues.queues.get(HTTP_API.delivery_dead_letter_queue_url, [])

    @property
    def outcomes(self) -> dict[str, Any]:
        return self.api.state("outcomes/")

    def step(self, deliverer: Deliverer | None = None, visibility: int = 60) -> int:
        """Handle the messages that are visible now, as the worker does; returns how many there were."""
        url = HTTP_API.delivery_queue_url
        messages = self.queues.receive_message(url, 10, visibility)["Messages"]
        for message in messages:
            try:
                (deliverer or self.deliverer).handle(message["Body"])
            except (AsyncEndpointError, Killed):
                continue
            self.queues.delete_message(url, message["ReceiptHandle"])
        return len(messages)

    def run(self, days: float = 3.0) -> None:
        """Handle messages as they become visible, until there are none or the days are over."""
        end = self.time.now() + days * 86_400
        while self.waiting and self.time.now() < end:
            if not self.step():
                self.time.sleep(max(min(message.visible_at for message in self.waiting) - self.time.now(), 0.001))

    def sweep(self, **options: Any) -> SweepReport:
        return Sweep(self.api.endpoint).run(force=True, **options)

    def signature_is_right(self, post: Post, caller: str = "local") -> bool:
        """Whether one of the signatures is that of the caller's current secret."""
        secret = self.deliverer.secrets.get(caller).current
        expected = sign(secret, post.headers["webhook-id"], int(post.headers["webhook-timestamp"]), post.body)
        return expected in post.headers["webhook-signature"].split(" ")


__all__ = ["HOOK", "NAME", "Deliveries", "Killed", "Post"]
