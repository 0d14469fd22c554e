"""The policies and trust policies of module iam, as Terraform renders them for the deployment of tests/iam/every_policy.tf.

They are kept in tests/iam/rendered.json, so that tests and the table of docs/security.md need no Terraform; one test renders
them again, and `python tests/support/rendered_policies.py` writes the file.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from async_endpoint.terraform.local_override import process_environment
from async_endpoint.terraform.provider import LOCK_FILE, cli_configuration, find_provider_mirror

CHECKOUT = Path(__file__).resolve().parents[2]
RENDERED = CHECKOUT / "tests" / "iam" / "rendered.json"
_ROOT = CHECKOUT / "tests" / "iam" / "every_policy.tf"


def policies() -> dict[str, Any]:
    """The policies by role: caller, deployer, ..."""
    found: dict[str, Any] = json.loads(RENDERED.read_text(encoding="utf-8"))["policies"]
    return found


def trust_policies() -> dict[str, Any]:
    """The trust policies of the roles for GitHub: deployer, planner."""
    found: dict[str, Any] = json.loads(RENDERED.read_text(encoding="utf-8"))["trust"]
    return found


def render(folder: Path, environment: Mapping[str, str]) -> str:
    """The text of the file, from a plan in the empty `folder`."""
    (folder / "main.tf").write_text(_ROOT.read_text().replace("../../modules", str(CHECKOUT / "modules")))

    def terraform(*arguments: str) -> str:
        command = ["terraform", f"-chdir={folder}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=dict(environment), check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    terraform("init", "-input=false")
    terraform("plan", "-input=false", "-out=plan")
    planned = json.loads(terraform("show", "-json", "plan"))["planned_values"]
    resources = [item for module in planned["root_module"]["child_modules"] for item in module["resources"]]
    trust = {item["index"]: item["values"]["assume_role_policy"] for item in resources if item["type"] == "aws_iam_role"}
    documents = {"policies": planned["outputs"]["policies"]["value"], "trust": trust}
    parsed = {kind: {role: json.loads(text) for role, text in texts.items()} for kind, texts in documents.items()}
    return json.dumps(parsed, indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Write the file, with the provider of the roots' lock file."""
    with tempfile.TemporaryDirectory(prefix="policies-") as temporary:
        folder, configuration = Path(temporary) / "root", Path(temporary) / "terraform.rc"
        folder.mkdir()
        shutil.copy(CHECKOUT / "envs" / "local" / LOCK_FILE, folder)
        configuration.write_text(cli_configuration(find_provider_mirror()), encoding="utf-8")
        RENDERED.write_text(render(folder, process_environment(os.environ, configuration, None)), encoding="utf-8")


if __name__ == "__main__":
    main()
