"""The Python environment of a container: the local AWS's own, plus the archive's `code/requirements.txt`.

As in an AWS Deep Learning Container, requirements are installed over what the image already has. An environment is made once
for each distinct requirements file and shared by every later instance; what the base already satisfies costs no download.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from async_endpoint.local.container.container import CannotStart


class RequirementsFailed(CannotStart):
    """`pip install -r code/requirements.txt` failed; the text is pip's own errors."""


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "async-endpoint" / "containers"


def python_for(requirements: Path, cache: Path | None = None) -> Path:
    """The interpreter to run a container with; raises RequirementsFailed when its requirements cannot be installed.

    Without requirements, or with an empty file, that is the interpreter running now.
    """
    wanted = requirements.read_bytes() if requirements.is_file() else b""
    lines = [line.strip() for line in wanted.decode(errors="replace").splitlines()]
    if all(not line or line.startswith("#") for line in lines):
        return Path(sys.executable)
    base = sysconfig.get_path("purelib")
    digest = hashlib.sha256("\0".join([sys.version, base]).encode() + wanted)
    for line in lines:  # a wheel that the archive brings along
        beside = requirements.parent / (line.split() or [""])[-1]
        digest.update(beside.read_bytes() if beside.is_file() else b"")
    folder = (cache or cache_folder()) / digest.hexdigest()[:20]
    python = folder / "bin" / "python"
    with _alone(folder):
        if not (folder / "ready").is_file():
            _make(folder, python, base, requirements)
            (folder / "ready").touch()
    return python


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One maker of `folder` at a time, among every local AWS of this machine."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(folder: Path, python: Path, base: str, requirements: Path) -> None:
    venv.create(folder, clear=True, symlinks=True, with_pip=False)
    own = next((folder / "lib").glob("python*/site-packages"))
    (own / "base_image.pth").write_text(f"{base}\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet", "--no-input", "-r", requirements.name]
    done = subprocess.run(install, capture_output=True, text=True, check=False, cwd=requirements.parent)
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines()
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ") and not line.endswith(":")]
        raise RequirementsFailed(" ".join(errors or lines[-1:]) or f"pip ended with exit code {done.returncode}")
