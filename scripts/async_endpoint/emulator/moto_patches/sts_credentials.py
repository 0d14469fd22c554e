"""Unique credentials from STS, and the real caller in GetCallerIdentity and GetUser.

moto's GetSessionToken and GetFederationToken return the same credentials to every caller; GetCallerIdentity and GetUser return
a fixed user. Here the caller is the identity that signed the request (emulator/auth).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import has_request_context, request
from moto.core.responses import ActionResult
from moto.iam.models import User
from moto.iam.responses import IamResponse
from moto.sts.exceptions import STSValidationError
from moto.sts.models import AssumedRole, STSBackend
from moto.sts.responses import TokenResponse

from async_endpoint.emulator.auth.identities import (
    LOCAL_USER_NAME,
    Caller,
    CallerKind,
    Session,
    caller_of,
    find_session,
    issue_session,
    register_session,
)
from async_endpoint.emulator.error_responses import CallDenied
from async_endpoint.emulator.moto_patches.sts_assume_role import policy_arns, session_policy

# STS API reference: the bounds of DurationSeconds, and its default.
_SESSION_SECONDS = (900, 129_600)
_DEFAULT_SECONDS = 43_200

_assume_role = STSBackend.assume_role
_assume_role_with_saml = STSBackend.assume_role_with_saml
_session_token = TokenResponse.get_session_token
_federation_token = TokenResponse.get_federation_token
_caller_identity = TokenResponse.get_caller_identity
_get_user = IamResponse.get_user


def _registered(role: AssumedRole) -> AssumedRole:
    caller = Caller(role.arn, role.account_id, role.access_key_id, CallerKind.ASSUMED_ROLE, role.user_id)
    expires_at = role.expiration.replace(tzinfo=UTC).timestamp()
    register_session(Session(role.access_key_id, role.secret_access_key, role.session_token, expires_at, caller))
    return role


def _assuming(self: STSBackend, *arguments: Any, **options: Any) -> AssumedRole:
    return _registered(_assume_role(self, *arguments, **options))


def _assuming_with_saml(self: STSBackend, **options: Any) -> AssumedRole:
    return _registered(_assume_role_with_saml(self, **options))


def _caller() -> Caller | None:
    return caller_of(request.environ) if has_request_context() else None


def _get_session_token(self: TokenResponse) -> ActionResult:
    caller = _caller()
    if caller is None:
        return _session_token(self)
    _refuse_sessions(caller, "GetSessionToken")
    session = issue_session(caller.arn, caller.user_id, caller.kind, _duration(self), caller)
    return ActionResult({"Credentials": _credentials(session)})


def _get_federation_token(self: TokenResponse) -> ActionResult:
    caller = _caller()
    if caller is None:
        return _federation_token(self)
    _refuse_sessions(caller, "GetFederationToken")
    _federation_token(self)  # for its validation
    policies, arns = session_policy(self._get_param("Policy")), policy_arns(self._get_param("PolicyArns"))
    name = str(self._get_param("Name"))
    arn, user_id = f"arn:aws:sts::{caller.account_id}:federated-user/{name}", f"{caller.account_id}:{name}"
    session = issue_session(arn, user_id, CallerKind.FEDERATED_USER, _duration(self), caller, policies, arns)
    federated = {"FederatedUserId": user_id, "Arn": arn}
    return ActionResult({"Credentials": _credentials(session), "FederatedUser": federated, "PackedPolicySize": 6})


def _refuse_sessions(caller: Caller, operation: str) -> None:
    """Raise AccessDenied for a caller with temporary credentials (STS guide, "Comparing STS credentials")."""
    if find_session(caller.access_key_id) is not None:
        raise CallDenied(f"Cannot call {operation} with session credentials")


def _duration(self: TokenResponse) -> int:
    seconds = int(self._get_int_param("DurationSeconds", _DEFAULT_SECONDS))
    least, most = _SESSION_SECONDS
    if not least <= seconds <= most:
        limit = f"greater than or equal to {least}" if seconds < least else f"less than or equal to {most}"
        raise STSValidationError(
            f"1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: "
            f"Member must have value {limit}"
        )
    return seconds


def _credentials(session: Session) -> dict[str, Any]:
    return {
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret_access_key,
        "SessionToken": session.session_token,
        "Expiration": datetime.fromtimestamp(session.expires_at, UTC),
    }


def _get_caller_identity(self: TokenResponse) -> ActionResult:
    caller = _caller()
    if caller is None:
        return _caller_identity(self)
    return ActionResult({"UserId": caller.user_id, "Account": caller.account_id, "Arn": caller.arn})


def _get_caller_user(self: IamResponse) -> ActionResult:
    caller = _caller()
    if caller is None or self._get_param("UserName") or caller.kind is not CallerKind.LOCAL_USER:
        return _get_user(self)
    user = User(self.current_account, region_name=self.region, name=LOCAL_USER_NAME)
    user.id = caller.user_id
    return ActionResult({"User": user})


def apply() -> None:
    """Replace them, for the whole process."""
    STSBackend.assume_role = _assuming
    STSBackend.assume_role_with_saml = _assuming_with_saml
    TokenResponse.get_session_token = _get_session_token
    TokenResponse.get_federation_token = _get_federation_token
    TokenResponse.get_caller_identity = _get_caller_identity
    IamResponse.get_user = _get_caller_user
