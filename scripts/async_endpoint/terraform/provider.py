"""The AWS provider as one process that Terraform commands attach to: starting it is most of what a plan costs.

Terraform attaches to a provider that it did not start, and neither installs nor checks it, by TF_REATTACH_PROVIDERS (Terraform
documentation, "Debugging Providers"). Each command configures it anew, so it serves one command at a time.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from async_endpoint.core.errors import TerraformFailed
from async_endpoint.terraform.diagnostics import first_error

LOCK_FILE: Final = ".terraform.lock.hcl"

_SAID: Final = re.compile(r"TF_REATTACH_PROVIDERS='(.*)'")
_NEEDS: Final = 'terraform {\n  required_providers {\n    aws = {\n      source = "hashicorp/aws"\n    }\n  }\n}\n'
# Ends with the process that holds its standard input, however that ends.
_UNTIL_INPUT_ENDS: Final = '"$1" -debug & exec >&-; read -r _; kill $!; wait'


def install_provider(folder: Path, lock_file: Path, environment: Mapping[str, str]) -> Path:
    """Install the AWS provider that `lock_file` names into `folder`, which need not exist; return its executable.

    `environment` is what Terraform runs under. Raises TerraformFailed when the provider is not to be had, or is another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "versions.tf").write_text(_NEEDS)
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
        umask=0o077,  # it listens at a path, and authenticates no client: in this mode Terraform brings no certificate
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        bufsize=1,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield {"TF_REATTACH_PROVIDERS": _heard(process.stdout, executable)}
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def _heard(output: IO[str], executable: Path) -> str:
    heard: list[str] = []
    for line in output:
        heard.append(line.strip())
        if found := _SAID.search(line):
            return str(found[1])
    raise TerraformFailed(f"{executable.name} did not start; it said: {' '.join(heard) or 'nothing'}")
