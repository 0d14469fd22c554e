"""Every condition operator, its negation, suffix and set prefixes, with the key present and missing."""

from __future__ import annotations

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.iam import AccessRequest, conditions, evaluate

CONTEXT = {
    "aws:SecureTransport": "false",
    "aws:SourceIp": "203.0.113.7",
    "aws:SourceArn": "arn:aws:sns:us-east-1:123456789012:topic",
    "aws:CurrentTime": "2024-06-01T12:00:00Z",
    "aws:EpochTime": "1717243200",
    "aws:PrincipalAccount": "123456789012",
    "s3:max-keys": "10",
    "s3:prefix": "Home/run/",
    "aws:TagKeys": ["team", "cost"],
}


def holds(operator: str, key: str, values: object) -> bool:
    keys = AccessRequest("s3:GetObject", "*", "sns.amazonaws.com", CONTEXT).keys
    return all(part.holds(keys) for part in conditions.parse_conditions({operator: {key: values}}, variables=True))


@pytest.mark.parametrize(
    ("operator", "key", "values", "expected"),
    [
        ("StringEquals", "s3:prefix", "Home/run/", True),
        ("StringEquals", "S3:PREFIX", "Home/run/", True),
        ("StringEquals", "s3:prefix", "home/run/", False),
        ("StringEquals", "s3:prefix", "Home/*", False),
        ("StringEquals", "s3:prefix", ["x", "Home/run/"], True),
        ("StringNotEquals", "s3:prefix", ["x", "Home/run/"], False),
        ("StringNotEquals", "s3:prefix", ["x", "y"], True),
        ("StringEqualsIgnoreCase", "s3:prefix", "hOME/RUN/", True),
        ("StringNotEqualsIgnoreCase", "s3:prefix", "hOME/RUN/", False),
        ("StringLike", "s3:prefix", "Home/*", True),
        ("StringLike", "s3:prefix", "home/*", False),
        ("StringNotLike", "s3:prefix", "Home/*", False),
        ("StringEquals", "aws:PrincipalAccount", "${aws:PrincipalAccount}", True),
        ("StringLike", "aws:SourceArn", "arn:aws:sns:*:${aws:PrincipalAccount}:*", True),
        ("StringEquals", "s3:prefix", "${aws:PrincipalTag/none}", False),
        ("StringNotEquals", "s3:prefix", "${aws:PrincipalTag/none}", True),
        ("NumericEquals", "s3:max-keys", "10.0", True),
        ("NumericEquals", "s3:max-keys", 10, True),
        ("NumericNotEquals", "s3:max-keys", "10", False),
        ("NumericLessThan", "s3:max-keys", "10", False),
        ("NumericLessThanEquals", "s3:max-keys", "10", True),
        ("NumericGreaterThan", "s3:max-keys", "9", True),
        ("NumericGreaterThanEquals", "s3:max-keys", "11", False),
        ("NumericEquals", "s3:prefix", "10", False),
        ("DateEquals", "aws:CurrentTime", "2024-06-01T12:00:00+00:00", True),
        ("DateEquals", "aws:CurrentTime", "1717243200", True),
        ("DateNotEquals", "aws:CurrentTime", "2024-06-01", True),
        ("DateLessThan", "aws:CurrentTime", "2024-06-02", True),
        ("DateLessThanEquals", "aws:EpochTime", "2024-06-01T12:00:00Z", True),
        ("DateGreaterThan", "aws:CurrentTime", "2024-06-01T12:00:00Z", False),
        ("DateGreaterThanEquals", "aws:CurrentTime", "2024-06-01T12:00:00Z", True),
        ("Bool", "aws:SecureTransport", "false", True),
        ("Bool", "aws:SecureTransport", False, True),
        ("Bool", "aws:SecureTransport", "true", False),
        ("IpAddress", "aws:SourceIp", "203.0.113.0/24", True),
        ("IpAddress", "aws:SourceIp", "203.0.113.7", True),
        ("IpAddress", "aws:SourceIp", ["198.51.100.0/24", "2001:db8::/32"], False),
        ("NotIpAddress", "aws:SourceIp", "203.0.113.0/24", False),
        ("ArnEquals", "aws:SourceArn", "arn:aws:sns:*:123456789012:topic", True),
        ("ArnLike", "aws:SourceArn", "arn:aws:sns:*:topic", False),
        ("ArnNotEquals", "aws:SourceArn", "arn:aws:sns:*:*:topic", False),
        ("ArnNotLike", "aws:SourceArn", "arn:aws:sns:*:*:other", True),
        ("Null", "aws:SourceArn", "false", True),
        ("Null", "aws:SourceArn", "true", False),
        ("StringEqualsIfExists", "s3:prefix", "other", False),
        ("StringLikeIfExists", "s3:prefix", "Home/*", True),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["team", "cost", "more"], True),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["team"], False),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["team"], True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["else"], False),
        ("ForAllValues:StringNotEquals", "aws:TagKeys", ["team"], False),
        ("ForAnyValue:StringNotEquals", "aws:TagKeys", ["team"], True),
        ("ForAnyValue:StringLike", "aws:TagKeys", ["te*"], True),
    ],
)
def test_operators(operator, key, values, expected):
    assert holds(operator, key, values) is expected


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("StringEquals", "x", False),
        ("StringLike", "*", False),
        ("Bool", "false", False),
        ("NumericLessThan", "1", False),
        ("DateGreaterThan", "1", False),
        ("IpAddress", "0.0.0.0/0", False),
        ("ArnLike", "*", False),
        ("StringNotEquals", "x", True),
        ("StringNotLike", "*", True),
        ("NumericNotEquals", "1", True),
        ("DateNotEquals", "1", True),
        ("NotIpAddress", "0.0.0.0/0", True),
        ("ArnNotLike", "*", True),
        ("StringEqualsIfExists", "x", True),
        ("StringNotEqualsIfExists", "x", True),
        ("BoolIfExists", "true", True),
        ("Null", "true", True),
        ("Null", "false", False),
        ("ForAllValues:StringEquals", "x", True),
        ("ForAnyValue:StringEquals", "x", False),
        ("ForAnyValue:StringEqualsIfExists", "x", False),
    ],
)
def test_a_missing_key(operator, value, expected):
    assert holds(operator, "aws:NotThere", value) is expected


