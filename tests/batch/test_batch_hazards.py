"""What a source may hold that no request can be made of: each fails alone, and every other item is done."""

from __future__ import annotations

import inspect
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.batch import files, input_rows
from async_endpoint.batch.item import Item
from async_endpoint.batch.source import Source, open_source
from async_endpoint.core.errors import InvalidInput

GOOD = {"number": 1}
pytestmark = pytest.mark.xdist_group("client-batch")  # one local AWS for all of them


def items_of(out: Path) -> dict[str, Any]:
    lines = (out / "items.jsonl").read_text().splitlines()
    return {item["name"]: item for item in map(json.loads, lines)}


def items(source: Path, out: Path = Path("nowhere")) -> dict[str, Item]:
    found = open_source(str(source), None, out)  # type: ignore[arg-type]
    return {item.name: item for item in found.items()}


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(path.parent)  # its address has 108 bytes
        try:
            listener.bind(path.name)
        finally:
            os.chdir(here)


SPECIAL: dict[str, tuple[Callable[[Path], object], str]] = {
    "fifo.json": (os.mkfifo, "it is a FIFO"),
    "socket.json": (a_socket, "it is a socket"),
    "device.json": (lambda path: path.symlink_to("/dev/zero"), "it is a character device"),
    "loop.json": (link_to_itself, "symbolic links"),
    "dangling.json": (lambda path: path.symlink_to(path.with_name("gone")), "No such file"),
}


@pytest.fixture
def hazards(tmp_path: Path) -> Path:
    """A folder with two good inputs, and one of each kind that is none."""
    folder = tmp_path / "hazards"
    (folder / "folder.json").mkdir(parents=True)
    (folder / "good.json").write_text(json.dumps(GOOD))
    (folder / "folder.json" / "good.json").write_text(json.dumps(GOOD))
    for name, (make, _) in SPECIAL.items():
        make(folder / name)
    return folder


def test_what_is_no_regular_file_in_a_folder_fails_alone(shared_endpoint: Any, hazards: Path, tmp_path: Path) -> None:
    odd = os.fsdecode(b"caf\xe9.json")
    (hazards / odd).write_text(json.dumps(GOOD))
    for source in (hazards, hazards / "**" / "*.json"):
        out = tmp_path / f"out-{source.name.strip('*.')}"
        report = shared_endpoint.run(source, out)
        found = items_of(out)
        done = {name for name, item in found.items() if item["state"] == "done"}
        assert done == {"good.json", "folder.json/good.json", "caf\\xe9.json"}
        assert (report.done, report.failed) == (3, len(SPECIAL))
        for name, (_, said) in SPECIAL.items():
            assert said in found[name]["reason"], found[name]


def test_what_is_no_regular_file_in_a_manifest_fails_alone(shared_endpoint: Any, hazards: Path, tmp_path: Path) -> None:
    named = [*SPECIAL, "folder.json", "good.json"]
    jsonl, table = tmp_path / "hazards" / "rows.jsonl", tmp_path / "hazards" / "rows.csv"
    jsonl.write_text("".join(json.dumps({"id": name, "input": name}) + "\n" for name in named))
    table.write_text("id,input\n" + "".join(f"{name},{name}\n" for name in named))
    for source in (jsonl, table):
        report = shared_endpoint.run(source, tmp_path / f"out-{source.suffix}")
        assert (report.done, report.failed) == (1, len(SPECIAL) + 1)
        found = items_of(tmp_path / f"out-{source.suffix}")
        assert found["good.json"]["state"] == "done"
        assert "it is a folder" in found["folder.json"]["reason"]


