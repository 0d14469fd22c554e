"""The AWS account of an environment: `envs/<environment>/account.auto.tfvars`, which git ignores.

    allowed_account_ids = ["123456789012"]
    assume_role_arn     = "arn:aws:iam::123456789012:role/deployer" # optional

Terraform reads it as the values of the root's variables of these names, which its provider block uses. The driver reads the
same file for its own calls and for the backend, so that one file states it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.text import joined

ACCOUNT_FILE: Final = "account.auto.tfvars"
IDS: Final = "allowed_account_ids"
ROLE: Final = "assume_role_arn"
ACCOUNT_PATTERN: Final = "^[0-9]{12}$"
ROLE_PATTERN: Final = "^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$"

_COMMENT: Final = r"(?:#|//)[^\n]*|/\*.*?\*/"
_SPACE: Final = rf"(?:\s|{_COMMENT})*"
_STRING: Final = r'"[^"\n]*"'
_VALUE: Final = rf"{_STRING}|\[.*?\]|[^\s#/\[\"][^\n#]*"
_SETTING: Final = re.compile(rf"{_SPACE}(?P<name>[A-Za-z_][\w-]*)[ \t]*=[ \t]*(?P<value>{_VALUE})", re.DOTALL)
_EMPTY: Final = re.compile(_SPACE, re.DOTALL)
_ITEM: Final = re.compile(rf"{_SPACE}(?P<item>{_STRING}|[^\s,\]#]+){_SPACE}(?:,|$)", re.DOTALL)
_DECLARED: Final = re.compile(r'^variable\s+"(?P<name>\w+)"', re.MULTILINE)
_S3_BACKEND: Final = re.compile(r'^\s*backend\s+"s3"', re.MULTILINE)
# Settings of a backend that has credentials of its own, as for states in another account than the environment's.
_OWN_CREDENTIALS: Final = re.compile(
    r"^\s*(allowed_account_ids|assume_role\w*|forbidden_account_ids|profile|role_arn)\b", re.MULTILINE
)


@dataclass(frozen=True)
class Account:
    """The accounts that an environment may be in, mostly one, and the role that its commands assume, None for the caller's own.

    `file` is where they are stated, relative to the checkout.
    """

    file: str
    ids: tuple[str, ...]
    role_arn: str | None = None

    def text(self) -> str:
        """The content of the file."""
        role = f'{ROLE}     = "{self.role_arn}"\n' if self.role_arn else ""
        return f"{IDS} = [{_quoted(self.ids)}]\n{role}"

    def backend_settings(self) -> str:
        """The same for Terraform's S3 backend, as the content of a file for `terraform init -backend-config`."""
        role = f'assume_role = {{ role_arn = "{self.role_arn}" }}\n' if self.role_arn else ""
        return f"{IDS} = [{_quoted(self.ids)}]\n{role}"


def account_file(source: Path) -> str:
    """The path of the account file of the root in `source`, for messages."""
    return f"envs/{source.name}/{ACCOUNT_FILE}"


def required_account(source: Path, bootstrap: str) -> Account | None:
    """The account of the root in `source`; None where neither its state nor its variables ask for one.

    `bootstrap` is the command that writes the file. Raises InvalidInput for one that is missing or malformed, for settings that
    the root does not declare, and for settings that another file of values has too: it might take precedence.
    """
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(source.glob("*.tf"))}
    declared = {found["name"] for text in texts.values() for found in _DECLARED.finditer(text)}
    account = read_account(source)
    if account is None:
        if IDS in declared or _S3_BACKEND.search(texts.get("backend.tf", "")):
            raise InvalidInput(
                f"{account_file(source)} is missing, so any account would do; write it with: {bootstrap} (it names the account "
                "of your credentials), or use the local AWS with --local."
            )
        return None
    for name, value in ((IDS, account.ids), (ROLE, account.role_arn)):
        if value and name not in declared:
            raise InvalidInput(
                f"{account.file} sets {name}, which envs/{source.name} declares no variable for, so Terraform would ignore it; "
                "copy variables and provider block from providers.tf of another environment."
            )
    _require_stated_once(source)
    return account


def read_account(source: Path) -> Account | None:
    """What the account file of the root in `source` says; None without one. Raises InvalidInput for a malformed one."""
    path = source / ACCOUNT_FILE
    if not path.is_file():
        return None
    return parse_account(path.read_text(encoding="utf-8", errors="replace"), account_file(source))


