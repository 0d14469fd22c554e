"""Identities of callers: IAM users, temporary sessions of STS and the generated user, each found by its access key.

Sessions are kept in moto's STS store, so that they are saved with it.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from moto.backends import get_backend

from async_endpoint.emulator.auth.credentials import new_access_key
from async_endpoint.local_aws import ACCOUNT_ID, AccessKey

CALLER_KEY: Final = "async_endpoint.caller"
LOCAL_USER_NAME: Final = "local"
_SESSIONS: Final = "_async_endpoint_sessions"  # attribute of the account's STS backend
_PARTITION: Final = "aws"


class CallerKind(StrEnum):
    """Kinds of callers: the user of the generated credentials, an IAM user, or a session of STS."""

    LOCAL_USER = "local-user"
    USER = "user"
    ASSUMED_ROLE = "assumed-role"
    FEDERATED_USER = "federated-user"


@dataclass(frozen=True)
class Caller:
    """The principal that signed a request. `arn` and `user_id` are those of STS GetCallerIdentity."""

    arn: str
    account_id: str
    access_key_id: str
    kind: CallerKind
    user_id: str


def local_user(access_key_id: str) -> Caller:
    """The caller with the generated credentials: an IAM user, because a root user cannot assume roles on AWS."""
    arn = f"arn:aws:iam::{ACCOUNT_ID}:user/{LOCAL_USER_NAME}"
    return Caller(arn, ACCOUNT_ID, access_key_id, CallerKind.LOCAL_USER, "AIDALOCALAWSUSER23456")


def caller_of(environ: dict[str, Any]) -> Caller | None:
    """The caller of a request whose signature was verified; None for an unsigned one, such as of `/_local/`."""
    caller: Caller | None = environ.get(CALLER_KEY)
    return caller


@dataclass(frozen=True)
class Session:
    """Temporary credentials. `expires_at` and `issued_at` are epoch seconds of the wall clock, by which clients refresh.

    `policies` are the session policies as JSON text and `policy_arns` those given by ARN; without either the session is limited
    by neither. `issuer` is the access key that asked for the credentials of a user. `tags` are session tags, of which
    `transitive` names those that a chained session inherits.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: float
    caller: Caller
    issued_at: float = 0.0
    role_arn: str = ""
    issuer: Caller | None = None
    policies: tuple[str, ...] = ()
    policy_arns: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    transitive: tuple[str, ...] = ()
    source_identity: str = ""


def issue_session(
    arn: str,
    user_id: str,
    kind: CallerKind,
    seconds: float,
    issuer: Caller | None = None,
    policies: tuple[str, ...] = (),
    policy_arns: tuple[str, ...] = (),
) -> Session:
    """Create and register temporary credentials for a principal."""
    key, now = new_access_key("ASIA"), time.time()
    session = Session(
        key.access_key_id,
        key.secret_access_key,
        secrets.token_urlsafe(192),
        now + seconds,
        Caller(arn, ACCOUNT_ID, key.access_key_id, kind, user_id),
        issued_at=now,
        issuer=issuer,
        policies=policies,
        policy_arns=policy_arns,
    )
    register_session(session)
    return session


def register_session(session: Session) -> None:
    """Accept the credentials of `session` until they expire; drops sessions that expired over an hour ago."""
    sessions, now = _sessions(), time.time()
    for key_id in [key_id for key_id, known in list(sessions.items()) if known.expires_at < now - 3600]:
        sessions.pop(key_id, None)
    sessions[session.access_key_id] = session


def find_session(access_key_id: str) -> Session | None:
    """The session with this access key id, including sessions that expired within the last hour."""
    return _sessions().get(access_key_id)


def _sessions() -> dict[str, Session]:
    backend: Any = get_backend("sts")[ACCOUNT_ID][_PARTITION]
    known: dict[str, Session] = vars(backend).setdefault(_SESSIONS, {})
    return known


@dataclass(frozen=True)
class KnownKey:
    """An access key and its caller; `expires_at` is epoch seconds of the wall clock."""

    secret: str
    caller: Caller
    session_token: str | None = None
    expires_at: float | None = None


class AccessKeys:
    """Access keys by id: the generated one, those of IAM users, and those of sessions."""

    def __init__(self, local: AccessKey) -> None:
        self._local_id = local.access_key_id
        self._local = KnownKey(local.secret_access_key, local_user(local.access_key_id))

    def find(self, access_key_id: str) -> KnownKey | None:
        """The key, expired or not; None if it does not exist or is inactive, or its user was deleted."""
        if access_key_id == self._local_id:
            return self._local
        return _of_session(access_key_id) or _of_user(access_key_id)


def _of_session(access_key_id: str) -> KnownKey | None:
    session = find_session(access_key_id)
    if session is None:
        return None
    return KnownKey(session.secret_access_key, session.caller, session.session_token, session.expires_at)


def _of_user(access_key_id: str) -> KnownKey | None:
    backend: Any = get_backend("iam")[ACCOUNT_ID][_PARTITION]
    key = backend.access_keys.get(access_key_id)
    user = backend.users.get(key.user_name) if key is not None else None
    if user is None or key.status != "Active" or key not in user.access_keys:
        return None
    caller = Caller(user.arn, ACCOUNT_ID, access_key_id, CallerKind.USER, user.id)
    return KnownKey(key.secret_access_key, caller)
