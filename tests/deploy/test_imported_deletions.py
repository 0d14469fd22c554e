"""What existed before its deployment is not deleted while others use it, and no key while results that need it stay."""

from __future__ import annotations

import json
from typing import Any

import pytest

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import ImportedInUse, KeyInUse
from async_endpoint.deploy.destroy import destroy_environment
from async_endpoint.deploy.imported_deletions import require_unused_imports
from async_endpoint.deploy.key_deletions import require_unused_keys
from async_endpoint.terraform.plan_document import resource_changes
from support.deployment_fixtures import TRUST_POLICY, prepared
from support.plan_documents import change, plan_document

REGION, ROLE, BUCKET = "eu-west-1", "shop-execution", "shop-results"
ROLE_ARN = f"arn:aws:iam::123456789012:role/{ROLE}"
TOPIC_ARN = f"arn:aws:sns:{REGION}:123456789012:shop-results"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})


def deletion(address: str, **before: Any) -> dict[str, Any]:
    return change(address, ["delete"], before)


OF_ROLE = (
    deletion("module.model.aws_iam_role.imported[0]", name=ROLE, arn=ROLE_ARN),
    deletion("module.model.aws_iam_role_policy.execution[0]", name="own", role=ROLE),
)
OF_TOPIC = deletion('module.notifications.aws_sns_topic.imported["success"]', name="shop-results", arn=TOPIC_ARN)
OF_BUCKET = deletion("module.storage[0].aws_s3_bucket.imported[0]", bucket=BUCKET, force_destroy=False, region=REGION)


def check(aws: AwsSession, *changes: dict[str, Any]) -> None:
    require_unused_imports(lambda region: aws, resource_changes(plan_document(*changes)))


@pytest.fixture
def live(aws: AwsSession) -> AwsSession:
    """Role, topic and bucket, with what the deployment adds and nothing else."""
    aws.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST_POLICY))
    aws.client("iam").put_role_policy(RoleName=ROLE, PolicyName="own", PolicyDocument=POLICY)
    aws.sns.create_topic(Name="shop-results")
    aws.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return aws


def test_what_nothing_else_uses_is_deleted(live: AwsSession) -> None:
    queue = f"arn:aws:sqs:{REGION}:123456789012:results"
    subscribed = live.sns.subscribe(TopicArn=TOPIC_ARN, Protocol="sqs", Endpoint=queue, ReturnSubscriptionArn=True)
    own = deletion("module.notifications.aws_sns_topic_subscription.results[0]", arn=subscribed["SubscriptionArn"])
    check(live, *OF_ROLE, OF_TOPIC, own, OF_BUCKET)


def use_role(aws: AwsSession) -> None:
    aws.client("iam").put_role_policy(RoleName=ROLE, PolicyName="theirs", PolicyDocument=POLICY)


def attach(aws: AwsSession) -> None:
    policy = aws.client("iam").create_policy(PolicyName="shared", PolicyDocument=POLICY)["Policy"]["Arn"]
    aws.client("iam").attach_role_policy(RoleName=ROLE, PolicyArn=policy)


def subscribe(aws: AwsSession) -> None:
    aws.sns.subscribe(TopicArn=TOPIC_ARN, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:theirs")


def watch(aws: AwsSession) -> None:
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName="theirs", Namespace="Shop", MetricName="Orders", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="LessThanThreshold", AlarmActions=[TOPIC_ARN],
    )  # fmt: skip


def store(aws: AwsSession) -> None:
    aws.s3.put_object(Bucket=BUCKET, Key="output/1.out", Body=b"a result")


@pytest.mark.parametrize(
    ("use", "words", "address"),
    [
        (use_role, f"role {ROLE} \\(its policy theirs\\)", "module.model.aws_iam_role.imported[0]"),
        (attach, f"role {ROLE} \\(its policy shared\\)", "module.model.aws_iam_role.imported[0]"),
        (subscribe, "its subscription of .*:theirs", OF_TOPIC["address"]),
        (watch, "alarm theirs", OF_TOPIC["address"]),
        (store, f"bucket {BUCKET} .it holds object versions", OF_BUCKET["address"]),
    ],
)
def test_what_others_use_is_to_be_released(live: AwsSession, use: Any, words: str, address: str) -> None:
    use(live)
    with pytest.raises(ImportedInUse, match=words) as raised:
        check(live, *OF_ROLE, OF_TOPIC, OF_BUCKET)
    assert str(raised.value).endswith(f"terraform state rm '{address}'")


def test_what_is_gone_already_stops_nothing(aws: AwsSession) -> None:
    check(aws, *OF_ROLE, OF_TOPIC, OF_BUCKET)


@pytest.mark.usefixtures("checkout")
def test_destroy_is_refused_before_terraform_changes_anything(terraform: Any, live: AwsSession) -> None:
    subscribe(live)
    terraform.document = plan_document(OF_TOPIC)
    with pytest.raises(ImportedInUse):
        destroy_environment(prepared())
    assert "apply" not in terraform.did


def test_a_key_stays_while_results_in_a_bucket_that_stays_need_it(live: AwsSession) -> None:
    key = live.client("kms").create_key()["KeyMetadata"]["Arn"]
    output = {"kms_key_id": key, "s3_output_path": f"s3://{BUCKET}/output/", "s3_failure_path": None}
    changes = [
        deletion("module.storage[0].aws_kms_key.this[0]", arn=key),
        deletion("aws_sagemaker_endpoint_configuration.this", async_inference_config=[{"output_config": [output]}]),
    ]

    def check_key(*more: dict[str, Any]) -> None:
        require_unused_keys(lambda region: live, resource_changes(plan_document(*changes, *more)))

    live.s3.put_object(Bucket=BUCKET, Key="output/1.out", Body=b"", ServerSideEncryption="AES256")
    check_key()
    live.s3.put_object(Bucket=BUCKET, Key="output/2.out", Body=b"", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    with pytest.raises(KeyInUse, match=f"s3://{BUCKET}/output/2.out; nothing could read them"):
        check_key()
    check_key(OF_BUCKET)
