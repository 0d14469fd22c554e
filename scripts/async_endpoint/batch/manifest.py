"""Manifest: the state of every item on disk, so that a batch resumes after a kill -9 at any point.

SQLite with a write-ahead log: a change is a transaction, and a killed process leaves the last one complete. The file is locked
while it is open, so that two processes never work on one batch.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal

from async_endpoint.batch.item import Item
from async_endpoint.client.models import Submitted
from async_endpoint.core.errors import InvalidInput, Refused
from async_endpoint.input_files import checked_status, printable

SCHEMA_VERSION: Final = "1"
ItemState = Literal["sending", "submitted", "done", "failed"]
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS batch (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS items (
  name TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  number INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  run INTEGER NOT NULL,
  state TEXT NOT NULL,
  request TEXT,
  seconds REAL,
  bytes INTEGER,
  reason TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS by_number ON items (number);
CREATE INDEX IF NOT EXISTS by_state ON items (state, seconds);
"""
_COLUMNS: Final = "name, number, attempts, state, request, seconds, bytes, reason"


class RepeatedItem(InvalidInput):
    """The source has two items of the same name."""


@dataclass(frozen=True)
class Record:
    """One item. `request` is a Submitted as JSON, None if it was never accepted.

    `number` identifies the attempt: assigned once, in ascending order, before anything is sent.
    """

    name: str
    number: int
    attempts: int
    state: ItemState
    request: dict[str, Any] | None
    seconds: float | None
    bytes: int | None
    reason: str | None


