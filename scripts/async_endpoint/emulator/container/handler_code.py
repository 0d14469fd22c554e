"""Where a container's handler is: in the archive, or in a source archive that SAGEMAKER_SUBMIT_DIRECTORY names.

Sources: sagemaker-inference 1.10.1, environment.py (SAGEMAKER_PROGRAM, code in /opt/ml/model/code); the scikit-learn and
XGBoost images, whose toolkit downloads a SAGEMAKER_SUBMIT_DIRECTORY in S3 and extracts it to /opt/ml/code (SageMaker's SDK v2
uploads it as sourcedir.tar.gz). That the other framework images do so too is A222 of docs/assumptions.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from async_endpoint.emulator.container import opt_ml
from async_endpoint.emulator.container.archive import unpack
from async_endpoint.emulator.container.container import CannotStart, ContainerSpec

PROGRAM: Final = "SAGEMAKER_PROGRAM"
SUBMIT_DIRECTORY: Final = "SAGEMAKER_SUBMIT_DIRECTORY"
REQUIREMENTS: Final = "SAGEMAKER_REQUIREMENTS"
BASE_DIRECTORY: Final = "SAGEMAKER_BASE_DIR"
ARCHIVE_CODE: Final = "model/code"
SOURCE_CODE: Final = "code"  # of a source archive
SCHEME: Final = "file://"


@dataclass(frozen=True)
class HandlerCode:
    """Folders of code relative to /opt/ml, the handler's first, and the file of requirements, which need not exist."""

    search_path: list[str]
    requirements: Path


def prepare(spec: ContainerSpec, folder: Path) -> HandlerCode:
    """Extract the source archive of a container, if it has one, into `folder`. Raises CannotStart."""
    path = [ARCHIVE_CODE]
    given = spec.environment.get(SUBMIT_DIRECTORY, "").removeprefix(SCHEME)
    if spec.source is not None:
        unpack(spec.source, folder / SOURCE_CODE)
        path = [SOURCE_CODE, ARCHIVE_CODE]
    elif given.startswith(f"{opt_ml.OPT_ML}/"):
        path = list(dict.fromkeys([str(Path(given).relative_to(opt_ml.OPT_ML)), ARCHIVE_CODE]))
    name = spec.environment.get(REQUIREMENTS) or "requirements.txt"
    requirements = folder / path[0] / name
    if not requirements.resolve().is_relative_to(folder.resolve()):
        raise CannotStart(f"{REQUIREMENTS} is {name[:200]!r}, which is outside the code's folder")
    if spec.environment.get(REQUIREMENTS) and not requirements.is_file():
        raise CannotStart(f"{REQUIREMENTS} is {name[:200]!r}, and the code's folder has no such file")
    return HandlerCode(path, requirements)


def variables(spec: ContainerSpec, folder: Path | None) -> dict[str, str]:
    """The variables of the handler. Empty ones by which AWS's libraries find it count as unset, as SageMaker's SDK sends them.

    Where `folder` is not at /opt/ml, values that begin with /opt/ml lead to it instead.
    """
    given = {name: value for name, value in spec.environment.items() if value or name not in (PROGRAM, SUBMIT_DIRECTORY)}
    if folder is None:
        return given
    here, prefix = str(folder), str(opt_ml.OPT_ML)
    moved = {name: here + value[len(prefix) :] if value.startswith(prefix) else value for name, value in given.items()}
    return {**moved, BASE_DIRECTORY: here}


def warnings(model: Path) -> list[str]:
    """Lines for the log about code that needs /opt/ml where it is not available."""
    code = model / "code"
    files = opt_ml.paths_in_code(code) if code.is_dir() else []
    return [
        f"code/{name} names a path under {opt_ml.OPT_ML}, which a process cannot have on this machine; use the model_dir that "
        f"model_fn gets, or start the local AWS with --containers docker or podman."
        for name in files
    ]


def missing_module_hint(image: str) -> str:
    """What the log says when the handler cannot import a module; `{name}` is the module's."""
    return (
        "The local AWS cannot import {name}: it has the archive's code, its code/requirements.txt, and those packages of "
        f"{image.rpartition('/')[2].replace('{', '').replace('}', '') or 'the image'} that are installed beside it; list it in "
        "code/requirements.txt."
    )