def test_rows_that_cannot_be_used_fail_alone(shared_endpoint: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_rows, "MAX_ROW_BYTES", 250_000)
    body = json.dumps(GOOD).encode()
    deep = b"[" * 100_000 + b"]" * 100_000
    lines: dict[str, bytes] = {
        "is not JSON": b'{"id":"u","input":"\xff"}',
        "nested too deeply": b'{"id": "deep", "body": ' + deep + b"}",
        "has the id 'a\\ud800b'": b'{"id": "a\\ud800b", "body": 1}',
        "a JSON list as id": b'{"id": [[]], "body": 1}',
        "more than 250,000 bytes": b'{"id": "long", "body": "' + b"x" * 300_000 + b'"}',
        "has a JSON dict as input": b'{"id": "in", "input": {}}',
        "cannot be read": b'{"id": "half", "input": "a\\ud800b"}',
        "use printable ASCII": b'{"id": "type", "body": 1, "content_type": "a\\udcff"}',
    }
    good = [b'{"id": "%d", "body": %s}' % (number, body) for number in range(len(lines) + 1)]
    order = [line for pair in zip(good, lines.values(), strict=False) for line in pair] + [good[-1]]
    (tmp_path / "rows.jsonl").write_bytes(b"\n".join(order))
    out = tmp_path / "out"
    report = shared_endpoint.run(tmp_path / "rows.jsonl", out)
    found = items_of(out)
    assert {name for name, item in found.items() if item["state"] == "done"} == {str(number) for number in range(len(good))}
    assert report.failed == len(lines)
    for said, line in zip(lines, [2 * number + 2 for number in range(len(lines))], strict=True):
        reasons = [item["reason"] for item in found.values() if said in (item["reason"] or "")]
        assert len(reasons) == 1, (said, line)


@pytest.mark.parametrize("levels", range(900, 1_000, 7))
def test_nesting_near_the_limit_fails_alone_or_is_sent(tmp_path: Path, levels: int) -> None:
    """Where json.loads manages it, json.dumps and repr may not."""
    nested = "[" * levels + "]" * levels
    for field in ("body", "id", "input", "content_type", "other"):
        (tmp_path / "rows.jsonl").write_text(f'{{"body": 1}}\n{{"{field}": {nested}}}\n{{"body": 3}}\n')
        first, middle, last = open_source(str(tmp_path / "rows.jsonl"), None, tmp_path / "out").items()  # type: ignore[arg-type]
        assert (first.problem, last.problem) == (None, None)
        assert middle.problem is not None or (field == "body" and json.loads(middle.payload.decode()) is not None)  # type: ignore[union-attr]


def test_half_of_a_surrogate_pair_in_a_body_stays_json(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": "half", "body": "a\\ud800é"}\n')
    assert json.loads(items(tmp_path / "rows.jsonl")["half"].payload) == "a\ud800é"  # type: ignore[arg-type]


def test_rows_of_csv_that_cannot_be_used_fail_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_rows, "MAX_ROW_BYTES", 250_000)
    lines = [
        b"id,input",
        b"a,s3://b-1/a",
        b"\xff,s3://b-1/x",
        b"b,s3://b-1/b",
        b"c," + b"x" * 140_000,
        b"d,s3://b-1/d",
        b"e," + b"y" * 300_000,
        b"f,s3://b-1/f",
    ]
    (tmp_path / "rows.csv").write_bytes(b"\n".join(lines) + b"\n")
    found = items(tmp_path / "rows.csv")
    assert [name for name, item in found.items() if item.problem is None] == ["a", "b", "d", "f"]
    assert "is not UTF-8" in str(found["line-000003"].problem)
    assert "is not CSV" in str(found["line-000005"].problem)
    assert "more than 250,000 bytes" in str(found["line-000007"].problem)


def test_csv_of_an_old_macintosh_has_rows_too(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"id,input\ra,s3://b-1/a\rb,s3://b-1/b\r")
    assert list(items(tmp_path / "rows.csv")) == ["a", "b"]


def test_an_id_that_comes_again_and_again_fails_each_time_but_the_first(shared_endpoint: Any, tmp_path: Path) -> None:
    source, out = tmp_path / "rows.jsonl", tmp_path / "out"
    named = ["x", "x", "x", "x (again)", "y", "x"]
    source.write_text("".join(json.dumps({"id": name, "body": {"number": number}}) + "\n" for number, name in enumerate(named)))
    for runs in (1, 2):
        report = shared_endpoint.run(source, out)
        assert (report.runs, report.items, report.done, report.failed) == (runs, 6, 2, 4)
        assert json.loads((out / "results" / "x.out").read_text()) == {"number": 0}
        assert {name for name, item in items_of(out).items() if item["state"] == "done"} == {"x", "y"}


