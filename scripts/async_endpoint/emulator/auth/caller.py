"""The identity of a request's caller, as later layers find it in the WSGI environment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from async_endpoint.local_aws import ACCOUNT_ID

CALLER_KEY: Final = "async_endpoint.caller"
LOCAL_USER_NAME: Final = "local"


class CallerKind(StrEnum):
    """What kind of principal calls: the user of the generated credentials, an IAM user, or a session of STS."""

    LOCAL_USER = "local-user"
    USER = "user"
    ASSUMED_ROLE = "assumed-role"
    FEDERATED_USER = "federated-user"


@dataclass(frozen=True)
class Caller:
    """Who signed a request. `arn` and `user_id` are those that STS GetCallerIdentity returns."""

    arn: str
    account_id: str
    access_key_id: str
    kind: CallerKind
    user_id: str


def local_user(access_key_id: str) -> Caller:
    """The holder of the credentials that the local AWS generated: an IAM user, because AWS lets no root user assume a role."""
    arn = f"arn:aws:iam::{ACCOUNT_ID}:user/{LOCAL_USER_NAME}"
    return Caller(arn, ACCOUNT_ID, access_key_id, CallerKind.LOCAL_USER, "AIDALOCALAWSUSER23456")


def caller_of(environ: dict[str, Any]) -> Caller | None:
    """The caller of a request whose signature was verified; None for one that carries none, such as `/_local/`."""
    caller: Caller | None = environ.get(CALLER_KEY)
    return caller
