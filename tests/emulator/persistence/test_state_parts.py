"""The parts of persistence in a state directory, one by one."""

from __future__ import annotations

import errno
import json
import os
import pickle
import random
import re
import shutil
import signal
import sys
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from moto.s3.models import FakeKey
from moto.s3.utils import _VersionedKeyStore

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.container.payload import Payload
from async_endpoint.emulator.hosting.request_queue import AsyncInvocation, RequestQueue
from async_endpoint.emulator.persistence import journal, moto_state, pickling, snapshot
from async_endpoint.emulator.persistence.folder import LOCK_FILE, CorruptState, StateFolder
from async_endpoint.emulator.persistence.journal import AcceptedRequest, Journal
from async_endpoint.emulator.persistence.object_bodies import MAX_GARBAGE_BYTES, BodyIndex, BodyReader, BodyWriter
from async_endpoint.emulator.persistence.saver import SaveFailed, Saver, run_in_fork
from async_endpoint.emulator.persistence.snapshot import SNAPSHOT_FILE, Header, Snapshot
from async_endpoint.emulator.persistence.state import PersistentState
from support.common import until


def header(number: int = 1) -> Header:
    return Header(number, "kept-0", 4599, time.time(), 0.0)


def stored(name: str, body: bytes) -> FakeKey:
    """An object as moto stores it, with the id of its body that all objects have where a state directory is used."""
    key = FakeKey(name, body, "123456789012", "aws")
    setattr(key, pickling.IDENTITY, f"id of {name}")
    return key


def invocation(text: str) -> AsyncInvocation:
    return AsyncInvocation(text, None, None, 0.0, 1.0, 1, "text/plain", body=text.encode())


def whole(found: Snapshot | None) -> dict[str, Any]:
    assert found is not None
    return found.document()


# --- the directory --------------------------------------------------------------------------------------------------------


def test_a_directory_in_use_is_refused_with_the_id_of_the_process(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state")
    folder.record_heartbeat(120.0, 60.0)
    with pytest.raises(InvalidInput, match=f"in use by process {os.getpid()}; stop that local AWS"):
        StateFolder(tmp_path / "state")
    folder.close()
    again = StateFolder(tmp_path / "state")
    assert again.last is not None
    assert (again.last.now, again.last.closed) == (120.0, False)
    again.record_heartbeat(180.0, 60.0, closed=True)
    again.close()
    assert StateFolder(tmp_path / "state").last == replace(again.last, now=180.0, closed=True)


def test_a_directory_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(InvalidInput, match=re.escape(f"State directory {tmp_path} holds files that no local AWS wrote")):
        StateFolder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("mode", [0o770, 0o702])
def test_a_directory_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(mode)
    with pytest.raises(InvalidInput, match=rf"state can be written by others \(mode {mode:04o}\)"):
        StateFolder(tmp_path / "state")
    assert list((tmp_path / "state").iterdir()) == []


@pytest.mark.parametrize(
    ("left", "saved", "refused"),
    [
        ({"journal-1": b"", "objects-1": b"", "snapshot.new": b"{"}, False, False),  # killed before the first save was complete
        ({"journal-1": b"x"}, False, True),
        ({"objects-1": b"x"}, False, True),
        ({}, True, True),
    ],
)
def test_files_without_a_snapshot_are_refused_unless_they_are_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: dict[str, bytes], saved: bool, refused: bool
) -> None:
    monkeypatch.setattr(FakeKey, "value", FakeKey.value)  # undoes the process-wide patch after the test
    folder = StateFolder(tmp_path / "state")
    folder.record_heartbeat(1.0, 1.0, saved=saved)
    folder.close()
    for name, text in left.items():
        (tmp_path / "state" / name).write_bytes(text)
    before = files(tmp_path / "state")
    for _ in range(2):  # the first does not keep it locked
        with pytest.raises(InvalidInput, match="its file snapshot is missing") if refused else nullcontext():
            PersistentState(tmp_path / "state").close()
    assert files(tmp_path / "state") == before


def test_a_directory_that_was_recreated_is_locked_again(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state")
    shutil.rmtree(tmp_path / "state")
    with pytest.raises(FileNotFoundError):
        folder.relock()
    (tmp_path / "state").mkdir()
    folder.relock()
    folder.record_heartbeat(1.0, 1.0)
    with pytest.raises(InvalidInput, match="in use by process"):
        StateFolder(tmp_path / "state")


def test_a_directory_that_cannot_be_created_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput, match=r"cannot be used \(Not a directory\); choose one that can be written"):
        StateFolder(tmp_path / "file" / "state")


# --- snapshots ------------------------------------------------------------------------------------------------------------


