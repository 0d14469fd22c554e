"""Lay out a model the way SageMaker does: in the model directory, and nowhere else."""

from __future__ import annotations

import io
import tarfile
import zlib
from pathlib import Path

from async_endpoint.local.container.container import CannotStart
from async_endpoint.local.container.spec import ContainerSpec

READ_BYTES = 1 << 20


class ArchiveUnusable(CannotStart):
    """The model archive cannot be unpacked; the text says why."""


def lay_out(spec: ContainerSpec, model_dir: Path) -> None:
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
