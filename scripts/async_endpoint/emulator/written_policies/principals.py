"""Whether a principal that a policy names can be one: users and roles of this account must exist.

Source: IAM user guide, "AWS JSON policy elements: Principal". Wildcards stand alone, never within an ARN; a group is no
principal. A unique id (AROA…, AIDA…) must be that of a role or user: AWS puts it in the place of a deleted one, and refuses the
policy when it is written again (ministryofjustice/analytical-platform pull request 4932).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from async_endpoint.emulator.access import iam_store
from async_endpoint.emulator.auth.identities import LOCAL_USER_NAME
from async_endpoint.emulator.written_policies.document import WrittenStatement
from async_endpoint.local_aws import ACCOUNT_ID

_ACCOUNT: Final = re.compile(r"\d{12}|arn:aws:iam::\d{12}:root")
_IDENTITY: Final = re.compile(r"arn:aws:iam::(?P<account>\d{12}):(?P<kind>user|role)/(?:[\x21-\x7e]+/)?(?P<name>[\w+=,.@-]+)")
_SESSION: Final = re.compile(r"arn:aws:sts::\d{12}:(?:assumed-role/[\w+=,.@-]+/[\w+=,.@-]+|federated-user/[\w+=,.@-]+)")
_UNIQUE_ID: Final = re.compile(r"A(?:RO|ID)A[A-Z0-9]{12,}")
_DISTRIBUTION: Final = re.compile(r"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity [A-Z0-9]+")
_SERVICE: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?")
_FEDERATION: Final = re.compile(r"arn:aws:iam::\d{12}:(?:oidc|saml)-provider/\S+|(?!arn:)[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_CANONICAL_USER: Final = re.compile(r"[0-9a-f]{64}")


def invalid_principal(statements: Iterable[WrittenStatement], *, canonical_users: bool = False) -> tuple[str, str] | None:
    """The first principal that cannot be one, as (type, value); `canonical_users`: whether ids of S3's owners may be."""
    for statement in statements:
        for kind, value in statement.principals:
            if not (_is_canonical(value) and canonical_users if kind == "CanonicalUser" else _is_valid(kind, value)):
                return kind, value
    return None


def _is_canonical(value: str) -> bool:
    return _CANONICAL_USER.fullmatch(value) is not None


def _is_valid(kind: str, value: str) -> bool:
    if kind == "Service":
        return _SERVICE.fullmatch(value) is not None
    if kind == "Federated":
        return _FEDERATION.fullmatch(value) is not None
    if value == "*" or _ACCOUNT.fullmatch(value) or _SESSION.fullmatch(value) or _DISTRIBUTION.fullmatch(value):
        return True
    if _UNIQUE_ID.fullmatch(value):
        return iam_store.has_unique_id(value)
    match = _IDENTITY.fullmatch(value)
    return match is not None and (match["account"] != ACCOUNT_ID or _exists(match["kind"], match["name"], value))


def _exists(kind: str, name: str, arn: str) -> bool:
    """Whether the account has this user or role, at this path."""
    found = iam_store.user(name) if kind == "user" else iam_store.role(name)
    return found.arn == arn if found is not None else arn == f"arn:aws:iam::{ACCOUNT_ID}:user/{LOCAL_USER_NAME}"
