"""Invalid policies are refused, never interpreted."""

from __future__ import annotations

from typing import Any

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.iam import AccessRequest, evaluate

READ = AccessRequest("s3:GetObject", "arn:aws:s3:::models/x", "arn:aws:iam::123456789012:role/r")


def policy(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any, resource: Any, **rest: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **rest}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "not JSON"),
        ({"Version": "2012-10-17"}, "no Statement"),
        (policy("Allow"), "not an object"),
        (policy(allow("s3:*", "*", Effect="Permit", Sid="Odd")), "Statement Odd .*Effect 'Permit'"),
        (policy({"Effect": "Allow", "Resource": "*"}), "neither Action nor NotAction"),
        (policy(allow("s3:*", "*", NotAction="s3:x")), "both Action and NotAction"),
        (policy(allow("s3:*", "*", NotResource="*")), "both Resource and NotResource"),
        (policy({"Effect": "Allow", "Action": "s3:*"}), "must have a Resource"),
        (policy(allow("s3:*", "*", Principal="*")), "no Principal"),
    ],
)
def test_an_invalid_policy_is_refused(document, said):
    with pytest.raises(InvalidInput, match=said):
        evaluate(READ, [document])


def test_a_resource_policy_without_a_principal_is_refused():
    with pytest.raises(InvalidInput, match="Principal"):
        evaluate(READ, [], policy(allow("s3:*", "*")))
