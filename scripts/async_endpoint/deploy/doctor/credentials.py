"""Who calls AWS: the local AWS that runs, or credentials, their account, and the clock that signatures are dated by."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from async_endpoint.aws import (
    DENIED_CODES,
    EXPIRED_CODES,
    AwsSession,
    error_code,
    error_message,
    server_time,
    translate_errors,
)
from async_endpoint.core.text import joined
from async_endpoint.deploy.doctor.findings import Finding, failure, ok, skipped, warning
from async_endpoint.deploy.doctor.setup import Setup
from async_endpoint.local_aws import require_credentials, require_record, time_scale_text
from async_endpoint.terraform.account import ROLE, account_file, required_account

# Services refuse signatures that are more than 5 to 15 minutes off (A10).
SKEW_FAILURE_SECONDS: Final = 300
SKEW_WARNING_SECONDS: Final = 60
_CLOCK_REMEDY: Final = "set the clock, as by timedatectl set-ntp true"


def local_aws(setup: Setup) -> Iterator[Finding]:
    """That the local AWS of this checkout runs, and accepts this user."""
    record = require_record(setup.workspace)
    require_credentials(setup.workspace)
    setup.endpoint_url = record.endpoint_url
    identity = setup.session().client("sts").get_caller_identity()
    setup.caller_arn, setup.account_id = identity["Arn"], identity["Account"]
    yield ok(f"runs at {record.endpoint_url}, {time_scale_text(record.time_scale)}")


def account_named(setup: Setup) -> Iterator[Finding]:
    """That the environment names the account it may be applied in. Offline."""
    account = required_account(setup.source, setup.command("bootstrap"))
    if account is None:
        yield warning(
            f"{setup.environment} names no account, so its commands work in whichever account the shell has",
            f"copy variables and provider block from providers.tf of another environment, and write "
            f"{account_file(setup.source)}",
        )
        return
    setup.role_arn = account.role_arn
    role = f", as role {account.role_arn}" if account.role_arn else ""
    yield ok(f"{joined(account.ids)} in {account.file}{role}")


def credentials(setup: Setup) -> Iterator[Finding]:
    """That there are credentials which AWS accepts in the region, and which account they are of."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - slow to load

    sent, session = time.time(), setup.session()
    try:
        with explained_without_answer(session):
            identity = session.client("sts").get_caller_identity()
    except ClientError as error:
        setup.clock_skew_seconds = _skew(error.response, sent)
        yield _refused(error, setup)
        return
    setup.clock_skew_seconds = _skew(identity, sent)
    setup.caller_arn, setup.account_id = identity["Arn"], identity["Account"]
    yield ok(f"{identity['Arn']} in {setup.region}")


def account(setup: Setup) -> Iterator[Finding]:
    """That the credentials are of the account which the environment names."""
    named = required_account(setup.source, setup.command("bootstrap"))
    if named is not None and setup.account_id not in named.ids:
        yield failure(
            f"the credentials are of account {setup.account_id} ({setup.caller_arn}), and {named.file} allows "
            f"{joined(named.ids)}",
            "sign in to that account (AWS_PROFILE, aws sso login)",
        )
        return
    yield ok(f"{setup.account_id}{', as the environment names it' if named else ''}")


def clock(setup: Setup) -> Iterator[Finding]:
    """That this machine's clock is that of AWS: requests are signed with the time."""
    skew = setup.clock_skew_seconds
    if skew is None:
        yield skipped("not compared: there is no answer with a date")
        return
    off = _off(skew)
    if abs(skew) >= SKEW_FAILURE_SECONDS:
        yield failure(f"{off}, which refuses signatures of another time", _CLOCK_REMEDY)
    elif abs(skew) >= SKEW_WARNING_SECONDS:
        yield warning(off, _CLOCK_REMEDY)
    else:
        yield ok(f"within {SKEW_WARNING_SECONDS} s of AWS")


@contextmanager
def explained_without_answer(session: AwsSession) -> Iterator[None]:
    """Translate errors of calls that got no answer, such as for lack of credentials; leave those that AWS refused."""
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - slow to load

    try:
        yield
    except BotoCoreError as error:
        with translate_errors(session, "sts:GetCallerIdentity", "these credentials"):
            raise error


def _skew(reply: Mapping[str, Any], sent: float) -> float | None:
    """How many seconds this machine's clock is ahead of the server's; None where the reply has no date."""
    there = server_time(reply)
    return None if there is None else (sent + time.time()) / 2 - there


def _off(skew: float) -> str:
    return f"this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} that of AWS"


def _refused(error: Any, setup: Setup) -> Finding:
    code, answer = error_code(error), f"{error_code(error)}: {error_message(error)}"
    skew = setup.clock_skew_seconds
    if skew is not None and abs(skew) >= SKEW_FAILURE_SECONDS:
        return failure(f"AWS refused the signature ({answer}), and {_off(skew)}", _CLOCK_REMEDY)
    if code in EXPIRED_CODES:
        return failure(f"the AWS credentials have expired ({answer})", "sign in again (aws sso login)")
    if setup.role_arn and code in DENIED_CODES:
        return failure(
            f"these credentials may not assume {setup.role_arn} ({answer})",
            f"sign in as a principal that its trust policy admits, or correct {ROLE} in {account_file(setup.source)}",
        )
    return failure(
        f"AWS does not accept these credentials in {setup.region} ({answer})",
        f"renew them, and enable {setup.region} in the account if it is a region to opt in to",
    )
