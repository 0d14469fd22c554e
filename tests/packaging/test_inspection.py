"""An archive is read as SageMaker and a container would, without being extracted."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from async_endpoint.core.errors import InvalidInput, PackageLayoutError
from async_endpoint.packaging.archive import build_archive
from async_endpoint.packaging.inspection import check_archive

HANDLER = "def model_fn(model_dir): ...\ndef predict_fn(data, model): ...\n"


def packed(path: Path, *members: tarfile.TarInfo | str, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for member in members:
            header = tarfile.TarInfo(member) if isinstance(member, str) else member
            text = HANDLER.encode() if header.name.endswith("inference.py") else b""
            header.size = len(text)
            archive.addfile(header, io.BytesIO(text))
    return path


def special(name: str, kind: bytes) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, "elsewhere"
    return header


def test_an_archive_of_this_package_is_well(tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "code").mkdir(parents=True)
    (model / "code/inference.py").write_text(HANDLER)
    (model / "weights").write_text("1")
    path = build_archive(model, tmp_path / "model.tar.gz").path
    checked = check_archive(path)
    assert checked.files == 2
    assert checked.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_archive_of_a_custom_image_needs_files_and_no_handler(tmp_path: Path) -> None:
    assert check_archive(packed(tmp_path / "a.tar.gz", "weights"), custom_image=True).files == 1
    with pytest.raises(PackageLayoutError, match="has no files"):
        check_archive(packed(tmp_path / "b.tar.gz"), custom_image=True)


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (special("weights", tarfile.SYMTYPE), "has a link, weights"),
        (special("weights", tarfile.LNKTYPE), "has a link, weights"),
        (special("pipe", tarfile.FIFOTYPE), "has pipe, neither a file nor a folder"),
        ("../outside", r"the path \.\./outside"),
        ("/etc/passwd", "the path /etc/passwd"),
        ("weights", "has no code/inference.py"),
    ],
)
def test_what_cannot_be_extracted_or_served_is_named(tmp_path: Path, member: tarfile.TarInfo | str, words: str) -> None:
    with pytest.raises(PackageLayoutError, match=words):
        check_archive(packed(tmp_path / "model.tar.gz", member))


def test_files_that_are_no_archives_are_named(tmp_path: Path) -> None:
    path = tmp_path / "model.tar.gz"
    path.write_bytes(b"")
    with pytest.raises(PackageLayoutError, match="is empty"):
        check_archive(path)
    with pytest.raises(PackageLayoutError, match="not compressed by gzip"):
        check_archive(packed(path, "code/inference.py", mode="w"))
    path.write_bytes(packed(path, "code/inference.py").read_bytes()[:-20])
    with pytest.raises(PackageLayoutError, match="is damaged"):
        check_archive(path)
    with pytest.raises(InvalidInput):
        check_archive(tmp_path)
