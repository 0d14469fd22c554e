"""Each kind of source, what cannot be used in it, and what ends with one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.batch.item import Item
from async_endpoint.batch.source import Source, open_source
from async_endpoint.core.errors import InvalidInput, UsageError


def opened(text: Any, session: Any = None, out: Path = Path("nowhere")) -> Source:
    return open_source(str(text), session, out)


def by_name(source: Source) -> dict[str, Item]:
    items = list(source.items())
    assert len({item.name for item in items}) == len(items)
    return {item.name: item for item in items}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.json", "shirts/red.png", "shirts/deep/blue.png", ".hidden", ".git/config"):
        path = tmp_path / "inputs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "inputs"


def test_a_folder_is_all_files_below_it_but_hidden_ones(folder: Path) -> None:
    source = opened(folder)
    items = by_name(source)
    assert source.kind == "folder"
    assert set(items) == {"a.json", "shirts/red.png", "shirts/deep/blue.png"}
    assert items["shirts/red.png"].payload == folder / "shirts/red.png"
    assert source.count() == 3


def test_results_that_lie_below_the_source_are_no_inputs(folder: Path) -> None:
    (folder / "out/results").mkdir(parents=True)
    (folder / "out/results/a.json.out").write_text("{}")
    assert set(by_name(opened(folder, out=folder / "out"))) == {"a.json", "shirts/red.png", "shirts/deep/blue.png"}
    assert "out/results/a.json.out" not in by_name(opened(folder / "**" / "*", out=folder / "out"))


def test_results_may_go_beside_the_inputs_and_above_them(folder: Path) -> None:
    for name in ("results/a.json.out", "failures/b.txt", "report.json", "items.jsonl", "manifest.sqlite"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    assert set(by_name(opened(folder, out=folder))) == {"a.json", "shirts/red.png", "shirts/deep/blue.png"}
    assert set(by_name(opened(folder / "**" / "*", out=folder))) == {"a.json", "shirts/red.png", "shirts/deep/blue.png"}
    assert "report.json" in by_name(opened(folder, out=folder / "out"))


def test_a_link_to_a_folder_above_ends(folder: Path) -> None:
    (folder / "shirts" / "again").symlink_to(folder)
    assert opened(folder).count() == 3


def test_a_glob_names_items_after_its_fixed_part(folder: Path) -> None:
    source = opened(folder / "**" / "*.png")
    assert source.kind == "glob"
    assert set(by_name(source)) == {"shirts/red.png", "shirts/deep/blue.png"}
    assert set(by_name(opened(folder / "shirts" / "*.png"))) == {"red.png"}


def test_an_input_that_changes_has_another_fingerprint(folder: Path) -> None:
    before = by_name(opened(folder))
    (folder / "a.json").write_text("something else")
    after = by_name(opened(folder))
    assert before["a.json"].fingerprint != after["a.json"].fingerprint
    assert before["shirts/red.png"] == after["shirts/red.png"]


def test_json_lines_name_files_objects_and_bodies(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(b"1")
    lines = [
        {"id": "file", "input": "one.png"},
        {"id": 7, "input": "s3://bucket/two.png", "content_type": "image/x"},
        {"body": {"pixels": [1, "é"]}},
    ]
    (tmp_path / "rows.jsonl").write_text("\n\n".join(json.dumps(line) for line in lines) + "\n")
    items = by_name(opened(tmp_path / "rows.jsonl"))
    assert set(items) == {"file", "7", "line-000005"}
    assert items["file"].payload == tmp_path / "one.png"
    assert (items["7"].payload, items["7"].content_type) == ("s3://bucket/two.png", "image/x")
    assert items["line-000005"].payload == '{"pixels":[1,"é"]}'.encode()
    assert items["line-000005"].content_type == "application/json"
    assert not any(item.problem for item in items.values())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{broken", "Line 2 of rows.jsonl is not JSON"),
        ("[1]", "Line 2 of rows.jsonl is a JSON list, not an object"),
        ("{}", "has neither input and body"),
        ('{"input": "a", "body": 1}', "has both input and body"),
        ('{"input": 5}', "has the input 5"),
        ('{"input": "gone.png"}', "gone.png cannot be read (No such file or directory)"),
        ('{"input": "nul\\u0000.png"}', "cannot be read"),
        ('{"id": "", "body": 1}', "has the id ''"),
        ('{"id": true, "body": 1}', "has the id True"),
        ('{"body": 1, "content_type": 3}', "has the content_type 3"),
        ('{"body": 1, "colour": 3}', "has the fields colour"),
    ],
)
def test_a_line_that_cannot_be_used_fails_alone(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "rows.jsonl").write_text(f'{{"body": 1}}\n{line}\n{{"body": 3}}\n')
    first, invalid, last = opened(tmp_path / "rows.jsonl").items()
    assert (first.problem, last.problem) == (None, None)
    assert said in str(invalid.problem)


def test_csv_has_a_column_of_inputs(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(b"1")
    (tmp_path / "rows.csv").write_text("﻿id,input,content_type\nred,one.png,\n,s3://bucket/two.png,image/x\n\nlost,gone.png,\n")
    items = by_name(opened(tmp_path / "rows.csv"))
    assert items["red"].payload == tmp_path / "one.png"
    assert (items["line-000003"].payload, items["line-000003"].content_type) == ("s3://bucket/two.png", "image/x")
    assert "gone.png cannot be read" in str(items["lost"].problem)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"name\nx\n", "must name one input"), (b"", "must name one input"), (b"\xff\xfeinput\n", "must name one input")],
)
def test_a_file_that_is_not_csv_is_refused_as_a_whole(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "rows.csv").write_bytes(content)
    with pytest.raises(InvalidInput, match=said):
        list(opened(tmp_path / "rows.csv").items())


@pytest.mark.parametrize(
    ("text", "said"),
    [("nowhere", "does not exist; give a folder, a glob"), ("s3://B", "is not an S3 URI"), ("{}/a.json", "a manifest ends in")],
)
def test_what_is_no_source_is_refused(folder: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        opened(text.format(folder))


def test_a_folder_that_cannot_be_read_ends_with_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(UsageError, match="cannot be read \\(Permission denied\\)"):
        list(opened(folder).items())