def test_bodies_are_written_once_and_read_back(tmp_path: Path) -> None:
    stores = {"s3": [stored("a", b"alpha"), stored("b", bytes(6_000_000))]}  # b is above what moto holds in memory
    snapshot.write(tmp_path, header(1), stores, {}, None)
    first = Snapshot.read(tmp_path)
    stores["s3"].append(stored("c", b"gamma"))
    snapshot.write(tmp_path, header(2), stores, {}, first)
    second = Snapshot.read(tmp_path)
    assert first is not None
    assert second is not None
    assert second.header.objects_end == first.header.objects_end + len(b"gamma")
    assert (tmp_path / SNAPSHOT_FILE).stat().st_size < 100_000
    assert [key.value for key in whole(second)["stores"]["s3"]] == [b"alpha", bytes(6_000_000), b"gamma"]


def test_a_body_file_that_is_mostly_garbage_is_replaced(tmp_path: Path) -> None:
    writer = BodyWriter(tmp_path, BodyIndex(), "first")
    writer.keep("large", lambda: Payload(bytes(MAX_GARBAGE_BYTES + 2)))
    writer.keep("small", lambda: Payload(b"x"))
    before = writer.close()
    for name, expected in (("second", "first"), ("third", "third")):  # large is still there in the first of them
        writer = BodyWriter(tmp_path, before, name)
        place = writer.keep("small", lambda: Payload(b"x"))
        before = writer.close()
        assert before.name == expected
        assert BodyReader(tmp_path, before).read(*place).read() == b"x"
    assert before.end == 1


def test_nothing_is_written_when_nothing_has_changed(tmp_path: Path) -> None:
    stores = {"s3": [stored("a", b"alpha")]}
    snapshot.write(tmp_path, header(1), stores, {"queue": [1]}, None)
    first = Snapshot.read(tmp_path)
    snapshot.write(tmp_path, header(2), stores, {"queue": [1]}, first)
    assert Snapshot.read(tmp_path) == first
    snapshot.write(tmp_path, header(3), stores, {"queue": [1, 2]}, first)
    assert whole(Snapshot.read(tmp_path))["queue"] == [1, 2]


def test_an_incomplete_save_leaves_the_previous_snapshot(tmp_path: Path) -> None:
    snapshot.write(tmp_path, header(1), {"s3": [stored("a", b"alpha")]}, {}, None)
    first = Snapshot.read(tmp_path)
    assert first is not None
    with (tmp_path / first.header.objects_file).open("ab") as bodies:
        bodies.write(b"half of a body")
    (tmp_path / f"{SNAPSHOT_FILE}.new").write_bytes(b'{"number": 2')
    assert whole(Snapshot.read(tmp_path))["stores"]["s3"][0].value == b"alpha"
    snapshot.write(tmp_path, header(2), {"s3": [stored("a", b"alpha"), stored("b", b"beta")]}, {}, first)
    assert [key.value for key in whole(Snapshot.read(tmp_path))["stores"]["s3"]] == [b"alpha", b"beta"]


def test_a_store_that_cannot_be_saved_is_left_out_and_named(tmp_path: Path) -> None:
    snapshot.write(tmp_path, header(), {"good": {"a": 1}, "bad": {"b": lambda: 1}}, {"queue": [1]}, None)
    found = Snapshot.read(tmp_path)
    assert found is not None
    assert list(found.header.left_out) == ["bad"]
    assert "lambda" in found.header.left_out["bad"]
    assert whole(found) == {"stores": {"good": {"a": 1}}, "queue": [1]}


@pytest.mark.parametrize("change", [{"format": 0}, {"moto": "5.2.4"}])
def test_state_of_another_version_is_refused_and_kept(tmp_path: Path, change: dict[str, Any]) -> None:
    snapshot.write(tmp_path, header(), {}, {}, None)
    header_line, rest = (tmp_path / SNAPSHOT_FILE).read_bytes().split(b"\n", 1)
    (tmp_path / SNAPSHOT_FILE).write_bytes(json.dumps(json.loads(header_line) | change).encode() + b"\n" + rest)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InvalidInput, match="start it with the version that wrote it, or start fresh with another --state-dir"):
        Snapshot.read(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("part", [SNAPSHOT_FILE, "objects"])
def test_damaged_state_is_refused(tmp_path: Path, part: str) -> None:
    snapshot.write(tmp_path, header(), {"s3": [stored("a", b"alpha")]}, {"queue": [1]}, None)
    [path] = tmp_path.glob(f"{part}*")
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(InvalidInput, match=rf"is damaged: its file {part}.* does not hold what was written; nothing in it was"):
        whole(Snapshot.read(tmp_path))


@pytest.mark.parametrize("part", [SNAPSHOT_FILE, "objects"])
@pytest.mark.parametrize("where", [0.0, 0.5, 0.99])
def test_random_bytes_are_distinguished_from_another_version(tmp_path: Path, part: str, where: float) -> None:
    snapshot.write(tmp_path, header(), {"s3": [stored("a", b"alpha" * 100)]}, {"queue": list(range(1000))}, None)
    [path] = tmp_path.glob(f"{part}*")
    body = bytearray(path.read_bytes())
    at = int(where * len(body))
    body[at : at + 3] = bytes(255 - byte for byte in body[at : at + 3])
    path.write_bytes(body)
    with pytest.raises(InvalidInput, match="is damaged: its file") as refused:
        whole(Snapshot.read(tmp_path))
    assert not re.search(r"Error\b|version", str(refused.value))


def test_a_missing_body_file_is_named(tmp_path: Path) -> None:
    snapshot.write(tmp_path, header(), {"s3": [stored("a", b"alpha")]}, {}, None)
    next(tmp_path.glob("objects-*")).unlink()
    with pytest.raises(InvalidInput, match=r"is damaged: its file objects-\w+ is missing"):
        whole(Snapshot.read(tmp_path))


def test_intact_state_that_names_unknown_code_is_of_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = ModuleType("another_versions_part")
    part.Part = type("Part", (), {"__module__": part.__name__})  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, part.__name__, part)
        snapshot.write(tmp_path, header(), {}, {"part": part.Part()}, None)
    with pytest.raises(InvalidInput, match="was written by another version of the local AWS") as refused:
        whole(Snapshot.read(tmp_path))
    assert "Error" not in str(refused.value)


