"""What tests of several folders share: the AWS provider, which takes longer to start than most commands take to use it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from async_endpoint.terraform.aim import process_environment
from async_endpoint.terraform.mirror import cli_configuration, find_provider_mirror
from async_endpoint.terraform.provider import LOCK_FILE, install_provider

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def provider_executable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The AWS provider of the roots' lock file, installed once for all workers."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "provider"
    folder.mkdir(exist_ok=True)
    with (folder / "executable").open("a+") as installed:
        fcntl.flock(installed, fcntl.LOCK_EX)
        installed.seek(0)
        if not (path := installed.read()):
            configuration = folder / "terraform.rc"
            configuration.write_text(cli_configuration(find_provider_mirror()))
            environment = process_environment(os.environ, configuration, None)
            path = str(install_provider(folder / "root", CHECKOUT / "envs/local" / LOCK_FILE, environment))
            installed.write(path)
    return Path(path)
