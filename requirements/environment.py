"""Create the environment of a file of this folder, once, and print its Python, as in `environment.py clients`.

These packages pin or cap libraries that this project uses in other versions, or are large. `torch.in` has no lock file: whether
torch's build for CPUs or one of those for GPUs, which bring gigabytes of libraries, is installed depends on the index.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path


def main(name: str) -> None:
    locked = Path(__file__).with_name(f"{name}.txt")
    if not locked.is_file():
        locked = locked.with_suffix(".in")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "async-endpoint" / name
    digest = hashlib.sha256(sys.version.encode() + locked.read_bytes()).hexdigest()[:20]
    folder = cache / digest
    cache.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").is_file():
            make(folder, locked)
            (folder / "ready").touch()
    print(python_of(folder))


def python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


def make(folder: Path, locked: Path) -> None:
    print(f"setting up {locked.name} in {folder} (once, some hundred MB or more)", file=sys.stderr)
    venv.create(folder, clear=True, symlinks=True, with_pip=True)
    pip = [python_of(folder), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    # a lock is complete, so pip resolves nothing; and it compiles nothing that is never imported
    options = ["--no-deps", "--require-hashes"] if locked.suffix == ".txt" else []
    subprocess.run([*pip, "install", "--no-compile", *options, "--requirement", locked], stdout=sys.stderr, check=True)


if __name__ == "__main__":
    main(sys.argv[1])
