"""Download a pinned Terraform into a folder, unless the PATH already has one that is new enough.

    python scripts/install_terraform.py .venv/bin

Standard library only: it runs before anything is installed. The download is verified against a SHA-256 pinned below, so any
mirror may serve it; TERRAFORM_RELEASES_URL names one.

Exit codes: 0 a Terraform is there, 2 bad setting, 3 none could be installed.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import IO, Final

VERSION: Final = "1.11.4"
MINIMUM_VERSION: Final = (1, 11)  # a test compares it with that of async_endpoint.terraform

RELEASES_VARIABLE: Final = "TERRAFORM_RELEASES_URL"
RELEASES_URL: Final = "https://releases.hashicorp.com"
INSTALL_PAGE: Final = "https://developer.hashicorp.com/terraform/install"

# Of terraform_1.11.4_<platform>.zip, from HashiCorp's Homebrew formula: github.com/hashicorp/homebrew-tap, Formula/terraform.rb
# at commit e67d13cedb583896e87563d546285a2ce4d4bac9 ("Bump terraform to 1.11.4", 2025-04-09). For another version, see
# <releases>/terraform/<version>/terraform_<version>_SHA256SUMS.
SHA256: Final = {
    "darwin_amd64": "a56d5002b9f7647291faccc3dd1a70350e60fb61e4c45037629508b8fdc2575b",
    "darwin_arm64": "867e0808fa971217043e25b7a792b10720c79b1546f8a68479b74f138be73e18",
    "linux_amd64": "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc",
    "linux_arm64": "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633",
}
ARCHITECTURES: Final = {"x86_64": "amd64", "amd64": "amd64", "arm64": "arm64", "aarch64": "arm64"}

CHUNK_BYTES: Final = 1 << 16
MAX_ARCHIVE_BYTES: Final = 200 * 1024 * 1024  # 1.11.4 has some 27 MB
READ_TIMEOUT_SECONDS: Final = 30.0
DOWNLOAD_TIMEOUT_SECONDS: Final = 1800.0
VERSION_TIMEOUT_SECONDS: Final = 30.0
PROGRESS_SECONDS: Final = 5.0


class InstallError(Exception):
    """No Terraform could be installed: one sentence with the remedy. The exit code is 3."""

    exit_code = 3


class InvalidSetting(InstallError):
    """TERRAFORM_RELEASES_URL is no address of a server. The exit code is 2."""

    exit_code = 2


def main(arguments: list[str]) -> int:
    """Make sure that there is a Terraform, on the PATH or in the folder named by the one argument."""
    if len(arguments) != 1:
        print("usage: install_terraform.py FOLDER", file=sys.stderr)
        return 2
    try:
        ensure_terraform(Path(arguments[0]))
    except InstallError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted: no Terraform installed.", file=sys.stderr)
        return 130
    return 0


def ensure_terraform(folder: Path) -> None:
    """Install Terraform into `folder`, unless it is there already or the PATH has one of MINIMUM_VERSION or newer.

    Raises InstallError; then `folder` is as it was.
    """
    executable = folder / "terraform"
    if executable.exists() and installed_version(executable) == VERSION:
        return
    if found := _on_path(folder):
        version = installed_version(found)
        if version and _numbers(version) >= MINIMUM_VERSION:
            return
        problem = f"is {version}, older than {_minimum()}" if version else "does not report its version"
        print(f"terraform on the PATH ({found}) {problem}", file=sys.stderr)
    try:
        install(executable)
    except OSError as error:
        raise InstallError(
            f"cannot install Terraform {VERSION} as {executable} ({error.strerror or error}); {_remedy()}"
        ) from error


def installed_version(executable: Path) -> str | None:
    """What `terraform version` reports, such as "1.11.4"; None when it fails or does not answer."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    try:
        done = subprocess.run(
            [executable, "version", "-json"],
            env=environment | {"CHECKPOINT_DISABLE": "1"},  # no request for the newest version
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=VERSION_TIMEOUT_SECONDS,
            check=True,
        )
        version = json.loads(done.stdout)["terraform_version"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return None
    return version if isinstance(version, str) and re.match(r"\d+\.\d+", version) else None


def install(executable: Path) -> None:
    """Download, verify and unpack Terraform to `executable`, which is replaced at once or not at all."""
    target = _platform()
    url = f"{_releases_url()}/terraform/{VERSION}/terraform_{VERSION}_{target}.zip"
    executable.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".terraform-", dir=executable.parent) as work:
        archive = Path(work) / "terraform.zip"
        digest = _download(url, archive)
        if digest != SHA256[target]:
            raise InstallError(
                f"{url} is not the Terraform {VERSION} that this checkout pins: its SHA-256 is {digest}, not {SHA256[target]}; "
                f"nothing was installed. Check the proxy or mirror between, or {_remedy()}"
            )
        unpacked = Path(work) / "terraform"
        with zipfile.ZipFile(archive) as content, content.open("terraform") as source, unpacked.open("wb") as destination:
            shutil.copyfileobj(source, destination)
        unpacked.chmod(0o755)
        unpacked.replace(executable)
    print(f"installed Terraform {VERSION} as {executable}", file=sys.stderr)


