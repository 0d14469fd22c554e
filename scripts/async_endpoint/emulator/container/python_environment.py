"""The Python environment of a container: the packages of its image, plus the archive's `code/requirements.txt`.

As in an AWS Deep Learning Container, requirements are installed on top of the image's packages. An environment is created once
per image and distinct requirements file and cached for later instances; what the image already satisfies is not downloaded.
Each container has an environment of its own on top, where a handler that runs pip itself installs without effect on others.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from async_endpoint.emulator.container import image_packages, opt_ml, pip_runner
from async_endpoint.emulator.container.container import CannotStart
from async_endpoint.emulator.container.deadline import Deadline, DeadlineExceeded
from async_endpoint.workspace import make_private

REQUIREMENTS_BYTES = 1 << 20
# The variables of the user's environment that containers and pip inherit; no others, because it holds credentials.
_COMMON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE")
# What pip needs in addition to reach package indexes as the user's own pip does: proxies, certificates, pip.conf and .netrc.
_PIP = (
    *("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_CACHE_HOME", "NETRC"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)


def container_environment(folder: Path) -> dict[str, str]:
    """The initial environment of a container's process, before the model's variables.

    HOME is inside `folder`; so are temporary files, unless the process has a /tmp of its own.
    """
    home, tmp = folder / "home", opt_ml.make_tmp(folder)
    home.mkdir(mode=0o700, exist_ok=True)
    own = {} if has_private_tmp(folder) else {"TMPDIR": str(tmp)}
    return {**_selected(os.environ, _COMMON), **own, "HOME": str(home), "PYTHONUNBUFFERED": "1"}


def has_private_tmp(folder: Path) -> bool:
    """Whether the container of `folder` has a /tmp of its own, as each instance on AWS has."""
    return opt_ml.is_available(folder) and opt_ml.has_private_tmp(folder, cache_folder())


def pip_environment() -> dict[str, str]:
    """The environment of the pip that installs an archive's requirements; build scripts in them are untrusted."""
    options = tuple(name for name in os.environ if name.startswith("PIP_"))
    return _selected(os.environ, (*_COMMON, *_PIP, *options))


def _selected(environment: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: environment[name] for name in names if name in environment}


class RequirementsFailed(CannotStart):
    """`pip install -r code/requirements.txt` failed or took too long; the text has pip's errors, or the deadline."""


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "async-endpoint" / "containers"


def python_for(
    requirements: Path, cache: Path | None = None, deadline: Deadline | None = None, *, image: str = "", isolated: bool = False
) -> Path:
    """The interpreter of the packages of `image` and `requirements`; raises RequirementsFailed when these cannot be installed.

    For an `isolated` container they must be satisfied by the image's packages and by wheels in the archive.

    Waiting for another installation of the same file counts towards `deadline`; when it passes, pip is killed.
    """
    cache = cache or cache_folder()
    make_private(cache)  # its code is executed
    base = image_packages.environment_for(image, cache)
    wanted = _read(requirements) if requirements.is_file() else b""
    lines = [line.strip() for line in wanted.decode(errors="replace").splitlines()]
    if all(not line or line.startswith("#") for line in lines):
        return base.parents[2] / "bin" / "python"
    digest = hashlib.sha256("\0".join([sys.version, str(base), *(["isolated"] if isolated else [])]).encode() + wanted)
    for line in lines:
        digest.update(_bundled_wheel_digest(requirements, line))
    folder = cache / digest.hexdigest()[:20]
    python = folder / "bin" / "python"
    deadline = deadline or Deadline()
    try:
        with _exclusive(folder, deadline):
            if not (folder / "ready").is_file():
                _create(folder, python, base, requirements, deadline, ["--no-index"] if isolated else [])
                (folder / "ready").touch()
    except DeadlineExceeded as error:
        raise RequirementsFailed(f"code/{requirements.name} could not be installed {error}") from error
    return python


def layer(folder: Path, python: Path) -> Path:
    """Create an environment in `folder` that sees the packages of the one of `python`; returns its interpreter."""
    own = image_packages.create_environment(folder)
    below = image_packages.site_packages(python.parents[1])
    # Processed as a site directory, because packages may have .pth files.
    (image_packages.site_packages(folder) / "image.pth").write_text(f"import site; site.addsitedir({str(below)!r})\n")
    return own


def _read(requirements: Path) -> bytes:
    with requirements.open("rb") as file:
        wanted = file.read(REQUIREMENTS_BYTES + 1)
    if len(wanted) > REQUIREMENTS_BYTES:
        raise RequirementsFailed(f"code/requirements.txt has more than {REQUIREMENTS_BYTES} bytes")
    return wanted


def _bundled_wheel_digest(requirements: Path, line: str) -> bytes:
    """The digest of a wheel inside the archive that a line names; empty for any other file of this machine."""
    wheel = (requirements.parent / (line.split() or [""])[-1]).resolve()
    if not wheel.is_relative_to(requirements.resolve().parents[1]) or not wheel.is_file():
        return b""
    with wheel.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


@contextlib.contextmanager
def _exclusive(folder: Path, deadline: Deadline) -> Iterator[None]:
    """Hold a lock on `folder`, among all local AWSs of this machine."""
    make_private(folder.parent)
    with folder.with_suffix(".lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                deadline.pause()
        yield


def _create(folder: Path, python: Path, base: Path, requirements: Path, deadline: Deadline, options: list[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # of an installation that was interrupted
    image_packages.create_environment(folder)
    (image_packages.site_packages(folder) / "base_image.pth").write_text(f"{base}\n")
    pip = [sys.executable, pip_runner.__file__, "--python", str(python), "--disable-pip-version-check"]
    install = ["install", "--quiet", "--no-input", *options, "-r", requirements.name]
    code, printed = _run([*pip, *install], requirements.parent, deadline)
    if code:
        lines = printed.strip().splitlines()
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ") and not line.endswith(":")]
        raise RequirementsFailed(" ".join(errors or lines[-1:]) or f"pip ended with exit code {code}")


def _run(command: list[str], folder: Path, deadline: Deadline) -> tuple[int, str]:
    """Run a command; returns its exit code and output. It is killed with its descendants when `deadline` passes."""
    with tempfile.TemporaryFile() as output:  # unlike a pipe, a file does not fill up
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=pip_environment(),
            stdin=subprocess.PIPE,  # closes when this process ends, which ends pip
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with process:
            try:
                while process.poll() is None:
                    deadline.pause()
            except BaseException:
                with contextlib.suppress(ProcessLookupError, PermissionError):  # as in ContainerProcess
                    os.killpg(process.pid, signal.SIGKILL)
                raise
        output.seek(0)
        return process.returncode, output.read().decode(errors="replace")
