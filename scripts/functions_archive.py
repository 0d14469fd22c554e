"""Build the archive of the functions of modules/http-api: `python scripts/functions_archive.py build/http-api.zip`.

It has what http_api/functions.py imports and no more: the packages of requirements/http-api.txt as wheels for arm64 and the
Python of the functions, verified against their hashes, and of this package the layers below. The same inputs give the same
bytes, and so no change in Terraform's plan. Wheels are kept beside the archive, so that only the first build downloads.

Exit codes: 0 built, 1 too large, 3 a wheel cannot be downloaded.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
REQUIREMENTS: Final = ROOT / "requirements" / "http-api.txt"
PACKAGE: Final = ROOT / "scripts" / "async_endpoint"
PYTHON: Final = "3.13"  # of the functions' runtime, in modules/http-api/main.tf
PLATFORM: Final = "manylinux2014_aarch64"  # glibc 2.17; python3.13 runs on Amazon Linux 2023 (Lambda guide, "Lambda runtimes")

# Parts of this package that http_api may import (tests/structure/test_layers.py), and those that they import in turn.
PARTS: Final = ("__init__", "aws", "aws_role", "client", "core", "http_api", "input_files", "local_aws", "signals", "workspace")
# Services that the functions call, of the 400 that botocore describes in most of its size; sts is what a profile may need.
SERVICES: Final = ("cloudwatch", "s3", "sagemaker", "sagemaker-runtime", "sqs", "sts")
SUFFIXES_LEFT_OUT: Final = (".pyc", ".pyi", ".c", ".h")
MOST_BYTES: Final = 40_000_000  # Lambda takes 50 MB in a request (quotas, "Deployment package"); a start unpacks all of it
TIME: Final = (1980, 1, 1, 0, 0, 0)  # the earliest that the format has
MODE: Final = 0o644 << 16  # Lambda runs the code as a user that does not own it


def main(target: Path) -> int:
    """Build the archive and print its size and hash."""
    wheels = target.with_name(f"{target.stem}-wheels")
    try:
        files = {**dict(packages(download(wheels))), **dict(own_code())}
    except subprocess.CalledProcessError:
        print("error: The wheels cannot be downloaded; pip's message is above.", file=sys.stderr)
        return 3
    write(target, files)
    content = target.read_bytes()
    if len(content) > MOST_BYTES:
        print(f"error: {target} has {len(content):,} bytes, more than {MOST_BYTES:,}; see SERVICES and PARTS.", file=sys.stderr)
        return 1
    print(f"{target}: {len(files)} files, {len(content) / 1_000_000:.1f} MB, sha256 {hashlib.sha256(content).hexdigest()}")
    return 0


def download(folder: Path) -> list[Path]:
    """The wheels of the requirements, downloaded into a folder of their own for each state of that file."""
    folder /= hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]
    if not folder.is_dir():
        partial = folder.with_suffix(".partial")
        pip = [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--quiet",
            "download",
            "--require-hashes",
            "--no-deps",
        ]
        target = ["--only-binary=:all:", f"--platform={PLATFORM}", f"--python-version={PYTHON}", "--implementation=cp"]
        subprocess.run([*pip, *target, f"--requirement={REQUIREMENTS}", f"--dest={partial}"], check=True)
        partial.rename(folder)
    return sorted(folder.glob("*.whl"))


def packages(wheels: list[Path]) -> Iterator[tuple[str, bytes]]:
    """The files of the wheels, by their paths in the archive. Raises ValueError for a wheel that needs an installer."""
    for path in wheels:
        with zipfile.ZipFile(path) as wheel:
            for name in wheel.namelist():
                if ".data/scripts/" in name:
                    continue
                if ".data/" in name:
                    raise ValueError(f"{path.name} has {name}, which must be installed; this archive only unpacks wheels.")
                if not name.endswith("/") and is_needed(PurePosixPath(name)):
                    yield name, wheel.read(name)


def is_needed(path: PurePosixPath) -> bool:
    """Whether a file of a wheel is used by the functions."""
    first, *rest = path.parts
    if path.suffix in SUFFIXES_LEFT_OUT or (first.endswith(".dist-info") and path.name == "RECORD"):
        return False
    if first == "boto3":
        return rest[:1] not in (["examples"], ["data"])  # `data` describes resources, which are not used
    return first != "botocore" or rest[0] != "data" or len(rest) == 2 or rest[1] in SERVICES


def own_code() -> Iterator[tuple[str, bytes]]:
    """The files of this package that the functions import, and the pages that they serve."""
    for part in PARTS:
        path = PACKAGE / part
        for file in sorted(path.rglob("*")) if path.is_dir() else [path.with_suffix(".py")]:
            if file.is_file() and "__pycache__" not in file.parts:
                yield file.relative_to(PACKAGE.parent).as_posix(), file.read_bytes()


def write(target: Path, files: dict[str, bytes]) -> None:
    """Write an archive whose bytes depend on names and contents alone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, TIME)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, MODE
            archive.writestr(entry, files[name])
    partial.replace(target)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
