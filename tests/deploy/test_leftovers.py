from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from async_endpoint.aws import AwsSession, failing_as_not_ready
from async_endpoint.core.errors import NotReady
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.destroy import expected_resources
from async_endpoint.deploy.leftovers import delete_reply_queues, leftovers
from async_endpoint.deploy.retries import retrying_session
from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.plan_document import PlanView, plan_view
from support.deployment_fixtures import TRUST_POLICY, create_endpoint, endpoint_outputs
from support.fake_terraform import FakeTerraform
from support.plan_documents import TAGS, creation, plan_document

NOTHING = PlanView((), (), "eu-west-1")
POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}'


def test_every_kind_is_found_and_another_deployment_is_not(aws: AwsSession, deployed: AsyncEndpointOutputs) -> None:
    for name in ("shirts", "shirtsleeves"):
        aws.client("s3").create_bucket(
            Bucket=f"{name}-{deployed.account_id}", CreateBucketConfiguration={"LocationConstraint": deployed.region}
        )
        aws.client("sns").create_topic(Name=f"{name}-success")
        aws.client("sqs").create_queue(QueueName=f"{name}-results")
        aws.client("iam").create_role(RoleName=f"{name}-execution", AssumeRolePolicyDocument=json.dumps(TRUST_POLICY))
        aws.client("iam").create_policy(PolicyName=f"{name}-caller", PolicyDocument=POLICY)
        aws.client("logs").create_log_group(logGroupName=f"/aws/sagemaker/Endpoints/{name}")
        key = aws.client("kms").create_key()["KeyMetadata"]["KeyId"]
        aws.client("kms").create_alias(AliasName=f"alias/{name}", TargetKeyId=key)
    assert [str(one) for one in leftovers(aws, ["shirts"], NOTHING)] == [
        "scalable target endpoint/shirts/variant/main",
        "endpoint shirts",
        "endpoint configuration shirts-1",
        "endpoint configuration shirts-2",
        "model shirts-model",
        "alarm shirts-wake",
        "bucket shirts-123456789012",
        f"topic arn:aws:sns:{deployed.region}:123456789012:shirts-error",
        f"topic arn:aws:sns:{deployed.region}:123456789012:shirts-success",
        f"queue https://sqs.{deployed.region}.amazonaws.com/123456789012/shirts-dead-letters",
        f"queue https://sqs.{deployed.region}.amazonaws.com/123456789012/shirts-results",
        "role shirts-execution",
        "policy shirts-caller",
        "key alias alias/shirts",
        "log group /aws/sagemaker/Endpoints/shirts",
    ]


def test_what_is_called_like_an_endpoint_that_existed_before_is_not_its(
    aws: AwsSession, deployed: AsyncEndpointOutputs
) -> None:
    """Its own name counts, and what its state had; beside it the names that its deployment derives."""
    aws.client("sqs").create_queue(QueueName="shirts-of-the-team")
    aws.client("sqs").create_queue(QueueName="team-prod-results")
    aws.client("cloudwatch").put_dashboard(DashboardName="shirts-eu-west-1", DashboardBody='{"widgets": []}')
    state = (
        (
            "aws_sns_topic",
            {"name": "shirts-success", "arn": f"arn:aws:sns:{deployed.region}:{deployed.account_id}:shirts-success"},
        ),
    )
    aws.client("sns").create_topic(Name="shirts-success")
    found = [str(one) for one in leftovers(aws, ["team-prod"], PlanView((), state, "eu-west-1"), {"shirts"})]
    assert [one.replace(f"arn:aws:sns:{deployed.region}:123456789012:", "") for one in found] == [
        "scalable target endpoint/shirts/variant/main",
        "endpoint shirts",
        "dashboard shirts-eu-west-1",
        f"queue https://sqs.{deployed.region}.amazonaws.com/123456789012/team-prod-results",
        "topic shirts-success",
    ]


