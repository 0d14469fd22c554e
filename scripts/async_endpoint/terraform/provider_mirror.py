"""Where the AWS provider is already on this machine, so that `terraform init` needs no network."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from async_endpoint.core.errors import InvalidInput

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
