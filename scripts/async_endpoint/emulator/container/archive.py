"""Lay out a model the way SageMaker does: in the model directory, and nowhere else."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import zlib
from pathlib import Path
from typing import Final

from async_endpoint.emulator.container.container import CannotStart, ContainerSpec

READ_BYTES: Final = 1 << 20
# What one archive may take of this machine. tarfile reads an extended header into memory at once, whatever size it states, and
# remembers every member.
MAX_HEADER_BYTES: Final = 1 << 20
MAX_MEMBERS: Final = 200_000
MAX_NAME_CHARS: Final = 1_024
RESERVED_DISK_BYTES: Final = 64 << 20


class ArchiveUnusable(CannotStart):
    """The model archive cannot be unpacked; the text says why."""


def extract_model(spec: ContainerSpec, model_dir: Path) -> None:
    """Make `model_dir` with what the container's model data is; raises ArchiveUnusable."""
    if spec.archive is not None:
        unpack(spec.archive, model_dir)
        return
    model_dir.mkdir(parents=True)
    for name, content in spec.files.items():
        path = (model_dir / name).resolve()
        if not path.is_relative_to(model_dir.resolve()):
            raise ArchiveUnusable(f"the model data has an object outside its prefix: {name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def unpack(archive: bytes, model_dir: Path) -> None:
    """Unpack a gzip-compressed tar into `model_dir`.

    Raises ArchiveUnusable when it is none, reaches outside the folder, or is larger than the disk or the limits above.
    """
    model_dir.mkdir(parents=True)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(archive)) as plain, tarfile.open(fileobj=_BoundedReader(plain), mode="r:") as tar:
            tar.extractall(model_dir, filter=_MemberFilter(model_dir))
            while plain.read(READ_BYTES):  # to the end, where gzip's checksum is
                pass
        _check_links(model_dir)
    except tarfile.FilterError as error:
        raise ArchiveUnusable(f"the model archive has a member outside its folder: {error}") from error
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise ArchiveUnusable(f"the model archive is not a gzip-compressed tar: {error}") from error


class _BoundedReader(io.RawIOBase):
    """What tarfile reads from; no read is larger than a header may be."""

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
    """tarfile's "data" filter, which no release before Python 3.11.13 and 3.12.11 can be relied on to be (CVE-2025-4517).

    It resolves links by a function that gives up on long paths. So nothing is written through a link here, and paths are short.
    """

    def __init__(self, model_dir: Path) -> None:
        self._folder = model_dir
        self._members = 0
        self._free_bytes = shutil.disk_usage(model_dir).free - RESERVED_DISK_BYTES

    def __call__(self, member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
        self._members += 1
        self._free_bytes -= max(member.size, 0) if member.isreg() else 0
        if self._members > MAX_MEMBERS:
            raise ArchiveUnusable(f"the model archive has more than {MAX_MEMBERS} members")
        if self._free_bytes < 0:
            raise ArchiveUnusable("the model archive holds more than the disk has room for")
        if max(len(member.name), len(member.linkname)) > MAX_NAME_CHARS:
            raise ArchiveUnusable(f"the model archive has a name of more than {MAX_NAME_CHARS} characters")
        checked = tarfile.data_filter(member, path)
        self._check_ancestors(checked.name, itself=not checked.issym())
        if checked.islnk():
            self._check_ancestors(checked.linkname, itself=True)
        return checked

    def _check_ancestors(self, name: str, *, itself: bool) -> None:
        """Raise ArchiveUnusable where a link lies on the way to a member, or (`itself`) in its place."""
        parts = Path(name).parts
        for count in range(1, len(parts) + itself):
            if self._folder.joinpath(*parts[:count]).is_symlink():
                raise ArchiveUnusable(f"the model archive has a member that lies behind a link: {name[:200]}")


def _check_links(model_dir: Path) -> None:
    """Raise ArchiveUnusable where a link leads outside, which a later member can make of one that did not."""
    folder = model_dir.resolve()
    for path in model_dir.rglob("*"):
        if path.is_symlink() and not path.resolve().is_relative_to(folder):
            raise ArchiveUnusable(f"the model archive has a link out of its folder: {path.relative_to(model_dir)}")
