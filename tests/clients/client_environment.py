"""Run as a script: make the environment that other people's clients live in, once for each lock file, and print its Python."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

LOCKED = Path(__file__).resolve().parents[2] / "requirements" / "clients.txt"


def main() -> None:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "async-endpoint" / "clients"
    digest = hashlib.sha256(sys.version.encode() + LOCKED.read_bytes()).hexdigest()[:20]
    folder = cache / digest
    cache.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").is_file():
            make(folder)
            (folder / "ready").touch()
    print(python_of(folder))


def python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


def make(folder: Path) -> None:
    print(f"setting up other people's clients in {folder} (once, about 500 MB)", file=sys.stderr)
    venv.create(folder, clear=True, symlinks=True, with_pip=True)
    pip = [python_of(folder), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "install", "--require-hashes", "--requirement", LOCKED], stdout=sys.stderr, check=True)


if __name__ == "__main__":
    main()
