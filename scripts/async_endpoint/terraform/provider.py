"""The AWS provider: where this machine has it already, how it is installed, and how several commands share one process of it.

Starting it is most of what a plan costs. By TF_REATTACH_PROVIDERS, Terraform attaches to a provider that it neither started nor
installed nor checked (Terraform documentation, "Debugging Providers"). Each command configures it again, so it serves one
command at a time.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from async_endpoint.core.errors import InvalidInput, TerraformFailed
from async_endpoint.terraform.diagnostics import first_error

MIRROR_VARIABLE: Final = "ASYNC_ENDPOINT_PROVIDER_MIRROR"
PROVIDER: Final = "registry.terraform.io/hashicorp/aws"
OPTIONAL_SOFTWARE: Final = Path("/opt")

_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


def find_provider_mirror() -> Path | None:
    """The first filesystem mirror that holds the AWS provider for this platform, or None: then Terraform downloads it.

    ASYNC_ENDPOINT_PROVIDER_MIRROR is looked at first, then Terraform's implied mirror directories in its own order
    (Terraform documentation, "Implied Local Mirror Directories"), then the folders directly under /opt.
    Raises InvalidInput when the variable names a folder without the provider.
    """
    named = os.environ.get(MIRROR_VARIABLE)
    if named:
        mirror = Path(named).expanduser().absolute()
        if not _holds_provider(mirror):
            raise InvalidInput(
                f"{MIRROR_VARIABLE} is {named}, which has no {PROVIDER} for {terraform_platform()}; "
                f"fill it with `terraform providers mirror`, or unset the variable."
            )
        return mirror
    return next((folder.absolute() for folder in _candidates() if _holds_provider(folder)), None)


def cli_configuration(mirror: Path | None) -> str:
    """The text of a Terraform CLI configuration: the AWS provider from `mirror` and nowhere else, or all from the registry."""
    text = "disable_checkpoint = true\n"
    if mirror is None:
        return text
    provider = json.dumps([PROVIDER])
    return f"""{text}
provider_installation {{
  filesystem_mirror {{
    path    = {json.dumps(str(mirror), ensure_ascii=False)}
    include = {provider}
  }}
  direct {{
    exclude = {provider}
  }}
}}
"""


def own_configuration() -> Path | None:
    """The CLI configuration this person already has, if any: it may name their company's mirror."""
    named = os.environ.get("TF_CLI_CONFIG_FILE")
    places = [Path(named)] if named else []
    return next((path.absolute() for path in [*places, Path.home() / ".terraformrc"] if path.is_file()), None)


def _candidates() -> Iterator[Path]:
    home = Path.home()
    yield Path.cwd() / "terraform.d" / "plugins"
    yield home / ".terraform.d" / "plugins"
    if platform.system() == "Darwin":
        for library in (home / "Library", Path("/Library")):
            yield library / "Application Support" / "io.hashicorp.terraform" / "plugins"
    else:
        data_home = os.environ.get("XDG_DATA_HOME") or str(home / ".local" / "share")
        data_folders = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
        for data in (data_home, *data_folders.split(":")):
            yield Path(data) / "terraform" / "plugins"
    for provider in sorted(OPTIONAL_SOFTWARE.glob(f"*/{PROVIDER}")):
        yield provider.parents[PROVIDER.count("/")]


def _holds_provider(folder: Path) -> bool:
    """Unpacked (`<version>/<platform>/`) or packed (`terraform-provider-aws_<version>_<platform>.zip`)."""
    provider = folder / PROVIDER
    layouts = (f"*/{terraform_platform()}", f"terraform-provider-aws_*_{terraform_platform()}.zip")
    return any(True for layout in layouts for _ in provider.glob(layout))


def terraform_platform() -> str:
    """This platform as Terraform writes it: `linux_amd64`, `darwin_arm64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{_ARCHITECTURES.get(machine, machine)}"


LOCK_FILE: Final = ".terraform.lock.hcl"

_REATTACH_LINE: Final = re.compile(r"TF_REATTACH_PROVIDERS='(.*)'")
_REQUIRED_PROVIDERS: Final = 'terraform {\n  required_providers {\n    aws = {\n      source = "hashicorp/aws"\n    }\n  }\n}\n'
# Ends with the process that holds its standard input, however that ends.
_UNTIL_INPUT_ENDS: Final = '"$1" -debug & exec >&-; read -r _; kill $!; wait'


def install_provider(folder: Path, lock_file: Path, environment: Mapping[str, str]) -> Path:
    """Install the AWS provider that `lock_file` names into `folder`, which need not exist; return its executable.

    `environment` is what Terraform runs under. Raises TerraformFailed when the provider is not to be had, or is another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "versions.tf").write_text(_REQUIRED_PROVIDERS)
    shutil.copyfile(lock_file, folder / LOCK_FILE)
    done = subprocess.run(
        ["terraform", "init", "-input=false", "-no-color", "-lockfile=readonly"],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise TerraformFailed(f"The AWS provider cannot be installed: {first_error(done.stderr) or done.stderr.strip()}")
    [executable] = (folder / ".terraform").glob("providers/*/hashicorp/aws/*/*/terraform-provider-aws_*")
    return executable


@contextmanager
def running_provider(executable: Path, folder: Path, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Run the provider in `folder` until the block ends; what Terraform's environment needs to attach to it.

    `folder` is the root that uses it: a file that the root names relative to itself is opened by the provider.
    `environment` is what those commands run under too: the provider reads its credentials and endpoints there as well as in its
    configuration. Raises TerraformFailed when it does not start.
    """
    process = subprocess.Popen(
        ["sh", "-c", _UNTIL_INPUT_ENDS, "sh", str(executable)],
        cwd=folder,
        env=dict(environment),
        umask=0o077,  # it listens at a path, and authenticates no client: in this mode Terraform presents no certificate
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        bufsize=1,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield {"TF_REATTACH_PROVIDERS": _reattach_settings(process.stdout, executable)}
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def _reattach_settings(output: IO[str], executable: Path) -> str:
    printed: list[str] = []
    for line in output:
        printed.append(line.strip())
        if found := _REATTACH_LINE.search(line):
            return str(found[1])
    raise TerraformFailed(f"{executable.name} did not start; it printed: {' '.join(printed) or 'nothing'}")
