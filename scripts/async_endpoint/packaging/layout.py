"""What of a model's folder goes into its archive, and whether that is an archive a container can serve.

Everything in the folder is packaged at the path it has there, except names that begin with a dot, `__pycache__`, compiled
Python, and what the folder's `.modelignore` lists: one pattern a line (`*`, `?`, `[...]`; `*` crosses `/`), matched against
the path inside the folder; a folder that matches is left out whole; `#` begins a comment. Empty folders are not packaged.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from async_endpoint.core.errors import InvalidInput, PackageLayoutError
from async_endpoint.input_files import read_input
from async_endpoint.packaging.handlers import check_handlers

PROGRAM = "code/inference.py"
IGNORE_FILE = ".modelignore"
IGNORE_FILE_BYTES = 1_048_576
ALWAYS_IGNORED = (".*", "__pycache__", "*.pyc", "*.pyo")


def check_layout(source: Path, *, custom_image: bool = False) -> list[str]:
    """Check the model folder `source` and return the paths of its archive: relative, `/`-separated, sorted.

    Raises PackageLayoutError if the folder does not exist; if `code/inference.py` is missing, unparsable or without its
    handlers; for any symbolic link; and for a socket, pipe or device. A custom image has its own program, so for
    `custom_image` the folder needs files of any kind instead of `code/inference.py`.
    """
    if not source.is_dir():
        found = "a file" if source.exists() else "missing"
        wanted = "the model's files" if custom_image else PROGRAM
        raise PackageLayoutError(f"Model folder {source} is {found}; give a folder that contains {wanted}.")
    members = sorted(_members(source, "", _ignore_patterns(source)))
    if custom_image:
        if not members:
            raise PackageLayoutError(f"Model folder {source} has no files; an image that contains its model needs no archive.")
        return members
    if PROGRAM not in members:
        hint = (
            f"move inference.py into {source / 'code'}"
            if "inference.py" in members
            else "add it, or pass --custom-image for an image of your own"
        )
        raise PackageLayoutError(f"Model folder {source} has no {PROGRAM}; {hint}.")
    check_handlers(source / PROGRAM, PROGRAM)
    return members


def _members(source: Path, below: str, patterns: list[str]) -> Iterator[str]:
    try:
        entries = list(os.scandir(source / below))
    except OSError as error:
        raise PackageLayoutError(f"Folder {source / below} cannot be read ({error.strerror}); make it readable.") from error
    for entry in entries:
        path = below + entry.name
        if _matches(entry.name, ALWAYS_IGNORED) or _matches(path, patterns):
            continue
        if entry.is_symlink():
            raise PackageLayoutError(_link_message(source, path))
        if entry.is_dir():
            yield from _members(source, f"{path}/", patterns)
        elif entry.is_file():
            yield path
        else:
            raise PackageLayoutError(f"{source / path} is neither a file nor a folder; remove it or list it in {IGNORE_FILE}.")


def _link_message(source: Path, path: str) -> str:
    target = Path(os.path.realpath(source / path))
    where = "inside" if target.is_relative_to(source.resolve()) else "outside"
    return (
        f"{source / path} is a symbolic link to {target}, {where} the model folder; "
        f"replace it by a copy or list it in {IGNORE_FILE}."
    )


def _ignore_patterns(source: Path) -> list[str]:
    try:
        if not os.path.lexists(source / IGNORE_FILE):
            return []
        lines = read_input(source / IGNORE_FILE, IGNORE_FILE_BYTES).decode("utf-8").splitlines()
    except InvalidInput as error:
        raise PackageLayoutError(str(error)) from error
    except ValueError as error:
        raise PackageLayoutError(f"{source / IGNORE_FILE} cannot be read as text ({error}); correct it.") from error
    stripped = (line.strip() for line in lines)
    return [line.rstrip("/") for line in stripped if line and not line.startswith("#")]


def _matches(path: str, patterns: list[str] | tuple[str, ...]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)
