"""Extract model data into the model directory, defending against malicious archives (path traversal, links, size)."""

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
# Resource limits of one archive. tarfile reads an extended header into memory at once, whatever size it declares, and keeps
# every member in memory.
MAX_HEADER_BYTES: Final = 1 << 20
MAX_MEMBERS: Final = 200_000
MAX_NAME_CHARS: Final = 1_024
RESERVED_DISK_BYTES: Final = 64 << 20


class ArchiveUnusable(CannotStart):
    """The model archive cannot be extracted; the text says why."""


def extract_model(spec: ContainerSpec, model_dir: Path) -> None:
    """Create `model_dir` with the container's model data; raises ArchiveUnusable."""
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
    """Extract a gzip-compressed tar into `model_dir`.

    Raises ArchiveUnusable when it is invalid, writes outside the folder, or exceeds the free disk or the limits above.
    """
    model_dir.mkdir(parents=True)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(archive)) as plain, tarfile.open(fileobj=_BoundedReader(plain), mode="r:") as tar:
            tar.extractall(model_dir, filter=_MemberFilter(model_dir))
            while plain.read(READ_BYTES):  # to the end, so that gzip verifies its checksum
                pass
        _check_links(model_dir)
    except tarfile.FilterError as error:
        raise ArchiveUnusable(f"the model archive has a member outside its folder: {error}") from error
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
    """tarfile's "data" filter, hardened: before Python 3.11.13 and 3.12.11 it can be bypassed (CVE-2025-4517).

    It resolves links with a function that fails on long paths. Here nothing is written through a link, and paths are short.
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
            raise ArchiveUnusable("the model archive is larger than the free disk space")
        if max(len(member.name), len(member.linkname)) > MAX_NAME_CHARS:
            raise ArchiveUnusable(f"the model archive has a name of more than {MAX_NAME_CHARS} characters")
        checked = tarfile.data_filter(member, path)
        self._check_ancestors(checked.name, itself=not checked.issym())
        if checked.islnk():
            self._check_ancestors(checked.linkname, itself=True)
        return checked

    def _check_ancestors(self, name: str, *, itself: bool) -> None:
        """Raise ArchiveUnusable if an ancestor of a member, or (`itself`) the member's path, is a symbolic link."""
        parts = Path(name).parts
        for count in range(1, len(parts) + itself):
            if self._folder.joinpath(*parts[:count]).is_symlink():
                raise ArchiveUnusable(f"the model archive has a member whose path contains a symbolic link: {name[:200]}")


def _check_links(model_dir: Path) -> None:
    """Raise ArchiveUnusable if a link points outside; a later member can redirect an earlier link."""
    folder = model_dir.resolve()
    for path in model_dir.rglob("*"):
        if path.is_symlink() and not path.resolve().is_relative_to(folder):
            raise ArchiveUnusable(f"the model archive has a link that points outside its folder: {path.relative_to(model_dir)}")
