"""KMS keys and role trust, where the resource's own policy must allow."""

from __future__ import annotations

from typing import Any

import pytest

from async_endpoint.iam import AccessRequest, evaluate_key, evaluate_trust

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/model-execution"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any, resource: Any, **rest: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **rest}


EXECUTION = policy(
    allow(
        ["kms:Decrypt", "kms:GenerateDataKey*"],
        KEY,
        Sid="Encrypt",
        Condition={"StringEquals": {"kms:ViaService": ["s3.us-east-1.amazonaws.com", "sns.us-east-1.amazonaws.com"]}},
    ),
)
DELEGATING = policy(allow("kms:*", "*", Sid="Account", Principal=ROOT))
DIRECT = policy(allow(["kms:Decrypt", "kms:GenerateDataKey"], "*", Sid="Runner", Principal={"AWS": ROLE}))
SILENT = policy(allow("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/admin"}))


@pytest.mark.parametrize(
    ("key_policy", "identity", "via", "allowed", "lacking"),
    [
        (DELEGATING, [EXECUTION], "s3", True, None),
        (DELEGATING, [EXECUTION], "sqs", False, "identity"),
        (DELEGATING, [], "s3", False, "identity"),
        (DIRECT, [], "s3", True, None),
        (SILENT, [EXECUTION], "s3", False, "resource"),
        (policy(*DIRECT["Statement"], allow("kms:*", "*", Principal="*", Effect="Deny")), [EXECUTION], "s3", False, None),
    ],
)
def test_a_key_needs_its_own_policy_to_allow(key_policy, identity, via, allowed, lacking):
    request = AccessRequest("kms:GenerateDataKey", KEY, ROLE, {"kms:ViaService": f"{via}.us-east-1.amazonaws.com"})
    verdict = evaluate_key(request, identity, key_policy)
    assert verdict.allowed is allowed
    if lacking:
        assert verdict.explain.endswith(f"because no {lacking}-based policy allows the kms:GenerateDataKey action")


def test_a_key_policy_allows_a_service_by_name():
    key_policy = policy(
        *DELEGATING["Statement"],
        allow(["kms:Decrypt", "kms:GenerateDataKey*"], "*", Principal={"Service": "sns.amazonaws.com"}),
    )
    request = AccessRequest("kms:Decrypt", KEY, "sns.amazonaws.com")
    assert evaluate_key(request, [], key_policy).allowed
    assert not evaluate_key(request, [], DELEGATING).allowed


TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    },
}


@pytest.mark.parametrize(
    ("service", "account", "trusted"),
    [
        ("sagemaker.amazonaws.com", ACCOUNT, True),
        ("sagemaker.amazonaws.com", "999999999999", False),
        ("lambda.amazonaws.com", ACCOUNT, False),
    ],
)
def test_trust(service, account, trusted):
    verdict = evaluate_trust(TRUST, service, {"aws:SourceAccount": account})
    assert verdict.allowed is trusted
    if not trusted:
        assert verdict.explain == (
            f"User: {service} is not authorized to perform: sts:AssumeRole "
            "because no role trust policy allows the sts:AssumeRole action"
        )


def test_trust_can_be_denied():
    refusing = {**TRUST, "Statement": [TRUST["Statement"], {"Effect": "Deny", "Principal": "*", "Action": "sts:*"}]}
    verdict = evaluate_trust(refusing, "sagemaker.amazonaws.com", {"aws:SourceAccount": ACCOUNT})
    assert verdict.explicit_deny
    assert verdict.explain.endswith("with an explicit deny in a role trust policy")
