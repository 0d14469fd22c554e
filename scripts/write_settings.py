"""`make settings`: write the files that name an environment's state bucket and account, from variables of a pipeline.

ENV, ACCOUNT (one ID, or several with commas), BUCKET, BUCKET_REGION (by default the environment's), ROLE (none by default).
Calls nothing, and never replaces another setting.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from async_endpoint.cli.console import reported_errors
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.regions import is_region
from async_endpoint.terraform.account import account_file, parse_account
from async_endpoint.terraform.root_region import root_region
from async_endpoint.terraform.settings_files import StateBucket, require_bucket_name, write_settings
from async_endpoint.workspace import Workspace


def main(variables: Mapping[str, str]) -> None:
    """Write the files, and say which; raises InvalidInput for a variable that is missing or malformed."""
    missing = [name for name in ("ENV", "ACCOUNT", "BUCKET") if not variables.get(name)]
    if missing:
        raise InvalidInput(f"make settings needs {', '.join(missing)}; set them as variables of the pipeline's environment.")
    source = Workspace.find().environment(variables["ENV"])
    ids = ", ".join(f'"{part.strip()}"' for part in variables["ACCOUNT"].split(","))
    role = f'assume_role_arn = "{variables["ROLE"]}"\n' if variables.get("ROLE") else ""
    account = parse_account(f"allowed_account_ids = [{ids}]\n{role}", account_file(source))
    default = root_region(source, variables)
    region = variables.get("BUCKET_REGION") or (default.name if default else "")
    if not is_region(region):
        raise InvalidInput(f"{region!r} is not an AWS region; set BUCKET_REGION to that of bucket {variables['BUCKET']}.")
    for path in write_settings(source, account, StateBucket(require_bucket_name(variables["BUCKET"]), region)):
        print(f"wrote {path}", file=sys.stderr)


if __name__ == "__main__":
    with reported_errors():
        main(os.environ)
