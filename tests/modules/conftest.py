from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from async_endpoint.terraform.local_override import process_environment
from async_endpoint.terraform.provider import running_provider
from support.module_copies import CHECKOUT, LEFT_OUT, NO_AWS, Copy


@pytest.fixture(scope="session")
def environment(provider_executable: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What Terraform runs under: no AWS is in reach, and all commands of a worker share one provider."""
    environment = process_environment(os.environ, Path(os.devnull), NO_AWS)
    with running_provider(provider_executable, tmp_path_factory.mktemp("provider"), environment) as provider:
        yield environment | provider


@pytest.fixture
def copy(tmp_path: Path, environment: dict[str, str]) -> Copy:
    for name in ("modules", "envs"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, symlinks=True, ignore=LEFT_OUT)
    return Copy(tmp_path, environment)


@pytest.fixture
def checkout() -> Path:
    return CHECKOUT


@pytest.fixture
def root_files() -> Callable[[str], dict[str, bytes]]:
    """The files of a root by name, without those of this checkout's user (.gitignore)."""

    def read(environment: str) -> dict[str, bytes]:
        folder = CHECKOUT / "envs" / environment
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in {".hcl", ".tf"}}

    return read
