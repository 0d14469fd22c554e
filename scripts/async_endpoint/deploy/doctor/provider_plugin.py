"""The AWS provider's plugin: a lock file that has this platform, and where the plugin comes from. It is not started.

`zh:` hashes of a lock file are those of the release's archives for all platforms, `h1:` hashes those of the unpacked content
for the platforms that were asked for (Terraform documentation, "Dependency Lock File"). From a mirror with unpacked plugins,
Terraform can compare `h1:` only.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from async_endpoint.deploy.doctor.findings import Finding, failure, ok
from async_endpoint.deploy.doctor.setup import Setup
from async_endpoint.terraform.provider import LOCK_FILE, PROVIDER, find_provider_mirror, terraform_platform

_BLOCK: Final = re.compile(rf'^provider "{re.escape(PROVIDER)}" \{{\n(.*?)^\}}', re.MULTILINE | re.DOTALL)
_VERSION: Final = re.compile(r'^\s*version\s*=\s*"([^"]+)"', re.MULTILINE)
_HASH: Final = re.compile(r'"((?:h1|zh):[^"]+)"')


@dataclass(frozen=True)
class LockedProvider:
    """The version of the AWS provider that a lock file selects, and the hashes it accepts."""

    version: str
    hashes: frozenset[str]


def provider_plugin(setup: Setup) -> Iterator[Finding]:
    """That `terraform init` finds the plugin that the lock file selects, for this platform."""
    file, wanted = setup.source / LOCK_FILE, terraform_platform()
    shown = setup.shown(file)
    locked = read_lock_file(file)
    make = f"terraform -chdir=envs/{setup.environment} providers lock -platform={wanted}"
    if locked is None:
        missing = f"{shown} is missing or selects no version of {PROVIDER}"
        yield failure(missing, f"restore it with git, or make it with: {make}")
        return
    mirror = find_provider_mirror()
    if mirror is None:
        if any(one.startswith("zh:") for one in locked.hashes):
            yield ok(f"version {locked.version} of {shown} is downloaded from the registry, for any platform")
        else:
            yield failure(f"{shown} has no hashes of the registry's archives for {wanted}", f"add them with: {make}")
        return
    yield _mirrored(mirror, locked, shown, wanted, make)


def read_lock_file(file: Path) -> LockedProvider | None:
    """What a lock file says of the AWS provider; None without the file or the provider."""
    if not file.is_file():
        return None
    block = _BLOCK.search(file.read_text(encoding="utf-8", errors="replace"))
    version = _VERSION.search(block[1]) if block else None
    return LockedProvider(version[1], frozenset(_HASH.findall(block[1]))) if block and version else None


def _mirrored(mirror: Path, locked: LockedProvider, shown: str, wanted: str, make: str) -> Finding:
    """The plugin in `mirror`, compared with the lock file."""
    provider = mirror / PROVIDER
    unpacked = provider / locked.version / wanted
    packed = provider / f"terraform-provider-aws_{locked.version}_{wanted}.zip"
    if packed.is_file():
        with packed.open("rb") as archive:
            found = f"zh:{hashlib.file_digest(archive, 'sha256').hexdigest()}"
    elif unpacked.is_dir():
        found = content_hash(unpacked)
    else:
        return failure(
            f"{shown} selects version {locked.version}, which mirror {mirror} does not have for {wanted}",
            f"fill it with: terraform -chdir=envs/{shown.split('/')[1]} providers mirror -platform={wanted} {mirror}",
        )
    if found not in locked.hashes:
        return failure(
            f"the plugin for {wanted} in mirror {mirror} is not one that {shown} accepts ({found})",
            f"the mirror's copy may be damaged, so fetch it again; where it is right, add its hash with: {make} "
            f"-fs-mirror={mirror}",
        )
    return ok(f"version {locked.version} for {wanted} of mirror {mirror}, as {shown} selects")


def content_hash(folder: Path) -> str:
    """The `h1:` hash of an unpacked plugin: that of its files' SHA-256 and names, sorted (Go module dirhash, Hash1)."""
    lines = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:  # threads hash beside each other: file_digest releases the interpreter
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        lines.append(f"{digest}  {path.relative_to(folder).as_posix()}\n")
    return f"h1:{base64.b64encode(hashlib.sha256(''.join(lines).encode()).digest()).decode()}"
