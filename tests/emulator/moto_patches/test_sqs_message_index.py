"""Standard queues: moto's behaviour, message by message, at constant cost and with concurrent clients."""

from __future__ import annotations

import gc
import itertools
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.sqs import models
from moto.sqs.exceptions import SQSException
from moto.sqs.models import Message, Queue, SQSBackend, sqs_backends

from async_endpoint.emulator.message_index import MessageIndex, MessageState
from async_endpoint.emulator.moto_patches import sqs_message_index

ACCOUNT, REGION = "123456789012", "eu-west-1"
_numbers = itertools.count()

sqs_message_index.apply()


def backend() -> SQSBackend:
    return sqs_backends[ACCOUNT][REGION]


def make(**attributes: Any) -> Queue:
    return backend().create_queue(f"speed-{next(_numbers)}", **attributes)


def redriven(most: int) -> tuple[Queue, Queue]:
    """A queue that receives a message `most` times, and its dead letter queue."""
    dead = make()
    return make(RedrivePolicy=json.dumps({"deadLetterTargetArn": dead.queue_arn, "maxReceiveCount": most})), dead


def receive(queue: Queue, count: int = 1, wait: int = 0, visibility: int = 30, names: list[str] | None = None) -> list[Message]:
    return backend().receive_message(queue.name, count, wait, visibility, names)


def counts(queue: Queue) -> tuple[int, ...]:
    """Visible, delayed, not visible."""
    found = backend().get_queue_attributes(queue.name, ["All"])
    return tuple(found[f"ApproximateNumberOfMessages{name}"] for name in ("", "Delayed", "NotVisible"))


