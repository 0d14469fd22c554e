"""Policies that a service refuses when they are written, in its words; what a refused call leaves; what stays accepted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.common import refusal, unique
from support.in_process_aws import ACCOUNT, REGION, AwsHarness

ABSENT = f"arn:aws:iam::{ACCOUNT}:role/of-no-one"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
SID = {"Sid": "Same"}


def document(*statements: dict[str, Any], **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)} | more)


def allow(action: Any, resource: Any, principal: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource} | more


def without(statement: dict[str, Any], element: str) -> dict[str, Any]:
    return {name: value for name, value in statement.items() if name != element}


class Written:
    """One resource of each service, and how its policy is written and read."""

    def __init__(self, aws: AwsHarness, service: str) -> None:
        self.aws, self.service = aws, service
        if service == "s3":
            self.arn = f"arn:aws:s3:::{aws.bucket()}"
            aws.s3.delete_public_access_block(Bucket=self.arn[13:])
        elif service == "sns":
            self.arn = aws.topic()
        elif service == "sqs":
            self.queue = aws.queue(open_to_sns=False)
            self.arn = self.queue.arn
        elif service == "kms":
            self.arn = aws.kms.create_key()["KeyMetadata"]["Arn"]

    def put(self, text: str, **more: Any) -> None:
        if self.service == "s3":
            self.aws.s3.put_bucket_policy(Bucket=self.arn[13:], Policy=text)
        elif self.service == "sns":
            self.aws.sns.set_topic_attributes(TopicArn=self.arn, AttributeName="Policy", AttributeValue=text)
        elif self.service == "sqs":
            self.aws.sqs.set_queue_attributes(QueueUrl=self.queue.url, Attributes={"Policy": text})
        else:
            self.aws.kms.put_key_policy(KeyId=self.arn, PolicyName="default", Policy=text, **more)

    def statement(self, principal: Any = "*", **more: Any) -> dict[str, Any]:
        actions = {"s3": "s3:GetObject", "sns": "sns:Publish", "sqs": "sqs:SendMessage", "kms": "kms:*"}
        return allow(actions[self.service], f"{self.arn}/*" if self.service == "s3" else self.arn, principal, **more)

    def refused(self, *statements: dict[str, Any], **more: Any) -> tuple[str, str]:
        return refusal(self.put, text=document(*statements, **more))


SERVICES = {
    "s3": ("MalformedPolicy", "Invalid principal in policy"),
    "sns": ("InvalidParameter", "Invalid parameter: Policy Error: PrincipalNotFound"),
    "sqs": (
        "InvalidAttributeValue",
        f"Invalid value for the parameter Policy. Reason: The AWS principal {ABSENT} does not exist.",
    ),
    "kms": ("MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals."),
}


@pytest.fixture(scope="module")
def resources(local_aws: AwsHarness) -> dict[str, Written]:
    """One resource of each service, shared by all tests: a key alone takes moto a third of a second to create."""
    return {service: Written(local_aws, service) for service in SERVICES}


@pytest.fixture(params=SERVICES)
def written(request: pytest.FixtureRequest, resources: dict[str, Written]) -> Written:
    return resources[request.param]


@pytest.fixture(scope="module")
def bare_bucket(local_aws: AwsHarness) -> Written:
    """A bucket whose policies are all refused."""
    return Written(local_aws, "s3")


@pytest.fixture(scope="module")
def shared_role(local_aws: AwsHarness) -> str:
    """The name of a role of which every trust policy is refused."""
    return local_aws.role().name


def test_a_principal_that_does_not_exist(written: Written) -> None:
    assert written.refused(written.statement({"AWS": ABSENT})) == SERVICES[written.service]


def test_principals_are_checked_by_kind(written: Written) -> None:
    role = written.aws.role()
    code = SERVICES[written.service][0]
    for wrong in (
        {"AWS": f"{role.arn[: -len(role.name)]}a/path/{role.name}"},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:group/all"},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{unique('user')}"},
        {"AWS": "12345"},
        {"AWS": "AROA27HJSWAHEPTTLIWSO"},
        {"AWS": [ROOT, role.name]},
        {"Service": "sagemaker"},
        {"Service": "*"},
        {"CanonicalUser": "someone"},
    ):
        assert written.refused(written.statement(wrong))[0] == code, wrong
    for kind in ("someone", {"Person": ROOT}, {"AWS": 12}, {"AWS": []}, {}):
        assert written.refused(written.statement(kind))[0] == code, kind
    unique_id = written.aws.iam.get_role(RoleName=role.name)["Role"]["RoleId"]
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.name}/session"
    for right in (role.arn, unique_id, session, ACCOUNT, ROOT, "*", "arn:aws:iam::210987654321:role/elsewhere"):
        written.put(document(written.statement({"AWS": [right, ROOT]})))
    written.put(document(written.statement({"Service": ["sns.amazonaws.com", f"logs.{REGION}.amazonaws.com"], "AWS": ROOT})))


def test_a_policy_outlives_its_principal_and_is_refused_once_it_is_written_again(written: Written) -> None:
    role = written.aws.role()
    text = document(written.statement({"AWS": [role.arn, ROOT]}))
    written.put(text)
    written.aws.iam.delete_role(RoleName=role.name)
    assert refusal(written.put, text=text)[0] == SERVICES[written.service][0]


@pytest.mark.parametrize("element", ["Effect", "Principal", "Action", "Resource"])
def test_an_element_that_is_missing(written: Written, element: str) -> None:
    code, message = written.refused(without(written.statement({"AWS": ROOT}), element))
    assert code == SERVICES[written.service][0]
    assert element in message


def test_the_grammar_of_a_document(written: Written) -> None:
    code, good = SERVICES[written.service][0], written.statement({"AWS": ROOT})
    for text in ("", "nonsense", "[]", "{}", document(), document(good, Version="2020-01-01"), document(good, Other="x")):
        if text or written.service in ("s3", "sns"):  # SQS removes a policy by an empty text; KMS' client demands one
            assert refusal(written.put, text=text)[0] == code, text
    for wrong in (
        {"Effect": "allow"},
        {"Act1on": "s3:*"},
        {"NotAction": "s3:GetObject"},
        {"NotResource": "*"},
        {"Action": []},
        {"Resource": [1]},
        {"Sid": 5},
        {"Condition": []},
        {"Condition": {"StringEquals": "x"}},
        {"Condition": {"StringAlike": {"aws:SourceAccount": ACCOUNT}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "everywhere"}}},
    ):
        assert written.refused(good | wrong)[0] == code, wrong
    both = {"NotPrincipal": {"AWS": ROOT}}
    assert written.refused(without(good, "Principal") | both)[0] == code  # Allow with NotPrincipal
    if written.service != "kms":
        written.put(json.dumps({"Statement": good, "Version": "2008-10-17", "Id": "one statement"}))
        written.put(document(without(good, "Principal") | both | {"Effect": "Deny"}))
        written.put(document(good))  # a denial that is left over would decide calls of other tests


@pytest.mark.parametrize(
    ("action", "resource", "message"),
    [
        ("s3:GetObject", "arn:aws:s3:::another/*", "Policy has invalid resource"),
        ("s3:GetObject", "*", "Policy has invalid resource"),
        ("s3:GetObject", "BUCKETS/*", "Policy has invalid resource"),
        ("s3:GetObjekt", "BUCKET/*", "Policy has invalid action"),
        ("sqs:SendMessage", "BUCKET/*", "Policy has invalid action"),
        ("s3:GetObject", "BUCKET", "Action does not apply to any resource(s) in statement"),
        (["s3:GetObject", "s3:ListBucket"], "BUCKET/*", "Action does not apply to any resource(s) in statement"),
        ("s3:ListAllMyBuckets", "BUCKET", "Action does not apply to any resource(s) in statement"),
    ],
)
def test_actions_and_resources_of_a_bucket_policy(bare_bucket: Written, action: Any, resource: str, message: str) -> None:
    found = bare_bucket.refused(allow(action, resource.replace("BUCKET", bare_bucket.arn)))
    assert found == ("MalformedPolicy", message)
    assert refusal(bare_bucket.aws.s3.get_bucket_policy, Bucket=bare_bucket.arn[13:])[0] == "NoSuchBucketPolicy"


def test_what_s3_accepts(resources: dict[str, Written]) -> None:
    bucket = resources["s3"]
    both = [bucket.arn, f"{bucket.arn}/*"]
    prefix = {"Condition": {"StringLike": {"s3:prefix": "home/*"}}}
    bucket.put(
        document(
            allow(["s3:GetObject", "s3:ListBucket", "S3:get*", "s3:*", "*"], both, **SID),
            allow("s3:ListBucket", bucket.arn, **prefix, **SID),
            allow("s3:GetObject", f"{bucket.arn}*", {"CanonicalUser": "0" * 64}),
        )
    )
    found = bucket.refused(allow("s3:GetObject", f"{bucket.arn}/*", **prefix))
    assert found[1] == "Conditions do not apply to combination of actions and resources in statement"
    assert bucket.refused(bucket.statement(Sid="x" * 20_480))[0] == "PolicyTooLarge"
    bucket.put(document(bucket.statement()) + " " * 20_480)  # whitespace does not count


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Action": "sns:CreateTopic"}, "Policy statement action out of service scope!"),
        ({"Action": "s3:GetObject"}, "Policy statement action out of service scope!"),
        ({"Resource": f"arn:aws:sns:{REGION}:{ACCOUNT}:another"}, "which is not the topic"),
        ({"Sid": "x" * 31_000}, "larger than 30720 bytes"),
    ],
)
def test_statements_of_a_topic_policy(resources: dict[str, Written], change: dict[str, Any], message: str) -> None:
    topic = resources["sns"]
    code, found = topic.refused(topic.statement() | change)
    assert (code, message in found) == ("InvalidParameter", True)


def test_statements_of_a_topic_have_unique_ids_and_a_new_topic_a_checked_policy(
    local_aws: AwsHarness, resources: dict[str, Written]
) -> None:
    topic = resources["sns"]
    unnamed = "Invalid parameter: Every policy statement must have a unique ID."
    assert topic.refused(topic.statement(), topic.statement())[1] == unnamed
    assert topic.refused(topic.statement() | SID, topic.statement() | SID)[1] == unnamed
    topic.put(document(topic.statement(), topic.statement(Resource="*") | SID))
    code, message = refusal(local_aws.topic, Policy=document(allow("sns:Publish", "*", {"AWS": ABSENT})))
    assert (code, message) == SERVICES["sns"]


def test_the_limits_of_a_queue_policy(local_aws: AwsHarness) -> None:
    queue = Written(local_aws, "sqs")
    actions = [f"sqs:{name}Queue" for name in ("Purge", "Delete", "Tag", "Untag")] + ["sqs:SendMessage"] * 4
    assert queue.refused(queue.statement() | {"Action": actions}) == (
        "OverLimit",
        "8 actions were found in a statement from the submitted policy, max allowed is 7",
    )
    assert queue.refused(*[queue.statement()] * 21)[0] == "OverLimit"
    assert queue.refused(queue.statement({"AWS": [ROOT] * 51}))[0] == "OverLimit"
    assert queue.refused(queue.statement(Sid="x" * 8_192)) == ("OverLimit", "Submitted policy is over max allowed size.")
    code, message = queue.refused(queue.statement() | {"Action": "sqs:SendMessageBatch"})
    assert (code, "Value sqs:SendMessageBatch for parameter ActionName is invalid." in message) == (
        "InvalidParameterValue",
        True,
    )
    assert "is not the queue" in queue.refused(queue.statement(Resource=f"{queue.arn}-other"))[1]
    assert "Policy" not in local_aws.sqs.get_queue_attributes(QueueUrl=queue.queue.url, AttributeNames=["All"])["Attributes"]


def test_a_key_policy_that_locks_its_caller_out(local_aws: AwsHarness) -> None:
    key = Written(local_aws, "kms")
    locked = "The new key policy will not allow you to update the key policy in the future."
    text = document(key.statement({"AWS": local_aws.role().arn}))
    before = local_aws.kms.get_key_policy(KeyId=key.arn, PolicyName="default")["Policy"]
    assert refusal(key.put, text=text) == ("MalformedPolicyDocumentException", locked)
    assert refusal(local_aws.kms.create_key, Policy=text) == ("MalformedPolicyDocumentException", locked)
    assert key.refused(key.statement({"AWS": ROOT}) | {"Action": "kms:Encrypt"})[1] == locked
    assert local_aws.kms.get_key_policy(KeyId=key.arn, PolicyName="default")["Policy"] == before
    assert refusal(key.put, text=document(key.statement({"AWS": ROOT}, Sid="x" * 32_768)))[0] == "LimitExceededException"
    key.put(text, BypassPolicyLockoutSafetyCheck=True)
    local_aws.kms.create_key(Policy=text, BypassPolicyLockoutSafetyCheck=True)
    caller = local_aws.client("sts").get_caller_identity()["Arn"]
    local_aws.kms.create_key(Policy=document(allow("kms:*", "*", {"AWS": caller})))


TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Principal": {"AWS": ABSENT}}, f'Invalid principal in policy: "AWS":"{ABSENT}"'),
        ({"Principal": {"Service": "sagemaker"}}, 'Invalid principal in policy: "SERVICE":"sagemaker"'),
        (
            {"Principal": {"Federated": "arn:aws:iam::1:x"}},
            "Federated principals must be valid domain names or SAML metadata ARNs",
        ),
        ({"Principal": {"AWS": []}}, "The passed in policy has a statement with no principals!"),
        ({"Principal": "*"}, "Principal must be a JSON object."),
        ({"Resource": "*"}, "Has prohibited field Resource"),
        ({"Action": "sts:*"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({"Action": "sts:TagSessions"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({"Sid": "two words"}, "Statement IDs (SID) must be alpha-numeric."),
        ({"Effect": "Permit"}, "has Effect 'Permit'"),
        ({"Statement": []}, "has an unknown element Statement"),
    ],
)
def test_a_trust_policy_that_is_refused(local_aws: AwsHarness, shared_role: str, change: dict[str, Any], message: str) -> None:
    text, name = document(TRUST | change), unique("role")
    code, found = refusal(local_aws.iam.create_role, RoleName=name, AssumeRolePolicyDocument=text)
    assert (code, message in found) == ("MalformedPolicyDocument", True), found
    assert refusal(local_aws.iam.get_role, RoleName=name)[0] == "NoSuchEntity"
    assert refusal(local_aws.iam.update_assume_role_policy, RoleName=shared_role, PolicyDocument=text) == (code, found)


def test_trust_policies_that_are_accepted(local_aws: AwsHarness) -> None:
    role = local_aws.role()
    federation = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
    for change in (
        {"Principal": {"AWS": [role.arn, "*"]}},
        {"Principal": {"Federated": [federation, "accounts.google.com"]}, "Action": "sts:AssumeRoleWithWebIdentity"},
        {"Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]},
    ):
        local_aws.iam.update_assume_role_policy(RoleName=role.name, PolicyDocument=document(TRUST | change))
    local_aws.iam.update_assume_role_policy(RoleName=role.name, PolicyDocument=document(TRUST, Version="2008-10-17"))
    twice = document(TRUST | SID, TRUST | SID)
    found = refusal(local_aws.iam.update_assume_role_policy, RoleName=role.name, PolicyDocument=twice)
    assert found == ("MalformedPolicyDocument", "Statement IDs (SID) in a single policy must be unique.")
    long = document(TRUST | {"Condition": {"StringEquals": {"aws:SourceAccount": [ACCOUNT] * 140}}})
    found = refusal(local_aws.iam.update_assume_role_policy, RoleName=role.name, PolicyDocument=long)
    assert found == ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
