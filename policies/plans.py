"""Plans of roots, as JSON, made against a local AWS: references of the source are values in a plan."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from async_endpoint.core.errors import TerraformFailed
from async_endpoint.emulator.emulator import Emulator
from async_endpoint.terraform.diagnostics import first_error
from async_endpoint.terraform.local_override import local_files, process_environment
from async_endpoint.terraform.provider import (
    LOCK_FILE,
    cli_configuration,
    find_provider_mirror,
    install_provider,
    own_configuration,
    running_provider,
)

TIMEOUT_SECONDS = 300
PLAN = "policy.tfplan"
LOCKED = Path(__file__).resolve().parents[1] / "envs/local" / LOCK_FILE  # a test keeps all lock files equal

_ARCHIVE = re.compile(r'"((?:\.\./)*[\w./-]+\.(?:tar\.gz|zip))"')


def make_plans(roots: Sequence[Path], work: Path) -> list[Path]:
    """Plan each of `roots` (writable copies) and return the plans: files in `work` named after their root.

    Raises TerraformFailed, in one sentence, for the first root that cannot be planned.
    """
    aws = Emulator(work / "local-aws")
    aws.start()
    try:
        url = aws.record.endpoint_url
        environment = process_environment(os.environ, _cli_configuration(work), aws.credentials)
        provider = install_provider(work / "provider", LOCKED, environment)
        with running_provider(provider, work, environment) as attached:  # one for all: a provider opens no files to plan
            return [_plan(root, environment | attached, url, work) for root in roots]
    finally:
        aws.stop()


def _plan(root: Path, environment: dict[str, str], url: str, work: Path) -> Path:
    for name, text in local_files(url, Path("terraform.tfstate")).items():
        (root / name).write_text(text)
    _put_archives(root)
    _terraform(root, environment, "init", "-input=false", "-no-color")
    _terraform(root, environment, "plan", "-input=false", "-lock=false", f"-out={PLAN}", "-no-color")
    plan = work / f"{root.parent.name}-{root.name}.json"
    plan.write_text(_terraform(root, environment, "show", "-json", PLAN))
    return plan


def _terraform(root: Path, environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        ["terraform", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        text = done.stdout + done.stderr
        raise TerraformFailed(
            f"terraform {arguments[0]} of {root.parent.name}/{root.name} ended with {done.returncode}: "
            f"{first_error(text) or text.strip()}"
        )
    return done.stdout


def _put_archives(root: Path) -> None:
    """Create a placeholder for each archive of a model or a function that the root names: a plan only hashes its bytes."""
    for file in root.glob("*.tf"):
        for named in _ARCHIVE.findall(file.read_text()):
            archive = root / named
            archive.parent.mkdir(parents=True, exist_ok=True)
            if not archive.exists():
                archive.write_bytes(b"placeholder")


def _cli_configuration(work: Path) -> Path:
    mirror = find_provider_mirror()
    own = own_configuration() if mirror is None else None
    generated = work / "terraform.rc"
    generated.write_text(cli_configuration(mirror))
    return own or generated
