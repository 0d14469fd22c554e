"""AssumeRole as STS answers it: the role must exist, its longest session counts, and the session keeps what it was given.

moto issues credentials for any ARN, of roles that do not exist too, for any duration, and keeps neither session policies nor
tags. Source: STS API reference, AssumeRole; IAM guide, "Role chaining" and "Pass session tags in AWS STS".
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from flask import has_request_context, request
from moto.core.responses import ActionResult
from moto.sts.exceptions import STSClientError, STSValidationError
from moto.sts.responses import TokenResponse

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.access import iam_store
from async_endpoint.emulator.auth.identities import (
    Caller,
    CallerKind,
    Session,
    caller_of,
    find_session,
    register_session,
)
from async_endpoint.emulator.error_responses import CallDenied
from async_endpoint.iam.document import parse_policy

CHAINED_SECONDS: Final = 3_600
_SECONDS: Final = (900, 43_200)
_SESSION_NAME: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_ROLE: Final = re.compile(r"arn:aws:iam::\d{12}:role/(?:.+/)?(?P<name>[\w+=,.@-]+)", re.ASCII)
_MOST_POLICY_CHARACTERS: Final = 2_048
_MOST_TAGS: Final = 50

_assume_role = TokenResponse.assume_role


def sts_error(code: str, message: str) -> STSClientError:
    """An error of STS."""
    return STSClientError(code, message)


def caller() -> Caller | None:
    """The caller of the request that is being answered; None outside one."""
    return caller_of(request.environ) if has_request_context() else None


def session_of(principal: Caller | None) -> Session | None:
    """The session whose credentials the caller has; None for long-term credentials."""
    return find_session(principal.access_key_id) if principal is not None else None


def session_policy(text: str | None) -> tuple[str, ...]:
    """The session policy of a request; raises STSClientError for one that is malformed or too long."""
    if text is None:
        return ()
    if not 1 <= len(text) <= _MOST_POLICY_CHARACTERS:
        raise _constraint("policy", "Member must have length less than or equal to 2048", json.dumps(text[:40]))
    try:
        parse_policy(text, "session policy", has_principal=False)
    except InvalidInput as error:
        raise sts_error("MalformedPolicyDocument", str(error)) from error
    return (text,)


def policy_arns(given: Any) -> tuple[str, ...]:
    """The managed policies of a session, as PolicyArns names them."""
    return tuple(str(item["arn"]) for item in given or ())


def _assuming(self: TokenResponse) -> ActionResult:
    principal, arn = caller(), str(self._get_param("RoleArn"))
    if principal is None:
        return _assume_role(self)
    before = session_of(principal)
    _check(self, principal, arn, before)
    policies, arns = session_policy(self._get_param("Policy")), policy_arns(self._get_param("PolicyArns"))
    tags, transitive = _tags(self, before)
    answer = _assume_role(self)
    issued = find_session(answer.result["Credentials"].access_key_id)
    assert issued is not None  # registered by sts_credentials.py
    inherited = before.source_identity if before else ""
    identity = str(self._get_param("SourceIdentity") or "") or inherited
    register_session(
        replace(
            issued,
            issued_at=time.time(),
            role_arn=arn,
            policies=policies,
            policy_arns=arns,
            tags=tuple(tags.items()),
            transitive=transitive,
            source_identity=identity,
        )
    )
    if identity:
        answer.result["SourceIdentity"] = identity
    return answer


def _check(self: TokenResponse, principal: Caller, arn: str, before: Session | None) -> None:
    """Raise CallDenied for a role that does not exist, STSClientError for an invalid name or duration of the session."""
    name, seconds = str(self._get_param("RoleSessionName")), int(self._get_int_param("DurationSeconds", CHAINED_SECONDS))
    if not _SESSION_NAME.fullmatch(name):
        pattern = "Member must satisfy regular expression pattern: [\\w+=,.@-]*"
        raise _constraint("roleSessionName", pattern if 2 <= len(name) <= 64 else _length(name), name)
    least, most = _SECONDS
    if not least <= seconds <= most:
        limit = f"greater than or equal to {least}" if seconds < least else f"less than or equal to {most}"
        raise _constraint("durationSeconds", f"Member must have value {limit}", str(seconds))
    role = _ROLE.fullmatch(arn)
    found = iam_store.role(role["name"]) if role else None
    if role is None or found is None or found.arn != arn:
        text = f"User: {principal.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}"
        raise CallDenied(text)
    if before is not None and before.caller.kind is CallerKind.ASSUMED_ROLE and seconds > CHAINED_SECONDS:
        raise STSValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    if seconds > iam_store.max_session_seconds(role["name"]):
        raise STSValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")


def _tags(self: TokenResponse, before: Session | None) -> tuple[dict[str, str], tuple[str, ...]]:
    """The tags of a new session, with those that it inherits, and the names of those that it passes on."""
    given: Mapping[str, str] = {str(tag["Key"]): str(tag["Value"]) for tag in self._get_param("Tags") or ()}
    named = tuple(str(key) for key in self._get_param("TransitiveTagKeys") or ())
    inherited = {key: value for key, value in (before.tags if before else ()) if key in before.transitive} if before else {}
    repeated = sorted({key.lower() for key in given} & {key.lower() for key in inherited})
    if repeated:
        raise sts_error("InvalidParameterValue", f"One of the specified transitive tag keys can't be set: {repeated[0]}.")
    if len(given) + len(inherited) > _MOST_TAGS:
        raise _constraint("tags", f"Member must have length less than or equal to {_MOST_TAGS}", "tags")
    if unknown := [key for key in named if key not in given]:
        raise sts_error("InvalidParameterValue", f"The transitive tag key {unknown[0]} is not among the session tags.")
    return {**inherited, **given}, (*inherited, *named)


def _length(text: str) -> str:
    return f"Member must have length {'greater than or equal to 2' if len(text) < 2 else 'less than or equal to 64'}"


def _constraint(member: str, constraint: str, value: str) -> STSValidationError:
    return STSValidationError(
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    )


def apply() -> None:
    """Replace it, for the whole process."""
    TokenResponse.assume_role = _assuming
