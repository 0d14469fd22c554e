"""The region of a root and, because each region has a deployment of its own, the key of the state that belongs to it.

A backend block takes no variables, so the key is handed to `terraform init` in a file (Terraform documentation, "Partial
configuration"). One state for two regions would be worse than none: a plan in the other region finds none of its resources,
drops them from the state, and the next apply would leave them running.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.regions import is_region

REGION_VARIABLE: Final = "TF_VAR_region"
KEY_FILE: Final = "region.s3.tfbackend"

_DECLARED = re.compile(r'^variable\s+"region"\s*\{(?:[^\n]*\}$|.*?^\})', re.MULTILINE | re.DOTALL)
_DEFAULT = re.compile(r'\bdefault\s*=\s*"([^"]*)"')
_KEY = re.compile(r'^\s*key\s*=\s*"([^"]*)"', re.MULTILINE)
_BUCKET = re.compile(r"^\s*bucket\s*=", re.MULTILINE)


@dataclass(frozen=True)
class RootRegion:
    """`name` is the region that commands work in; `is_default` says that the root's own files choose it."""

    name: str
    is_default: bool


def root_region(source: Path, environment: Mapping[str, str]) -> RootRegion | None:
    """The value of the variable `region` of the root in `source`: TF_VAR_region of `environment`, else its default.

    None for a root without that variable. Raises InvalidInput for a value that is no region, and where there is none.
    """
    declared = next((found for text in _texts(source.glob("*.tf")) if (found := _DECLARED.search(text))), None)
    if declared is None:
        return None
    default = _DEFAULT.search(declared[0])
    name = environment.get(REGION_VARIABLE) or (default[1] if default else "")
    if not name:
        raise InvalidInput(
            f"envs/{source.name} has no default region; set {REGION_VARIABLE}, such as {REGION_VARIABLE}=eu-west-1."
        )
    if not is_region(name):
        raise InvalidInput(f"{name!r} is not an AWS region; set {REGION_VARIABLE} to one such as eu-west-1.")
    return RootRegion(name, is_default=default is not None and name == default[1])


def state_key(environment: str, region: str) -> str:
    """Where the state of `environment` in `region` lies in the bucket."""
    return f"async-endpoint/{environment}/{region}/terraform.tfstate"


def command_line(verb: str, environment: str, region: RootRegion | None) -> str:
    """The command line that does `verb` with `environment` in `region`, for messages."""
    chosen = f"{REGION_VARIABLE}={region.name} " if region and not region.is_default else ""
    return f"{chosen}async-endpoint {verb} {environment}"


def backend_settings(source: Path) -> str:
    """What the root in `source` says about its backend, in backend.tf and *.tfbackend; empty where it is not S3."""
    backend = next(_texts([source / "backend.tf"]), "")
    return "\n".join([backend, *_texts(sorted(source.glob("*.tfbackend")))]) if 'backend "s3"' in backend else ""


def key_file(source: Path, region: RootRegion | None) -> dict[str, str]:
    """The file, by name, that completes the S3 backend of the root in `source` by its key; empty where nothing is missing.

    Raises InvalidInput for a backend without a bucket, and for a key of its own that does not name the region.
    """
    settings = backend_settings(source)
    if not settings:
        return {}
    if not _BUCKET.search(settings):
        raise InvalidInput(
            f"envs/{source.name}/backend.tf names no state bucket; create or adopt one with: "
            f"{command_line('bootstrap', source.name, region)} (it writes envs/{source.name}/state.s3.tfbackend), or use the "
            "local AWS with --local."
        )
    keys = [found[1] for found in _KEY.finditer(settings)]
    if keys:
        _require_region(source, keys[-1], region)
        return {}
    if region is None:
        raise InvalidInput(
            f"envs/{source.name}/backend.tf names no key, and the root has no variable region that decides it; set key there."
        )
    return {KEY_FILE: f'key = "{state_key(source.name, region.name)}"\n'}


def _require_region(source: Path, key: str, region: RootRegion | None) -> None:
    if region is not None and region.name not in key.split("/"):
        raise InvalidInput(
            f"The backend of envs/{source.name} keeps its state at {key}, a key that does not name region {region.name}, so "
            f"two regions would share one state; remove the key (it is then {state_key(source.name, region.name)})."
        )


def _texts(paths: Iterable[Path]) -> Iterator[str]:
    """The content of those of `paths` that are files."""
    return (path.read_text(encoding="utf-8") for path in paths if path.is_file())
