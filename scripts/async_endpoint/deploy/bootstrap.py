"""Create or adopt the bucket of an environment's state, and write the two files by which the environment reaches AWS.

A bucket that is missing is created by examples/state-bucket. The state of that root is a file of this checkout until the bucket
is there, and then moves into it, so that any checkout finds it. What an interrupted run left is completed by the next one: from
that file, or from the bucket. A bucket that something else made is examined, and never changed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import InvalidInput, Refused
from async_endpoint.deploy.retries import retrying_session
from async_endpoint.deploy.state_bucket import bucket_exists, holds, require_safe
from async_endpoint.terraform.account import Account, account_file, read_account
from async_endpoint.terraform.adapter import Changes, Terraform
from async_endpoint.terraform.caller import find_caller
from async_endpoint.terraform.root_region import backend_settings, root_region
from async_endpoint.terraform.saved_plans import saved_plan
from async_endpoint.terraform.settings_files import StateBucket, named_bucket, require_bucket_name, write_settings
from async_endpoint.terraform.working_copy import copied_root
from async_endpoint.workspace import Workspace

ROOT: Final = Path("examples/state-bucket")
STATE_KEY: Final = "state-bucket/terraform.tfstate"

Listener = Callable[[str], None]


@dataclass(frozen=True)
class Bootstrapped:
    """The state bucket of an environment: `action` is created, updated, unchanged or adopted; `written` are new files."""

    environment: str
    account: str
    bucket: StateBucket
    action: str
    written: list[str]
    notices: list[str]


def bootstrap_environment(
    workspace: Workspace,
    environment: str,
    *,
    bucket: str | None = None,
    approve: Callable[[str], bool],
    on_output: Listener,
) -> Bootstrapped:
    """Create or adopt the state bucket of `environment`, `terraform-state-<account>-<region>` by default; write its settings.

    Calls are made with the caller's own credentials, an administrator's, also where the environment names a role. `approve` is
    asked with a sentence before anything changes on AWS. Raises InvalidInput for an environment whose state is not in S3 and
    for settings that name another bucket, WrongAccount, StateBucketUnsafe, Refused when `approve` says no, and what Terraform
    raises.
    """
    source = workspace.environment(environment)
    region = root_region(source, os.environ)
    if not backend_settings(source) or region is None:
        raise InvalidInput(f"envs/{environment} keeps its state in a file, not in S3; it needs no state bucket.")
    if bucket is not None:
        require_bucket_name(bucket)
    known = read_account(source)
    caller = find_caller(replace(known, role_arn=None) if known else None, environment, region.name)
    wanted = _wanted_bucket(source, bucket, f"terraform-state-{caller.account}-{region.name}", region.name)
    aws = retrying_session(wanted.region)
    root = _Root(workspace, wanted, caller.account, on_output)
    action, notices = _secure(aws, root, wanted, caller.account, approve)
    written = write_settings(workspace, source, known or Account(account_file(source), (caller.account,)), wanted)
    return Bootstrapped(environment, caller.account, wanted, action, written, notices)


def _wanted_bucket(source: Path, given: str | None, default: str, region: str) -> StateBucket:
    """The bucket that the settings name, else the given one, else the default; raises InvalidInput where they differ."""
    named = named_bucket(source)
    if given is not None and named.get("bucket", given) != given:
        raise InvalidInput(
            f"The backend of envs/{source.name} names bucket {named['bucket']}, not {given}; remove --bucket to use that, or "
            f"change envs/{source.name}/state.s3.tfbackend."
        )
    return StateBucket(given or named.get("bucket", default), named.get("region", region))


def _secure(
    aws: AwsSession, root: _Root, bucket: StateBucket, account: str, approve: Callable[[str], bool]
) -> tuple[str, list[str]]:
    """Create, complete, update or examine the bucket; what was done, and notices."""
    exists = bucket_exists(aws, bucket, account)
    remote = exists and holds(aws, bucket, STATE_KEY)
    if exists and not remote and not root.is_interrupted:
        return "adopted", require_safe(aws, bucket)

    def approved(changes: Changes) -> bool:
        what = "update" if exists else "create, with a KMS key (billed monthly),"
        return approve(
            f"This will {what} bucket {bucket.name} in {bucket.region} of account {account}: {changes.add} resources to add, "
            f"{changes.change} to change, {changes.destroy} to destroy."
        )

    changed = root.apply(remote=remote, approve=approved)
    return ("created" if not exists else "updated" if changed else "unchanged"), []


class _Root:
    """examples/state-bucket in a working copy of its own for each bucket, `.local/bootstrap/<bucket>`."""

    def __init__(self, workspace: Workspace, bucket: StateBucket, account: str, on_output: Listener) -> None:
        self._workspace, self._bucket, self._account, self._on_output = workspace, bucket, account, on_output
        self._copy = workspace.local / "bootstrap" / bucket.name
        self._state = self._copy / "terraform.tfstate"

    @property
    def is_interrupted(self) -> bool:
        """Whether a run before has begun to create the bucket here, and not moved the state into it."""
        return self._state.is_file() and '"aws_s3_bucket"' in self._state.read_text(encoding="utf-8")

    def apply(self, *, remote: bool, approve: Callable[[Changes], bool]) -> bool:
        """Apply the root, and move its state into the bucket unless it is there (`remote`); whether anything changed."""
        self._workspace.make_local("bootstrap")
        terraform = self._prepared(remote)
        terraform.init()
        with saved_plan(self._workspace) as file:
            changes = terraform.plan(file)
            if changes.any:
                if not approve(changes):
                    raise Refused(f"The plan of bucket {self._bucket.name} was not approved; nothing was changed.")
                terraform.apply(file)
        if not remote:
            self._prepared(remote=True).init(migrate=True)
        for left in self._copy.glob("terraform.tfstate*"):
            left.unlink()
        return changes.any

    def _prepared(self, remote: bool) -> Terraform:
        source = self._workspace.root / ROOT
        environments = [name for name in self._workspace.environments if backend_settings(self._workspace.environment(name))]
        generated = {"backend.tf": self._backend(remote), "account_override.tf": _OWN_ACCOUNT % json.dumps([self._account])}
        folder, settings = copied_root(self._workspace, source, self._copy, ROOT, generated)
        variables = {"bucket": self._bucket.name, "environments": json.dumps(environments), "region": self._bucket.region}
        settings |= {f"TF_VAR_{name}": value for name, value in variables.items()}
        unlock = f"terraform -chdir={folder} force-unlock -force" if remote else None  # a local lock ends with its process
        return Terraform(folder, settings, self._report, unlock_command=unlock)

    def _report(self, line: str) -> None:
        """Pass on what is done to resources; the rest of a plan of policies is long."""
        if _OF_RESOURCES.search(line):
            self._on_output(line.strip())

    def _backend(self, remote: bool) -> str:
        if not remote:
            return _LOCAL % json.dumps(os.path.relpath(self._state, self._copy / ROOT))
        return _REMOTE % (json.dumps(self._bucket.name), json.dumps(STATE_KEY), json.dumps(self._bucket.region))


_OF_RESOURCES: Final = re.compile(r"^  # .* (?:will|must) be (?!read)|^module\.\S+: (?:Creat|Modif|Destr)")
_LOCAL: Final = 'terraform {\n  backend "local" {\n    path = %s\n  }\n}\n'
_OWN_ACCOUNT: Final = 'provider "aws" {\n  allowed_account_ids = %s\n}\n'
# No `encrypt`: it would request AES256 in place of the bucket's own key.
_REMOTE: Final = """terraform {
  backend "s3" {
    bucket       = %s
    key          = %s
    region       = %s
    use_lockfile = true
  }
}
"""
