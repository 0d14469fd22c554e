"""Every access key that may sign: the generated one, those of IAM users, and the temporary ones of STS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.backends import get_backend

from async_endpoint.emulator.auth.caller import Caller, CallerKind, local_user
from async_endpoint.emulator.auth.sessions import find_session
from async_endpoint.local_aws import ACCOUNT_ID, AccessKey

PARTITION = "aws"


@dataclass(frozen=True)
class KnownKey:
    """An access key with what verification needs of it; `expires_at` is in seconds since the epoch, by the wall clock."""

    secret: str
    caller: Caller
    session_token: str | None = None
    expires_at: float | None = None


class AccessKeys:
    """Finds access keys by their id."""

    def __init__(self, local: AccessKey) -> None:
        self._local_id = local.access_key_id
        self._local = KnownKey(local.secret_access_key, local_user(local.access_key_id))

    def find(self, access_key_id: str) -> KnownKey | None:
        """The key, expired or not; None where there is none, it is inactive, or its user was deleted."""
        if access_key_id == self._local_id:
            return self._local
        return _of_session(access_key_id) or _of_user(access_key_id)


def _of_session(access_key_id: str) -> KnownKey | None:
    session = find_session(access_key_id)
    if session is None:
        return None
    return KnownKey(session.secret_access_key, session.caller, session.session_token, session.expires_at)


def _of_user(access_key_id: str) -> KnownKey | None:
    backend: Any = get_backend("iam")[ACCOUNT_ID][PARTITION]
    key = backend.access_keys.get(access_key_id)
    user = backend.users.get(key.user_name) if key is not None else None
    if user is None or key.status != "Active" or key not in user.access_keys:
        return None
    caller = Caller(user.arn, ACCOUNT_ID, access_key_id, CallerKind.USER, user.id)
    return KnownKey(key.secret_access_key, caller)