def _download(url: str, file: Path) -> str:
    """Store what `url` answers in `file`; return its SHA-256 in hexadecimal."""
    try:
        with urllib.request.urlopen(url, timeout=READ_TIMEOUT_SECONDS) as response, file.open("wb") as destination:
            return _copy(url, response, destination)
    except urllib.error.HTTPError as error:
        raise InstallError(
            f"cannot download Terraform {VERSION}: {url} answers {error.code} {error.reason}; {_remedy()}"
        ) from error
    except (OSError, http.client.HTTPException) as error:  # URLError, timeouts and TLS errors are OSErrors
        reason = getattr(error, "reason", None) or error
        raise InstallError(f"cannot download Terraform {VERSION} from {url} ({reason}); {_remedy()}") from error


def _copy(url: str, response: http.client.HTTPResponse, destination: IO[bytes]) -> str:
    expected = response.length
    size = f"{expected / 1e6:.0f} MB" if expected else "size unknown"
    print(f"downloading Terraform {VERSION} ({size}) from {url}", file=sys.stderr, flush=True)
    digest, received = hashlib.sha256(), 0
    started = shown = time.monotonic()
    while chunk := response.read1(CHUNK_BYTES):
        destination.write(chunk)
        digest.update(chunk)
        received += len(chunk)
        now = time.monotonic()
        if received > MAX_ARCHIVE_BYTES or now - started > DOWNLOAD_TIMEOUT_SECONDS:
            raise InstallError(
                f"stopped the download of Terraform {VERSION} from {url} after {received / 1e6:.0f} MB and "
                f"{now - started:.0f} s: too large or too slow; {_remedy()}"
            )
        if now - shown >= PROGRESS_SECONDS:
            shown = now
            print(f"  {received / 1e6:.0f} MB of {size}", file=sys.stderr, flush=True)
    if expected is not None and received < expected:
        raise InstallError(
            f"the download of {url} broke off after {received} of {expected} bytes; run the command again, or {_remedy()}"
        )
    return digest.hexdigest()


def _on_path(folder: Path) -> Path | None:
    """The `terraform` of the PATH, `folder` left out: what was installed there before is judged by its exact version."""
    directories = [entry for entry in os.get_exec_path() if entry and Path(entry).resolve() != folder.resolve()]
    found = shutil.which("terraform", path=os.pathsep.join(directories))
    return Path(found) if found else None


def _platform() -> str:
    """This machine's name in HashiCorp's releases."""
    machine = platform.machine().lower()
    name = f"{platform.system().lower()}_{ARCHITECTURES.get(machine, machine)}"
    if name not in SHA256:
        raise InstallError(
            f"no download of Terraform is pinned for {name} (pinned: {', '.join(SHA256)}); install Terraform {_minimum()} or "
            f"newer ({INSTALL_PAGE}) and run the command again."
        )
    return name


def _releases_url() -> str:
    url = os.environ.get(RELEASES_VARIABLE) or RELEASES_URL
    if not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", url):
        raise InvalidSetting(f"{RELEASES_VARIABLE} is {url!r}, which is no http or https address such as {RELEASES_URL}.")
    return url.rstrip("/")


def _remedy() -> str:
    return (
        f"install Terraform {_minimum()} or newer ({INSTALL_PAGE}), or set {RELEASES_VARIABLE} to a mirror of {RELEASES_URL}, "
        "and run the command again."
    )


def _minimum() -> str:
    return ".".join(map(str, MINIMUM_VERSION))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.split("-", maxsplit=1)[0]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