def test_a_destroy_knows_which_endpoints_existed_before(terraform: FakeTerraform, deployed: AsyncEndpointOutputs) -> None:
    document = plan_document(
        state={
            "aws_sagemaker_endpoint.this": {"name": "shirts"},
            "aws_sagemaker_endpoint_configuration.this": {"name": "team-prod-2026", "name_prefix": "team-prod-"},
        }
    )
    call = {"expressions": {"names": {"constant_value": {"endpoint": "shirts"}}}}
    for calls, expected in (({"shirts": call}, ({"shirts"}, {"team-prod"})), ({"shirts": {}}, (set(), set()))):
        document["configuration"]["root_module"] = {"module_calls": calls}
        found = expected_resources(cast(Terraform, terraform), document, [deployed], Path("unused"))
        assert (found.names, set(found.imported), set(found.prefixes)) == (("shirts",), *expected)


def test_reply_queues_of_clients_are_deleted_and_queues_of_others_are_not(aws: AwsSession) -> None:
    sqs = aws.client("sqs")
    for name, tag in (("shirts", "shirts"), ("shirts-eu", "shirts-eu"), ("shirts", "")):
        queue_id = "0123456789" if tag else "abcdefghij"
        sqs.create_queue(QueueName=f"{name}-reply-{queue_id}", tags={"async-endpoint-reply-queue-of": tag} if tag else {})
    found = [(one.found.name, one.own) for one in leftovers(aws, ["shirts"], NOTHING) if one.kind.type == "aws_sqs_queue"]
    assert ("shirts-reply-0123456789", True) in found and ("shirts-reply-abcdefghij", True) not in found
    delete_reply_queues(aws, ["shirts"])
    left = [url.rpartition("/")[2] for url in sqs.list_queues().get("QueueUrls", [])]
    assert sorted(left) == ["shirts-eu-reply-0123456789", "shirts-reply-abcdefghij"]


@pytest.mark.parametrize("tags", [{"managed-by": "terraform"}, {"managed-by": "terraform", "deployment": "shirts"}])
def test_names_that_begin_alike_are_no_proof(aws: AwsSession, tags: dict[str, str]) -> None:
    """Deployments `shirts` and `shirts-eu` of one account, with or without the tag that distinguishes them."""
    theirs = tags | ({"deployment": "shirts-eu"} if "deployment" in tags else {})
    for name, carried in (("shirts", tags), ("shirts-eu", theirs)):
        pairs = [{"Key": key, "Value": value} for key, value in carried.items()]
        aws.client("iam").create_role(
            RoleName=f"{name}-execution", AssumeRolePolicyDocument=json.dumps(TRUST_POLICY), Tags=pairs
        )
        aws.client("logs").create_log_group(logGroupName=f"/aws/sagemaker/Endpoints/{name}")  # as SageMaker makes it
        aws.client("s3").create_bucket(Bucket=f"{name}-1", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    state = (("aws_iam_role", {"name": "shirts-execution", "tags_all": tags}), ("aws_s3_bucket", {"bucket": "shirts-1"}))
    own = [str(one) for one in leftovers(aws, ["shirts"], PlanView((), state, "eu-west-1")) if one.own]
    assert own == ["bucket shirts-1", "role shirts-execution", "log group /aws/sagemaker/Endpoints/shirts"]


@pytest.mark.parametrize(("owner", "found"), [("shirts", [True, True]), ("other", []), (None, [False, False])])
def test_what_has_no_tags_belongs_to_the_deployment_of_its_endpoint(
    aws: AwsSession, deployed: AsyncEndpointOutputs, owner: str | None, found: list[bool]
) -> None:
    """As after an apply that was refused because the name is taken, and then destroyed: the state is empty."""
    create_endpoint(aws, endpoint_outputs("shirts-eu"))
    if owner:
        carried = TAGS | {"deployment": owner}
        tags = [{"Key": key, "Value": value} for key, value in carried.items()]
        aws.client("sagemaker").add_tags(ResourceArn=deployed.endpoint.arn, Tags=tags)
    for name in ("shirts", "shirts-eu"):
        aws.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody="{}")
    document = plan_document(creation("module.shirts.aws_sagemaker_endpoint.this", name="shirts"))
    left = leftovers(aws, ["shirts"], plan_view(document))
    untagged = [one for one in left if one.kind.label in ("scalable target", "dashboard")]
    assert [one.own for one in untagged] == found
    assert not [one for one in untagged if "shirts-eu" in one.shown]


