"""Where the S3 backend of a root keeps its state: bucket, key and region, read from its files as Terraform would.

The lock is the object beside the state that `use_lockfile` makes (Terraform documentation, "S3 backend": State Locking).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.terraform.root_region import RootRegion, key_file

LOCK_SUFFIX: Final = ".tflock"

_SETTING = re.compile(r'^\s*(bucket|key|region|use_lockfile)\s*=\s*"?([^"\s#]*)"?', re.MULTILINE)


@dataclass(frozen=True)
class S3Backend:
    """`region` is None where neither the files nor the shell name one. `locks`: whether use_lockfile is set."""

    bucket: str
    key: str
    region: str | None
    locks: bool

    @property
    def lock_key(self) -> str:
        return self.key + LOCK_SUFFIX


def s3_backend(source: Path, region: RootRegion | None, shell: Mapping[str, str]) -> S3Backend | None:
    """The backend of the root in `source`; None for another kind. `shell` are environment variables.

    Raises InvalidInput for a backend without a bucket, or with a key that does not name the region.
    """
    generated = key_file(source, region)
    backend = source / "backend.tf"
    if not backend.is_file() or 'backend "s3"' not in (text := backend.read_text(encoding="utf-8")):
        return None
    texts = [text, *(path.read_text(encoding="utf-8") for path in sorted(source.glob("*.tfbackend"))), *generated.values()]
    found = {name: value for text in texts for name, value in _SETTING.findall(text)}
    if not found.get("bucket"):
        raise InvalidInput(f'The bucket of envs/{source.name}/backend.tf is empty; give it a name in quotes: bucket = "…".')
    return S3Backend(
        found["bucket"],
        found["key"],
        found.get("region") or shell.get("AWS_REGION") or shell.get("AWS_DEFAULT_REGION"),
        found.get("use_lockfile") == "true",
    )
