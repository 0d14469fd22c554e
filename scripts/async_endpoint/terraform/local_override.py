"""Files and variables that confine a root to the local AWS, so that nothing it does reaches AWS."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from async_endpoint.local_aws import LocalCredentials, session_key

OVERRIDE_FILE: Final = "local_aws_override.tf"
CONFIG_FILE: Final = "local_aws.ini"

# Variables that change what a Terraform command does.
_REMOVED_VARIABLES: Final = ("TF_CLI_ARGS", "TF_CLI_CONFIG_FILE", "TF_DATA_DIR", "TF_INPUT", "TF_WORKSPACE")


def local_files(endpoint_url: str, state: Path) -> dict[str, str]:
    """Files that confine a root to the local AWS, by name: local backend at `state` (relative to the root), and no
    credentials but those of `process_environment`: no file of the working copy holds a secret.

    The endpoint of all services is named in a configuration file of AWS. The provider's own `endpoints` would name it too, but
    it takes the provider (5.100.0) four seconds of CPU to validate such a block, each time.
    """
    override = f"""# Written by async-endpoint: this copy works on the local AWS and on nothing else.
terraform {{
  backend "local" {{
    path = {json.dumps(state.as_posix())}
  }}
}}

provider "aws" {{
  access_key = null
  secret_key = null
  token      = null
  profile    = null

  shared_config_files = ["${{path.root}}/{CONFIG_FILE}"]

  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = false
  s3_use_path_style           = true
}}
"""
    return {OVERRIDE_FILE: override, CONFIG_FILE: f"[default]\nendpoint_url = {endpoint_url}\n"}


def process_environment(base: Mapping[str, str], configuration: Path, local: LocalCredentials | None) -> dict[str, str]:
    """The environment Terraform runs under, with its CLI configuration in `configuration`.

    With `local` every AWS setting of `base`, profile and files included, is replaced by those of that local AWS; temporary
    credentials for it, such as those of a role, are kept.
    """
    session = session_key(local.endpoint_url, base) if local is not None else None
    environment = {name: value for name, value in base.items() if not name.startswith(_REMOVED_VARIABLES)}
    environment.setdefault("GOGC", "400")  # the provider spends a third of its start on collecting garbage
    environment |= {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": str(configuration)}
    if path := with_installed_terraform(environment.get("PATH")):
        environment["PATH"] = path
    if local is None:
        return environment
    return {name: value for name, value in environment.items() if not name.startswith("AWS_")} | {
        "AWS_ENDPOINT_URL": local.endpoint_url,
        **(session or local.access_key).variables(),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def with_installed_terraform(path: str | None) -> str | None:
    """The PATH `path`, preceded by this virtual environment if it has a Terraform: the one that `make setup` downloaded.

    A PATH that has that folder already keeps its order.
    """
    folder = Path(sys.prefix) / "bin"
    if not (folder / "terraform").is_file() or str(folder) in (path or "").split(os.pathsep):
        return path
    return f"{folder}{os.pathsep}{path}" if path else str(folder)
