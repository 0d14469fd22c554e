"""Wildcards, ARNs, variables, principals."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from async_endpoint.core.errors import InvalidInput
from async_endpoint.iam import AccessRequest
from async_endpoint.iam.document import Named, named
from async_endpoint.iam.matching import arn_like, like, literal, substitute

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service/runner"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/runner/SageMaker"


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("s3:Get*", "s3:GetObject", True),
        ("s3:Get*", "s3:PutObject", False),
        ("s3:GetObject", "s3:GetObjectAcl", False),
        ("s3:?etObject", "s3:GetObject", True),
        ("a?c", "ac", False),
        ("*", "anything at all\nin two lines", True),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
        ("S3:GETOBJECT", "s3:GetObject", False),
    ],
)
def test_wildcards(pattern, value, matches):
    assert like(pattern, value) is matches


def test_case_is_ignored_only_on_request():
    assert like("S3:getobject", "s3:GetObject", ignore_case=True)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=("Co", "Cs"))))  # private-use characters stand for literal wildcards
def test_any_text_matches_itself_literally(text):
    filled = substitute("${k}", {"k": [text]})
    assert filled is not None
    assert literal(filled) == text
    assert like(filled, text)


@pytest.mark.parametrize(
    ("pattern", "arn", "matches"),
    [
        ("*", "*", True),
        ("*", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/in/x:y.json", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b", False),
        ("arn:aws:s3:::b*", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:::b/K", "arn:aws:s3:::b/k", False),
        ("arn:aws:sqs:us-east-1", "arn:aws:sqs:us-east-1:123456789012:q", True),
        ("arn:aws:sns:*:123456789012:t", "arn:aws:sns:eu-west-1:123456789012:t", True),
        ("arn:aws:sns:*:t", "arn:aws:sns:eu-west-1:123456789012:t", False),
        # IAM user guide, "ARN condition operators": the wildcard does not reach across colons
        ("arn:aws:x:*:111122223333:finance/*", "arn:aws:x:us-east-2:999999999999:store/abc:111122223333:finance/d.txt", False),
        ("arn:aws:s3:::b/*", "*", False),
    ],
)
def test_arns_match_part_by_part(pattern, arn, matches):
    assert arn_like(pattern, arn) is matches


KEYS = {"aws:principalaccount": [ACCOUNT], "aws:username": ["a*b:c"], "aws:tagkeys": ["x", "y"]}


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("arn:aws:s3:::b-${aws:PrincipalAccount}/*", f"arn:aws:s3:::b-{ACCOUNT}/*"),
        ("${AWS:principalaccount}", ACCOUNT),
        ("home/${aws:PrincipalTag/team, 'company-wide'}", "home/company-wide"),
        ("${*}${?}${$}", "*?$"),
        ("$ {x} ${", "$ {x} ${"),
        ("${aws:userid}", None),
        ("${aws:TagKeys}", None),
    ],
)
def test_variables(pattern, value):
    filled = substitute(pattern, KEYS)
    assert (filled if filled is None else literal(filled)) == value


def test_the_value_of_a_variable_is_not_a_pattern():
    filled = substitute("arn:aws:s3:::b/${aws:username}", KEYS)
    assert filled is not None
    assert arn_like(filled, "arn:aws:s3:::b/a*b:c")
    assert not arn_like(filled, "arn:aws:s3:::b/aXb:c")


@pytest.mark.parametrize(
    ("element", "principal", "how"),
    [
        ("*", ROLE, Named.DIRECT),
        ("*", "sns.amazonaws.com", Named.DIRECT),
        ({"AWS": "*"}, ROLE, Named.DIRECT),
        ({"AWS": ROLE}, ROLE, Named.DIRECT),
        ({"AWS": ROLE}, SESSION, Named.DIRECT),
        ({"AWS": SESSION}, ROLE, Named.EXACT),
        ({"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/runner/someone"}, ROLE, Named.NO),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}, ROLE, Named.NO),
        ({"AWS": "arn:aws:iam::999999999999:role/service/runner"}, ROLE, Named.NO),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:user/u"}, f"arn:aws:iam::{ACCOUNT}:user/u", Named.EXACT),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:user/u"}, ROLE, Named.NO),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, ROLE, Named.ACCOUNT),
        ({"AWS": ACCOUNT}, SESSION, Named.ACCOUNT),
        ({"AWS": ["999999999999", ACCOUNT]}, ROLE, Named.ACCOUNT),
        ({"AWS": "999999999999"}, ROLE, Named.NO),
        ({"Service": "sns.amazonaws.com"}, "sns.amazonaws.com", Named.DIRECT),
        ({"Service": ["s3.amazonaws.com", "sns.amazonaws.com"]}, "sns.amazonaws.com", Named.DIRECT),
        ({"Service": "sns.amazonaws.com"}, ROLE, Named.NO),
        ({"AWS": ACCOUNT}, "sns.amazonaws.com", Named.NO),
        ({"Federated": "graph.example"}, ROLE, Named.NO),
    ],
)
def test_principals(element, principal, how):
    assert named(element, AccessRequest("s3:GetObject", "*", principal)) is how


@pytest.mark.parametrize("element", ["someone", {"Aws": "*"}, ["*"]])
def test_an_unknown_principal_type_is_refused(element):
    with pytest.raises(InvalidInput, match="Principal"):
        named(element, AccessRequest("s3:GetObject", "*", ROLE))