def test_a_failed_save_leaves_no_files_and_a_complete_one_is_readable_by_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = {"s3": [stored("a", b"alpha")]}

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_disk)
        with pytest.raises(OSError, match="No space left"):
            snapshot.write(tmp_path, header(1), stores, {}, None)
    assert list(tmp_path.iterdir()) == []
    snapshot.write(tmp_path, header(1), stores, {}, None)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    first = Snapshot.read(tmp_path)
    stores["s3"].append(stored("b", b"beta"))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full_disk)
        with pytest.raises(OSError, match="No space left"):
            snapshot.write(tmp_path, header(2), stores, {}, first)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


# --- pickling ----------------------------------------------------------------------------------------------------------------


def test_locks_are_restored_unlocked_and_buckets_with_every_version() -> None:
    lock, condition, bucket = threading.Lock(), threading.Condition(), _VersionedKeyStore()
    bucket.setlist("key", [stored("old", b"old"), stored("new", b"new")])
    with lock, condition:
        free, waited, again = pickling.loads(pickling.dumps([lock, condition, bucket]))
    assert free.acquire(blocking=False)
    assert waited.acquire(blocking=False)
    assert [key.value for key in again.getlist("key")] == [b"old", b"new"]


def test_a_body_gets_a_new_id_when_it_is_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeKey, "value", FakeKey.value)  # undoes the process-wide patch after the test
    moto_state.identify_bodies()
    moto_state.identify_bodies()
    key = FakeKey("key", b"one", "123456789012", "aws")
    first = getattr(key, pickling.IDENTITY)
    key.value = b"two"
    assert getattr(key, pickling.IDENTITY) != first
    assert key.value == b"two"


# --- requests ------------------------------------------------------------------------------------------------------------


def test_a_queue_lists_waiting_requests_in_order() -> None:
    queue = RequestQueue()
    first, expired, last = (invocation(text) for text in "abc")
    expired.expires_at, last.expires_at, first.expires_at = 1.0, 9.0, 9.0
    for one in (first, expired, last):
        queue.put(one)
    assert queue.expired(now=2.0) == [expired]
    assert queue.take() is first
    assert queue.all() == [last]
    queue.requeue(first)
    assert queue.all() == [first, last]
    assert len({one.request_id for one in (first, expired, last)}) == 3


# --- the journal -------------------------------------------------------------------------------------------------------------


RECORDS = [AcceptedRequest("eu-west-1", "shirts", 1.0, invocation(text)) for text in "abcd"]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_journal_is_read_from_the_save_to_the_last_complete_record(tmp_path: Path) -> None:
    written = Journal(tmp_path)
    numbers = []
    for record in RECORDS[:3]:
        numbers.append(written.rotate())
        written.write(record)
    assert written.pending == 3
    assert written.rotate() == written.rotate() == numbers[-1] + 1  # an empty file is reused by the next save
    assert written.pending == 3, "no save has covered them"
    written.write(RECORDS[3])
    written.close()
    last = tmp_path / f"{journal.PREFIX}{numbers[-1] + 1}"
    for left in (last.stat().st_size - 1, 40, 13, 12, 11, 1):
        os.truncate(last, left)
        journal.check(tmp_path, numbers[0])
        assert list(journal.read(tmp_path, numbers[1])) == RECORDS[1:3], f"{left} bytes are left"
    again = Journal(tmp_path)
    again.rotate()
    again.close()
    journal.check(tmp_path, numbers[0])
    assert last.stat().st_size == 0, "truncated, since it is no longer the last file"
    written.forget(numbers[1])
    assert written.pending == 3
    written.forget(numbers[-1] + 1)
    assert (written.pending, list(journal.read(tmp_path, 0))) == (1, [])
    with pytest.raises(OSError, match="closed"):
        written.write(RECORDS[0])


