"""Processes killed in any call of AWS, receivers that fail, notifications lost and repeated: every prediction ends once.

The same with real processes, SIGKILL and sockets is tests/trials/webhooks_under_kill.py.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from typing import Any

import pytest

from async_endpoint.http_api.webhooks.delivery import Attempt
from support.in_memory_aws import FakeAws
from support.webhook_deliveries import Deliveries, Killed

PREDICTIONS = 60
KILLED_SHARE = 0.04  # of calls of AWS
KILLED_SHARE_OF_SWEEPS = 0.004  # a run makes a hundred times as many
S3_CALLS = ("get_object", "put_object", "head_object", "list_objects_v2")
SQS_CALLS = ("send_message", "send_message_batch", "receive_message", "delete_message")


class Trial:
    """One caller, SageMaker, and one API process at a time, which another one replaces when it is killed."""

    def __init__(self, aws: FakeAws, seed: int) -> None:
        self.draw = random.Random(seed)
        self.aws, self.kills, self.answered = aws, 0, 0
        self.process = Deliveries(aws)
        self.queues = self.process.queues
        self.posts = self.process.posts
        self.process.poster.answer = self.answer
        self.poster = self.process.poster
        for service, names in ((aws.s3, S3_CALLS), (self.queues, SQS_CALLS), (aws.runtime, ("invoke_endpoint_async",))):
            for name in names:
                setattr(service, name, self.perilous(getattr(service, name)))
        self.safe, self.share = True, KILLED_SHARE

    def perilous(self, call: Any) -> Any:
        """A call that now and then is the last one of its process, before or after it takes effect."""

        def made(*arguments: Any, **named: Any) -> Any:
            if self.safe or self.draw.random() >= self.share:
                return call(*arguments, **named)
            if self.draw.random() < 0.5:
                call(*arguments, **named)
            self.kills += 1
            raise Killed

        return made

    def answer(self, number: int) -> int | Attempt:
        return 204 if self.draw.random() >= 0.3 else self.draw.choice([500, 503, 302, 404])

    def replace(self) -> None:
        """A new process, with nothing cached."""
        self.process = Deliveries(self.aws, self.queues)
        self.process.poster = self.poster
        self.process.deliverer = self.process.another()

    def submit(self, number: int) -> None:
        """A patient caller: repeats what has no response, or a response that says so, until it is accepted."""
        for _ in range(50):
            try:
                url = f"https://hooks{number % 3}.example.com/p{number}"
                response = self.process.api.submit(b"{}", f"p{number}", webhook_url=url)
            except (Killed, RuntimeError) as error:  # the test client says either when its event loop has ended
                assert isinstance(error, Killed) or "portal is not running" in str(error)
                self.replace()
                continue
            if response.status_code in (200, 202):
                return
            assert response.status_code == 409, response.text
            self.aws.time.sleep(float(response.headers["Retry-After"]))
        raise AssertionError(f"p{number} was never accepted")

    def infer(self) -> None:
        """SageMaker answers what it has accepted; some notifications are lost, and some repeated."""
        self.safe = True
        for request in self.aws.runtime.calls[self.answered :]:
            failed = request["Filename"] < "h"  # the same for a request that was sent twice
            if failed:
                self.process.api.failure(request, "ClientError: no")
            elif not request["Filename"].startswith("7"):
                self.process.api.output(request)
            for _ in range(self.draw.choice([0, 1, 1, 1, 1, 2, 3])):
                self.process.notify(request, "Failed" if failed else "Completed")
        self.answered = len(self.aws.runtime.calls)
        self.safe = False

    def work(self, steps: int) -> None:
        """Receive and handle messages; a kill leaves them to the next process."""
        for _ in range(steps):
            try:
                if not self.process.step():
                    self.aws.time.sleep(1.0)
            except Killed:
                self.replace()
            if self.draw.random() < 0.02:
                self.replace()

    def sweep(self) -> None:
        self.share = KILLED_SHARE_OF_SWEEPS
        for _ in range(20):
            try:
                if self.process.sweep().complete:
                    self.share = KILLED_SHARE
                    return
            except Killed:
                self.replace()
        raise AssertionError("no sweep has completed")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_prediction_ends_once_and_is_announced_to_its_receiver(aws: FakeAws, seed: int) -> None:
    trial = Trial(aws, seed)
    trial.safe = False
    for number in range(PREDICTIONS):
        trial.submit(number)
        trial.infer()
        trial.work(2)
        if number == PREDICTIONS // 2:
            aws.time.sleep(60)  # no process at all
    trial.work(100)
    aws.time.sleep(trial.process.api.endpoint.settings.info.deadline_seconds + 100)
    trial.sweep()
    for _ in range(400):
        trial.work(5)
        if not trial.process.waiting:
            break
        aws.time.sleep(300)
    trial.safe = True
    assert trial.kills >= 20
    check(trial)


def check(trial: Trial) -> None:
    ends: defaultdict[str, set[str]] = defaultdict(set)
    delivered: Counter[str] = Counter()
    for post in trial.posts:
        name = post.event["data"]["id"]
        assert post.url == f"https://hooks{int(name[1:]) % 3}.example.com/{name}"
        assert trial.process.signature_is_right(post)
        ends[name].add(post.event["type"])
        delivered[name] += 1
    names = {f"p{number}" for number in range(PREDICTIONS)}
    assert set(ends) == names
    assert {len(events) for events in ends.values()} == {1}
    assert {outcome["delivery"]["state"] for outcome in trial.process.outcomes.values()} == {"delivered"}
    assert len(trial.process.outcomes) == PREDICTIONS
    assert sum(delivered.values()) < 4 * PREDICTIONS  # some 1.4 times by failing receivers; the rest are kills
    for name, events in ends.items():
        assert events == {f"prediction.{trial.process.api.get(name).json()['status']}"}