class Time:
    """moto's time in SQS, which only moves explicitly."""

    def __init__(self) -> None:
        self.milliseconds = 1_700_000_000_000.0

    def patch(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(models, "unix_time_millis", lambda: self.milliseconds)
        patch.setattr(models, "unix_time", lambda: self.milliseconds / 1000)

    def step(self, seconds: float) -> None:
        self.milliseconds += seconds * 1000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    time.patch(monkeypatch)
    return time


# --- the same as moto -------------------------------------------------------------------------------------------------


WHICH = st.sampled_from([False, False, False, True])  # the queue, or now and then its dead letters


class SameAsMoto(RuleBasedStateMachine):
    """The same operations on a patched queue and on moto's own (its messages in a list), each with dead letters."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.time = Time()
        self.time.patch(self.patch)
        self.handles: list[tuple[str, str]] = []
        self.sent = 0

    def teardown(self) -> None:
        self.patch.undo()

    @initialize(most=st.integers(1, 3))
    def create(self, most: int) -> None:
        self.patched, self.moto = redriven(most), redriven(most)
        for queue in self.moto:
            queue._messages = []
        self.send(0, 8)

    def both(self, call: Callable[[int], Any]) -> list[Any]:
        answers = []
        for side in (0, 1):
            try:
                answers.append(call(side))
            except SQSException as error:
                answers.append(type(error))
        self.time.step(0.001)
        return answers

    def queue(self, side: int, dead: bool = False) -> Queue:
        return (self.patched, self.moto)[side][dead]

    @rule(delay=st.sampled_from([None, 0, 1, 10]), lot=st.integers(1, 4))
    def send(self, delay: int | None, lot: int) -> None:
        for _ in range(lot):
            self.sent += 1
            self.both(lambda side: backend().send_message(self.queue(side).name, str(self.sent), delay_seconds=delay))

    @rule(count=st.integers(1, 10), visibility=st.sampled_from([0, 1, 5, 30]), dead=WHICH, then=st.sampled_from([0, 1, 6]))
    def take(self, count: int, visibility: int, dead: bool, then: int) -> None:
        patched, motos = self.both(lambda side: receive(self.queue(side, dead), count, 0, visibility))
        seen = [
            [(item.body, item.approximate_receive_count, item.sent_timestamp) for item in side] for side in (patched, motos)
        ]
        assert seen[0] == seen[1]
        self.handles += [(a.receipt_handle, b.receipt_handle) for a, b in zip(patched, motos, strict=True)]
        self.time.step(then)

    @rule(data=st.data(), dead=WHICH)
    def delete(self, data: st.DataObject, dead: bool) -> None:
        handles = data.draw(st.sampled_from([*self.handles, ("no such", "no such")]))
        patched, motos = self.both(lambda side: self.queue(side, dead).delete_message(handles[side]))
        assert patched == motos

    @rule(data=st.data(), seconds=st.sampled_from([0, 1, 20, 43200]), dead=WHICH)
    def change(self, data: st.DataObject, seconds: int, dead: bool) -> None:
        handles = data.draw(st.sampled_from([*self.handles, ("no such", "no such")]))
        patched, motos = self.both(
            lambda side: backend().change_message_visibility(self.queue(side, dead).name, handles[side], seconds)
        )
        assert patched == motos

    @rule(seconds=st.sampled_from([0.5, 1, 6, 40]))
    def pass_time(self, seconds: float) -> None:
        self.time.step(seconds)

    @rule(chance=st.integers(0, 9))
    def purge(self, chance: int) -> None:
        if chance == 7:
            patched, motos = self.both(lambda side: backend().purge_queue(self.queue(side).name))
            assert patched == motos

    @invariant()
    def same_counts_and_messages(self) -> None:
        for patched, motos in zip(getattr(self, "patched", ()), getattr(self, "moto", ()), strict=True):
            assert counts(patched) == counts(motos)
            assert [message.body for message in patched._messages] == [message.body for message in motos._messages]


TestSameAsMoto = SameAsMoto.TestCase
TestSameAsMoto.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_a_message_received_too_often_is_a_dead_letter(clock: Time) -> None:
    queue, dead = redriven(2)
    backend().send_message(queue.name, "bad")
    backend().send_message(queue.name, "good")
    handles = []
    for _ in range(2):
        [bad] = receive(queue, visibility=1)
        assert bad.body == "bad"
        handles.append(bad.receipt_handle)
        clock.step(1)
    assert [message.body for message in receive(queue)] == ["good"]
    assert (counts(queue), counts(dead)) == ((0, 0, 1), (1, 0, 0))
    [letter] = receive(dead)
    assert (letter.body, letter.approximate_receive_count) == ("bad", 3)
    with pytest.raises(SQSException):
        queue.delete_message(handles[1])
    dead.delete_message(handles[0])
    assert counts(dead) == (0, 0, 0)


def test_the_delay_of_a_queue_and_the_count_of_delayed_messages(clock: Time) -> None:
    queue = make(DelaySeconds=10)
    backend().send_message(queue.name, "late")
    backend().send_message(queue.name, "now", delay_seconds=0)
    assert counts(queue) == (1, 1, 0)
    assert [message.body for message in receive(queue, 10)] == ["now"]
    clock.step(10)
    assert [message.body for message in receive(queue, 10)] == ["late"]
    assert counts(queue) == (0, 0, 2)


def test_an_expired_message_is_dropped_and_does_not_block_later_ones(clock: Time) -> None:
    queue = make(MessageRetentionPeriod=60)
    backend().send_message(queue.name, "old")
    clock.step(59)
    backend().send_message(queue.name, "young")
    clock.step(1)
    assert [message.body for message in receive(queue)] == ["young"]
    assert counts(queue) == (0, 0, 1)


def test_a_message_with_a_visibility_timeout_of_zero_is_visible_at_once(clock: Time) -> None:
    queue = make()
    backend().send_message(queue.name, "x")
    for _ in range(2):
        assert len(receive(queue, 10, visibility=0)) == 1
        clock.step(0.001)
    assert counts(queue) == (1, 0, 0)


def test_a_purged_queue_is_empty_and_keeps_its_index() -> None:
    queue = make()
    backend().send_message(queue.name, "x")
    backend().purge_queue(queue.name)
    assert counts(queue) == (0, 0, 0)
    assert isinstance(queue._messages, MessageIndex)


def test_message_attributes_are_filtered_for_each_receiver() -> None:
    queue = make()
    attributes = {name: {"DataType": "String", "StringValue": name} for name in ("Custom.a", "Custom.b", "Other")}
    backend().send_message(queue.name, "x", message_attributes=attributes)
    for wanted, expected in (([], set()), (["Custom.*"], {"Custom.a", "Custom.b"}), (["All"], set(attributes))):
        assert set(receive(queue, visibility=0, names=wanted)[0].message_attributes) == expected


def test_a_fifo_queue_is_not_indexed() -> None:
    queue = backend().create_queue(f"speed-{next(_numbers)}.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for body, group in (("1", "a"), ("1", "a"), ("2", "a"), ("3", "b")):
        backend().send_message(queue.name, body, group_id=group)
    assert isinstance(queue._messages, list)
    first = receive(queue)
    assert [message.body for message in (*first, *receive(queue, 10))] == ["1", "3"]
    queue.delete_message(first[0].receipt_handle)
    assert [message.body for message in receive(queue, 10)] == ["2"]


@pytest.mark.parametrize("handled", [True, False])
def test_an_enabled_lambda_mapping_takes_the_message(handled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import moto.awslambda.utils  # noqa: PLC0415 - slow to load

    batches: list[list[str]] = []

    def send_sqs_batch(arn: str, messages: list[Message], queue_arn: str) -> bool:
        batches.append([message.body for message in messages])
        return handled

    monkeypatch.setattr(moto.awslambda.utils, "get_backend", lambda *_: SimpleNamespace(send_sqs_batch=send_sqs_batch))
    queue = make()
    queue.lambda_event_source_mappings["arn"] = SimpleNamespace(enabled=True, batch_size=5)
    backend().send_message(queue.name, "work")
    assert batches == [["work"]]
    assert counts(queue) == ((0, 0, 0) if handled else (1, 0, 0))


# --- together ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def eager_switching() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("eager_switching")
def test_concurrent_receivers_lose_and_duplicate_nothing() -> None:
    queue, total = make(), 400
    seen: Counter[str] = Counter()
    failed: list[BaseException] = []

    def send(sender: int) -> None:
        for number in range(total // 4):
            backend().send_message(queue.name, f"{sender}/{number}")

    def take() -> None:
        while sum(seen.values()) < total:
            for message in receive(queue, 10, wait=1, visibility=600):
                seen[message.body] += 1
                backend().change_message_visibility(queue.name, message.receipt_handle, 500)
                queue.delete_message(message.receipt_handle)

    def noted(work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=noted, args=(send, number)) for number in range(4)]
    threads += [threading.Thread(target=noted, args=(take,), daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []
    assert set(seen.values()) == {1}
    assert len(seen) == total
    assert counts(queue) == (0, 0, 0)


class Poll:
    """A ReceiveMessage that waits up to 20 s, in a thread; `waits` are its naps: seconds asked for, whether it was woken."""

    def __init__(self, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waits: list[tuple[float, bool]] = []
        self.asleep = threading.Event()
        self.got: list[Message] = []
        really_wait = queue._messages_lock.wait

        def wait(seconds: float) -> bool:
            self.asleep.set()  # the lock is held until it sleeps
            self.waits.append((seconds, woken := really_wait(seconds)))
            return woken

        monkeypatch.setattr(queue._messages_lock, "wait", wait)
        self._thread = threading.Thread(target=lambda: self.got.extend(receive(queue, wait=20)), daemon=True)
        self._thread.start()
        assert self.asleep.wait(10)

    def bodies(self) -> list[str]:
        self._thread.join(15)
        assert not self._thread.is_alive()
        return [message.body for message in self.got]


def test_a_long_poll_wakes_with_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = make()
    poll = Poll(queue, monkeypatch)
    backend().send_message(queue.name, "here")
    assert poll.bodies() == ["here"]
    [(seconds, woken)] = poll.waits
    assert woken
    assert seconds > 15


def test_a_long_poll_wakes_when_a_message_becomes_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = make()
    backend().send_message(queue.name, "again")
    [held] = receive(queue, visibility=600)
    poll = Poll(queue, monkeypatch)
    backend().change_message_visibility(queue.name, held.receipt_handle, 0)
    assert poll.bodies() == ["again"]
    assert all(woken for _, woken in poll.waits)


def test_a_long_poll_sleeps_until_the_first_message_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = make()
    backend().send_message(queue.name, "again")
    receive(queue, visibility=1)
    poll = Poll(queue, monkeypatch)
    assert poll.bodies() == ["again"]
    assert poll.waits[0][0] <= 1


def test_a_long_poll_of_an_empty_queue_ends() -> None:
    queue = make()
    begun = time.monotonic()
    assert receive(queue, wait=1) == []
    assert time.monotonic() - begun >= 0.99


def test_every_kind_of_attribute_is_served() -> None:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        secrets = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
        sqs = boto3.client("sqs", REGION, endpoint_url=f"http://{host}:{port}", **secrets)
        url = sqs.create_queue(QueueName=f"speed-{next(_numbers)}")["QueueUrl"]
        trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}}
        size = {"Size": {"DataType": "Number", "StringValue": "3"}}
        sent = sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=size, MessageSystemAttributes=trace)
        names = {"MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]}
        [message] = sqs.receive_message(QueueUrl=url, **names)["Messages"]
        assert message["MessageId"] == sent["MessageId"]
        assert message["MessageAttributes"] == size
        assert message["Attributes"]["AWSTraceHeader"] == "Root=1"
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"
        entry = {"Id": "1", "ReceiptHandle": message["ReceiptHandle"]}
        changed = sqs.change_message_visibility_batch(QueueUrl=url, Entries=[entry | {"VisibilityTimeout": 0}])
        deleted = sqs.delete_message_batch(QueueUrl=url, Entries=[entry, {"Id": "2", "ReceiptHandle": "no such"}])
        assert [len(answer["Successful"]) for answer in (changed, deleted)] == [1, 1]
        assert deleted["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"
    finally:
        server.stop()


# --- cost -------------------------------------------------------------------------------------------------------------


def test_no_call_costs_more_with_20000_messages_held() -> None:
    queue, chunk, held = make(), 1000, 20_000

    def spent(call: Callable[[], Any]) -> float:
        return cpu_seconds(lambda: [call() for _ in range(chunk)])

    def send() -> None:
        backend().send_message(queue.name, "x")

    handles: list[str] = []

    def take(count: int) -> None:
        handles.extend(message.receipt_handle for message in receive(queue, count, visibility=600))

    def costs() -> dict[str, float]:
        """CPU seconds of a thousand calls of each kind."""
        found = {"send": spent(send), "receive 1": spent(lambda: take(1))}
        found["change"] = spent(lambda: backend().change_message_visibility(queue.name, handles[-1], 300))
        found["delete"] = spent(lambda: queue.delete_message(handles.pop()))
        found["attributes"] = spent(lambda: counts(queue))
        return found

    few = costs()
    few["receive 10"] = ten_at_a_time(queue, handles)
    for number in range(held):
        message = Message(str(number), "x")
        message.mark_sent()
        queue.add_message(message)
    for _ in range(held // 20):
        take(10)  # half of them out of sight
    many = costs()
    many["receive 10"] = ten_at_a_time(queue, handles)
    assert len(queue._messages) > held - 2 * chunk
    ratios = {kind: many[kind] / few[kind] for kind in few}
    assert max(ratios.values()) <= 3, ratios


def cpu_seconds(work: Callable[[], Any]) -> float:
    gc.disable()  # one full collection costs more than all of these calls
    try:
        begun = time.thread_time()
        work()
        return time.thread_time() - begun
    finally:
        gc.enable()


def ten_at_a_time(queue: Queue, handles: list[str]) -> float:
    """CPU seconds of receiving 500 messages by ten."""
    for _ in range(500):
        backend().send_message(queue.name, "x")
    taken: list[Any] = []
    spent = cpu_seconds(lambda: [taken.extend(receive(queue, 10, visibility=600)) for _ in range(50)])
    assert len(taken) == 500
    handles += [message.receipt_handle for message in taken]
    return spent


def test_the_index_drops_stale_entries() -> None:
    index: MessageIndex[str] = MessageIndex()
    for number in range(5000):
        held = index.add("x")
        index.add_handle(held, str(number))
        index.hide(held, until=1e9)
        index.hide(held, until=2e9)
        index.remove(held)
    assert len(index) == 0
    assert index.find("1") is None
    assert max(len(index._waiting._items), len(index._visible._items)) < 100
    assert [index.count(place, 3e9) for place in (MessageState.VISIBLE, MessageState.DELAYED, MessageState.NOT_VISIBLE)] == [
        0,
        0,
        0,
    ]


# --- upstream ---------------------------------------------------------------------------------------------------------

LOOKS = """
from moto.sqs.models import Message, SQSBackend
looks, visible = 0, Message.visible.fget
def counted(self):
    global looks
    looks += 1
    return visible(self)
Message.visible = property(counted)
backend = SQSBackend("eu-west-1", "123456789012")
backend.create_queue("q")
for _ in range(300):
    backend.send_message("q", "x")
looks = 0
backend.receive_message("q", 1, 0, 30)
print(looks)
"""


def test_upstream_moto_still_scans_every_message() -> None:
    """Fails once upstream has fixed it: then moto_patches/sqs_message_index.py and emulator/message_index.py can go."""
    done = subprocess.run([sys.executable, "-c", LOOKS], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 300