def test_a_damaged_journal_is_refused_and_left_unchanged(tmp_path: Path) -> None:
    written = Journal(tmp_path)
    number = written.rotate()
    for record in RECORDS[:3]:
        written.write(record)
    path = tmp_path / f"{journal.PREFIX}{number}"
    whole_one = path.read_bytes()
    for at in (0, 2, 5, 9, 40, len(whole_one) // 2, len(whole_one) - 1):  # lengths, checksums and pickles
        path.write_bytes(whole_one[:at] + bytes([255 - whole_one[at]]) + whole_one[at + 1 :])
        before = files(tmp_path)
        with pytest.raises(CorruptState, match=f"its file {path.name} does not hold what was written"):
            journal.check(tmp_path, number)
        assert files(tmp_path) == before
    path.write_bytes(random.Random(1).randbytes(300))
    with pytest.raises(CorruptState):
        list(journal.read(tmp_path, number))
    path.write_bytes(whole_one)
    written.rotate()
    journal.check(tmp_path, number)
    os.truncate(path, len(whole_one) - 5)
    with pytest.raises(CorruptState, match=f"its file {path.name} is cut short"):
        journal.check(tmp_path, number)
    path.unlink()
    with pytest.raises(CorruptState, match=f"its file {path.name} is missing"):
        journal.check(tmp_path, number)


def test_a_record_that_cannot_be_written_completely_is_truncated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written, pwrite = Journal(tmp_path), os.pwrite
    number = written.rotate()
    written.write(RECORDS[0])

    def full(handle: int, text: memoryview, at: int) -> int:
        if len(text) < 100:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return pwrite(handle, text[: len(text) - 50], at)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match="No space left"):
            written.write(RECORDS[1])
    assert written.pending == 1
    written.write(RECORDS[2])
    assert list(journal.read(tmp_path, number)) == [RECORDS[0], RECORDS[2]]
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", full_disk)
        with pytest.raises(OSError, match="No space left"):
            written.rotate()
    written.write(RECORDS[3])
    assert written.rotate() == number + 1
    journal.check(tmp_path, number)
    assert len(list(journal.read(tmp_path, number))) == 3
    (tmp_path / f"{journal.PREFIX}{number + 1}").unlink()
    with pytest.raises(OSError, match="No such file"):
        written.write(RECORDS[3])


# --- saving ------------------------------------------------------------------------------------------------------------------


def test_a_save_writes_the_state_at_the_fork_and_closes_inherited_sockets_and_pipes(tmp_path: Path) -> None:
    state, reader_end = {"number": 1}, os.pipe()

    def write() -> None:
        (tmp_path / "begun").touch()
        while not (tmp_path / "go").exists():
            time.sleep(0.01)
        (tmp_path / "written").write_bytes(pickle.dumps(state))

    saving = threading.Thread(target=run_in_fork, args=(write, nullcontext()))
    saving.start()
    until((tmp_path / "begun").exists, "the process has forked")
    os.close(reader_end[1])
    assert os.read(reader_end[0], 1) == b"", "the fork has closed the pipe"
    os.close(reader_end[0])
    state["number"] = 2
    (tmp_path / "go").touch()
    saving.join(60)
    assert pickle.loads((tmp_path / "written").read_bytes()) == {"number": 1}


def full_disk(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "a/path")


def test_a_failed_save_is_reported_until_a_later_one_succeeds(capfd: pytest.CaptureFixture[str]) -> None:
    ends = [full_disk, lambda: 1 / 0, lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: None]
    saver = Saver(lambda: run_in_fork(ends.pop(0), nullcontext()), lambda: None)  # type: ignore[arg-type]
    saver.save()
    assert saver.error == "No space left on device"
    saver.save()
    assert saver.error == "division by zero"
    assert "ZeroDivisionError" in capfd.readouterr().err
    saver.save()
    assert "ended with -9" in saver.error
    saver.save()
    assert saver.error == ""


def test_a_failed_fork_raises() -> None:
    with pytest.raises(SaveFailed):
        run_in_fork(lambda: os._exit(3), nullcontext())


def test_a_directory_with_a_lock_file_is_a_state_directory(tmp_path: Path) -> None:
    StateFolder(tmp_path / "state").close()
    (tmp_path / "state" / "more").touch()
    StateFolder(tmp_path / "state").close()
    assert (tmp_path / "state" / LOCK_FILE).stat().st_mode & 0o077 == 0
