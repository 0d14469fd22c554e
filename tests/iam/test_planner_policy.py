"""What a planner may not do: the workflow of a pull request has its permissions before anyone has reviewed it."""

from __future__ import annotations

import pytest

from support.recorded_access import Needed
from support.rendered_policies import policies

BUCKET = "arn:aws:s3:::recommender-dev-123456789012-eu-west-1"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/own"
ENDPOINT = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/recommender-dev"
EXECUTION = "arn:aws:iam::123456789012:role/recommender-dev-eu-west-1-execution"
DEPLOYER = "arn:aws:iam::123456789012:role/recommender-dev-eu-west-1-deployer"
LOGS = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/recommender-dev"
VIA_S3 = (("kms:ViaService", "s3.eu-west-1.amazonaws.com"),)

DATA = {
    "s3:GetObject": [
        f"{BUCKET}/input/a.json",
        f"{BUCKET}/output/a.out",
        f"{BUCKET}/failure/a.out",
        "arn:aws:s3:::another/model/a",
    ],
    "s3:GetObjectVersion": [f"{BUCKET}/model/0123/model.tar.gz"],
    "sqs:ReceiveMessage": ["arn:aws:sqs:eu-west-1:123456789012:recommender-dev-results"],
    "logs:GetLogEvents": [
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/recommender-dev:log-stream:a"
    ],
    "logs:FilterLogEvents": [LOGS],
    "secretsmanager:GetSecretValue": ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:a"],
    "ssm:GetParameter": ["arn:aws:ssm:eu-west-1:123456789012:parameter/a"],
    "ecr:GetDownloadUrlForLayer": ["arn:aws:ecr:eu-west-1:123456789012:repository/shirts"],
    "lambda:GetFunction": ["arn:aws:lambda:eu-west-1:123456789012:function:notify"],
}
CHANGES = {
    "iam:PassRole": [EXECUTION, DEPLOYER],
    "sts:AssumeRole": [EXECUTION, DEPLOYER],
    "iam:PutRolePolicy": [EXECUTION, DEPLOYER],
    "iam:UpdateAssumeRolePolicy": [DEPLOYER],
    "kms:CreateGrant": [KEY],
    "kms:PutKeyPolicy": [KEY],
    "s3:PutObject": [f"{BUCKET}/model/a", f"{BUCKET}/input/a"],
    "s3:PutBucketPolicy": [BUCKET],
    "sagemaker:AddTags": [ENDPOINT],
    "sagemaker:InvokeEndpointAsync": [ENDPOINT],
    "sagemaker:UpdateEndpoint": [ENDPOINT],
    "sagemaker:UpdateEndpointWeightsAndCapacities": [ENDPOINT],
    "sns:Subscribe": ["arn:aws:sns:eu-west-1:123456789012:recommender-dev-success"],
    "sqs:SetQueueAttributes": ["arn:aws:sqs:eu-west-1:123456789012:recommender-dev-results"],
    "application-autoscaling:RegisterScalableTarget": [
        "arn:aws:application-autoscaling:eu-west-1:123456789012:scalable-target/a"
    ],
}


def allowed(action: str, resource: str, context: tuple[tuple[str, str], ...] = ()) -> bool:
    return Needed(action, resource, context).allowed_by([policies()["planner"]])


@pytest.mark.parametrize("action", [*DATA, *CHANGES])
def test_data_and_changes_are_out_of_reach(action: str) -> None:
    assert [resource for resource in (DATA | CHANGES)[action] if allowed(action, resource)] == []


@pytest.mark.parametrize("action", ["kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom"])
def test_the_key_is_not_used_through_amazon_s3_either(action: str) -> None:
    assert not allowed(action, KEY)
    assert not allowed(action, KEY, VIA_S3)


def test_keys_of_results_are_not_listed() -> None:
    assert allowed("s3:ListBucket", BUCKET, (("s3:prefix", "model/"),))
    assert not any(
        allowed("s3:ListBucket", BUCKET, (("s3:prefix", prefix),)) for prefix in ("", "input/", "output/", "failure/")
    )


def test_every_action_reads() -> None:
    actions = [action for statement in policies()["planner"]["Statement"] for action in [statement["Action"]]]
    flat = [action for found in actions for action in ([found] if isinstance(found, str) else found)]
    assert [
        action
        for action in flat
        if not action.partition(":")[2].startswith(("BatchGet", "Describe", "Get", "List", "Simulate"))
    ] == []
    assert not any("NotAction" in statement or "NotResource" in statement for statement in policies()["planner"]["Statement"])
