"""The persistent state of one emulator: opened before it starts, restored, saved while it runs, closed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from async_endpoint.core.errors import InvalidInput, WorkFailed
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.hosting.request_queue import AsyncInvocation
from async_endpoint.emulator.persistence import journal, moto_state, snapshot
from async_endpoint.emulator.persistence.folder import CorruptState, StateFolder, load_error, reason
from async_endpoint.emulator.persistence.journal import AcceptedRequest, Journal
from async_endpoint.emulator.persistence.pickling import IDENTITY
from async_endpoint.emulator.persistence.saver import HEARTBEAT_SECONDS, Saver, run_in_fork
from async_endpoint.emulator.persistence.snapshot import Header, Snapshot

# Wall-clock seconds added to the last heartbeat of a killed emulator: later than any time it has returned.
MAX_UNRECORDED_SECONDS = 2 * HEARTBEAT_SECONDS


Requeue = Callable[[str, str, float, AsyncInvocation], bool]  # region, name and creation time of the endpoint, and the request


class StatefulPart(Protocol):
    """A part of the emulator with state of its own."""

    def saved(self) -> Any:
        """The state, picklable; called every few seconds, so return a shallow copy: a deep one is too slow."""

    def restore(self, saved: Any) -> None:
        """Restore the state, before the emulator starts."""


@dataclass(frozen=True)
class ResumePoint:
    """Resume point of a saved emulator: its instance id, the port in its queues' URLs, its AWS time."""

    instance_id: str
    port: int
    now: float