def test_variables_are_literal_in_a_policy_of_the_older_version():
    keys = AccessRequest("s3:GetObject", "*", "sns.amazonaws.com", CONTEXT).keys
    element = {"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}}
    for variables in (True, False):
        assert conditions.parse_conditions(element, variables=variables)[0].holds(keys) is variables


def test_all_operators_and_all_keys_must_hold():
    keys = AccessRequest("s3:GetObject", "*", "sns.amazonaws.com", CONTEXT).keys

    def together(element: dict[str, dict[str, str]]) -> bool:
        return all(part.holds(keys) for part in conditions.parse_conditions(element, variables=True))

    assert together({"Bool": {"aws:SecureTransport": "false"}, "NumericEquals": {"s3:max-keys": "10"}})
    assert not together({"Bool": {"aws:SecureTransport": "false"}, "NumericEquals": {"s3:max-keys": "11"}})
    assert not together({"StringEquals": {"aws:PrincipalAccount": "123456789012", "s3:prefix": "x"}})


@pytest.mark.parametrize("operator", ["StringMatches", "stringequals", "BinaryEquals", "ForSome:StringEquals", "NullIfExists"])
def test_an_unknown_operator_is_named_even_where_its_statement_does_not_apply(operator):
    policy = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Deny", "Action": "ec2:*", "Resource": "*", "Condition": {operator: {"aws:k": "v"}}},
    }
    with pytest.raises(InvalidInput, match=operator):
        evaluate(AccessRequest("s3:GetObject", "*", "arn:aws:iam::123456789012:role/r"), [policy])


@pytest.mark.parametrize(
    ("operator", "value"),
    [("NumericEquals", "ten"), ("DateLessThan", "soon"), ("IpAddress", "here"), ("NotIpAddress", "1.2.3")],
)
def test_a_value_of_the_wrong_type_is_refused(operator, value):
    with pytest.raises(InvalidInput, match=value):
        conditions.parse_conditions({operator: {"aws:k": value}}, variables=True)


def test_a_malformed_condition_is_refused():
    with pytest.raises(InvalidInput, match="operators with keys"):
        conditions.parse_conditions({"StringEquals": "aws:k"}, variables=True)