def test_the_same_deployment_in_another_region_is_not_a_leftover(aws: AwsSession) -> None:
    """Roles, policies, buckets and dashboards are listed for all regions; these have no tags that distinguish them."""
    for region in ("eu-west-1", "us-gov-west-1"):
        aws.client("iam").create_role(RoleName=f"shirts-{region}-execution", AssumeRolePolicyDocument=json.dumps(TRUST_POLICY))
        aws.client("iam").create_policy(PolicyName=f"shirts-{region}-caller", PolicyDocument=POLICY)
        aws.client("s3").create_bucket(
            Bucket=f"shirts-123456789012-{region}", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        aws.client("cloudwatch").put_dashboard(DashboardName=f"shirts-{region}", DashboardBody="{}")
    assert [str(one) for one in leftovers(aws, ["shirts"], NOTHING)] == [
        "dashboard shirts-eu-west-1",
        "bucket shirts-123456789012-eu-west-1",
        "role shirts-eu-west-1-execution",
        "policy shirts-eu-west-1-caller",
    ]


def test_the_alias_of_a_key_that_waits_for_its_deletion_is_left_and_the_key_is_not(aws: AwsSession) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["KeyId"]
    aws.client("kms").create_alias(AliasName="alias/shirts", TargetKeyId=key)
    aws.client("kms").schedule_key_deletion(KeyId=key)
    assert [str(one) for one in leftovers(aws, ["shirts"], NOTHING)] == ["key alias alias/shirts"]


def test_all_pages_are_read(aws: AwsSession) -> None:
    for number in range(120):
        aws.client("sns").create_topic(Name=f"shirts-{number}")
    assert len(leftovers(aws, ["shirts"], NOTHING)) == 120


def test_nothing_is_an_empty_list(aws: AwsSession) -> None:
    assert leftovers(aws, ["shirts"], NOTHING) == []


def test_an_aws_that_does_not_answer_is_one_sentence() -> None:
    with pytest.raises(NotReady, match="AWS did not answer: Could not connect"), failing_as_not_ready():
        retrying_session("eu-west-1", "http://127.0.0.1:9").client("sts").get_caller_identity()


def test_a_profile_that_does_not_exist_does_not_stop_the_local_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "missing")
    assert retrying_session("eu-west-1", "http://127.0.0.1:9").client("sts").meta.endpoint_url == "http://127.0.0.1:9"


def test_shared_storage_is_found_by_the_names_in_the_state(aws: AwsSession) -> None:
    tags = {"deployment": "shop-dev"}
    state = tuple(("aws_s3_bucket", {"bucket": f"shop-dev-{name}", "tags_all": tags}) for name in ("left", "gone", "taken"))
    for name, carried in (("left", tags), ("taken", {"deployment": "shop-eu"})):
        bucket = f"shop-dev-{name}"
        aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        tag_set = [{"Key": key, "Value": value} for key, value in carried.items()]
        aws.client("s3").put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tag_set})
    [found] = leftovers(aws, ["shirts-dev"], PlanView((), state, "eu-west-1"))
    assert str(found) == "bucket shop-dev-left"
    assert found.own


@pytest.mark.parametrize("released", [False, True])
def test_what_existed_before_is_no_leftover(aws: AwsSession, released: bool) -> None:
    """A role called as the deployment would call it, imported or released; its own tags are no default tags."""
    for name in ("shirts-role", "shirts-execution"):
        aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST_POLICY))
    state = {"module.shirts.aws_sqs_queue.results": {"name": "shirts-results", "tags_all": TAGS}}
    if not released:
        state["module.shirts.module.model.aws_iam_role.imported[0]"] = {"name": "shirts-role", "tags_all": {"team": "a"}}
    document = plan_document(state=state)
    if released:
        names = {"names": {"constant_value": {"role": "shirts-role"}}}
        document["configuration"]["root_module"] = {"module_calls": {"shirts": {"expressions": names}}}
    view = plan_view(document)
    assert [str(one) for one in leftovers(aws, ["shirts"], view)] == ["role shirts-execution"]
    assert view.tags == TAGS