class PersistentState:
    """The state in a directory (`--state-dir`)."""

    def __init__(self, path: Path) -> None:
        """Lock the directory and read its headers; raises InvalidInput if it cannot be used or is of another version."""
        self._folder = StateFolder(path)
        try:
            self._found = self._last = Snapshot.read(self._folder.path)
            self._check()
        except InvalidInput:
            self._folder.close()
            raise
        except (CorruptState, OSError) as error:
            self._folder.close()
            raise load_error(self._folder.path, error) from error
        self._journal = Journal(self._folder.path)
        self._parts: Mapping[str, StatefulPart] = {}
        self._saved_at = 0.0
        self._requeued = self._orphaned = 0

    @property
    def resume_point(self) -> ResumePoint | None:
        """The resume point; None for a new directory."""
        if self._found is None:
            return None
        header, heartbeat = self._found.header, self._folder.last
        now = header.now
        if heartbeat is not None:
            now = max(now, heartbeat.now if heartbeat.closed else heartbeat.now + MAX_UNRECORDED_SECONDS * heartbeat.time_scale)
        return ResumePoint(header.instance_id, header.port, now)

    def restore(self, parts: Mapping[str, StatefulPart], requeue: Requeue) -> None:
        """Restore moto's stores, then `parts` in their order, then the requests of the journal, with `requeue`.

        `requeue` returns whether the request's endpoint exists. Raises InvalidInput if the state cannot be read.
        """
        self._parts = parts
        moto_state.identify_bodies()  # after the patches of moto, one of which replaces the same property
        if self._found is None:
            return
        document = self._found.document()
        try:
            moto_state.restore_stores(document.pop("stores"))
            for name, part in parts.items():
                part.restore(document[name])
            for accepted in journal.read(self._folder.path, self._found.header.number):
                if accepted.input is not None:
                    moto_state.restore_object(*accepted.input)
                requeued = requeue(accepted.region, accepted.endpoint, accepted.endpoint_created_at, accepted.invocation)
                self._requeued += requeued
                self._orphaned += not requeued
        except Exception as error:
            raise load_error(self._folder.path, error) from error

    def start(self, instance_id: str, port: int, clock: ScaledClock) -> None:
        """Save at once, then every few seconds; raises InvalidInput if the first save fails."""
        self._instance_id, self._port, self._clock = instance_id, port, clock
        self._saver = Saver(self._save, self._heartbeat)
        self._saver.save()
        if self._saver.error:
            raise InvalidInput(
                f"State directory {self._folder.path} cannot be saved to ({self._saver.error}); fix this, or choose another."
            )
        self._saver.start()

    def record_request(self, region: str, endpoint: str, endpoint_created_at: float, invocation: AsyncInvocation) -> None:
        """Record a request in the journal before it is queued and answered with 202; raises WorkFailed if that fails.

        Its endpoint must not be saved between the two: a save before has neither, a save after has it in the queue.
        """
        unsaved = self._unsaved_input(invocation.input_location)
        try:
            self._journal.write(AcceptedRequest(region, endpoint, endpoint_created_at, invocation, unsaved))
        except OSError as error:
            raise WorkFailed(
                f"The request was not accepted, because it could not be written to state directory {self._folder.path} "
                f"({reason(error)}); fix this, then send it again."
            ) from error

    def save(self) -> None:
        """Save now; raises WorkFailed if that fails."""
        self._saver.save()
        if self._saver.error:
            raise WorkFailed(
                f"The local AWS was not stopped, because its state could not be saved in {self._folder.path} "
                f"({self._saver.error}); fix this and stop it again, or lose what changed since the last save: "
                "async-endpoint local down --lose-changes"
            )

    def reset(self, instance_id: str, forget: Callable[[], None]) -> None:
        """Run `forget`, which empties everything, and save the empty state under another id in new files.

        Raises WorkFailed if that save fails: everything is forgotten, but the directory still has the old state.
        """
        with self._saver.held():
            forget()
            self._instance_id, self._last = instance_id, None
            self._requeued = self._orphaned = 0
        self._saver.save()
        if self._saver.error:
            raise WorkFailed(
                f"The local AWS was reset, but that could not be saved in {self._folder.path} ({self._saver.error}), which "
                "still has the old state; fix this, or a restart restores it. The save is retried every few seconds."
            )

    def stop(self) -> None:
        """Save a last time, before requests in process are ended, and release the directory.

        Raises WorkFailed if that save fails; the directory is released all the same.
        """
        self._saver.stop()
        error = self._saver.error
        if not error:
            try:
                self._heartbeat(closed=True)
            except OSError as failed:
                error = reason(failed)
        self.close()
        if error:
            raise WorkFailed(
                f"The local AWS has ended, and what changed since its last save could not be saved in {self._folder.path} "
                f"({error}); fix this before you start it again with that directory."
            )

    def close(self) -> None:
        """Release the directory without saving."""
        self._journal.close()
        self._folder.close()

    def status(self) -> dict[str, Any]:
        """The status document: directory, last save and what a kill -9 would lose now. Wall-clock times."""
        header = self._last.header if self._last else None
        ago = time.time() - self._saved_at
        return {
            "dir": str(self._folder.path),
            "saved_at": self._saved_at,
            "save_seconds": round(self._saver.took, 3),
            "save_every_seconds": round(self._saver.every, 1),
            "objects": header.objects if header else 0,
            "object_bytes": header.objects_end if header else 0,
            "requests_in_journal": self._journal.pending,
            "requests_from_journal": self._requeued,
            "requests_without_endpoint": self._orphaned,
            "not_saved": dict(header.left_out) if header else {},
            "error": self._saver.error,
            "lost_if_killed": f"changes of the last {ago:.1f} s, except requests accepted with 202",
        }

    def _check(self) -> None:
        """Raise CorruptState if a file is missing or damaged."""
        path = self._folder.path
        if self._found is not None:
            journal.check(path, self._found.header.number)
            return
        # An emulator killed before its first save was complete has answered no request and leaves empty files.
        others = [file for prefix in (journal.PREFIX, snapshot.OBJECTS_PREFIX) for file in path.glob(f"{prefix}*")]
        heartbeat = self._folder.last
        if (heartbeat is not None and heartbeat.saved) or any(file.stat().st_size for file in others):
            raise CorruptState(f"its file {snapshot.SNAPSHOT_FILE} is missing")

    def _save(self) -> None:
        self._folder.relock()
        self._heartbeat()
        number = self._journal.rotate()  # before the queues are copied: a request may be in both, but never in neither
        saved = {name: part.saved() for name, part in self._parts.items()}  # before moto's stores, which hold the results
        stores, at = moto_state.stores_in_use(), time.time()
        header = Header(number, self._instance_id, self._port, at, self._clock.now())
        try:
            run_in_fork(
                lambda: snapshot.write(self._folder.path, header, stores, saved, self._last), moto_state.quiesced_queues()
            )
            self._saved_at = at
        finally:
            self._last = Snapshot.read(self._folder.path)
        if self._last is not None:
            self._journal.forget(self._last.header.number)

    def _heartbeat(self, *, closed: bool = False) -> None:
        self._folder.record_heartbeat(self._clock.now(), self._clock.scale, saved=self._last is not None, closed=closed)

    def _unsaved_input(self, location: str | None) -> tuple[S3Uri, Any] | None:
        if location is None:
            return None
        uri = S3Uri.parse(location)
        key = moto_state.find_object(uri)
        if key is None or (self._last is not None and vars(key).get(IDENTITY) in self._last.body_index.extents):
            return None
        return uri, key
