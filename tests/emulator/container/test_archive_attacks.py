"""Malicious model archives: path traversal, links, and resource exhaustion are refused."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from async_endpoint.emulator.container import archive as container_archive
from async_endpoint.emulator.container import python_environment
from async_endpoint.emulator.container.archive import ArchiveUnusable, unpack

Member = tuple[str, bytes, str]  # name, type, and where a link leads
DIRECTORY, FILE, LINK, HARD_LINK = tarfile.DIRTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
CONTENT = b"of the archive"


def packed(members: list[Member]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, kind, target in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mode = kind, target, 0o755
            member.size = len(CONTENT) if kind == FILE else 0
            tar.addfile(member, io.BytesIO(CONTENT))
    return packed.getvalue()


def beyond_long_paths(folder_chars: int, then: list[Member]) -> list[Member]:
    """CVE-2025-4517: short names for folders with long ones, until a path is too long for realpath, then upwards from there."""
    members, path, short = list[Member](), "", "abcdefghijklmnop"
    for letter in short:
        members += [(f"{path}{'d' * folder_chars}", DIRECTORY, ""), (f"{path}{letter}", LINK, "d" * folder_chars)]
        path += "d" * folder_chars + "/"
    deepest = "/".join(short) + "/" + "l" * 254
    return [*members, (deepest, LINK, "../" * len(short)), ("way", LINK, f"{deepest}/../../victim"), *then]


ATTACKS: dict[str, list[Member]] = {
    "a file beyond long paths": beyond_long_paths(247, [("way/file", FILE, "")]),
    "a file beyond paths that are just not too long": beyond_long_paths(60, [("way/file", FILE, "")]),
    "a hard link beyond long paths": beyond_long_paths(247, [("one", HARD_LINK, "way/file"), ("one", FILE, "")]),
    "upwards": [("../../victim/file", FILE, "")],
    "through a link": [("way", LINK, "../../victim"), ("way/file", FILE, "")],
    "through a link in the folder": [("inside", DIRECTORY, ""), ("way", LINK, "inside"), ("way/file", FILE, "")],
    "in the place of a link": [("way", LINK, "inside"), ("way", FILE, "")],
    "hard link upwards": [("one", HARD_LINK, "../../victim/file"), ("one", FILE, "")],
    "link that a later one turns outwards": [("a", DIRECTORY, ""), ("way", LINK, "a/b/../victim"), ("a/b", LINK, "..")],
    "device": [("null", tarfile.CHRTYPE, "")],
    "named pipe": [("pipe", tarfile.FIFOTYPE, "")],
}


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_is_written_outside_the_folder(tmp_path: Path, name: str) -> None:
    victim, model = tmp_path / "victim", tmp_path / "instance" / "model"
    victim.mkdir()
    (victim / "file").write_bytes(b"as before")
    (victim.parent / "instance" / "victim").mkdir(parents=True)
    with pytest.raises(ArchiveUnusable):
        unpack(packed(ATTACKS[name]), model)
    assert {path.name: path.read_bytes() for path in victim.iterdir()} == {"file": b"as before"}
    assert not list((tmp_path / "instance" / "victim").iterdir())


@pytest.mark.parametrize(
    ("member", "said"),
    [
        (("snapshot/weights", LINK, "../blobs/abc"), "snapshot/weights is a symbolic link"),
        (("copy", HARD_LINK, "blobs/abc"), "copy is a hard link"),
        (("/copy", FILE, ""), "outside the archive's folder"),
    ],
)
def test_links_and_absolute_names_are_refused_even_inside_the_folder(tmp_path: Path, member: Member, said: str) -> None:
    """huggingface_hub's cache makes such links, and SageMaker extracts none."""
    with pytest.raises(ArchiveUnusable, match=said):
        unpack(packed([("blobs/abc", FILE, ""), member]), tmp_path / "model")


def header_of(kind: bytes, size: int) -> bytes:
    member = tarfile.TarInfo("name")
    member.type, member.size = kind, size
    return member.tobuf()


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_header_of_any_size_takes_bounded_memory(tmp_path: Path, kind: bytes) -> None:
    size = 64 << 20
    archive = gzip.compress(header_of(kind, size) + bytes(size), 1)
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveUnusable, match="header"):
            unpack(archive, tmp_path / "model")
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


LIMITS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "more than 3 members": lambda patch: patch.setattr(container_archive, "MAX_MEMBERS", 3),
    "free disk space": lambda patch: patch.setattr(container_archive, "RESERVED_DISK_BYTES", 1 << 62),
}


@pytest.mark.parametrize("said", LIMITS)
def test_an_archive_larger_than_the_free_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    LIMITS[said](monkeypatch)
    with pytest.raises(ArchiveUnusable, match=said):
        unpack(packed([(f"file-{number}", FILE, "") for number in range(4)]), tmp_path / "model")


def test_requirements_read_no_file_outside_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name in the requirements could refer to an endless file, which must not be read into memory."""
    monkeypatch.setattr(python_environment, "_create", lambda folder, *_: folder.mkdir())
    outside, inside = tmp_path / "outside.whl", tmp_path / "model" / "code" / "inside.whl"
    inside.parent.mkdir(parents=True)
    requirements = inside.with_name("requirements.txt")

    def made_for(wheel: Path, content: bytes) -> Path:
        wheel.write_bytes(content)
        return python_environment.python_for(requirements, tmp_path / "cache")

    for named, differs in ((str(outside), False), ("../../outside.whl", False), ("./inside.whl", True)):
        requirements.write_text(f"{named}\n")
        wheel = inside if differs else outside
        assert (made_for(wheel, b"one") != made_for(wheel, b"two")) == differs
    requirements.write_bytes(b"#" * (python_environment.REQUIREMENTS_BYTES + 1))
    with pytest.raises(python_environment.RequirementsFailed, match="more than"):
        python_environment.python_for(requirements, tmp_path / "cache")
