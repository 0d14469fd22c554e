"""This distribution built as a wheel and unpacked outside the checkout, with or without the modules of its extras.

Dependencies come from the environment of the tests, so nothing is downloaded: PYTHONPATH puts the wheel before the editable
install, and for the base install a finder refuses every module that only an extra brings.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 120
REFUSE = """
import sys

MODULES = {modules!r}


class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MODULES:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Refuse())
"""


@dataclass(frozen=True)
class BuiltWheel:
    """`folder` has the wheel's content in `site`, and what hides the extras' modules in `base`."""

    folder: Path

    @property
    def metadata(self) -> importlib.metadata.Distribution:
        [found] = importlib.metadata.distributions(name="async-endpoint", path=[str(self.folder / "site")])
        return found

    @cached_property
    def base_distributions(self) -> set[str]:
        """The names of what a base install consists of, this distribution included, on this platform."""
        found: set[str] = set()
        pending = [self.metadata]
        while pending:
            distribution = pending.pop()
            found.add(canonical(distribution.metadata["Name"]))
            for name in required(distribution):
                if name not in found:
                    pending.append(importlib.metadata.distribution(name))
        return found

    def run(
        self, *arguments: str, base: bool, cwd: Path, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Python with the wheel outside any checkout; `base` hides whatever a base install does not have."""
        if base:
            self._write_finder()
        paths = [str(self.folder / name) for name in (["base", "site"] if base else ["site"])]
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ASYNC_ENDPOINT_", "PYTEST_"))
        }
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            env=kept | {"PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "200"} | (environment or {}),
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )

    def command(
        self, *arguments: str, base: bool, cwd: Path, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The console command."""
        return self.run("-m", "async_endpoint.cli", *arguments, base=base, cwd=cwd, environment=environment)

    def _write_finder(self) -> None:
        modules = {
            module
            for module, names in importlib.metadata.packages_distributions().items()
            if not {canonical(name) for name in names} & (self.base_distributions | {"coverage"})
        }
        (self.folder / "base").mkdir(exist_ok=True)
        (self.folder / "base" / "sitecustomize.py").write_text(REFUSE.format(modules=modules))


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required(distribution: importlib.metadata.Distribution) -> set[str]:
    """The distributions that one needs here, without extras."""
    lines = (line for line in distribution.requires or () if "extra ==" not in line)
    names = {re.split(r"[^\w.-]", line, maxsplit=1)[0]: line.partition(";")[2] for line in lines}
    return {canonical(name) for name, marker in names.items() if not marker or installed(name)}


def installed(name: str) -> bool:
    """Whether a distribution with an environment marker applies here: the lock installs it only then."""
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def build(folder: Path) -> BuiltWheel:
    """Build the wheel from a copy of the checkout's files below `folder`, with the setuptools that is installed."""
    source = folder / "source"
    leave_out = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(CHECKOUT / "scripts/async_endpoint", source / "scripts/async_endpoint", ignore=leave_out)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, source / name)
    program = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", program, folder], cwd=source, check=True, capture_output=True, timeout=LONGEST_SECONDS
    )
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    shutil.rmtree(source)
    return BuiltWheel(folder)
