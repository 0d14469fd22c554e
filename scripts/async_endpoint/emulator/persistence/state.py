"""The state of one local AWS in its directory: looked into before it starts, put back, saved while it runs, closed."""

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
from async_endpoint.emulator.persistence.damage import CorruptState, reason, refusal
from async_endpoint.emulator.persistence.folder import StateFolder
from async_endpoint.emulator.persistence.journal import AcceptedRequest, Journal
from async_endpoint.emulator.persistence.pickling import IDENTITY
from async_endpoint.emulator.persistence.saver import HEARTBEAT_SECONDS, Saver, run_in_fork
from async_endpoint.emulator.persistence.snapshot import Header, Snapshot

# Added to the last mark of one that was killed, in seconds of the wall: later than any time it told.
MAX_UNRECORDED_SECONDS = 2 * HEARTBEAT_SECONDS


Requeue = Callable[[str, str, float, AsyncInvocation], bool]  # region, name and creation time of the endpoint, and the request


class StatefulPart(Protocol):
    """A part of the local AWS with state of its own."""

    def saved(self) -> Any:
        """What is there, picklable; asked for every few seconds, so a copy of references is enough and a deep one too slow."""

    def restore(self, saved: Any) -> None:
        """Become what was saved, before anything runs."""


@dataclass(frozen=True)
class ResumePoint:
    """What a local AWS goes on with: the id its state was made under, the port in its queues' URLs, its AWS time."""

    instance_id: str
    port: int
    now: float


class PersistentState:
    """What `--state-dir` names."""

    def __init__(self, path: Path) -> None:
        """Lock the directory and look into it; raises InvalidInput when it cannot be used, or is of another version."""
        self._folder = StateFolder(path)
        try:
            self._found = self._last = Snapshot.read(self._folder.path)
            self._check()
        except InvalidInput:
            self._folder.close()
            raise
        except (CorruptState, OSError) as error:
            self._folder.close()
            raise refusal(self._folder.path, error) from error
        self._journal = Journal(self._folder.path)
        self._parts: Mapping[str, StatefulPart] = {}
        self._saved_at = 0.0
        self._requeued = self._orphaned = 0
        moto_state.identify_bodies()

    @property
    def resume_point(self) -> ResumePoint | None:
        """Where to go on from; None in a new directory."""
        if self._found is None:
            return None
        header, mark = self._found.header, self._folder.last
        now = header.now
        if mark is not None:
            now = max(now, mark.now if mark.closed else mark.now + MAX_UNRECORDED_SECONDS * mark.time_scale)
        return ResumePoint(header.instance_id, header.port, now)

    def restore(self, parts: Mapping[str, StatefulPart], requeue: Requeue) -> None:
        """Put back moto's stores, then `parts` in their order, then the requests of the journal, by `requeue`.

        `requeue` answers whether their endpoint is there. Raises InvalidInput when the state cannot be read.
        """
        self._parts = parts
        if self._found is None:
            return
        document = self._found.document()
        try:
            moto_state.put_back(document.pop("stores"))
            for name, part in parts.items():
                part.restore(document[name])
            for accepted in journal.read(self._folder.path, self._found.header.number):
                if accepted.input is not None:
                    moto_state.put_object_back(*accepted.input)
                known = requeue(accepted.region, accepted.endpoint, accepted.endpoint_created_at, accepted.invocation)
                self._requeued += known
                self._orphaned += not known
        except Exception as error:
            raise refusal(self._folder.path, error) from error

    def start(self, instance_id: str, port: int, clock: ScaledClock) -> None:
        """Save at once, then every few seconds; raises InvalidInput when that first save fails."""
        self._instance_id, self._port, self._clock = instance_id, port, clock
        self._saver = Saver(self._save, self._heartbeat)
        self._saver.save()
        if self._saver.error:
            raise InvalidInput(
                f"State directory {self._folder.path} cannot be saved to ({self._saver.error}); mend that, or choose another."
            )
        self._saver.start()

    def accepted(self, region: str, endpoint: str, endpoint_created_at: float, invocation: AsyncInvocation) -> None:
        """Write a request down that is about to be queued and answered with 202; raises WorkFailed when that fails.

        Its endpoint is not saved meanwhile: so it is in the journal of before, and in that save's queue, or in that of after.
        """
        unsaved = self._unsaved_input(invocation.input_location)
        try:
            self._journal.write(AcceptedRequest(region, endpoint, endpoint_created_at, invocation, unsaved))
        except OSError as error:
            raise WorkFailed(
                f"The request was not accepted, because state directory {self._folder.path} does not take it "
                f"({reason(error)}); mend that, then send it again."
            ) from error

    def save(self) -> None:
        """Save now; raises WorkFailed when that fails."""
        self._saver.save()
        if self._saver.error:
            raise WorkFailed(
                f"The local AWS was not stopped, because its state could not be saved in {self._folder.path} "
                f"({self._saver.error}); mend that and stop it again, or lose what changed since the last save: "
                "async-endpoint local down --lose-changes"
            )

    def reset(self, instance_id: str, forget: Callable[[], None]) -> None:
        """Run `forget`, which empties everything, and save what is left under another id, in files with nothing from before.

        Raises WorkFailed when that save fails: everything is forgotten, but for what the directory still has.
        """
        with self._saver.held():
            forget()
            self._instance_id, self._last = instance_id, None
            self._requeued = self._orphaned = 0
        self._saver.save()
        if self._saver.error:
            raise WorkFailed(
                f"The local AWS was reset, but that could not be saved in {self._folder.path} ({self._saver.error}), which "
                "still has what was there before; fix this, or a restart restores it. It tries again every few seconds."
            )

    def stop(self) -> None:
        """Save for the last time, while what was in process is still as it was, and give the directory up.

        Raises WorkFailed when that save fails; the directory is given up all the same.
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
                f"({error}); mend that before you start it again from there."
            )

    def close(self) -> None:
        """Give the directory up as it is."""
        self._journal.close()
        self._folder.close()

    def status(self) -> dict[str, Any]:
        """Where the state lies, when it was saved, and what a kill -9 would lose now. Times are of the wall."""
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
            "lost_if_killed": f"what changed in the last {ago:.1f} s, but for requests accepted with 202",
        }

    def _check(self) -> None:
        """Raise CorruptState when something is missing beside what was found, or is not what was written."""
        path = self._folder.path
        if self._found is not None:
            journal.check(path, self._found.header.number)
            return
        # One that was killed before its first save was complete leaves files without a byte, for it answered nobody.
        others = [file for prefix in (journal.PREFIX, snapshot.OBJECTS_PREFIX) for file in path.glob(f"{prefix}*")]
        mark = self._folder.last
        if (mark is not None and mark.saved) or any(file.stat().st_size for file in others):
            raise CorruptState(f"its file {snapshot.SNAPSHOT_FILE} is missing")

    def _save(self) -> None:
        self._folder.hold()
        self._heartbeat()
        number = self._journal.rotate()  # before the queues are copied: a request may be in both, and never in neither
        saved = {name: part.saved() for name, part in self._parts.items()}  # moto's stores later: they hold the results
        stores, at = moto_state.take(), time.time()
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
        uri = S3Uri.locate(location)
        key = moto_state.find_object(uri)
        if key is None or (self._last is not None and vars(key).get(IDENTITY) in self._last.contents.extents):
            return None
        return uri, key
