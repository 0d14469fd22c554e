"""The client's side: many threads that invoke, and a consumer of the notifications."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.harness import Harness
from bench.program import Program

THREADS = 8
BODY = b'{"pixels": [0, 1, 2, 3]}'


def together(work: Callable[[int], Any], numbers: Iterable[int], threads: int = THREADS) -> None:
    """Do `work` for each number, `threads` at a time, in task; what it raises is raised here."""
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, numbers):
            pass


def invoke(program: Program, endpoint: str, inference_id: str) -> dict[str, Any]:
    """One asynchronous request with its input inline; the answer with its locations."""
    answer: dict[str, Any] = program.runtime.invoke_endpoint_async(
        EndpointName=endpoint, Body=BODY, ContentType="application/json", InferenceId=inference_id
    )
    return answer


class Consumer:
    """Takes notifications off the queue, ten at a time, and deletes them. `threads` 0 leaves that to `take`."""

    def __init__(self, harness: Harness, threads: int = 0, on_message: Callable[[dict[str, Any]], None] | None = None) -> None:
        self.seen: Counter[str] = Counter()
        self.locations: set[str] = set()
        self._stand = harness
        self._on_message = on_message
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def take(self, wait: int = 0) -> int:
        """Receive once; how many there were."""
        sqs, queue = self._stand.sqs, self._stand.queue
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=wait).get("Messages", [])
        for item in found:
            self._note(json.loads(json.loads(item["Body"])["Message"]))
        if found:
            entries = [{"Id": str(number), "ReceiptHandle": item["ReceiptHandle"]} for number, item in enumerate(found)]
            sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
        return len(found)

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self) -> None:
        while not self._over.is_set():
            self.take(wait=1)

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("eventName") == "TestNotification":
            return
        with self._lock:
            self.seen[message["inferenceId"]] += 1
            self.locations.add(message.get("responseParameters", message).get("outputLocation") or message["failureLocation"])
        if self._on_message:
            self._on_message(message)
