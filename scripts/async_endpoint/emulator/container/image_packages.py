"""The Python packages of a framework image: a virtual environment with links to those of them that are installed here.

A container imports what its archive and its image provide, and nothing that only the local AWS needs. An image is known by the
name of its repository (framework_images.py; the Dockerfiles of aws/deep-learning-containers list the packages). Packages of it
that are not installed here are missing, so a handler that needs them lists them in code/requirements.txt.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import secrets
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Final

from async_endpoint.emulator.container.framework_images import Framework, framework_of

# AWS's handler library, with what it needs (numpy, scipy, boto3, …), and what all framework images have.
COMMON: Final = ("sagemaker-inference", "pip", "setuptools", "pillow")
_TORCH: Final = ("torch", "torchvision", "torchaudio", "pandas", "scikit-learn", "opencv-python", "requests", "pyyaml")
_HUGGINGFACE: Final = (
    "transformers",
    "tokenizers",
    "sentencepiece",
    "accelerate",
    "datasets",
    "diffusers",
    "sentence-transformers",
)
# What else an image has.
_PACKAGES: Final = {
    Framework.HUGGING_FACE: (*_TORCH, *_HUGGINGFACE),
    Framework.PYTORCH: _TORCH,
    Framework.SCIKIT_LEARN: ("scikit-learn", "pandas", "joblib", "requests"),
    Framework.XGBOOST: ("xgboost", "scikit-learn", "pandas", "joblib", "requests"),
    Framework.TENSORFLOW: ("tensorflow", "requests"),
    Framework.MXNET: ("mxnet", "pandas", "requests"),
}
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def environment_for(image: str, cache: Path) -> Path:
    """The site-packages folder of the virtual environment for `image`, created below `cache` if it is missing."""
    framework = framework_of(image)
    roots = _PACKAGES[framework] if framework else ()
    found = _environment((*COMMON, *roots), cache)
    if not found.is_dir():  # the cache was emptied since
        _environment.cache_clear()
        found = _environment((*COMMON, *roots), cache)
    return found


@functools.cache
def _environment(roots: tuple[str, ...], cache: Path) -> Path:
    distributions = _closure(roots)
    identity = [sys.version, *(f"{found.metadata['Name']} {found.version} {found.locate_file('')}" for found in distributions)]
    folder = cache / f"image-{hashlib.sha256(chr(0).join(identity).encode()).hexdigest()[:20]}"
    if not folder.is_dir():
        partial = cache / f".{folder.name}-{secrets.token_hex(4)}"
        create_environment(partial)
        _link(distributions, site_packages(partial))
        try:
            partial.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(partial, ignore_errors=True)
    return site_packages(folder)


def create_environment(folder: Path) -> Path:
    """Create an empty virtual environment; returns its interpreter.

    Like `venv.create` with symbolic links and without pip, but fast enough for each start of a container.
    """
    interpreter = folder / "bin" / "python"
    interpreter.parent.mkdir(parents=True)
    site_packages(folder).mkdir(parents=True)
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    interpreter.symlink_to(base)
    (folder / "pyvenv.cfg").write_text(f"home = {base.parent}\ninclude-system-site-packages = false\n")
    return interpreter


def site_packages(folder: Path) -> Path:
    """The site-packages folder of the virtual environment in `folder`."""
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))


def _closure(roots: Iterable[str]) -> list[metadata.Distribution]:
    """The installed distributions among `roots`, and all that they require."""
    found: dict[str, metadata.Distribution] = {}
    wanted = list(roots)
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if name in found:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # not installed, or required on another platform
            continue
        for requirement in found[name].requires or []:
            match = _NAME.match(requirement)
            if match is not None and "extra ==" not in requirement.replace("extra==", "extra =="):
                wanted.append(match[0])
    return [found[name] for name in sorted(found)]


def _link(distributions: list[metadata.Distribution], folder: Path) -> None:
    """Link the top-level files and folders of the distributions in `folder`."""
    for distribution in distributions:
        for name in _top_level(distribution):
            target = Path(str(distribution.locate_file(name)))
            link = folder / name
            if target.exists() and not os.path.lexists(link):
                link.symlink_to(target)


def _top_level(distribution: metadata.Distribution) -> set[str]:
    names = {path.parts[0] for path in distribution.files or () if len(path.parts) > 1 or path.suffix in (".py", ".so")}
    if not names:  # a package of the operating system
        names = {*(distribution.read_text("top_level.txt") or "").split()}
        names |= {f"{name}.py" for name in names}
    own = getattr(distribution, "_path", None)  # its metadata, by which pip knows that it is installed
    return {*names, *([Path(own).name] if own is not None else [])} - {"..", "__pycache__", "bin"}
