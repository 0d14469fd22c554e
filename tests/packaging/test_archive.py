"""The archive: the same bytes everywhere, written whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from async_endpoint.core.errors import InvalidInput, PackageLayoutError
from async_endpoint.packaging import build_archive

FILES = {
    "code/inference.py": b"def model_fn(model_dir): ...\ndef predict_fn(data, model): ...\n",
    "code/requirements.txt": b"numpy\n",
    "weights.bin": bytes(range(256)) * 500,
    "data/" + "long-name-" * 12 + ".txt": b"beyond the 100 characters of the old header",
    "data/größe.txt": b"names are UTF-8",
    "empty": b"",
}


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def make(source: Path, *, backwards: bool = False, mode: int = 0o644, time: int = 0) -> Path:
    for name in sorted(FILES, reverse=backwards):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FILES[name])
        path.chmod(mode)
        if time:
            os.utime(path, (time, time))
    return source


@pytest.mark.usefixtures("umask")
def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    first = build_archive(make(tmp_path / "one"), tmp_path / "a.tar.gz")
    os.umask(0o077)
    second = build_archive(
        make(tmp_path / "another place" / "two", backwards=True, mode=0o755, time=1_000_000_000), tmp_path / "out" / "b.tgz"
    )
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.sha256 == second.sha256 == hashlib.sha256(second.path.read_bytes()).hexdigest()


def test_one_changed_byte_changes_the_digest(tmp_path: Path) -> None:
    source = make(tmp_path / "model")
    before = build_archive(source, tmp_path / "a.tar.gz")
    (source / "empty").write_bytes(b"x")
    assert build_archive(source, tmp_path / "a.tar.gz").sha256 != before.sha256


def test_the_result_describes_the_archive(tmp_path: Path) -> None:
    packaged = build_archive(make(tmp_path / "model"), tmp_path / "a.tar.gz")
    assert packaged.path == tmp_path / "a.tar.gz"
    assert packaged.size_bytes == packaged.path.stat().st_size
    assert packaged.files == len(FILES)


def test_members_are_sorted_and_carry_nothing_of_this_machine(tmp_path: Path) -> None:
    packaged = build_archive(make(tmp_path / "model"), tmp_path / "a.tar.gz")
    with tarfile.open(packaged.path) as archive:
        members = archive.getmembers()
        contents = {member.name: archive.extractfile(member).read() for member in members}  # type: ignore[union-attr]
    assert contents == FILES
    assert [member.name for member in members] == sorted(FILES)
    described = {(m.uid, m.gid, m.uname, m.gname, m.mode, m.mtime, m.type) for m in members}
    assert described == {(0, 0, "", "", 0o644, 315_532_800, tarfile.REGTYPE)}


def test_the_gzip_header_has_neither_name_nor_time(tmp_path: Path) -> None:
    header = build_archive(make(tmp_path / "model"), tmp_path / "a.tar.gz").path.read_bytes()[:10]
    assert header[:3] == b"\x1f\x8b\x08"
    assert header[3] == 0  # flags: no name, no comment, no extra field
    assert header[4:8] == b"\0\0\0\0"


@pytest.mark.usefixtures("umask")
def test_the_archive_is_as_readable_as_any_new_file(tmp_path: Path) -> None:
    packaged = build_archive(make(tmp_path / "model"), tmp_path / "a.tar.gz")
    assert packaged.path.stat().st_mode & 0o777 == 0o644


def test_an_output_inside_the_folder_is_refused(tmp_path: Path) -> None:
    source = make(tmp_path / "model")
    with pytest.raises(InvalidInput, match="is inside model folder"):
        build_archive(source, source / "data" / ".." / "model.tar.gz")
    assert not (source / "model.tar.gz").exists()


def test_a_failed_build_leaves_the_old_archive_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, output = make(tmp_path / "model"), tmp_path / "out" / "a.tar.gz"
    before = build_archive(source, output)
    unreadable, real_open = source / "weights.bin", Path.open

    def guarded(path: Path, *arguments: str, **options: str) -> object:
        if path == unreadable:  # permissions do not stop root, who runs tests in containers
            raise PermissionError(13, "Permission denied", str(path))
        return real_open(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", guarded)
    with pytest.raises(PackageLayoutError, match=r"weights\.bin cannot be read \(Permission denied\)"):
        build_archive(source, output)
    monkeypatch.undo()
    assert [path.name for path in output.parent.iterdir()] == ["a.tar.gz"]
    assert hashlib.sha256(output.read_bytes()).hexdigest() == before.sha256


def test_what_a_killed_build_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    source, output = make(tmp_path / "model"), tmp_path / "a[1].tar.gz"
    abandoned, locked, new, other = (
        tmp_path / f".{name}.partial" for name in ("a[1].tar.gz.1", "a[1].tar.gz.2", "a[1].tar.gz.3", "b")
    )
    for path in (abandoned, locked, new, other):
        path.write_bytes(b"half")
        if path != new:
            os.utime(path, (0, 0))
    with locked.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        build_archive(source, output)
    assert {path.name for path in tmp_path.glob(".*.partial")} == {locked.name, new.name, other.name}


@pytest.mark.parametrize("blocked", ["a folder", "below a file"])
def test_an_output_that_cannot_be_written_is_named(tmp_path: Path, blocked: str) -> None:
    source, output = make(tmp_path / "model"), tmp_path / "out" / "a.tar.gz"
    if blocked == "a folder":
        output.mkdir(parents=True)
    else:
        output.parent.write_text("in the way")
    with pytest.raises(InvalidInput, match=r"a\.tar\.gz cannot be written") as caught:
        build_archive(source, output)
    assert str(output) in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "out"]
    if blocked == "a folder":
        assert [path.name for path in output.parent.iterdir()] == ["a.tar.gz"]
