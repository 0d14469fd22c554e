"""Inputs named in a file, one a row: JSON lines or CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from async_endpoint.client.batch.item import Item, digest
from async_endpoint.client.payload import JSON_TYPE
from async_endpoint.contract.errors import InvalidInput

FIELDS: Final = ("id", "input", "body", "content_type")


def in_json_lines(path: Path) -> Iterator[Item]:
    """Each line an object with `input` (a file or an S3 URI) or `body` (JSON, sent as it is), and `id`, `content_type`.

    Files are looked for beside the manifest. Without `id` the number of the line is the name. A line that cannot be used is
    poison: it fails alone. Raises InvalidInput when the file cannot be read.
    """
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _parsed(path, number, line)
    except OSError as error:
        raise _unreadable(path, error) from error


def in_csv(path: Path) -> Iterator[Item]:
    """Each row a file or an S3 URI in the column `input`, and if there are such columns its `id` and `content_type`.

    Raises InvalidInput when the file cannot be read as CSV, or its first row does not name the columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            columns = reader.fieldnames or []
            if "input" not in columns:
                raise InvalidInput(
                    f"{path} has the columns {', '.join(map(repr, columns)) or '(none)'}; its first row must name one input."
                )
            for row in reader:
                if any(row.values()):
                    given = {name: row[name] for name in ("id", "input", "content_type") if row.get(name)}
                    yield _item(path, reader.line_num, given)
    except OSError as error:
        raise _unreadable(path, error) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} is not CSV in UTF-8 ({error}); save it as CSV, comma-separated, UTF-8.") from error


def _parsed(path: Path, number: int, line: bytes) -> Item:
    try:
        given = json.loads(line)
    except ValueError as error:
        return Item.poison(_name(number), f"Line {number} of {path.name} is not JSON ({error}).")
    if not isinstance(given, dict):
        return Item.poison(_name(number), f"Line {number} of {path.name} is a JSON {type(given).__name__}, not an object.")
    return _item(path, number, given)


def _item(path: Path, number: int, given: dict[str, Any]) -> Item:
    name = given.get("id", _name(number))
    name = str(name) if isinstance(name, int) and not isinstance(name, bool) else name
    where = f"Line {number} of {path.name}"
    if not isinstance(name, str) or not name:
        return Item.poison(_name(number), f"{where} has the id {name!r}; an id is a text or a whole number.")
    content_type = given.get("content_type")
    unknown = sorted(set(given) - set(FIELDS))
    problem = None
    if unknown:
        problem = f"{where} has the fields {', '.join(unknown)}; it may have {', '.join(FIELDS)}."
    elif ("input" in given) == ("body" in given):
        problem = f"{where} has {'both' if 'input' in given else 'neither'} input and body; give one of them."
    elif "input" in given and not (isinstance(given["input"], str) and given["input"]):
        problem = f"{where} has the input {given['input']!r}; an input is a file or an s3:// URI."
    elif content_type is not None and not isinstance(content_type, str):
        problem = f"{where} has the content_type {content_type!r}; it is a text."
    if problem:
        return Item.poison(name, problem)
    if "body" in given:
        body = json.dumps(given["body"], ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        return Item(name, body, digest(body, content_type or ""), content_type or JSON_TYPE)
    if given["input"].startswith("s3://"):
        return Item(name, given["input"], digest(given["input"], content_type or ""), content_type)
    return _file(path.parent / given["input"], name, content_type)


def _file(path: Path, name: str, content_type: str | None) -> Item:
    try:
        known = path.stat()
    except (OSError, ValueError) as error:  # a NUL in the name is a ValueError
        return Item.poison(name, f"{path} cannot be read ({getattr(error, 'strerror', None) or error}).")
    return Item(name, path, digest(str(path), str(known.st_size), str(known.st_mtime_ns), content_type or ""), content_type)


def _name(number: int) -> str:
    return f"line-{number:06}"


def _unreadable(path: Path, error: OSError) -> InvalidInput:
    return InvalidInput(f"{path} cannot be read ({error.strerror or error}); give a file of rows that is there.")
