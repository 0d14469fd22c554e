"""Items from the rows of a file: JSON lines or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from async_endpoint.batch.item import Item, digest
from async_endpoint.client.models import JSON_TYPE
from async_endpoint.core.errors import InvalidInput
from async_endpoint.input_files import checked_status, open_input, printable, unreadable

FIELDS: Final = ("id", "input", "body", "content_type")
MAX_ROW_BYTES: Final = 16_777_216  # longer bodies belong in files of their own
SHOWN_CHARS: Final = 60


def in_json_lines(path: Path) -> Iterator[Item]:
    """Each line an object with `input` (a file or an S3 URI) or `body` (JSON to send), and optionally `id`, `content_type`.

    File paths are relative to the folder of `path`. The default `id` is the line number. An unusable line becomes an invalid
    item. Raises InvalidInput if the file cannot be read.
    """
    with open_input(path) as file:
        for number, line in _lines(path, file):
            if line is None:
                yield _too_long(path, number)
            elif line.strip():
                yield _parsed(path, number, line)


def in_csv(path: Path) -> Iterator[Item]:
    """Each row a file or an S3 URI in the column `input`, with optional columns `id` and `content_type`.

    An unusable row becomes an invalid item. Raises InvalidInput if the file cannot be read, or has no header with `input`.
    """
    with open_input(path) as file:
        texts = _CsvLines(path, file)
        reader = csv.DictReader(texts)
        columns = _columns(path, reader)
        while True:
            row = _next_row(reader, texts)
            yield from texts.invalid
            texts.invalid.clear()
            if row is None:
                return
            if any(row.values()):
                yield _csv_item(path, texts.number, row, columns)


class _CsvLines:
    """The lines of a CSV file as text; `number` is the last one's, which csv.reader does not count when it fails.

    Bytes that are not UTF-8 become surrogates. Lines that are too long become items of `invalid`.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self.number = path, 0
        self.invalid: list[Item] = []
        self._file = file

    def __iter__(self) -> Iterator[str]:
        for number, line in _lines(self.path, self._file):
            if line is None:
                self.number += 1
                self.invalid.append(_too_long(self.path, self.number))
                continue
            for text in io.StringIO(line.decode("utf-8-sig" if number == 1 else "utf-8", "surrogateescape"), newline=""):
                self.number += 1
                yield text


def _lines(path: Path, file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Lines with their numbers, from 1; None for one that is too long, which is not kept in memory."""
    number = 0
    try:
        while line := file.readline(MAX_ROW_BYTES + 1):
            number += 1
            if len(line) <= MAX_ROW_BYTES:
                yield number, line
                continue
            while line and not line.endswith(b"\n"):
                line = file.readline(io.DEFAULT_BUFFER_SIZE)
            yield number, None
    except OSError as error:
        raise unreadable(path, error) from error


def _columns(path: Path, reader: csv.DictReader[str]) -> list[str]:
    try:
        columns = list(reader.fieldnames or [])
    except csv.Error as error:
        raise InvalidInput(
            f"{printable(path)} is not CSV in UTF-8 ({error}); save it as CSV, comma-separated, UTF-8."
        ) from error
    if "input" not in columns:
        found = ", ".join(printable(repr(column[:SHOWN_CHARS])) for column in columns[:20]) or "(none)"
        raise InvalidInput(f"{printable(path)} has the columns {found}; its first row must name one input.")
    return columns


def _next_row(reader: csv.DictReader[str], texts: _CsvLines) -> dict[str | Any, Any] | None:
    """The next valid row, None after the last one; others become invalid items."""
    while True:
        try:
            return next(reader)
        except StopIteration:
            return None
        except csv.Error as error:
            problem = f"{_where(texts.path, texts.number)} is not CSV ({error})."
            texts.invalid.append(Item.invalid(_name(texts.number), problem))


def _csv_item(path: Path, number: int, row: dict[str | Any, Any], columns: list[str]) -> Item:
    given: dict[str, Any] = {name: row[name] for name in FIELDS if name != "body" and name in columns and row.get(name)}
    if not all(_is_unicode(value) for value in given.values()):
        return Item.invalid(_name(number), f"{_where(path, number)} is not UTF-8; save the file as CSV in UTF-8.")
    return _item(path, number, given)


def _too_long(path: Path, number: int) -> Item:
    problem = f"{_where(path, number)} has more than {MAX_ROW_BYTES:,} bytes; put its body into a file and give that as input."
    return Item.invalid(_name(number), problem)


def _parsed(path: Path, number: int, line: bytes) -> Item:
    try:
        given = json.loads(line)
        if isinstance(given, dict):
            return _item(path, number, given)
    except ValueError as error:
        return Item.invalid(_name(number), f"{_where(path, number)} is not JSON ({error}).")
    except RecursionError:
        return Item.invalid(_name(number), f"{_where(path, number)} is JSON that is nested too deeply.")
    return Item.invalid(_name(number), f"{_where(path, number)} is a JSON {type(given).__name__}, not an object.")


def _item(path: Path, number: int, given: dict[str, Any]) -> Item:
    name, where = given.get("id", _name(number)), _where(path, number)
    name = str(name) if isinstance(name, int) and not isinstance(name, bool) else name
    if not isinstance(name, str) or not name or not _is_unicode(name):
        return Item.invalid(_name(number), f"{where} has {_shown('id', name)}; an id is a text in Unicode or a whole number.")
    content_type = given.get("content_type")
    unknown = sorted(set(given) - set(FIELDS))
    problem = None
    if unknown:
        named = ", ".join(printable(field[:SHOWN_CHARS]) for field in unknown[:10])
        problem = f"{where} has the fields {named}; it may have {', '.join(FIELDS)}."
    elif ("input" in given) == ("body" in given):
        problem = f"{where} has {'both' if 'input' in given else 'neither'} input and body; give one of them."
    elif "input" in given and not (isinstance(given["input"], str) and given["input"]):
        problem = f"{where} has {_shown('input', given['input'])}; an input is a file or an s3:// URI."
    elif content_type is not None and not isinstance(content_type, str):
        problem = f"{where} has {_shown('content_type', content_type)}; it is a text."
    if problem:
        return Item.invalid(name, problem)
    if "body" in given:
        body = _encoded(given["body"])
        return Item(name, body, digest(body, content_type or ""), content_type or JSON_TYPE)
    if given["input"].startswith("s3://"):
        return Item(name, given["input"], digest(given["input"], content_type or ""), content_type)
    return _file(path.parent / given["input"], name, content_type)


def _encoded(body: Any) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can represent
        return json.dumps(body, separators=(",", ":")).encode()


def _file(path: Path, name: str, content_type: str | None) -> Item:
    try:
        known = checked_status(path)
    except InvalidInput as error:
        return Item.invalid(name, str(error))
    return Item(name, path, digest(str(path), str(known.st_size), str(known.st_mtime_ns), content_type or ""), content_type)


def _name(number: int) -> str:
    return f"line-{number:06}"


def _where(path: Path, number: int) -> str:
    return f"Line {number} of {printable(path.name)}"


def _shown(field: str, value: object) -> str:
    """A value for a message: only the type of what is neither text nor number, which may be large."""
    plain = value is None or isinstance(value, str | int | float)
    return f"the {field} {printable(repr(value)[:SHOWN_CHARS])}" if plain else f"a JSON {type(value).__name__} as {field}"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
