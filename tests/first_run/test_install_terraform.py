"""Set-up installs a pinned Terraform where the PATH has none: verified, or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import install_terraform
from async_endpoint.terraform import adapter
from support.release_server import ARCHIVE, EXECUTABLE, ReleaseServer

CHECKOUT = Path(__file__).resolve().parents[2]
PATH_ON_SERVER = "/terraform/1.11.4/terraform_1.11.4_linux_arm64.zip"


@pytest.fixture
def releases() -> Iterator[ReleaseServer]:
    with ReleaseServer.running() as server:
        yield server


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, releases: ReleaseServer, tmp_path: Path) -> None:
    """A Linux machine on arm64 without Terraform, whose release server has the archive that is pinned."""
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("TERRAFORM_RELEASES_URL", releases.url)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setitem(install_terraform.SHA256, "linux_arm64", hashlib.sha256(ARCHIVE).hexdigest())
    releases.files[PATH_ON_SERVER] = ARCHIVE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "an environment" / "bin"


def put_terraform(folder: Path, body: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    executable = folder / "terraform"
    executable.write_text(f"#!/bin/sh\n{body}\n")
    executable.chmod(0o755)
    return executable


def reporting(version: str) -> str:
    return f"echo '{json.dumps({'terraform_version': version})}'"


def install(folder: Path) -> int:
    return install_terraform.main([str(folder)])


def refusal(folder: Path, capsys: pytest.CaptureFixture[str], *, code: int = 3) -> str:
    """The one sentence of an installation that fails and leaves nothing behind."""
    before = sorted(folder.rglob("*")) if folder.exists() else []
    assert install(folder) == code
    assert (sorted(folder.rglob("*")) if folder.exists() else []) == before
    return capsys.readouterr().err.splitlines()[-1]


def test_a_verified_release_is_installed(folder: Path, releases: ReleaseServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert install(folder) == 0

    assert [path.name for path in folder.iterdir()] == ["terraform"]
    assert (folder / "terraform").read_bytes() == EXECUTABLE
    assert (folder / "terraform").stat().st_mode & 0o777 == 0o755
    assert f"downloading Terraform 1.11.4 (0 MB) from {releases.url}{PATH_ON_SERVER}" in capsys.readouterr().err


def test_an_installed_release_is_not_downloaded_again(folder: Path, releases: ReleaseServer) -> None:
    assert install(folder) == install(folder) == 0
    assert len(releases.requests) == 1


def test_another_version_in_the_folder_is_replaced(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_terraform(folder, reporting("1.11.0"))
    monkeypatch.setenv("PATH", str(folder))  # as in an activated environment

    assert install(folder) == 0
    assert (folder / "terraform").read_bytes() == EXECUTABLE


@pytest.mark.parametrize("version", ["1.11.0", "1.12.0-rc1", "2.0.1"])
def test_a_terraform_on_the_path_is_enough(version: str, folder: Path, tmp_path: Path, releases: ReleaseServer) -> None:
    put_terraform(tmp_path / "path", reporting(version))

    assert install(folder) == 0
    assert not folder.exists() and not releases.requests


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (reporting("1.5.7"), "is 1.5.7, older than 1.11"),
        ("echo no version is configured >&2; exit 1", "does not report its version"),
        ("echo '[]'", "does not report its version"),
        (reporting("latest"), "does not report its version"),
    ],
)
def test_an_unusable_terraform_on_the_path_is_not_enough(
    body: str, reason: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_terraform(tmp_path / "path", body)

    assert install(folder) == 0
    assert (folder / "terraform").exists()
    assert reason in capsys.readouterr().err


def test_another_hash_is_refused(folder: Path, releases: ReleaseServer, capsys: pytest.CaptureFixture[str]) -> None:
    releases.files[PATH_ON_SERVER] += b"!"

    message = refusal(folder, capsys)
    assert "is not the Terraform 1.11.4 that this checkout pins" in message
    assert hashlib.sha256(releases.files[PATH_ON_SERVER]).hexdigest() in message


def test_a_failed_download_keeps_the_executable_that_is_there(
    folder: Path, releases: ReleaseServer, capsys: pytest.CaptureFixture[str]
) -> None:
    executable = put_terraform(folder, reporting("1.11.0"))
    releases.files.clear()

    refusal(folder, capsys)
    assert "1.11.0" in executable.read_text()


def test_a_download_that_breaks_off_is_refused(
    folder: Path, releases: ReleaseServer, capsys: pytest.CaptureFixture[str]
) -> None:
    releases.missing_bytes = 10
    assert "broke off" in refusal(folder, capsys)


def test_a_release_that_is_not_there_is_named(
    folder: Path, releases: ReleaseServer, capsys: pytest.CaptureFixture[str]
) -> None:
    releases.files.clear()
    message = refusal(folder, capsys)
    assert f"{releases.url}{PATH_ON_SERVER} answers 404" in message
    assert "install Terraform 1.11 or newer" in message and "set TERRAFORM_RELEASES_URL" in message


def test_without_a_network_the_message_names_both_remedies(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as unused:  # bound and not listening: connections are refused
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("TERRAFORM_RELEASES_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
        message = refusal(folder, capsys)
    assert "Connection refused" in message
    assert "install Terraform 1.11 or newer" in message and "set TERRAFORM_RELEASES_URL" in message


def test_a_server_that_never_answers_is_given_up(
    folder: Path, releases: ReleaseServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install_terraform, "READ_TIMEOUT_SECONDS", 0.2)
    releases.released.clear()
    assert "timed out" in refusal(folder, capsys)


def test_a_body_without_end_is_given_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install_terraform, "MAX_ARCHIVE_BYTES", 100)
    assert "too large or too slow" in refusal(folder, capsys)


def test_a_platform_without_a_pinned_hash_is_named(
    folder: Path, releases: ReleaseServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    message = refusal(folder, capsys)
    assert "linux_riscv64" in message and "install Terraform 1.11 or newer" in message
    assert not releases.requests


@pytest.mark.parametrize("url", ["releases.example.com", "file:///srv/releases", "https://", "https://host/a?b"])
def test_a_setting_that_is_no_address_is_a_usage_error(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERRAFORM_RELEASES_URL", url)
    assert f"TERRAFORM_RELEASES_URL is {url!r}" in refusal(folder, capsys, code=2)


def test_a_folder_that_cannot_be_written_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.parent.mkdir()
    folder.write_text("a file")
    assert f"cannot install Terraform 1.11.4 as {folder}" in refusal(folder, capsys)


def test_every_platform_has_a_hash_of_its_own() -> None:
    assert sorted(install_terraform.SHA256) == ["darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64"]
    assert len({*install_terraform.SHA256.values()}) == 4


def test_the_minimum_is_that_of_the_driver_and_the_environments() -> None:
    assert install_terraform.MINIMUM_VERSION == adapter.MINIMUM_VERSION
    minimum = ".".join(map(str, install_terraform.MINIMUM_VERSION))
    for versions in CHECKOUT.glob("envs/*/versions.tf"):
        assert re.search(rf'required_version = ">= {re.escape(minimum)}', versions.read_text()), versions


@pytest.fixture
def make(tmp_path: Path) -> dict[str, str]:
    """A checkout with an environment in place, and what `make` runs under: a PATH without Terraform."""
    checkout = tmp_path / "check out"
    (checkout / "scripts").mkdir(parents=True)
    shutil.copy(CHECKOUT / "Makefile", checkout)
    shutil.copy(CHECKOUT / "scripts/install_terraform.py", checkout / "scripts")
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").symlink_to(sys.executable)
    (checkout / ".venv/python").touch()
    tools = tmp_path / "path"
    tools.mkdir()
    for tool in ("sh", "touch", "dirname"):
        (tools / tool).symlink_to(shutil.which(tool, path=os.defpath) or tool)
    return {"PATH": str(tools), "TERRAFORM_RELEASES_URL": os.environ["TERRAFORM_RELEASES_URL"], "no_proxy": "*"}


def run_make(environment: dict[str, str], checkout: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("make", path=os.defpath)
    assert program
    command = [program, ".venv/terraform"]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_set_up_looks_again_where_terraform_has_gone(make: dict[str, str], tmp_path: Path, releases: ReleaseServer) -> None:
    releases.files.clear()
    checkout = tmp_path / "check out"
    terraform = put_terraform(tmp_path / "path", reporting("1.11.4"))

    assert run_make(make, checkout).returncode == 0
    assert (checkout / ".venv/terraform").exists() and not releases.requests
    terraform.unlink()
    failed = run_make(make, checkout)
    assert failed.returncode == 2
    assert "error: cannot download Terraform 1.11.4" in failed.stderr
    assert len(releases.requests) == 1
