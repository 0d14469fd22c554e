"""Extract model data into the model directory: files and folders only, defending against malicious archives.

SageMaker fails a deployment whose archive has symbolic links, and one that is not gzip-compressed (AWS knowledge center,
"sagemaker-endpoint-creation-fail"; aws/deep-learning-containers, pull request 569). That it also rejects hard links, devices,
and names that are absolute or lead upwards is A220 of docs/assumptions.md.
"""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Final

from async_endpoint.emulator.container import payload
from async_endpoint.emulator.container.container import CannotStart, ContainerSpec
from async_endpoint.emulator.container.payload import Body

READ_BYTES: Final = 1 << 20
# Resource limits of one archive. tarfile reads an extended header into memory at once, whatever size it declares, and keeps
# every member in memory.
MAX_HEADER_BYTES: Final = 1 << 20
MAX_MEMBERS: Final = 200_000
MAX_NAME_CHARS: Final = 1_024
RESERVED_DISK_BYTES: Final = 64 << 20
KINDS: Final = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
}


class ArchiveUnusable(CannotStart):
    """The model archive cannot be extracted; the text says why."""


def extract_model(spec: ContainerSpec, model_dir: Path) -> None:
    """Create `model_dir` with the container's model data; raises ArchiveUnusable."""
    if spec.archive is not None:
        try:
            unpack(spec.archive, model_dir)
        except ArchiveUnusable as error:
            raise ArchiveUnusable(f"{spec.extraction_error} ({error})" if spec.extraction_error else str(error)) from error
        return
    model_dir.mkdir(parents=True)
    for name, content in spec.files.items():
        path = (model_dir / name).resolve()
        if not path.is_relative_to(model_dir.resolve()):
            raise ArchiveUnusable(f"the model data has an object outside its prefix: {name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file, payload.of(content).open() as source:
            shutil.copyfileobj(source, file, READ_BYTES)


def unpack(archive: Body, model_dir: Path) -> None:
    """Extract a gzip-compressed tar into `model_dir`.

    Raises ArchiveUnusable when it is invalid, has other members than files and folders below `model_dir`, or exceeds the free
    disk or the limits above.
    """
    model_dir.mkdir(parents=True)
    try:
        with (
            payload.of(archive).open() as packed,
            gzip.GzipFile(fileobj=packed) as plain,
            tarfile.open(fileobj=_BoundedReader(plain), mode="r:") as tar,
        ):
            tar.extractall(model_dir, filter=_MemberFilter(model_dir))
            while plain.read(READ_BYTES):  # to the end, so that gzip verifies its checksum
                pass
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise ArchiveUnusable(f"the model archive is not a gzip-compressed tar: {error}") from error


class _BoundedReader(io.RawIOBase):
    """A reader for tarfile that refuses reads larger than a header may be."""

    def __init__(self, plain: gzip.GzipFile) -> None:
        super().__init__()
        self._plain = plain

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= MAX_HEADER_BYTES:
            raise ArchiveUnusable(f"the model archive has a header of {size} bytes; at most {MAX_HEADER_BYTES} are read")
        return self._plain.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._plain.seek(offset, whence)

    def tell(self) -> int:
        return self._plain.tell()


class _MemberFilter:
    """A filter for tarfile that admits files and folders below the model directory, and limits their number and size.

    Nothing is written through a link, because there are none.
    """

    def __init__(self, model_dir: Path) -> None:
        self._members = 0
        self._free_bytes = shutil.disk_usage(model_dir).free - RESERVED_DISK_BYTES

    def __call__(self, member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
        self._members += 1
        self._free_bytes -= max(member.size, 0) if member.isreg() else 0
        if self._members > MAX_MEMBERS:
            raise ArchiveUnusable(f"the model archive has more than {MAX_MEMBERS} members")
        if self._free_bytes < 0:
            raise ArchiveUnusable("the model archive is larger than the free disk space")
        if len(member.name) > MAX_NAME_CHARS:
            raise ArchiveUnusable(f"the model archive has a name of more than {MAX_NAME_CHARS} characters")
        if not (member.isreg() or member.isdir()):
            kind = KINDS.get(member.type, "neither a file nor a folder")
            raise ArchiveUnusable(f"the member {member.name[:200]} is {kind}; replace it by a copy of the file it should be")
        name = PurePosixPath(member.name)
        if name.is_absolute() or ".." in name.parts:
            raise ArchiveUnusable(f"the member {member.name[:200]} is outside the archive's folder")
        return tarfile.data_filter(member, path)
