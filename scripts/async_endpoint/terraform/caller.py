"""Who calls AWS for an environment: checked once a command, before anything else is called.

One call: GetCallerIdentity, or AssumeRole where the environment names a role, whose session the whole command then shares.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from async_endpoint.core.errors import UsageError, WrongAccount
from async_endpoint.core.text import joined
from async_endpoint.terraform.account import ROLE, Account

if TYPE_CHECKING:
    from async_endpoint.terraform.working_copy import WorkingCopy


@dataclass(frozen=True)
class Caller:
    """A principal of AWS by its account and ARN."""

    account: str
    arn: str


def require_own_account(copy: WorkingCopy) -> None:
    """Raise WrongAccount when the credentials are of another account than the environment's.

    Nothing is called for the local AWS, and for a root that names no account. Raises UsageError for credentials that are
    missing or refused, CredentialsExpired, NotReady where STS does not answer.
    """
    if copy.account is not None:
        find_caller(copy.account, copy.environment, copy.region.name if copy.region else None)


@contextmanager
def own_account_required(copy: WorkingCopy) -> Iterator[None]:
    """The same, while the block runs, which may read what belongs to the environment and change nothing.

    What the check raises is raised instead of what the block does.
    """
    check = _Check(copy)
    check.start()
    try:
        yield
    finally:
        check.join()
        if check.error is not None:
            raise check.error


def find_caller(account: Account | None, environment: str, region: str | None) -> Caller:
    """The caller of AWS with the environment's credentials and role, any for None; raises what `require_own_account` does."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    from async_endpoint.aws import DENIED_CODES, AwsSession, error_code, error_message, translate_errors  # noqa: PLC0415 - slow

    role = account.role_arn if account else None
    session = AwsSession.create(region or "us-east-1", role_arn=role)
    with translate_errors(session, "sts:AssumeRole" if role else "sts:GetCallerIdentity", role or "your credentials"):
        sts = session.client("sts")
        if account is None or role is None:
            found = sts.get_caller_identity()
            caller = Caller(found["Account"], found["Arn"])
        else:
            try:
                sts._request_signer._credentials.get_frozen_credentials()  # assumes the role, for all sessions
            except ClientError as error:
                if error_code(error) not in DENIED_CODES:
                    raise
                raise UsageError(
                    f"{account.file} names {ROLE} {role}, which these credentials may not assume "
                    f"({error_code(error)}: {error_message(error)}); sign in as a principal that its trust policy admits, or "
                    "correct the file."
                ) from error
            caller = Caller(role.split(":")[4], role)
    if account is not None and caller.account not in account.ids:
        raise WrongAccount(
            f"These credentials are of account {caller.account} ({caller.arn}), and {account.file} allows {environment} in "
            f"{joined(account.ids)} only; sign in to that account (AWS_PROFILE, aws sso login), or use the local AWS with "
            "--local."
        )
    return caller


class _Check(threading.Thread):
    """`require_own_account` in a thread of its own; `error` is what it raised."""

    def __init__(self, copy: WorkingCopy) -> None:
        super().__init__(name="async-endpoint-account", daemon=True)
        self._copy = copy
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            require_own_account(self._copy)
        except Exception as error:  # raised in the thread that joins
            self.error = error
