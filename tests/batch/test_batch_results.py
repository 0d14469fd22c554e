"""The folder of a batch: whole files under names that stay inside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from async_endpoint.batch.results import NameTaken, Results, make_folder
from async_endpoint.core.errors import InvalidInput


@pytest.fixture
def results(tmp_path: Path) -> Results:
    found = Results(tmp_path / "out")
    found.prepare()
    return found


@pytest.mark.parametrize(
    "name", ["red.png", "shirts/deep/red.png", "../../etc/passwd", "/etc/passwd", "..", "a//b", "a\nb\0", "é" * 300]
)
def test_every_name_has_a_file_of_its_own_inside(results: Results, name: str) -> None:
    results.write_result(name, name.encode())
    [path] = [path for path in (results.folder / "results").rglob("*") if path.is_file()]
    assert path == results.result_path(name)
    assert path.resolve().is_relative_to((results.folder / "results").resolve())
    assert path.read_bytes() == name.encode()
    assert "\n" not in str(path)


def test_names_that_differ_have_files_that_differ(results: Results) -> None:
    names = ["a/b", "a%2Fb", "a//b", "a/./b", "x" * 300, "x" * 301, "..", "%2E%2E", "."]
    names += [
        "a",
        "a.out",
        "a.out/b",
        "a.out/b.out",
        "a%2Eout/b",
        "a.txt/b",
        "A",
        "é",
        "É",
        "\0",
        "/".join("a" * 900),
        "/".join("a" * 901),
    ]
    assert len({results.result_path(name) for name in names}) == len(names)
    for number, name in enumerate(names):
        results.write_result(name, str(number).encode())
        results.write_failure(f"{name} failed", str(number))
    assert [results.result_path(name).read_bytes() for name in names] == [str(number).encode() for number in range(len(names))]


def test_names_that_differ_in_case_have_files_that_differ_where_the_file_system_takes_one_for_the_other(tmp_path: Path) -> None:
    results = Results(tmp_path / "out", case_sensitive=False)
    results.prepare()
    names = ["a", "A", "dir/a", "Dir/a", "DIR/A", "é", "É", "x" * 300, "X" * 300]
    paths = [results.result_path(name) for name in names]
    assert len({str(path).lower() for path in paths}) == len(names)
    assert paths[0].name == "a.out"
    assert all(len(path.name) <= 255 for path in paths)


def test_an_item_has_a_result_or_a_failure(results: Results) -> None:
    results.write_failure("a", "refused")
    assert results.failure_path("a").read_text() == "refused\n"
    results.write_result("a", b"result")
    assert not results.failure_path("a").exists()
    results.write_failure("a", "refused")
    assert not results.result_path("a").exists()


def test_a_write_that_breaks_off_leaves_what_was_there(results: Results) -> None:
    def lines() -> Iterator[int]:
        yield 1
        raise RuntimeError("no more")

    results.write_lines("items.jsonl", [1, 2])
    with pytest.raises(RuntimeError):
        results.write_lines("items.jsonl", lines())
    assert [json.loads(line) for line in (results.folder / "items.jsonl").read_text().splitlines()] == [1, 2]
    assert list((results.folder / ".partial").iterdir()) == []


def test_partial_files_of_a_killed_process_are_deleted(results: Results) -> None:
    (results.folder / ".partial" / "half").write_bytes(b"ha")
    results.prepare()
    assert list((results.folder / ".partial").iterdir()) == []


def test_a_result_is_held_when_all_its_bytes_are(results: Results) -> None:
    results.write_result("a", b"result")
    assert results.holds("a", 6)
    assert not results.holds("a", 7)
    assert not results.holds("b", 6)


def test_a_folder_at_the_path_of_a_file_is_distinguished_from_an_unwritable_disk(results: Results) -> None:
    (results.folder / "results" / "a.out").mkdir(parents=True)
    with pytest.raises(NameTaken, match=r"a\.out cannot be written"):
        results.write_result("a", b"1")
    results.write_result("b", b"2")
    (results.folder / "failures").write_text("not a folder")
    with pytest.raises(InvalidInput, match=r"cannot be written .* rerun the command to resume") as caught:
        results.write_failure("a", "refused")
    assert not isinstance(caught.value, NameTaken)


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match=r"cannot be created .* give another folder with --out"):
        make_folder(tmp_path / "file" / "out")
