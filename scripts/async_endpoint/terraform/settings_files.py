"""The two files by which an environment reaches AWS: the bucket of its state, and its account. Git ignores both.

`async-endpoint bootstrap` writes them. A setting that is there is never replaced.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.terraform.account import ACCOUNT_FILE, Account, account_file, read_account
from async_endpoint.terraform.root_region import backend_settings
from async_endpoint.terraform.whole_files import write_whole
from async_endpoint.workspace import Workspace

STATE_FILE: Final = "state.s3.tfbackend"

_SETTING: Final = re.compile(r'^[ \t]*(bucket|region)[ \t]*=[ \t]*"([^"\n]*)"', re.MULTILINE)
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True)
class StateBucket:
    """A bucket of states, by its name and region."""

    name: str
    region: str

    def text(self) -> str:
        """The content of the file."""
        return f'bucket = "{self.name}"\nregion = "{self.region}"\n'


def require_bucket_name(name: str) -> str:
    """`name`, which must be that of a bucket; raises InvalidInput."""
    if not _BUCKET.fullmatch(name):
        raise InvalidInput(f"{name!r} is no name of a bucket: 3 to 63 lowercase letters, digits, hyphens and dots.")
    return name


def named_bucket(source: Path) -> dict[str, str]:
    """Of `bucket` and `region`, those that the backend of the root in `source` names."""
    return dict(_SETTING.findall(backend_settings(source)))


def write_settings(workspace: Workspace, source: Path, account: Account, bucket: StateBucket) -> list[str]:
    """Write what is missing of the two files of the root in `source`; return their paths relative to the checkout.

    Raises InvalidInput for a file that says something else, before anything is written.
    """
    state = f"envs/{source.name}/{STATE_FILE}"
    named, known = named_bucket(source), read_account(source)
    for name, value in (("bucket", bucket.name), ("region", bucket.region)):
        if named.get(name, value) != value:
            raise InvalidInput(f"{state} names {name} {named[name]}, not {value}; remove that line, or keep using it.")
    if known is not None and (known.ids, known.role_arn) != (account.ids, account.role_arn):
        raise InvalidInput(
            f"{account_file(source)} names {_described(known)}, not {_described(account)}; remove the file, or keep using it."
        )
    written = []
    if named.keys() < {"bucket", "region"}:
        _write(workspace, source / STATE_FILE, bucket.text(), kept=source / STATE_FILE)
        written.append(state)
    if known is None:
        _write(workspace, source / ACCOUNT_FILE, account.text())
        written.append(account_file(source))
    return written


def _described(account: Account) -> str:
    return ", ".join([*account.ids, *([account.role_arn] if account.role_arn else [])])


def _write(workspace: Workspace, path: Path, text: str, kept: Path | None = None) -> None:
    """Write a file whole or not at all; the other lines of `kept` stay."""
    if kept is not None and kept.is_file():
        others = (line for line in kept.read_text(encoding="utf-8").splitlines() if not _SETTING.match(line))
        text += "".join(f"{line}\n" for line in others)
    write_whole(workspace, path, text.encode())
