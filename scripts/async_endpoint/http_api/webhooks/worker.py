"""Worker: receives the messages of a delivery queue by long polling, and handles them in a few threads.

It never receives more than its free threads can take, and keeps what they work on invisible to other workers. Any number of
processes may run one for the same queue; SQS hands each message to one of them, and to another after a kill.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.aws import AwsSession, translate_errors
from async_endpoint.core.errors import AsyncEndpointError

THREADS: Final = 16
ATTEMPTS_PER_RECEIVER: Final = 8  # of the threads: the others are left to other receivers
RECEIVE_SECONDS: Final = 8  # of a long poll; below the read time-out of the session (served_endpoint.py)
VISIBILITY_SECONDS: Final = 60  # of a message under way; renewed while it is, and all that a kill delays it by
RENEWAL_SECONDS: Final = 20.0
# until a message that could not be handled is received again, by receives: ten (max_receives) outlast an outage of two hours
BACKOFF_SECONDS: Final = (60, 300, 900)
PAUSE_SECONDS: Final = (1.0, 30.0)  # first and longest, between receives while AWS does not respond
STOP_SECONDS: Final = 5.0  # for which a stop waits for the attempts under way

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkerSettings:
    """Threads, and the visibility of messages in seconds."""

    threads: int = THREADS
    visibility: int = VISIBILITY_SECONDS
    receive: int = RECEIVE_SECONDS
    renewal: float = RENEWAL_SECONDS


class Worker:
    """Handles the messages of `queue_url` with `handle`, which raises an error of the tree for what to receive again."""

    def __init__(
        self,
        session: AwsSession,
        queue_url: str,
        handle: Callable[[str], None],
        settings: WorkerSettings | None = None,
    ) -> None:
        self._session, self._url, self._handle = session, queue_url, handle
        self._settings = settings or WorkerSettings()
        self._stopping = threading.Event()
        self._free = threading.Semaphore(self._settings.threads)
        self._lock = threading.Lock()
        self._under_way: dict[str, str] = {}  # receipt handle by message id
        self._pool = ThreadPoolExecutor(self._settings.threads, thread_name_prefix="webhooks")
        self._loops = [
            threading.Thread(target=loop, name=f"webhooks-{name}", daemon=True)
            for name, loop in (("receive", self._receive_all), ("renew", self._renew_all))
        ]

    def start(self) -> None:
        for loop in self._loops:
            loop.start()

    def begin_stop(self) -> None:
        """Receive no more."""
        self._stopping.set()

    def stop(self) -> None:
        """Receive no more, and wait a few seconds for what is under way; what is cut off is received again later."""
        self.begin_stop()
        waiter = threading.Thread(target=self._end_all, daemon=True)
        waiter.start()
        waiter.join(STOP_SECONDS)

    def _end_all(self) -> None:
        self._pool.shutdown()
        for loop in self._loops:
            loop.join()

    # --- receiving ---------------------------------------------------------------------------------------------------

    def _receive_all(self) -> None:
        pause, longest = PAUSE_SECONDS
        while not self._stopping.is_set():
            slots = self._take_slots()
            try:
                messages = self._receive(slots) if slots else []
            except Exception as error:  # whatever it is, this thread must not end
                messages = []
                log.warning("Deliveries pause for %g s: %s", pause, error, exc_info=not isinstance(error, AsyncEndpointError))
                self._stopping.wait(pause)
                pause = min(2 * pause, longest)
            else:
                pause = PAUSE_SECONDS[0]
            if self._stopping.is_set():
                # of a poll that was under way: another process takes them at once
                self._set_visibility([message["ReceiptHandle"] for message in messages], 0)
                return
            for message in messages:
                self._begin(message)
            for _ in range(slots - len(messages)):
                self._free.release()

    def _take_slots(self) -> int:
        """Wait for a free thread, then take up to ten."""
        if not self._free.acquire(timeout=1.0):
            return 0
        slots = 1
        while slots < 10 and self._free.acquire(blocking=False):
            slots += 1
        return slots

    def _receive(self, most: int) -> list[dict[str, Any]]:
        with translate_errors(self._session, "sqs:ReceiveMessage", self._url):
            reply = self._session.sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=self._settings.receive,
                VisibilityTimeout=self._settings.visibility,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        messages: list[dict[str, Any]] = reply.get("Messages", [])
        return messages

    def _begin(self, message: dict[str, Any]) -> None:
        with self._lock:
            self._under_way[message["MessageId"]] = message["ReceiptHandle"]
        try:
            self._pool.submit(self._work, message)
        except RuntimeError:  # the pool is shut down; the message is received again later
            self._free.release()

    def _work(self, message: dict[str, Any]) -> None:
        try:
            self._handle(message["Body"])
        except AsyncEndpointError as error:
            log.warning("A delivery is put off: %s", error)
            self._put_off(message)
        except Exception:
            log.exception("A message of the delivery queue cannot be handled.")
            self._put_off(message)
        else:
            self._end(message, lambda: self._delete(message))
        finally:
            self._free.release()

    def _delete(self, message: dict[str, Any]) -> None:
        self._session.sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])

    def _put_off(self, message: dict[str, Any]) -> None:
        """Have the message received again later, the later the more often that has happened."""
        received = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
        seconds = BACKOFF_SECONDS[min(received, len(BACKOFF_SECONDS)) - 1]
        self._end(
            message,
            lambda: self._session.sqs.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
            ),
        )

    def _end(self, message: dict[str, Any], call: Callable[[], object]) -> None:
        with self._lock:
            self._under_way.pop(message["MessageId"], None)
        try:
            call()
        except Exception as error:  # it is received again, and found to be done
            log.warning("A message stays on the delivery queue: %s", error)

    # --- keeping messages invisible ----------------------------------------------------------------------------------

    def _renew_all(self) -> None:
        while not self._stopping.wait(self._settings.renewal):
            with self._lock:
                handles = list(self._under_way.values())
            for start in range(0, len(handles), 10):
                self._set_visibility(handles[start : start + 10], self._settings.visibility)

    def _set_visibility(self, handles: list[str], seconds: int) -> None:
        if not handles:
            return
        entries = [
            {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": seconds} for number, handle in enumerate(handles)
        ]
        try:
            self._session.sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
        except Exception as error:  # an attempt may be repeated, which receivers can tell by its id
            log.warning("Deliveries under way may be repeated: %s", error)
