"""The Python environment of a container: the local AWS's own, plus the archive's `code/requirements.txt`.

As in an AWS Deep Learning Container, requirements are installed over what the image already has. An environment is made once
for each distinct requirements file and shared by every later instance; what the base already satisfies costs no download.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

from async_endpoint.emulator.container import pip_runner
from async_endpoint.emulator.container.container import CannotStart
from async_endpoint.emulator.container.deadline import Deadline, DeadlineExceeded
from async_endpoint.workspace import make_private

REQUIREMENTS_BYTES = 1 << 20
# Of the user's environment, what containers and pip get; nothing else, for it holds credentials.
_ANYONE = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR")
# What pip needs besides to reach the packages as the user's own pip would: proxies, certificates, pip.conf and .netrc.
_PIP = (
    *("HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_CACHE_HOME", "NETRC"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)


def for_container(folder: Path) -> dict[str, str]:
    """The environment a container's process begins with, before the model's own variables; its HOME is below `folder`."""
    home = folder / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    return {**_kept(os.environ, _ANYONE), "HOME": str(home), "PYTHONUNBUFFERED": "1"}


def for_pip() -> dict[str, str]:
    """The environment of the pip that installs an archive's requirements, whose build scripts are the archive's choice."""
    options = tuple(name for name in os.environ if name.startswith("PIP_"))
    return _kept(os.environ, (*_ANYONE, *_PIP, *options))


def _kept(environment: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: environment[name] for name in names if name in environment}


class RequirementsFailed(CannotStart):
    """`pip install -r code/requirements.txt` failed, the text is pip's own errors; or took too long, and the text says that."""


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "async-endpoint" / "containers"


def python_for(
    requirements: Path, cache: Path | None = None, deadline: Deadline | None = None, *, isolated: bool = False
) -> Path:
    """The interpreter to run a container with; raises RequirementsFailed when its requirements cannot be installed.

    For an `isolated` container that is so unless the base, and wheels that the archive brings along, satisfy them.

    Waiting until another has installed the same file is part of `allowance`; when that ends, pip is killed, and this raises.
    Without requirements, or with an empty file, that is the interpreter running now.
    """
    wanted = _read(requirements) if requirements.is_file() else b""
    lines = [line.strip() for line in wanted.decode(errors="replace").splitlines()]
    if all(not line or line.startswith("#") for line in lines):
        return Path(sys.executable)
    base = sysconfig.get_path("purelib")
    digest = hashlib.sha256("\0".join([sys.version, base, *(["isolated"] if isolated else [])]).encode() + wanted)
    for line in lines:
        digest.update(_brought_along(requirements, line))
    folder = (cache or cache_folder()) / digest.hexdigest()[:20]
    python = folder / "bin" / "python"
    deadline = deadline or Deadline()
    try:
        with _alone(folder, deadline):
            if not (folder / "ready").is_file():
                _make(folder, python, base, requirements, deadline, ["--no-index"] if isolated else [])
                (folder / "ready").touch()
    except DeadlineExceeded as error:
        raise RequirementsFailed(f"code/requirements.txt could not be installed {error}") from error
    return python


def _read(requirements: Path) -> bytes:
    with requirements.open("rb") as file:
        wanted = file.read(REQUIREMENTS_BYTES + 1)
    if len(wanted) > REQUIREMENTS_BYTES:
        raise RequirementsFailed(f"code/requirements.txt has more than {REQUIREMENTS_BYTES} bytes")
    return wanted


def _brought_along(requirements: Path, line: str) -> bytes:
    """The digest of a wheel that the archive brings along and a line names; empty for any other file of this machine."""
    wheel = (requirements.parent / (line.split() or [""])[-1]).resolve()
    if not wheel.is_relative_to(requirements.resolve().parents[1]) or not wheel.is_file():
        return b""
    with wheel.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


@contextlib.contextmanager
def _alone(folder: Path, deadline: Deadline) -> Iterator[None]:
    """One maker of `folder` at a time, among every local AWS of this machine."""
    make_private(folder.parent)  # what is installed here is run
    with folder.with_suffix(".lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                deadline.pause()
        yield


def _make(folder: Path, python: Path, base: str, requirements: Path, deadline: Deadline, options: list[str]) -> None:
    venv.create(folder, clear=True, symlinks=True, with_pip=False)
    own = next((folder / "lib").glob("python*/site-packages"))
    (own / "base_image.pth").write_text(f"{base}\n")
    pip = [sys.executable, pip_runner.__file__, "--python", str(python), "--disable-pip-version-check"]
    install = ["install", "--quiet", "--no-input", *options, "-r", requirements.name]
    code, printed = _run([*pip, *install], requirements.parent, deadline)
    if code:
        lines = printed.strip().splitlines()
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ") and not line.endswith(":")]
        raise RequirementsFailed(" ".join(errors or lines[-1:]) or f"pip ended with exit code {code}")


def _run(command: list[str], folder: Path, deadline: Deadline) -> tuple[int, str]:
    """Exit code and output of a command, which is killed with whatever it started when `allowance` ends."""
    with tempfile.TemporaryFile() as output:  # a file is never full, however long nobody reads it
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=for_pip(),
            stdin=subprocess.PIPE,  # closes when this process ends, however it ends; pip ends with it
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with process:
            try:
                while process.poll() is None:
                    deadline.pause()
            except BaseException:
                with contextlib.suppress(ProcessLookupError, PermissionError):  # as ContainerProcess has it
                    os.killpg(process.pid, signal.SIGKILL)
                raise
        output.seek(0)
        return process.returncode, output.read().decode(errors="replace")
