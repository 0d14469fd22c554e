"""The Python environment of a container: the local AWS's own, plus the archive's `code/requirements.txt`.

As in an AWS Deep Learning Container, requirements are installed over what the image already has. An environment is made once
for each distinct requirements file and shared by every later instance; what the base already satisfies costs no download.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import sysconfig
import threading
import venv
from collections import defaultdict
from pathlib import Path

_making: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


class RequirementsFailed(Exception):
    """`pip install -r code/requirements.txt` failed; the text is pip's last words."""


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "async-endpoint" / "containers"


def python_for(requirements: Path, cache: Path | None = None) -> Path:
    """The interpreter to run a container with; raises RequirementsFailed when its requirements cannot be installed.

    Without requirements, or with an empty file, that is the interpreter running now.
    """
    wanted = requirements.read_text() if requirements.is_file() else ""
    if not any(line.strip() and not line.strip().startswith("#") for line in wanted.splitlines()):
        return Path(sys.executable)
    base = sysconfig.get_path("purelib")
    digest = hashlib.sha256("\0".join([wanted, sys.version, base]).encode()).hexdigest()[:20]
    folder = (cache or cache_folder()) / digest
    with _making[digest]:
        python = folder / "bin" / "python"
        if not (folder / "ready").is_file():
            _make(folder, python, base, requirements)
            (folder / "ready").touch()
    return python


def _make(folder: Path, python: Path, base: str, requirements: Path) -> None:
    venv.create(folder, clear=True, symlinks=True, with_pip=False)
    own = next((folder / "lib").glob("python*/site-packages"))
    (own / "base_image.pth").write_text(f"{base}\n")
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-input",
        "-r",
        str(requirements),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RequirementsFailed((done.stderr.strip() or done.stdout.strip()).splitlines()[-1])
