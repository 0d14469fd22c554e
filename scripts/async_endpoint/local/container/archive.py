"""Unpack a model archive the way SageMaker does: into the model directory, and nowhere else."""

from __future__ import annotations

import io
import tarfile
import zlib
from pathlib import Path

from async_endpoint.local.container.container import CannotStart

READ_BYTES = 1 << 20


class ArchiveUnusable(CannotStart):
    """The model archive cannot be unpacked; the text says why."""


def unpack(archive: bytes, model_dir: Path) -> None:
    """Unpack a gzip-compressed tar into `model_dir`; raises ArchiveUnusable when it is none, or reaches outside the folder."""
    model_dir.mkdir(parents=True)
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            tar.extractall(model_dir, filter="data")
            while tar.fileobj and tar.fileobj.read(READ_BYTES):  # to the end, where gzip's checksum is
                pass
    except tarfile.FilterError as error:
        raise ArchiveUnusable(f"the model archive has a member outside its folder: {error}") from error
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise ArchiveUnusable(f"the model archive is not a gzip-compressed tar: {error}") from error
