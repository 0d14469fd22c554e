"""Profiles in files: read with a limit, and written whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from async_endpoint.capacity.profile import Profile, parse_profile
from async_endpoint.core.errors import InvalidInput
from async_endpoint.input_files import printable, read_input

MAX_PROFILE_BYTES: Final = 10_000_000


def read_profile(path: Path | None) -> Profile | None:
    """The profile in a file; None without one. Raises InvalidInput."""
    return None if path is None else parse_profile(read_input(path, MAX_PROFILE_BYTES), printable(path))


def write_profile(path: Path, profile: Profile) -> None:
    """Write a profile, or leave what there is; raises InvalidInput where the file cannot be written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(profile.dump(), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InvalidInput(f"{printable(path)} cannot be written ({error.strerror}); give another file with --out.") from error