def parse_account(text: str, file: str) -> Account:
    """The account that `text` states, the content of `file`. Raises InvalidInput naming what is wrong, and what is right."""
    settings = _settings(text, file)
    if unknown := sorted(settings.keys() - {IDS, ROLE}):
        raise InvalidInput(f"{file} sets {joined(unknown)}; it has {IDS} and {ROLE} only.")
    ids = _ids(settings.get(IDS), file)
    role = settings.get(ROLE)
    if role in (None, "null"):
        return Account(file, ids)
    if not (role[0] == '"' and re.search(ROLE_PATTERN, role[1:-1])):
        raise InvalidInput(
            f'{file}: {ROLE} is {role}; expected the ARN of a role in quotes, "arn:aws:iam::{ids[0]}:role/NAME".'
        )
    if role[1:-1].split(":")[4] not in ids:
        raise InvalidInput(
            f"{file}: {ROLE} is in account {role.split(':')[4]}, and {IDS} has {joined(ids)}; name a role of that account."
        )
    return Account(file, ids, role[1:-1])


def names_own_credentials(settings: str) -> bool:
    """Whether backend settings say who reads and writes the state: then the environment's account is not passed on to them."""
    return _OWN_CREDENTIALS.search(settings) is not None


def without_account_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without the variables by which Terraform would take other values than those of the file."""
    return {name: value for name, value in environment.items() if name not in (f"TF_VAR_{IDS}", f"TF_VAR_{ROLE}")}


def _settings(text: str, file: str) -> dict[str, str]:
    """The values of a file as they are written, by name."""
    settings: dict[str, str] = {}
    position = 0
    while (found := _SETTING.match(text, position)) is not None:
        if found["name"] in settings:
            raise InvalidInput(f"{file} sets {found['name']} twice; keep one line.")
        settings[found["name"]] = found["value"].strip()
        position = found.end()
    rest = _EMPTY.match(text, position)
    end = rest.end() if rest else position
    if end != len(text):
        line = text.count("\n", 0, end) + 1
        raise InvalidInput(
            f"{file} line {line} is no setting ({text[end:].splitlines()[0][:60]!r}); "
            f'expected {IDS} = ["123456789012"], and {ROLE} = "arn:…" where a role is assumed.'
        )
    return settings


def _ids(value: str | None, file: str) -> tuple[str, ...]:
    expected = f'expected {IDS} = ["123456789012"]'
    if value is None:
        raise InvalidInput(f"{file} names no account; {expected}.")
    if not value.startswith("["):
        raise InvalidInput(f"{file}: {IDS} is {value}; {expected}, a list.")
    items = _items(value[1:-1])
    if items is None:
        raise InvalidInput(f"{file}: {IDS} is {value}; {expected}, with commas between accounts.")
    if not items:
        raise InvalidInput(f"{file} names no account; {expected}.")
    for item in items:
        if item[0] != '"':
            raise InvalidInput(f"{file}: account {item} has no quotes, so Terraform would drop zeros at its start; {expected}.")
        if not re.search(ACCOUNT_PATTERN, item[1:-1]):
            raise InvalidInput(f"{file}: {item} is no account ID, which has 12 digits ({len(item) - 2} characters found).")
    return tuple(item[1:-1] for item in items)


def _items(text: str) -> list[str] | None:
    """The items between the brackets of a list; None for anything else."""
    items, position = list[str](), 0
    while (found := _ITEM.match(text, position)) is not None and found.end() > position:
        items.append(found["item"])
        position = found.end()
    return items if _EMPTY.fullmatch(text, position) else None


def _require_stated_once(source: Path) -> None:
    for path in sorted({*source.glob("*.tfvars"), *source.glob("*.tfvars.json")}):
        if path.name != ACCOUNT_FILE and (found := re.search(rf"\b({IDS}|{ROLE})\b", path.read_text(encoding="utf-8"))):
            raise InvalidInput(
                f"envs/{source.name}/{path.name} sets {found[0]}, which {account_file(source)} states; remove it there."
            )


def _quoted(values: tuple[str, ...]) -> str:
    return ", ".join(f'"{value}"' for value in values)
