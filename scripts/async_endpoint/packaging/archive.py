"""build_archive: a reproducible model.tar.gz, the same bytes on any day, in any checkout, under any umask.

A gzip stream without name or time, containing a PAX tar: members sorted by name, owner 0, mode 0644, one fixed time. The bytes
depend on the zlib that Python is linked with, and on nothing else of the machine.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import gzip
import hashlib
import os
import secrets
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from async_endpoint.core.errors import InvalidInput, PackageLayoutError
from async_endpoint.packaging.layout import check_layout

MEMBER_TIME: Final = 315_532_800  # 1980-01-01: older tar programs warn about 1970
COMPRESSION_LEVEL: Final = 6
PARTIAL: Final = ".partial"
ABANDONED_SECONDS: Final = 60.0


@dataclass(frozen=True)
class PackagedModel:
    """An archive on disk: its size in bytes, the hex SHA-256 of its bytes, and the number of files in it."""

    path: Path
    size_bytes: int
    sha256: str
    files: int


def build_archive(source: Path, output: Path, *, custom_image: bool = False) -> PackagedModel:
    """Check the model folder `source` and write its archive to `output`, replacing it atomically.

    Creates the folders above `output`. For a `custom_image` the folder needs no handler. Raises PackageLayoutError if `source`
    does not follow the layout (see `check_layout`) or has an unreadable file, and InvalidInput if `output` is inside `source`
    or cannot be written.
    """
    members = check_layout(source, custom_image=custom_image)
    if output.resolve().is_relative_to(source.resolve()):
        raise InvalidInput(f"Output {output} is inside model folder {source} and would package itself; write it elsewhere.")
    partial = output.with_name(f".{output.name}.{secrets.token_hex(4)}{PARTIAL}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(output)
        with partial.open("x+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _write(file, source, members)
            size = file.tell()
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            partial.replace(output)
    except OSError as error:
        raise InvalidInput(f"Archive {output} cannot be written ({error.strerror or error}); choose another output.") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
    return PackagedModel(output, size, digest, len(members))


def _remove_abandoned(output: Path) -> None:
    """Remove what killed commands have written of the same archive: the kernel ends a lock with its process."""
    for partial in output.parent.glob(f".{glob.escape(output.name)}.*{PARTIAL}"):
        with contextlib.suppress(OSError), partial.open("rb") as file:
            if time.time() - os.fstat(file.fileno()).st_mtime > ABANDONED_SECONDS:  # a new one may not be locked yet
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                partial.unlink()


def _write(file: BinaryIO, source: Path, members: list[str]) -> None:
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=COMPRESSION_LEVEL, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for member in members:
            _add(archive, source / member, member)


def _add(archive: tarfile.TarFile, path: Path, member: str) -> None:
    header = tarfile.TarInfo(member)  # fixed defaults: owner 0 without a name, mode 0644
    header.mtime = MEMBER_TIME
    try:
        file = path.open("rb")
    except OSError as error:
        raise PackageLayoutError(f"{path} cannot be read ({error.strerror}); make it readable or ignore it.") from error
    with file:
        header.size = os.fstat(file.fileno()).st_size
        archive.addfile(header, file)
