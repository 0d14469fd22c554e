"""Whether a model's process can see its folder at /opt/ml, as in a container of SageMaker.

On Linux it can as root, and where users may create user namespaces. Elsewhere (macOS; a kernel or security module that forbids
them) the folder stays where it is: variables that begin with /opt/ml are rewritten, and handlers that use the path in their
code are named in the log (`paths_in_code`).
"""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from pathlib import Path

from async_endpoint.emulator.container import private_mounts

OPT_ML = Path(private_mounts.OPT_ML)
TMP_FOLDER = "tmp"  # of an instance's folder
PROBE_SECONDS = 10.0
SOURCE_BYTES = 1 << 20  # of a program that is searched for the path


def is_available(folder: Path) -> bool:
    """Whether `folder` can be mounted at /opt/ml; not if it or this interpreter is below /opt/ml, which would be hidden."""
    return not _needs(OPT_ML, folder) and _probe()


def has_private_tmp(folder: Path, *others: Path) -> bool:
    """Whether a process with /opt/ml gets a /tmp of its own: not if `folder`, `others` or a package is below /tmp."""
    return not _needs(Path(private_mounts.TMP), folder, *others, *map(Path, filter(None, sys.path)))


def make_tmp(folder: Path) -> Path:
    """Create the folder of temporary files of a container, on the disk of `folder`, as open to every user as /tmp is."""
    tmp = folder / TMP_FOLDER
    tmp.mkdir(exist_ok=True)
    tmp.chmod(0o1777)
    return tmp


def _needs(mounted: Path, *paths: Path) -> bool:
    """Whether a mount at `mounted` would hide one of these paths or this interpreter."""
    hidden = (*paths, Path(__file__), Path(sys.executable), Path(sys.prefix), Path(sys.base_prefix))
    return any(path.resolve().is_relative_to(mounted.resolve()) for path in hidden)


@functools.cache
def _probe() -> bool:
    """Try the mounts once, in a process of their own."""
    if sys.platform != "linux" or not OPT_ML.parent.is_dir():
        return False
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model").mkdir()
        command = [sys.executable, "-I", "-S", private_mounts.__file__, folder]
        try:
            done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False, timeout=PROBE_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0


def paths_in_code(code: Path) -> list[str]:
    """The Python files below `code` that name a path under /opt/ml, relative to it."""
    found = []
    for path in sorted(code.rglob("*.py")):
        if path.is_file() and path.stat().st_size <= SOURCE_BYTES and f"{OPT_ML}/".encode() in path.read_bytes():
            found.append(str(path.relative_to(code)))
    return found
