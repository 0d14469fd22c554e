"""Policies of users, groups and roles, in IAM's words, after moto's own checks of their grammar.

Grammar: IAM user guide, "Principal" (none in an identity policy) and "Sid" (letters and digits).
Quotas: "IAM and AWS STS quotas", in characters without whitespace. Texts: versitygw's tests
of PutUserPolicy (principal, inline size), carthage_cache issue 22 (Sid), cortx-s3server's IAM policy validator (managed size);
that of attached policies follows the last.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from moto.iam.exceptions import LimitExceededException, MalformedPolicyDocument

MAX_MANAGED: Final = 6_144
MAX_INLINE: Final = {"role": 10_240, "group": 5_120, "user": 2_048}
MAX_ATTACHED: Final = 10  # the default of PoliciesPerRole, PoliciesPerGroup and PoliciesPerUser
_SID: Final = re.compile(r"[0-9A-Za-z]*")


def check_identity_policy(text: str) -> None:
    """Raise MalformedPolicyDocument for what moto accepts in a policy and IAM does not."""
    statements = json.loads(text)["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        if {"Principal", "NotPrincipal"} & set(statement):
            raise MalformedPolicyDocument("Policy document should not specify a principal.")
        if not _SID.fullmatch(statement.get("Sid", "")):
            raise MalformedPolicyDocument(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
            )


def check_managed_size(text: str) -> None:
    if _size(text) > MAX_MANAGED:
        raise LimitExceededException(f"Cannot exceed quota for PolicySize: {MAX_MANAGED}")


def check_inline_size(kind: str, name: str, policies: Mapping[str, str]) -> None:
    """Check all inline policies of a user, group or role together."""
    if sum(map(_size, policies.values())) > MAX_INLINE[kind]:
        raise LimitExceededException(f"Maximum policy size of {MAX_INLINE[kind]} bytes exceeded for {kind} {name}")


def check_attached(kind: str, attached: int) -> None:
    """Check the number of managed policies of a user, group or role."""
    if attached > MAX_ATTACHED:
        raise LimitExceededException(f"Cannot exceed quota for PoliciesPer{kind.title()}: {MAX_ATTACHED}")


def _size(text: str) -> int:
    return len("".join(text.split()))
