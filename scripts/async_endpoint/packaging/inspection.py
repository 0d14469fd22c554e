"""check_archive: whether a model.tar.gz is one that SageMaker can extract and a container can serve, read as a stream.

SageMaker refuses a tar that is not compressed by gzip, and links inside ("Failed to extract model data archive": AWS
deep-learning-containers, issue 569).
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from async_endpoint.core.errors import PackageLayoutError
from async_endpoint.input_files import open_input
from async_endpoint.packaging.handlers import check_source
from async_endpoint.packaging.layout import PROGRAM

GZIP_MAGIC: Final = b"\x1f\x8b"
CHUNK_BYTES: Final = 1 << 20
MOST_PROGRAM_BYTES: Final = 1 << 20
COMMAND: Final = "async-endpoint package"


@dataclass(frozen=True)
class CheckedArchive:
    """What an archive has: the hex SHA-256 of its bytes, its size in bytes, and the number of files in it."""

    sha256: str
    size_bytes: int
    files: int


def check_archive(path: Path, *, custom_image: bool = False) -> CheckedArchive:
    """Read the whole archive at `path`. With `custom_image` it needs no handler.

    Raises PackageLayoutError for a file that is no gzip-compressed tar or is damaged, for links and devices inside, for names
    that lead out of the folder it is extracted to, and for a handler that is missing or incomplete; InvalidInput where the file
    cannot be read.
    """
    with open_input(path) as file:
        head = file.read(len(GZIP_MAGIC))
        if head != GZIP_MAGIC:
            found = "is empty" if not head else "is not compressed by gzip"
            raise PackageLayoutError(f"Archive {path} {found}, so SageMaker cannot extract it; build it with: {COMMAND}.")
        file.seek(0)
        try:
            files, program = _read(path, file)
        except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
            raise PackageLayoutError(f"Archive {path} is damaged ({error}); build it again with: {COMMAND}.") from error
        file.seek(0)
        digest = hashlib.sha256()
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    if not files:
        raise PackageLayoutError(f"Archive {path} has no files; build it from the folder of a model with: {COMMAND}.")
    if not custom_image:
        if program is None:
            raise PackageLayoutError(f"Archive {path} has no {PROGRAM}; build it from a folder that has one with: {COMMAND}.")
        check_source(program, f"{PROGRAM} of {path}")
    return CheckedArchive(digest.hexdigest(), path.stat().st_size, files)


def _read(path: Path, file: BinaryIO) -> tuple[int, bytes | None]:
    """The number of files, and the text of the handler if there is one."""
    files, program = 0, None
    with gzip.GzipFile(fileobj=file) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            if member.issym() or member.islnk():
                raise PackageLayoutError(
                    f"Archive {path} has a link, {name}, which SageMaker refuses to extract; replace it by a copy and build "
                    f"the archive with: {COMMAND}."
                )
            if name.startswith("/") or ".." in name.split("/"):
                raise PackageLayoutError(
                    f"Archive {path} has the path {name}, outside its own folder; build it with: {COMMAND}."
                )
            if not (member.isfile() or member.isdir()):
                raise PackageLayoutError(f"Archive {path} has {name}, neither a file nor a folder; build it with: {COMMAND}.")
            files += member.isfile()
            if name == PROGRAM and (content := archive.extractfile(member)) is not None:
                program = content.read(MOST_PROGRAM_BYTES)
        while stream.read(CHUNK_BYTES):  # to the checksum at its end
            pass
    return files, program
