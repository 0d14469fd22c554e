"""BatchRun: submits the items of a source and writes their outcomes into the folder.

One thread reads the source and submits, the caller's thread writes. A bounded number of requests is in flight between them, so
memory does not grow with the number of items. An error of one item fails that item; an error that would affect all of them
(permissions, network, an endpoint that does not serve) ends the run, and the next one resumes from the manifest.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from async_endpoint.batch.item import Item
from async_endpoint.batch.manifest import Manifest, Record, RepeatedItem
from async_endpoint.batch.results import NameTaken, Results
from async_endpoint.batch.source import Source
from async_endpoint.client.endpoint import AsyncEndpoint
from async_endpoint.client.invocation import Invocation
from async_endpoint.client.models import Completed, Request, Submitted
from async_endpoint.core.errors import Abandoned, AsyncEndpointError, InvalidInput, InvocationFailed, ResultNotReady

TICK_SECONDS: Final = 0.25
READER_SECONDS: Final = 5.0  # how long the end of a run waits for the thread that reads the source


@dataclass(frozen=True)
class Progress:
    """Counts of this run: items `seen` in the source, `skipped` since an earlier run handled them, `waiting` for an outcome.

    `reading` is whether the source may have more items.
    """

    seen: int = 0
    skipped: int = 0
    submitted: int = 0
    waiting: int = 0
    done: int = 0
    failed: int = 0
    reading: bool = True


@dataclass(frozen=True, kw_only=True)
class Options:
    """How items are processed: `retry_failed` gives failed ones another attempt, `max_in_flight` bounds pending requests.

    Content type None is guessed from each name, `accept` None is not sent.
    """

    retry_failed: bool = False
    max_in_flight: int = 500
    content_type: str | None = None
    accept: str | None = None


@dataclass
class BatchRun:
    """One run of a batch, for one call of `run`."""

    endpoint: AsyncEndpoint
    manifest: Manifest
    results: Results
    options: Options
    _ended: queue.SimpleQueue[Invocation] = field(default_factory=queue.SimpleQueue)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _progress: Progress = Progress()
    _broken: BaseException | None = None

    def __post_init__(self) -> None:
        self._room = threading.Semaphore(self.options.max_in_flight)

    def run(self, source: Source, on_tick: Callable[[Progress], None] = lambda progress: None) -> Progress:
        """Process each item of `source` and collect what earlier runs submitted; `on_tick` is called several times a second.

        Raises what ends a run: what the source raises, UsageError, EndpointNotReady, NotReady. The manifest then keeps what is
        pending.
        """
        reader = threading.Thread(target=self._read, args=(source,), name="batch-reader", daemon=True)
        reader.start()
        try:
            while self._broken is None and (reader.is_alive() or self._progress.waiting or not self._ended.empty()):
                with suppress(queue.Empty):
                    self._end(self._ended.get(timeout=TICK_SECONDS))
                on_tick(self._progress)
        finally:
            self._stop.set()
            self._room.release()  # in case the reader waits for room
            # a reader in the middle of a call ends with the call, or with the client
            reader.join(READER_SECONDS)
        if self._broken is not None:
            raise self._broken
        for number in self.manifest.unseen():
            self.manifest.failed(number, "Its input is no longer in the source, and it may not have been sent.")
        return self._progress

    # --- in the reader's thread ----------------------------------------------------------------------------------------

    def _read(self, source: Source) -> None:
        try:
            for record in self.manifest.records("done"):
                if not self.results.holds(record.name, record.bytes):
                    self.manifest.recollect(record.number)
            for record in self.manifest.records("submitted"):
                self._resume(record)
            for item in source.items():
                if self._stop.is_set():
                    return
                self._process(item)
        except BaseException as error:
            self._broken = error
        finally:
            self._count(reading=False)

    def _resume(self, record: Record) -> None:
        """Collect what an earlier run submitted."""
        self._room.acquire()
        if self._stop.is_set():
            return
        self._count(submitted=1, waiting=1)
        try:
            submitted = Submitted.from_dict(record.request or {})
        except InvalidInput as error:
            self._room.release()
            self._count(waiting=-1)
            self._fail(record.number, record.name, str(error), None)
            return
        invocation = self.endpoint.resume(submitted, tag=(record.number, record.name))
        invocation.add_done_callback(self._ended.put)

    def _process(self, item: Item) -> None:
        self._count(seen=1)
        item, number = self._begin(item)
        if number is None:
            self._count(skipped=1)
        elif item.problem is not None:
            self._fail(number, item.name, item.problem, None)
        else:
            self._send(item, number)

    def _begin(self, item: Item) -> tuple[Item, int | None]:
        """The item and its number; a repeated name becomes an invalid item with a name of its own."""
        name = item.name
        for again in itertools.count(1):
            try:
                return item, self.manifest.begin(item, again=self.options.retry_failed)
            except RepeatedItem as error:
                problem = str(error) if again == 1 else item.problem or ""
                item = Item.invalid(f"{name} (again{f' {again}' if again > 1 else ''})", problem)
        raise AssertionError("count() does not end")

    def _send(self, item: Item, number: int) -> None:
        self._room.acquire()
        if self._stop.is_set():
            return
        self._count(submitted=1, waiting=1)
        request = Request(
            payload=item.payload,
            content_type=item.content_type or self.options.content_type,
            accept=self.options.accept,
            key=f"{number:010}",
            tag=(number, item.name),
        )
        self.endpoint.submit(request).add_done_callback(self._ended.put)

    # --- in the caller's thread ------------------------------------------------------------------------------------------

    def _end(self, invocation: Invocation) -> None:
        """Store the outcome of `invocation`: first the file, then the manifest, so a kill in between costs one read."""
        number, name = invocation.tag
        self._room.release()
        self._count(waiting=-1)
        if not self.manifest.current(number):  # its input has changed since
            return
        try:
            result = invocation.result(0)
        except AsyncEndpointError as error:
            if not _of_the_item(error, accepted=invocation.submitted is not None):
                raise
            reason = error.reason if isinstance(error, InvocationFailed) and error.reason else str(error)
            self._fail(number, name, reason, None)
            return
        self._keep(number, name, result)

    def _keep(self, number: int, name: str, result: Completed) -> None:
        try:
            self.results.write_result(name, result.body)
        except NameTaken as error:
            self._fail(number, name, f"{error} Its result is {result.output_location}.", result.seconds)
            return
        self.manifest.done(number, seconds=result.seconds, size=len(result.body))
        self._count(done=1)

    def _fail(self, number: int, name: str, reason: str, seconds: float | None) -> None:
        with suppress(NameTaken):
            self.results.write_failure(name, reason)
        self.manifest.failed(number, reason, seconds=seconds)
        self._count(failed=1)

    def _count(self, reading: bool | None = None, **more: int) -> None:
        with self._lock:
            changed: dict[str, Any] = {name: getattr(self._progress, name) + by for name, by in more.items()}
            if reading is not None:
                changed["reading"] = reading
            self._progress = replace(self._progress, **changed)


def _of_the_item(error: AsyncEndpointError, *, accepted: bool) -> bool:
    """Whether `error` concerns this item only, so that others may succeed."""
    late = isinstance(error, ResultNotReady) and not isinstance(error, Abandoned)
    return isinstance(error, (InvalidInput, InvocationFailed)) or (accepted and late)
