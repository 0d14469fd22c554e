"""The manifest on disk: what a later run makes of what an earlier one wrote, killed or not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from async_endpoint.batch.item import Item, digest
from async_endpoint.batch.manifest import Manifest
from async_endpoint.core.errors import InvalidInput, Refused


def opened(folder: Path, endpoint: str = "shop", source: str = "inputs") -> Manifest:
    return Manifest(folder / "manifest.sqlite", endpoint=endpoint, source=source)


def item(name: str, content: str = "") -> Item:
    return Item(name, content.encode(), digest(content))


def test_what_is_done_is_not_sent_again_and_what_failed_only_when_asked(tmp_path: Path) -> None:
    with opened(tmp_path) as manifest:
        numbers = [manifest.begin(item(name), again=False) for name in ("done", "failed", "underway", "begun")]
        assert numbers == [1, 2, 3, 4]
        for number in (1, 2, 3):
            manifest.submitted(number, {"inference_id": f"id-{number}"})
        manifest.done(1, seconds=2.5, size=10)
        manifest.failed(2, "no\nmore", seconds=1.0)
        name = manifest.name
    with opened(tmp_path) as manifest:
        assert (manifest.name, manifest.run) == (name, 2)
        assert [manifest.begin(item(name), again=False) for name in ("done", "failed", "underway", "begun")] == [
            None,
            None,
            None,
            4,
        ]
        assert manifest.counts() == {"sending": 1, "submitted": 1, "done": 1, "failed": 1}
        [underway] = manifest.records("submitted")
        assert (underway.name, underway.request) == ("underway", {"inference_id": "id-3"})
        assert manifest.reasons(5) == [("no\nmore", 1)]
        assert manifest.seconds(0.5) == 2.5
    with opened(tmp_path) as manifest:
        assert [manifest.begin(item(name), again=True) for name in ("done", "failed")] == [None, 5]
        assert not manifest.current(2)


def test_a_changed_input_is_sent_under_another_number(tmp_path: Path) -> None:
    with opened(tmp_path) as manifest:
        manifest.begin(item("a", "one"), again=False)
        manifest.done(1, seconds=1, size=1)
    with opened(tmp_path) as manifest:
        assert manifest.begin(item("a", "two"), again=False) == 2
        manifest.done(1, seconds=9, size=9)  # a late outcome of the earlier input
        assert [(record.state, record.attempts) for record in manifest.records()] == [("sending", 2)]


def test_a_repeated_name_is_reported(tmp_path: Path) -> None:
    with opened(tmp_path) as manifest:
        manifest.begin(item("a", "one"), again=False)
        with pytest.raises(InvalidInput, match="'a' occurs twice"):
            manifest.begin(item("a", "two"), again=False)


def test_a_late_record_of_an_acceptance_changes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as manifest:
        manifest.begin(item("a"), again=False)
        manifest.done(1, seconds=1, size=1)
        manifest.submitted(1, {"inference_id": "late"})
        assert [record.state for record in manifest.records()] == ["done"]


def test_attempts_that_no_later_run_meets_are_found(tmp_path: Path) -> None:
    with opened(tmp_path) as manifest:
        manifest.begin(item("kept"), again=False)
        manifest.begin(item("removed"), again=False)
    with opened(tmp_path) as manifest:
        assert manifest.begin(item("kept"), again=False) == 1
        assert manifest.unseen() == [2]


def test_all_records_are_found_a_page_at_a_time(tmp_path: Path) -> None:
    with opened(tmp_path) as manifest:
        for number in range(2_500):
            manifest.begin(item(f"{number:05}"), again=False)
        assert [record.name for record in manifest.records()] == [f"{number:05}" for number in range(2_500)]


def test_a_folder_belongs_to_one_batch(tmp_path: Path) -> None:
    opened(tmp_path).__exit__(None, None, None)
    with pytest.raises(InvalidInput, match=r"has the endpoint shop, not other: .* give another folder with --out"):
        opened(tmp_path, endpoint="other")
    with pytest.raises(InvalidInput, match="has the source inputs, not elsewhere"):
        opened(tmp_path, source="elsewhere")
    opened(tmp_path).__exit__(None, None, None)


def test_a_damaged_manifest_is_one_sentence(tmp_path: Path) -> None:
    with opened(tmp_path) as manifest:
        manifest.begin(item("a"), again=False)
        manifest._connection.close()
        with pytest.raises(InvalidInput, match=r"cannot be used .* rerun the command to resume"):
            manifest.counts()


def test_a_file_that_is_no_manifest_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "manifest.sqlite").write_text("notes of mine, nothing that SQLite ever wrote" * 100)
    with pytest.raises(InvalidInput, match="is not a manifest"):
        opened(tmp_path)
    assert (tmp_path / "manifest.sqlite").read_text().startswith("notes of mine")


def test_two_processes_never_share_it_and_a_killed_one_releases_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from async_endpoint.batch.item import Item\n"
        "from async_endpoint.batch.manifest import Manifest\n"
        "manifest = Manifest(Path(sys.argv[1]) / 'manifest.sqlite', endpoint='shop', source='inputs')\n"
        "manifest.begin(Item('theirs', b'', 'print'), again=False); print('ready', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        with pytest.raises(Refused, match="another process works on this batch"):
            opened(tmp_path)
        other.kill()
    with opened(tmp_path) as manifest:
        assert [record.name for record in manifest.records("sending")] == ["theirs"]
