"""The repository variable ENVIRONMENTS: where each environment is deployed, and by which roles; in the order of promotion.

    {"dev": {"account_id": "111111111111", "region": "eu-west-1", "state_bucket": "shop-state-111111111111",
             "planner_role": "arn:aws:iam::111111111111:role/shop-planner", "deployer_role": "arn:…:role/shop-deployer"}}

An environment that it does not name is not deployed by the workflows. Nothing in it is secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.regions import is_region
from ci.run import Run

VARIABLE: Final = "ENVIRONMENTS"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

_ROLE: Final = r"arn:(aws|aws-cn|aws-us-gov):iam::{account}:role/[\w+=,.@/-]+"
_BUCKET: Final = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_ACCOUNT_FILE: Final = "account.auto.tfvars"
_BACKEND_FILE: Final = "state.s3.tfbackend"


@dataclass(frozen=True)
class Settings:
    """Where one environment is deployed."""

    account_id: str
    region: str
    state_bucket: str
    planner_role: str
    deployer_role: str
    requires_approval: bool = False
    state_region: str = ""  # that of the environment, unless another is named

    @classmethod
    def parse(cls, name: str, values: Any) -> Settings:
        """Raises InvalidInput for what is missing, unknown or malformed."""
        where = f"{VARIABLE}.{name}"
        if not NAME.fullmatch(name) or name == "local":
            raise InvalidInput(f"{VARIABLE} names {name!r}; use the name of a folder of envs/ other than local.")
        if not isinstance(values, dict):
            raise InvalidInput(f"{where} is not an object with {', '.join(_REQUIRED)}.")
        if missing := [field for field in _REQUIRED if not values.get(field)]:
            raise InvalidInput(f"{where} lacks {', '.join(missing)}; docs/pipelines.md has an example.")
        if unknown := sorted(set(values) - {field.name for field in fields(cls)}):
            raise InvalidInput(f"{where} has {', '.join(unknown)}, which is not one of its fields.")
        if not all(isinstance(values[field], str) for field in _REQUIRED):
            raise InvalidInput(f"{where}: write {', '.join(_REQUIRED)} as strings, in quotes.")
        approval = values.get("requires_approval", name == "prod")
        if not isinstance(approval, bool):
            raise InvalidInput(f"{where}.requires_approval is {approval!r}; write true or false.")
        defaults = {"requires_approval": approval, "state_region": values.get("state_region", values["region"])}
        return cls(**(values | defaults))._checked(where)

    def _checked(self, where: str) -> Settings:
        if not re.fullmatch(r"\d{12}", self.account_id):
            raise InvalidInput(f"{where}.account_id is {self.account_id!r}; an account has 12 digits.")
        for field in ("region", "state_region"):
            if not isinstance(getattr(self, field), str) or not is_region(getattr(self, field)):
                raise InvalidInput(f"{where}.{field} is {getattr(self, field)!r}, which is not an AWS region.")
        if not re.fullmatch(_BUCKET, self.state_bucket):
            raise InvalidInput(f"{where}.state_bucket is {self.state_bucket!r}, which is not the name of a bucket.")
        for field in ("planner_role", "deployer_role"):
            if not re.fullmatch(_ROLE.format(account=self.account_id), getattr(self, field)):
                raise InvalidInput(f"{where}.{field} is {getattr(self, field)!r}, not the ARN of a role of {self.account_id}.")
        return self

    def write(self, root: Path) -> None:
        """Write the files by which commands find account and state, into the folder of the root."""
        (root / _ACCOUNT_FILE).write_text(f'allowed_account_ids = ["{self.account_id}"]\n', encoding="utf-8")
        backend = f'bucket = "{self.state_bucket}"\nregion = "{self.state_region}"\n'
        (root / _BACKEND_FILE).write_text(backend, encoding="utf-8")


_REQUIRED: Final = ("account_id", "region", "state_bucket", "planner_role", "deployer_role")


def all_settings(run: Run) -> Mapping[str, Settings]:
    """Of every environment, in order; empty where the variable is not set. Raises InvalidInput."""
    text = run.get(VARIABLE)
    if not text.strip():
        return {}
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"The repository variable {VARIABLE} is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise InvalidInput(f"The repository variable {VARIABLE} is not an object of environments.")
    return {name: Settings.parse(name, values) for name, values in document.items()}


def settings_of(run: Run, environment: str) -> Settings:
    """Of one environment; raises InvalidInput when the variable does not name it."""
    known = all_settings(run)
    if environment not in known:
        raise InvalidInput(
            f"The repository variable {VARIABLE} has no environment {environment!r}, only {', '.join(known) or 'none'}; "
            "add it as docs/pipelines.md shows."
        )
    return known[environment]