def test_names_whose_files_could_meet_are_all_done(shared_endpoint: Any, tmp_path: Path) -> None:
    names = [
        "x",
        "x/y",
        "x.out",
        "x.out/y",
        "x.txt/y",
        "x/y.out",
        "X",
        "",
        "x" * 300,
        "/".join("d" * 1_500),
        "../x",
        "/x",
        "a\nb",
    ]
    source, out = tmp_path / "rows.jsonl", tmp_path / "out"
    source.write_text("".join(json.dumps({"id": name or "-", "body": {"name": name}}) + "\n" for name in names))
    report = shared_endpoint.run(source, out)
    assert (report.done, report.failed) == (len(names), 0)
    found = items_of(out)
    assert [json.loads((out / found[name or "-"]["file"]).read_text()) for name in names] == [{"name": name} for name in names]
    assert {path.name for path in tmp_path.iterdir()} == {"rows.jsonl", "out"}


def test_a_file_that_vanishes_between_listing_and_reading_fails_alone(
    shared_endpoint: Any, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, listed = inputs / "odd" / "1.json", files.in_folder

    def vanishing(folder: Path, out: Path) -> Iterator[Item]:
        for item in listed(folder, out):
            if item.payload == gone and (tmp_path / "out" / "manifest.sqlite").exists():
                gone.unlink()
            yield item

    monkeypatch.setattr(files, "in_folder", vanishing)
    source = open_source(str(inputs), None, tmp_path / "out")  # type: ignore[arg-type]
    assert source.count() == 6
    monkeypatch.setattr(Source, "count", lambda self: None)  # a second listing would miss it
    report = shared_endpoint.run(inputs, tmp_path / "out")
    assert (report.done, report.failed) == (5, 1)
    assert "No such file" in items_of(tmp_path / "out")["odd/1.json"]["reason"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (os.mkfifo, "it is a FIFO"),
        (link_to_itself, "symbolic links"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a character device"),
    ],
)
def test_a_source_that_is_no_regular_file_is_named_and_not_opened(tmp_path: Path, make: Any, said: str) -> None:
    make(tmp_path / "rows.jsonl")
    with pytest.raises(InvalidInput, match=said):
        open_source(str(tmp_path / "rows.jsonl"), None, tmp_path / "out")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    ["**x", "a\0*", "x" * 5_000, "x" * 5_000 + "*", "\udcff", "\udcff*"],
    ids=["stars", "nul", "long", "long glob", "byte", "byte glob"],
)
def test_a_source_that_no_system_has_is_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput):
        source = open_source(str(tmp_path / text), None, tmp_path / "out")  # type: ignore[arg-type]
        if not list(source.items()):
            raise InvalidInput("nothing matches, which run_batch says")


def test_a_folder_within_that_cannot_be_read_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("locked", "open"):
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "a.json").write_text("{}")
    scan = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = items(tmp_path / "in")
    assert found["open/a.json"].problem is None
    assert "Permission denied" in str(found["locked"].problem)


def test_folders_may_be_deeper_than_the_stack(tmp_path: Path) -> None:
    """With a stack that is nearly full rather than folders that no clean-up of pytest's would manage."""
    deep = tmp_path.joinpath(*"d" * 200)
    deep.mkdir(parents=True)
    (deep / "deep.json").write_text("{}")
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 150)
    try:
        found = list(files.in_folder(tmp_path, Path("nowhere")))
    finally:
        sys.setrecursionlimit(before)
    assert [item.problem for item in found] == [None]


def test_the_folder_of_results_cannot_be_used(shared_endpoint: Any, inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "taken" / "manifest.sqlite").mkdir(parents=True)
    (tmp_path / "partial").mkdir()
    (tmp_path / "partial" / ".partial").write_text("")
    for out in (
        tmp_path / "file",
        tmp_path / "file" / "below",
        tmp_path / "taken",
        tmp_path / "partial",
        tmp_path / "a\0b",
        Path("/proc/out"),
    ):
        with pytest.raises(InvalidInput, match="--out"):
            shared_endpoint.run(inputs, out)
