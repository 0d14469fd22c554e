"""Temporary credentials issued by STS, kept in moto's STS store so that they are saved with it."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Final

from moto.backends import get_backend

from async_endpoint.emulator.auth.caller import Caller
from async_endpoint.emulator.auth.credentials import new_access_key
from async_endpoint.local_aws import ACCOUNT_ID

_ATTRIBUTE: Final = "_async_endpoint_sessions"  # of the account's STS backend
_PARTITION: Final = "aws"


@dataclass(frozen=True)
class Session:
    """Temporary credentials; `expires_at` is in seconds since the epoch by the wall clock, which clients refresh by."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: float
    caller: Caller


def issue_session(arn: str, user_id: str, kind: Any, seconds: float) -> Session:
    """New temporary credentials for a principal, registered."""
    key = new_access_key("ASIA")
    caller = Caller(arn, ACCOUNT_ID, key.access_key_id, kind, user_id)
    session = Session(key.access_key_id, key.secret_access_key, secrets.token_urlsafe(192), time.time() + seconds, caller)
    register_session(session)
    return session


def register_session(session: Session) -> None:
    """Let the credentials of `session` sign requests until they expire; forgets those that have expired."""
    sessions, now = _sessions(), time.time()
    for key_id in [key_id for key_id, known in list(sessions.items()) if known.expires_at < now - 3600]:
        sessions.pop(key_id, None)
    sessions[session.access_key_id] = session


def find_session(access_key_id: str) -> Session | None:
    """The session with this access key id, expired ones of the last hour included."""
    return _sessions().get(access_key_id)


def _sessions() -> dict[str, Session]:
    backend: Any = get_backend("sts")[ACCOUNT_ID][_PARTITION]
    known: dict[str, Session] = vars(backend).setdefault(_ATTRIBUTE, {})
    return known
