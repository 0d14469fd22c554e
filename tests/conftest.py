"""What tests of several folders share, and all workers: the AWS provider, the environments of containers."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from async_endpoint.emulator import daemon
from async_endpoint.terraform.local_override import process_environment, with_installed_terraform
from async_endpoint.terraform.provider import LOCK_FILE, cli_configuration, find_provider_mirror, install_provider
from async_endpoint.workspace import Workspace

CHECKOUT = Path(__file__).resolve().parents[1]

# Tests that start Terraform find the one that the commands find.
os.environ["PATH"] = with_installed_terraform(os.environ.get("PATH")) or os.defpath


# What starts a local AWS, models or other processes that take their time: fixtures, and helpers that tests call themselves.
SLOW_FIXTURES = {"local_aws", "parity_observations", "remote_aws"}
SLOW_HELPERS = {
    f"support.{name}" for name in ("built_wheel", "containers", "emulator_process", "interrupted_apply", "remote_aws")
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests `slow` by what they use, so that `make test-fast` needs no list of them. The longest tests begin first."""
    for item in items:
        assert isinstance(item, pytest.Function)
        helpers = {getattr(value, "__module__", None) for value in vars(item.module).values()}
        if SLOW_FIXTURES & set(item.fixturenames) or SLOW_HELPERS & helpers:
            item.add_marker(pytest.mark.slow)
    # Workers take tests in this order: a group of minutes that begins last keeps one busy while the others have ended.
    items.sort(key=lambda item: item.get_closest_marker("terraform") is None)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Stop what the tests have started: after Ctrl-C their workers are killed before they do it themselves."""
    if exitstatus == pytest.ExitCode.INTERRUPTED and not hasattr(session.config, "workerinput"):
        folder = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        for record in folder.rglob(".local/aws/record.json"):
            daemon.stop(Workspace(record.parents[2]), lose_changes=True)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run, the same for all workers."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def container_cache(shared_folder: Path) -> str:
    """XDG_CACHE_HOME for local AWSs: empty when the run begins, as on a new machine."""
    return str(shared_folder / "cache")


@pytest.fixture(scope="session")
def provider_executable(shared_folder: Path) -> Path:
    """The AWS provider of the roots' lock file, installed once for all workers."""
    folder = shared_folder / "provider"
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