def submission_times(path: Path) -> list[float]:
    """When the requests of a batch were accepted, in epoch seconds, ascending; the manifest is only read.

    Raises Refused while a batch has it open, InvalidInput for another file and for a batch without accepted requests.
    """
    checked_status(path)  # SQLite would wait for a FIFO
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", timeout=0, uri=True)) as connection:
            rows = connection.execute("SELECT request FROM items WHERE request IS NOT NULL").fetchall()
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise Refused(f"{printable(path)} is in use: a batch works on it; wait for its end.") from error
        raise InvalidInput(f"{printable(path)} is not the manifest of a batch ({error}); give one.") from error
    except sqlite3.DatabaseError as error:
        raise InvalidInput(f"{printable(path)} is not the manifest of a batch ({error}); give one.") from error
    try:
        times = sorted(Submitted.from_dict(json.loads(row[0])).submitted_at.timestamp() for row in rows)
    except (InvalidInput, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InvalidInput(f"{printable(path)} has a request that cannot be read ({error}); give another manifest.") from error
    if not times:
        raise InvalidInput(f"{printable(path)} has no accepted request; run the batch first.")
    return times


class Manifest:
    """The manifest of one batch. Every method is one transaction and may be called from any thread."""

    def __init__(self, path: Path, *, endpoint: str, source: str) -> None:
        """Open or create it. Raises Refused while another process has it open, InvalidInput for another file."""
        self._path = path
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise InvalidInput(f"{path} cannot be opened ({error}); give another folder with --out.") from error
        try:
            self._open(endpoint, printable(source))
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            self._connection.close()

    @property
    def name(self) -> str:
        """A random name, drawn once per batch: prefix of its inference ids and folder in S3."""
        return f"batch-{self._batch['id']}"

    @property
    def run(self) -> int:
        """The number of this run, from 1."""
        return int(self._batch["run"])

    def begin(self, item: Item, *, again: bool) -> int | None:
        """The number to send `item` with; None if it is done, has failed, or was submitted already.

        An item that may not have been sent keeps its number. A changed input has another attempt, with `again` a failed item
        too. Raises RepeatedItem if this run has seen an item of that name.
        """
        with self._lock, self._sqlite_errors():
            row = self._connection.execute(
                "SELECT fingerprint, number, attempts, run, state FROM items WHERE name = ?", (item.name,)
            ).fetchone()
            fingerprint, number, attempts, run, state = row or ("", 0, 0, 0, "")
            if run == self.run:
                raise RepeatedItem(f"{item.name!r} occurs twice in the source; give each item a unique id.")
            if fingerprint == item.fingerprint and not (again and state == "failed"):
                self._connection.execute("UPDATE items SET run = ? WHERE name = ?", (self.run, item.name))
                return int(number) if state == "sending" else None
            self._number += 1
            self._connection.execute(
                "INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, 'sending', NULL, NULL, NULL, NULL)",
                (item.name, item.fingerprint, self._number, attempts + 1, self.run),
            )
            return self._number

    def submitted(self, number: int, request: dict[str, Any]) -> None:
        """Record that the endpoint accepted attempt `number`; `request` has all that collecting needs."""
        self._change(
            "UPDATE items SET state = 'submitted', request = ? WHERE number = ? AND state = 'sending'",
            json.dumps(request),
            number,
        )

    def done(self, number: int, *, seconds: float, size: int) -> None:
        """Record the result of attempt `number`: a file of `size` bytes, `seconds` after the submission."""
        self._change("UPDATE items SET state = 'done', seconds = ?, bytes = ? WHERE number = ?", seconds, size, number)

    def failed(self, number: int, reason: str, *, seconds: float | None = None) -> None:
        """Record that attempt `number` ended without a result, or was never accepted."""
        text = "\n".join(printable(line) for line in reason.splitlines())
        self._change("UPDATE items SET state = 'failed', seconds = ?, reason = ? WHERE number = ?", seconds, text, number)

    def recollect(self, number: int) -> None:
        """Have the result of attempt `number` collected again: its file is missing."""
        self._change("UPDATE items SET state = 'submitted' WHERE number = ?", number)

    def current(self, number: int) -> bool:
        """Whether no later attempt supersedes attempt `number`."""
        return bool(self._all("SELECT 1 FROM items WHERE number = ?", number))

    def unseen(self) -> list[int]:
        """Attempts that an earlier run began and may not have sent, of items that this run has not seen."""
        return [row[0] for row in self._all("SELECT number FROM items WHERE state = 'sending' AND run < ?", self.run)]

    def counts(self) -> dict[ItemState, int]:
        """The number of items in each state."""
        found: dict[ItemState, int] = {"sending": 0, "submitted": 0, "done": 0, "failed": 0}
        return found | dict(self._all("SELECT state, COUNT(*) FROM items GROUP BY state"))

    def records(self, state: ItemState | None = None) -> Iterator[Record]:
        """All items, or those of a state, by name, a thousand at a time; concurrent changes may be missed."""
        last = ""
        while rows := self._all(
            f"SELECT {_COLUMNS} FROM items WHERE name > ? AND (?2 IS NULL OR state = ?2) ORDER BY name LIMIT 1000", last, state
        ):
            for name, number, attempts, found, request, *rest in rows:
                yield Record(name, number, attempts, found, json.loads(request) if request else None, *rest)
            last = rows[-1][0]

    def reasons(self, most: int) -> list[tuple[str, int]]:
        """Failure reasons that differ in their first lines, with their counts, the most frequent first, at most `most`."""
        cut = "CASE instr(reason, char(10)) WHEN 0 THEN reason ELSE substr(reason, 1, instr(reason, char(10)) - 1) END"
        return self._all(
            f"SELECT MIN(reason), COUNT(*) FROM items WHERE state = 'failed' GROUP BY {cut} ORDER BY 2 DESC, 1 LIMIT ?", most
        )

    def seconds(self, share: float) -> float | None:
        """The quantile `share` of the seconds from submission to result; None without results."""
        done = self.counts()["done"]
        place = max(min(int(done * share), done - 1), 0)
        found = self._all("SELECT seconds FROM items WHERE state = 'done' ORDER BY seconds LIMIT 1 OFFSET ?", place)
        return float(found[0][0]) if found else None

    def _open(self, endpoint: str, source: str) -> None:
        try:
            # exclusive: the lock belongs to the process and ends with it
            for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL", "cache_size = -2000"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._connection.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA.split(";"):
                self._connection.execute(statement)
            self._batch = dict(self._connection.execute("SELECT key, value FROM batch"))
            first = {"schema": SCHEMA_VERSION, "id": secrets.token_hex(4), "endpoint": endpoint, "source": source, "run": "0"}
            self._batch = first | self._batch
            self._check("schema", SCHEMA_VERSION, "another version of async-endpoint wrote it")
            self._check("endpoint", endpoint, "the batch is another endpoint's")
            self._check("source", source, "the batch is another source's")
            self._batch["run"] = str(int(self._batch["run"]) + 1)
            self._connection.executemany("INSERT OR REPLACE INTO batch VALUES (?, ?)", self._batch.items())
            self._number = int(self._connection.execute("SELECT coalesce(max(number), 0) FROM items").fetchone()[0])
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise Refused(f"{self._path} is in use: another process works on this batch; wait for its end.") from error
            raise InvalidInput(f"{self._path} cannot be opened ({error}); give another folder with --out.") from error
        except sqlite3.DatabaseError as error:
            raise InvalidInput(f"{self._path} is not a manifest ({error}); give another folder with --out.") from error

    def _check(self, key: str, wanted: str, said: str) -> None:
        if self._batch[key] != wanted:
            raise InvalidInput(
                f"{self._path} has the {key} {self._batch[key]}, not {wanted}: {said}; give another folder with --out."
            )

    def _change(self, statement: str, *values: Any) -> None:
        self._all(statement, *values)

    def _all(self, question: str, *values: Any) -> list[Any]:
        with self._lock, self._sqlite_errors():
            return self._connection.execute(question, values).fetchall()

    @contextmanager
    def _sqlite_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise InvalidInput(f"{self._path} cannot be used ({error}); fix this and rerun the command to resume.") from error
