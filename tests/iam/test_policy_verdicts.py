"""Verdicts on the policies that this project deploys, and on faulty ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from async_endpoint.iam import AccessRequest, evaluate, evaluate_key

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/model-execution"
CALLER = f"arn:aws:sts::{ACCOUNT}:assumed-role/model-execution/SageMaker"
BUCKET = "arn:aws:s3:::models"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:success"


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any, resource: Any, **rest: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **rest}


def deny(action: Any, resource: Any, **rest: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **rest}


EXECUTION = policy(
    allow(["s3:GetObject"], [f"{BUCKET}/model/*", f"{BUCKET}/input/*"], Sid="Read"),
    allow(["s3:PutObject", "s3:AbortMultipartUpload"], [f"{BUCKET}/output/*", f"{BUCKET}/failure/*"], Sid="Write"),
    allow("s3:ListBucket", BUCKET, Sid="List"),
    allow("sns:Publish", [TOPIC], Sid="Announce"),
    allow("ecr:GetAuthorizationToken", "*", Sid="Registry"),
    allow(
        ["logs:CreateLogStream", "logs:PutLogEvents"],
        f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/sagemaker/Endpoints/*",
        Sid="Log",
    ),
)


def ask(action: str, resource: str, **context: str) -> AccessRequest:
    return AccessRequest(action, resource, ROLE, {key.replace("_", ":"): value for key, value in context.items()})


@pytest.mark.parametrize(
    ("action", "resource", "decided_by"),
    [
        ("s3:GetObject", f"{BUCKET}/input/a/b.json", "Read"),
        ("S3:getobject", f"{BUCKET}/model/model.tar.gz", "Read"),
        ("s3:GetObject", f"{BUCKET}/output/a.out", None),
        ("s3:PutObject", f"{BUCKET}/output/a.out", "Write"),
        ("s3:PutObject", f"{BUCKET}/failure/a.out", "Write"),
        ("s3:PutObject", f"{BUCKET}/input/a", None),
        ("s3:PutObjectAcl", f"{BUCKET}/output/a.out", None),
        ("s3:ListBucket", BUCKET, "List"),
        ("s3:ListBucket", f"{BUCKET}/input", None),
        ("sns:Publish", TOPIC, "Announce"),
        ("sns:Publish", f"{TOPIC}-other", None),
        ("ecr:GetAuthorizationToken", "*", "Registry"),
        ("logs:PutLogEvents", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/sagemaker/Endpoints/e:log-stream:v/i-1", "Log"),
        ("logs:PutLogEvents", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/other:log-stream:s", None),
    ],
)
def test_the_execution_role(action, resource, decided_by):
    verdict = evaluate(ask(action, resource), [EXECUTION])
    assert verdict.allowed is (decided_by is not None)
    assert verdict.decided_by == (f"statement {decided_by} of the identity-based policy" if decided_by else None)


def test_a_policy_can_be_json_text():
    assert evaluate(ask("sns:Publish", TOPIC), [json.dumps(EXECUTION)]).allowed


def test_no_policy_allows_nothing_in_awss_words():
    verdict = evaluate(ask("s3:PutObject", f"{BUCKET}/output/a.out"), [])
    assert (verdict.allowed, verdict.explicit_deny) == (False, False)
    assert verdict.explain == (
        f"User: {CALLER} is not authorized to perform: s3:PutObject on resource: {BUCKET}/output/a.out "
        "because no identity-based policy allows the s3:PutObject action"
    )


def test_an_explicit_deny_wins_and_names_the_policy():
    second = policy(deny("s3:Put*", "*", Sid="ReadOnly"))
    verdict = evaluate(ask("s3:PutObject", f"{BUCKET}/output/a.out"), [EXECUTION, second])
    assert (verdict.allowed, verdict.explicit_deny) == (False, True)
    assert verdict.decided_by == "statement ReadOnly of the identity-based policy 2"
    assert verdict.explain.endswith(
        f"s3:PutObject on resource: {BUCKET}/output/a.out with an explicit deny in an identity-based policy"
    )


TLS_ONLY = policy(
    deny("s3:*", [BUCKET, f"{BUCKET}/*"], Sid="TlsOnly", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})
)


@pytest.mark.parametrize(("secure", "allowed"), [("true", True), ("false", False)])
def test_a_tls_only_bucket(secure, allowed):
    verdict = evaluate(ask("s3:GetObject", f"{BUCKET}/input/a", aws_SecureTransport=secure), [EXECUTION], TLS_ONLY)
    assert (verdict.allowed, verdict.explicit_deny) == (allowed, not allowed)
    if not allowed:
        assert verdict.explain.endswith("with an explicit deny in a resource-based policy")


ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


@pytest.mark.parametrize(
    ("principal", "same_account", "identity", "allowed", "lacking"),
    [
        ({"AWS": ROLE}, True, [], True, None),
        ("*", True, [], True, None),
        (ROOT, True, [], False, "identity"),
        (ROOT, True, [EXECUTION], True, None),
        ({"AWS": "999999999999"}, True, [EXECUTION], True, None),
        ({"AWS": ROLE}, False, [], False, "identity"),
        ({"AWS": ROLE}, False, [EXECUTION], True, None),
        (ROOT, False, [EXECUTION], True, None),
        ({"AWS": "999999999999"}, False, [EXECUTION], False, "resource"),
    ],
)
def test_required_allows_within_and_across_accounts(principal, same_account, identity, allowed, lacking):
    topic = policy(allow("sns:Publish", TOPIC, Principal=principal))
    verdict = evaluate(ask("sns:Publish", TOPIC), identity, topic, same_account)
    assert verdict.allowed is allowed
    if lacking:
        assert f"because no {lacking}-based policy allows the sns:Publish action" in verdict.explain


def test_denying_an_account_denies_its_roles():
    topic = policy(deny("sns:Publish", TOPIC, Principal=ROOT))
    assert evaluate(ask("sns:Publish", TOPIC), [EXECUTION], topic).explicit_deny


@pytest.mark.parametrize(("excepted", "denied"), [(ROLE, False), (f"arn:aws:iam::{ACCOUNT}:role/other", True)])
def test_not_principal(excepted, denied):
    topic = policy(deny("sns:*", TOPIC, NotPrincipal={"AWS": [excepted, ROOT["AWS"]]}))
    assert evaluate(ask("sns:Publish", TOPIC), [EXECUTION], topic).explicit_deny is denied


def test_not_action_and_not_resource():
    limits = policy(
        {"Effect": "Deny", "NotAction": ["s3:Get*", "sns:Publish"], "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:GetObject", "NotResource": f"{BUCKET}/input/*"},
    )
    assert evaluate(ask("s3:GetObject", f"{BUCKET}/input/a"), [EXECUTION, limits]).allowed
    assert evaluate(ask("s3:GetObject", f"{BUCKET}/model/m"), [EXECUTION, limits]).explicit_deny
    assert evaluate(ask("s3:PutObject", f"{BUCKET}/output/a"), [EXECUTION, limits]).explicit_deny


def test_a_queue_accepts_messages_of_its_topic_only():
    queue_arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:results"
    queue = policy(
        allow(
            "sqs:SendMessage",
            queue_arn,
            Principal={"Service": "sns.amazonaws.com"},
            Condition={"ArnEquals": {"aws:SourceArn": TOPIC}},
        )
    )

    def send(source: str) -> Any:
        return evaluate(AccessRequest("sqs:SendMessage", queue_arn, "sns.amazonaws.com", {"aws:SourceArn": source}), [], queue)

    assert send(TOPIC).allowed
    assert send(f"{TOPIC}-other").explain == (
        f"User: sns.amazonaws.com is not authorized to perform: sqs:SendMessage on resource: {queue_arn} "
        "because no resource-based policy allows the sqs:SendMessage action"
    )


def test_variables_in_resources_are_filled_from_the_principal():
    own = policy(allow("s3:GetObject", f"{BUCKET}/${{aws:PrincipalAccount}}/*"))
    assert evaluate(ask("s3:GetObject", f"{BUCKET}/{ACCOUNT}/x"), [own]).allowed
    assert not evaluate(ask("s3:GetObject", f"{BUCKET}/999999999999/x"), [own]).allowed
    assert not evaluate(ask("s3:GetObject", f"{BUCKET}/{ACCOUNT}/x"), [{**own, "Version": "2008-10-17"}]).allowed


def test_a_resource_with_a_variable_without_a_value_matches_nothing():
    unset = policy(allow("s3:GetObject", f"{BUCKET}/${{aws:PrincipalTag/team}}*"))
    assert not evaluate(ask("s3:GetObject", f"{BUCKET}/x"), [unset]).allowed


def test_a_role_with_a_path_and_another_session_is_named_as_aws_names_it():
    request = AccessRequest("s3:GetObject", "*", f"arn:aws:iam::{ACCOUNT}:role/a/b/runner", session="i-1")
    assert f"User: arn:aws:sts::{ACCOUNT}:assumed-role/runner/i-1 is not" in evaluate(request, []).explain


BOUNDARY = policy(allow(["s3:GetObject", "s3:PutObject"], f"{BUCKET}/*", Sid="Cap"), deny("s3:*", f"{BUCKET}/model/*"))


def test_a_boundary_limits_and_grants_nothing() -> None:
    within = evaluate(ask("s3:GetObject", f"{BUCKET}/input/a"), [EXECUTION], boundary=BOUNDARY)
    beyond = evaluate(ask("sns:Publish", TOPIC), [EXECUTION], boundary=BOUNDARY)
    not_granted = evaluate(ask("s3:PutObject", f"{BUCKET}/input/a"), [EXECUTION], boundary=BOUNDARY)
    refused = evaluate(ask("s3:GetObject", f"{BUCKET}/model/a"), [EXECUTION], boundary=BOUNDARY)

    assert within.allowed and within.decided_by == "statement Read of the identity-based policy"
    assert not beyond.allowed and not beyond.explicit_deny
    assert beyond.explain.endswith("because no permissions boundary allows the sns:Publish action")
    assert not not_granted.allowed and "identity-based policy" in not_granted.explain
    assert refused.explicit_deny and refused.explain.endswith("with an explicit deny in a permissions boundary")


def test_a_boundary_limits_the_use_of_keys() -> None:
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/own"
    key_policy = policy(allow("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    own = policy(allow("kms:Decrypt", key))
    assert evaluate_key(ask("kms:Decrypt", key), [own], key_policy).allowed
    assert not evaluate_key(ask("kms:Decrypt", key), [own], key_policy, boundary=BOUNDARY).allowed
