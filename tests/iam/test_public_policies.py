"""What S3 calls a public policy: the user guide's examples, in our words."""

from __future__ import annotations

from typing import Any

import pytest

from async_endpoint.iam.public_policies import is_public


def policy(**changes: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"} | changes
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": ["arn:aws:iam::123456789012:root", "*"]}},
        {"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {"Condition": {"StringLike": {"aws:SourceVpc": "vpc-*"}}},
        {"Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-91237329"}}},
        {"Condition": {"StringEqualsIfExists": {"aws:SourceVpc": "vpc-91237329"}}},
        {"Condition": {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
        {"Condition": {"StringLike": {"aws:userid": "*"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/0"]}}},
        {"Condition": {"StringEquals": {"aws:SourceArn": "${aws:PrincipalArn}"}}},
        {"Condition": {"StringEquals": {"aws:SourceVpc": []}}},
    ],
)
def test_public(changes: dict[str, Any]) -> None:
    assert is_public(policy(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"Effect": "Deny"},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Principal": {"Service": "cloudfront.amazonaws.com"}},
        {"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-91237329"}}},
        {"Condition": {"ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": ["o-1/r-1/ou-1/"]}}},
        {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:cloudfront::123456789012:distribution/E1"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}, "Bool": {"aws:SecureTransport": "true"}}},
        {"Condition": {"StringLike": {"aws:userid": "AROAEXAMPLE:*"}}},
        {"Condition": {"StringEquals": {"s3:DataAccessPointAccount": "123456789012"}}},
    ],
)
def test_not_public(changes: dict[str, Any]) -> None:
    assert not is_public(policy(**changes))


def test_one_public_statement_is_enough() -> None:
    private = policy(Principal={"AWS": "arn:aws:iam::123456789012:root"})["Statement"]
    assert is_public({"Statement": private + policy()["Statement"]})
    assert is_public({"Statement": policy()["Statement"][0]})
