"""Images for the tests of tests/engines, made without a registry: the base is the Python that runs the tests.

A copy of the interpreter, its standard library and the shared libraries that the dynamic loader names is an image of 60 MB,
imported in a second. Where that is not possible (macOS), ENGINE_BASE_IMAGE names an image with Python 3.11 and pip to use.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path

from async_endpoint.emulator.container.engine import PORT
from support.common import until
from support.in_process_aws import ACCOUNT, REGION

CHECKOUT = Path(__file__).resolve().parents[2]
PROBE = CHECKOUT / "tests" / "engines" / "probe"
FASTAPI = CHECKOUT / "examples" / "fastapi-container" / "image"
BASE_VARIABLE = "ENGINE_BASE_IMAGE"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
MADE_BASE = f"{REGISTRY}/base:1"
REACHED_SECONDS = 30
USER_ID = 1000  # of the image that does not run as root
LEFT_OUT = shutil.ignore_patterns(
    "__pycache__",
    "config-*",
    "dist-packages",
    "ensurepip",
    "idlelib",
    "site-packages",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
)


@dataclass(frozen=True)
class Images:
    """The names of the images of one engine."""

    probe: str = f"{REGISTRY}/probe:1"
    probe_as_user: str = f"{REGISTRY}/probe:user"
    unlabelled: str = f"{REGISTRY}/probe:unlabelled"  # and without a command to execute
    fastapi: str = f"{REGISTRY}/fastapi-container:1"


class EngineUnusable(Exception):
    """The engine answers, and cannot import an image or run a container, as in a sandbox without the needed rights."""


@dataclass(frozen=True)
class ImageBuilder:
    """Builds the images with an engine's program, in the environment that leads it to its engine."""

    program: str
    environment: dict[str, str]

    def build(self) -> Images:
        """Build all images, replacing earlier ones.

        Raises EngineUnusable where the base cannot be run or a container's port cannot be reached, and RuntimeError with the
        output of a build that failed.
        """
        images, given = Images(), os.environ.get(BASE_VARIABLE, "")
        base = given or self._import_base()
        self._try("run", "--rm", "--network", "none", base, "python3", "-c", "")
        self._run("tag", base, images.unlabelled)
        # The made base has the requirements of all images, so nothing is downloaded.
        network = () if given else ("--network", "none")
        for name, folder, user in (
            (images.probe, PROBE, 0),
            (images.probe_as_user, PROBE, USER_ID),
            (images.fastapi, FASTAPI, None),
        ):
            argument = () if user is None else ("--build-arg", f"USER_ID={user}")
            # Without the cache, because Podman 4.3 takes a USER with another build argument from it.
            options = ("--no-cache", "--build-arg", f"BASE={base}", *argument, *network, "--tag", name)
            self._run("build", *options, str(folder))
        self._try_published_port(images.probe)
        return images

    def remove(self) -> None:
        """Remove the images, and the base that was imported."""
        names = [*vars(Images()).values(), MADE_BASE]
        command = [self.program, "rmi", "--force", *names]
        subprocess.run(command, env=self.environment, capture_output=True, check=False)

    def _import_base(self) -> str:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder, "root")
            _copy_python(root)
            _install(root)
            _copy_libraries(root)
            archive = Path(folder, "root.tar")
            owner = ("--owner=0", "--group=0")
            subprocess.run(["tar", "-C", root, *owner, "-cf", archive, "."], check=True)
            self._try("import", str(archive), MADE_BASE)
        return MADE_BASE

    def _try_published_port(self, image: str) -> None:
        """Reach a container in a network of its own by a published port, as the local AWS does."""
        name = f"engine-probe-{uuid.uuid4().hex[:8]}"
        self._try("network", "create", name)
        try:
            self._try("run", "--detach", "--name", name, "--network", name, "--publish", f"127.0.0.1::{PORT}", image, "serve")
            address = self._try("port", name, f"{PORT}/tcp").split()[0]
            until(lambda: _answers(f"http://{address}/ping"), "a published port answers", seconds=REACHED_SECONDS)
        except AssertionError as error:
            raise EngineUnusable(f"a published port is not reached within {REACHED_SECONDS} s") from error
        finally:
            for command in (("rm", "--force", name), ("network", "rm", name)):
                subprocess.run([self.program, *command], env=self.environment, capture_output=True, check=False)

    def _try(self, *arguments: str) -> str:
        try:
            return self._run(*arguments)
        except (OSError, RuntimeError) as error:
            raise EngineUnusable(str(error)) from error

    def _run(self, *arguments: str) -> str:
        command = [self.program, *arguments]
        done = subprocess.run(
            command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{self.program} {arguments[0]} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


def _copy_python(root: Path) -> None:
    """The interpreter as /usr/local/bin/python3 with its standard library, and a shell."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    programs, library = root / "usr/local/bin", root / "usr/local/lib" / version
    programs.mkdir(parents=True)
    shutil.copytree(sysconfig.get_path("stdlib"), library, symlinks=True, ignore=LEFT_OUT)
    interpreter = programs / version
    shutil.copy2(Path(sys.executable).resolve(), interpreter)
    for link in ("python", "python3"):
        (programs / link).symlink_to(version)
    shell = root / "bin/sh"
    shell.parent.mkdir()
    shutil.copy2(Path("/bin/sh").resolve(), shell)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)


def _copy_libraries(root: Path) -> None:
    """The shared libraries that the programs and extensions in `root` load, at their paths of this machine."""
    programs = [*(root / "usr/local/bin").glob("python3.*"), root / "bin/sh", *root.rglob("*.so")]
    for path in {name for program in programs for name in _libraries(program)}:
        copy = root / path.lstrip("/")
        if not copy.exists():  # not one that came with a package
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(Path(path).resolve(), copy)


def _libraries(program: Path) -> list[str]:
    """The absolute paths of the shared libraries that a program or extension loads."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return [name for name in re.findall(r"(/\S+) \(0x", listed) if not name.startswith(tempfile.gettempdir())]


def _install(root: Path) -> None:
    """Packages of the example's image and pip, from where pip finds packages on this machine."""
    [packages] = (path / "site-packages" for path in (root / "usr/local/lib").iterdir())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq", "install"]
    options = ["--target", packages, "--no-compile", "--requirement", FASTAPI / "requirements.txt", "pip"]
    subprocess.run([*pip, *options], check=True)
