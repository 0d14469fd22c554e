"""Credentials of a role that commands act with, assumed once a process and renewed before they expire.

Sessions of several regions share them. STS limits a session to an hour where the caller has a role itself (STS API reference,
"AssumeRole", role chaining), so that is what is requested; an apply may take longer.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Final

SESSION_NAME: Final = "async-endpoint"
SESSION_SECONDS: Final = 3600

# What a process is configured with decides who assumes the role; credentials that a sign-in replaces are read again.
_SOURCES: Final = ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL")

_assumed: dict[tuple[str, ...], Any] = {}
_lock = threading.Lock()


def with_role(role_arn: str, region: str, create_sts: Callable[[], Any]) -> Any:
    """A boto3 session in `region` that acts as `role_arn`.

    `create_sts` returns a new client of STS with the credentials that may assume it. Nothing is sent before the first call,
    which raises what AssumeRole does.
    """
    import boto3  # noqa: PLC0415 - half a second that --help does without
    import botocore.session  # noqa: PLC0415

    session = botocore.session.Session()
    session._credentials = _credentials(role_arn, create_sts)  # where botocore keeps those that it found
    return boto3.Session(botocore_session=session, region_name=region)


def _credentials(role_arn: str, create_sts: Callable[[], Any]) -> Any:
    """The renewable credentials of the role, one object for all sessions."""
    from botocore.credentials import DeferredRefreshableCredentials  # noqa: PLC0415

    key = (role_arn, *(os.environ.get(name, "") for name in _SOURCES))
    with _lock:
        if key not in _assumed:
            refresh = _assuming(role_arn, create_sts)
            _assumed[key] = DeferredRefreshableCredentials(refresh_using=refresh, method="assume-role")
        return _assumed[key]


def _assuming(role_arn: str, create_sts: Callable[[], Any]) -> Callable[[], dict[str, str]]:
    """What botocore calls for the first credentials and for newer ones."""

    def refresh() -> dict[str, str]:
        reply = create_sts().assume_role(RoleArn=role_arn, RoleSessionName=SESSION_NAME, DurationSeconds=SESSION_SECONDS)
        issued = reply["Credentials"]
        return {
            "access_key": issued["AccessKeyId"],
            "secret_key": issued["SecretAccessKey"],
            "token": issued["SessionToken"],
            "expiry_time": issued["Expiration"].isoformat(),
        }

    return refresh
