"""Keys and retention of log groups that CloudWatch Logs refuses."""

from __future__ import annotations

import json

import pytest

from support.common import refusal, unique
from support.in_process_aws import ACCOUNT, REGION, AwsHarness

ROOT = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
GROUPS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group"


def key(aws: AwsHarness, groups: str) -> str:
    """The ARN of a key with which CloudWatch Logs may encrypt these groups."""
    logs = {
        "Effect": "Allow",
        "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
        "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        "Resource": "*",
        "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [ROOT, logs]})
    return str(aws.kms.create_key(Policy=policy)["KeyMetadata"]["Arn"])


def test_a_key_must_let_the_service_encrypt_for_the_group(local_aws: AwsHarness) -> None:
    name = unique("/shop/group")
    for wrong in (f"arn:aws:kms:{REGION}:{ACCOUNT}:key/none", key(local_aws, f"{GROUPS}:/other/*")):
        code, message = refusal(local_aws.logs.create_log_group, logGroupName=name, kmsKeyId=wrong)
        assert (code, f"'{GROUPS}:{name}'" in message) == ("InvalidParameterException", True), message
    assert local_aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"] == []
    right = key(local_aws, f"{GROUPS}:/shop/*")
    local_aws.logs.create_log_group(logGroupName=name, kmsKeyId=right)
    assert local_aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["kmsKeyId"] == right


def test_the_key_of_a_group_is_changed_and_removed(local_aws: AwsHarness) -> None:
    logs, name = local_aws.logs, unique("/shop/changed")
    logs.create_log_group(logGroupName=name)
    [group] = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    wrong, right = key(local_aws, f"{GROUPS}:/other/*"), key(local_aws, f"{GROUPS}:/shop/*")
    assert refusal(logs.associate_kms_key, logGroupName=name, kmsKeyId=wrong)[0] == "InvalidParameterException"
    assert refusal(logs.associate_kms_key, logGroupName="/none", kmsKeyId=right)[0] == "ResourceNotFoundException"
    logs.associate_kms_key(resourceIdentifier=group["logGroupArn"], kmsKeyId=right)
    assert logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["kmsKeyId"] == right
    logs.disassociate_kms_key(logGroupName=name)
    assert "kmsKeyId" not in logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]


@pytest.mark.parametrize("days", [0, 2, 4, 366])
def test_a_retention_that_does_not_exist(local_aws: AwsHarness, days: int) -> None:
    name = unique("group")
    local_aws.logs.create_log_group(logGroupName=name)
    code, _ = refusal(local_aws.logs.put_retention_policy, logGroupName=name, retentionInDays=days)
    assert code == "InvalidParameterException"
    local_aws.logs.put_retention_policy(logGroupName=name, retentionInDays=365)
