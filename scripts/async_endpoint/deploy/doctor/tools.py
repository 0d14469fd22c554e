"""What this machine needs: Python and the extras, Terraform, and room for it."""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from async_endpoint.core.extras import require_extra
from async_endpoint.deploy.doctor.findings import Finding, failure, ok, warning
from async_endpoint.deploy.doctor.setup import Setup
from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.local_override import process_environment

LEAST_FREE_BYTES: Final = 1_000_000_000  # the AWS provider is 0.7 GB, and Terraform unpacks it once for each working copy
ENOUGH_FREE_BYTES: Final = 3_000_000_000

_REQUIRED: Final = re.compile(r'^\s*required_version\s*=\s*"([^"]*)"', re.MULTILINE)
_CLAUSE: Final = re.compile(r"^(=|!=|>=|<=|>|<|~>)?\s*v?(\d+(?:\.\d+){0,2})$")


def python(setup: Setup) -> Iterator[Finding]:
    """That the extras are installed which this environment's commands import."""
    extras = ["deploy", *(["local"] if setup.local else [])]
    for extra in extras:
        require_extra(extra, f"{setup.environment}{' on the local AWS' if extra == 'local' else ''}")
    yield ok(f"Python {platform.python_version()}, extras {' and '.join(extras)}")


def terraform(setup: Setup) -> Iterator[Finding]:
    """That Terraform is on the PATH, and a version that this project and the root accept. It is asked for its version only."""
    environment = process_environment(setup.shell, Path("/dev/null"), None)
    found = Terraform(setup.source, environment, on_output=lambda line: None).version
    for file in sorted(setup.source.glob("*.tf")):
        for required in _REQUIRED.findall(file.read_text(encoding="utf-8", errors="replace")):
            if not satisfies(found, required):
                yield failure(
                    f"Terraform is {found}, and {setup.shown(file)} requires {required}",
                    "install such a version from https://developer.hashicorp.com/terraform/install",
                )
                return
    yield ok(f"Terraform {found}")


def disk(setup: Setup) -> Iterator[Finding]:
    """That there is room for working copies, the provider and archives."""
    free = shutil.disk_usage(setup.workspace.root).free
    room = f"{free / 1e9:.1f} GB free on the disk of {setup.workspace.root}"
    remedy = "delete what you do not need, such as .local/deployments, which commands make again"
    if free < LEAST_FREE_BYTES:
        yield failure(f"{room}; Terraform needs {LEAST_FREE_BYTES / 1e9:.0f} GB for its provider", remedy)
    elif free < ENOUGH_FREE_BYTES:
        yield warning(f"{room}; each environment takes 0.7 GB where providers are downloaded", remedy)
    else:
        yield ok(room)


def satisfies(version: str, constraint: str) -> bool:
    """Whether a version meets a constraint such as `>= 1.11, < 2` (Terraform documentation, "Version constraints")."""
    found = _parts(version.partition("-")[0])
    for clause in constraint.split(","):
        parsed = _CLAUSE.match(clause.strip())
        if parsed is None:  # Terraform says what is wrong with it
            continue
        operator, wanted = parsed[1] or "=", parsed[2]
        least = _parts(wanted)
        if operator == "~>":
            kept = max(wanted.count("."), 1)  # all but the last part stated stay the same
            if found < least or found[:kept] != least[:kept]:
                return False
        elif not _COMPARISONS[operator](found, least):
            return False
    return True


_COMPARISONS: Final = {
    "=": tuple.__eq__, "!=": tuple.__ne__, ">=": tuple.__ge__, "<=": tuple.__le__, ">": tuple.__gt__, "<": tuple.__lt__,
}  # fmt: skip


def _parts(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in version.split(".")]
    return tuple(numbers + [0] * (3 - len(numbers)))
