"""What exists outside the state: found by planned names and by tags, attributed to this deployment never by name alone."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import OrphansFound
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.adoption import import_blocks, plan_adoption, refuse_orphans
from async_endpoint.deploy.orphans import blocking_orphans, planned_orphans, stray_orphans
from async_endpoint.terraform.plan_document import PlanView, plan_view
from support.deployment_fixtures import TRUST_POLICY
from support.plan_documents import TAGS, creation, plan_document

POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}'
DESCRIPTION = "Data, notifications, logs and volumes of shirts"
PAIRS = [{"Key": key, "Value": value} for key, value in TAGS.items()]
CREATIONS = plan_document(
    creation("aws_iam_role.execution", name="shirts-execution"),
    creation("aws_iam_policy.caller", name="shirts-caller"),
    creation("aws_iam_openid_connect_provider.github", url="https://token.actions.githubusercontent.com"),
    creation("aws_s3_bucket.this", bucket="shirts-123456789012"),
    creation("aws_kms_key.this", description=DESCRIPTION),
    creation("aws_kms_alias.this", name="alias/shirts"),
    creation("aws_cloudwatch_log_group.this", name="/aws/sagemaker/Endpoints/shirts"),
    creation("aws_sns_topic.error", name="shirts-error"),
    creation("aws_sqs_queue.results", name="shirts-results"),
    creation("aws_sagemaker_endpoint_configuration.this", name_prefix="shirts-"),
    creation("aws_sagemaker_endpoint.this", name="shirts"),
)


def make_everything(aws: AwsSession, tags: dict[str, str]) -> None:
    """What CREATIONS describes, tagged so; the bucket is not, as after a lost response to CreateBucket."""
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    iam, kms = aws.client("iam"), aws.client("kms")
    iam.create_role(RoleName="shirts-execution", AssumeRolePolicyDocument=json.dumps(TRUST_POLICY), Tags=pairs)
    iam.create_policy(PolicyName="shirts-caller", PolicyDocument=POLICY, Tags=pairs)
    iam.create_open_id_connect_provider(Url="https://token.actions.githubusercontent.com", Tags=pairs)
    aws.client("s3").create_bucket(Bucket="shirts-123456789012", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    kms.create_alias(AliasName="alias/shirts", TargetKeyId=make_key(aws, tags))
    aws.client("logs").create_log_group(logGroupName="/aws/sagemaker/Endpoints/shirts", tags=tags)
    aws.client("sns").create_topic(Name="shirts-error", Tags=pairs)
    aws.client("sqs").create_queue(QueueName="shirts-results", tags=tags)


def make_key(aws: AwsSession, tags: dict[str, str], description: str = DESCRIPTION) -> str:
    pairs = [{"TagKey": key, "TagValue": value} for key, value in tags.items()]
    key: str = aws.client("kms").create_key(Description=description, Tags=pairs)["KeyMetadata"]["KeyId"]
    return key


def make_hosting(aws: AwsSession, name: str, tags: dict[str, str], *, endpoint: str | None = None) -> None:
    """A model and a configuration of this name, and the endpoint that uses them."""
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model(ModelName=name, ExecutionRoleArn="arn:aws:iam::123456789012:role/r", Tags=pairs)
    variant = {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], Tags=pairs)
    if endpoint:
        sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=name, Tags=pairs)


@pytest.fixture
def view() -> PlanView:
    return plan_view(CREATIONS)


def test_every_named_kind_is_found_and_known_for_this_deployments(aws: AwsSession, view: PlanView) -> None:
    make_everything(aws, TAGS)
    found = planned_orphans(aws, view)
    assert {str(orphan).split()[0] for orphan in found} == {
        *("role", "policy", "identity", "bucket", "key", "log", "topic", "queue")
    }
    assert all(orphan.own for orphan in found)
    # Creating a topic or a queue that exists already succeeds on AWS.
    assert {orphan.kind.type for orphan in found} - {orphan.kind.type for orphan in blocking_orphans(aws, view)} == {
        *("aws_sns_topic", "aws_sqs_queue")
    }


def test_the_refusal_names_them_and_the_command(aws: AwsSession, view: PlanView) -> None:
    aws.client("iam").create_role(RoleName="shirts-execution", AssumeRolePolicyDocument=json.dumps(TRUST_POLICY), Tags=PAIRS)
    with pytest.raises(
        OrphansFound, match=r"dev would create role shirts-execution, .* with: async-endpoint apply dev --adopt$"
    ):
        refuse_orphans("dev", blocking_orphans(aws, view), view, "async-endpoint apply dev --adopt")


@pytest.mark.parametrize("tags", [{}, {"deployment": "trousers", "managed-by": "terraform"}, {"deployment": "shirts"}])
def test_what_carries_other_tags_is_refused_and_never_adopted(aws: AwsSession, view: PlanView, tags: dict[str, str]) -> None:
    aws.client("iam").create_role(
        RoleName="shirts-execution",
        AssumeRolePolicyDocument=json.dumps(TRUST_POLICY),
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    make_hosting(aws, "shirts-1", tags, endpoint="shirts")
    refused = r"role shirts-execution, endpoint shirts, .* do not carry its tags \(deployment=shirts, managed-by=terraform\)"
    with pytest.raises(OrphansFound, match=refused):
        refuse_orphans("dev", blocking_orphans(aws, view), view, "adopt")
    with pytest.raises(OrphansFound, match=refused):
        plan_adoption(aws, "dev", view)


def test_a_bucket_that_holds_something_and_has_no_tags_is_not_this_deployments(aws: AwsSession, view: PlanView) -> None:
    make_everything(aws, TAGS)
    aws.client("s3").put_object(Bucket="shirts-123456789012", Key="theirs", Body=b"")
    assert [str(orphan) for orphan in blocking_orphans(aws, view) if not orphan.own] == ["bucket shirts-123456789012"]


def test_what_the_state_has_under_another_address_is_no_orphan(aws: AwsSession) -> None:
    make_everything(aws, TAGS)
    state = {"aws_iam_role.old_address": {"name": "shirts-execution"}}
    assert (
        blocking_orphans(aws, plan_view(plan_document(creation("aws_iam_role.new", name="shirts-execution"), state=state)))
        == []
    )


def test_the_identity_provider_of_another_region_is_to_be_shared(aws: AwsSession) -> None:
    theirs = [{"Key": "deployment", "Value": "shirts-us-east-1"}]
    provider = aws.client("iam").create_open_id_connect_provider(Url="https://token.actions.githubusercontent.com", Tags=theirs)
    planned = plan_view(
        plan_document(
            creation("aws_iam_openid_connect_provider.github", url="https://token.actions.githubusercontent.com"),
            creation("aws_sqs_queue.results", name="shirts-results"),
        )
    )
    refused = rf"provider_arn = \"{provider['OpenIDConnectProviderArn']}\"\.$"
    with pytest.raises(OrphansFound, match=refused):
        refuse_orphans("dev", blocking_orphans(aws, planned), planned, "async-endpoint apply dev --adopt")


@pytest.mark.parametrize("qualifier", ["", "live"])
def test_a_permission_of_a_function_is_found_by_its_qualifier(aws: AwsSession, qualifier: str) -> None:
    aws.client("iam").create_role(RoleName="collect", AssumeRolePolicyDocument=json.dumps(TRUST_POLICY))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("collect.py", "")
    functions = aws.client("lambda")
    functions.create_function(
        FunctionName="collect",
        Role="arn:aws:iam::123456789012:role/collect",
        Runtime="python3.13",
        Handler="collect.handle",
        Code={"ZipFile": archive.getvalue()},
        Publish=True,
    )
    functions.create_alias(FunctionName="collect", Name="live", FunctionVersion="1")
    planned = {"function_name": "collect", "qualifier": qualifier or None, "statement_id": "shirts-collect-error"}
    topic = "arn:aws:sns:eu-west-1:123456789012:shirts-error"
    view = plan_view(plan_document(creation("aws_lambda_permission.deliver", **planned, source_arn=topic)))
    place = {"FunctionName": "collect"} | ({"Qualifier": qualifier} if qualifier else {})
    assert blocking_orphans(aws, view) == []
    functions.add_permission(
        **place,
        StatementId="shirts-collect-error",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic,
    )
    [orphan] = blocking_orphans(aws, view)
    assert orphan.own
    assert orphan.found.id == f"collect{qualifier and ':'}{qualifier}/shirts-collect-error", "what the provider imports it by"
    orphan.kind.delete(aws, orphan.found)
    assert blocking_orphans(aws, view) == []


def strays(aws: AwsSession, document: dict[str, Any]) -> list[str]:
    return [f"{orphan.kind.label} {orphan.found.id}" for orphan in stray_orphans(aws, plan_view(document))]


def test_keys_models_and_configurations_that_nothing_uses_are_strays(aws: AwsSession) -> None:
    generated = "shirts-202611290102030405" + "0000000a"
    make_hosting(aws, generated, TAGS)
    key = make_key(aws, TAGS)
    in_state = make_key(aws, TAGS)
    for tags, description in ((TAGS, "Something else"), ({"deployment": "trousers"}, DESCRIPTION)):
        make_key(aws, tags, description)
    make_hosting(aws, "shirts-by-hand", TAGS)
    state = {
        "aws_kms_key.this": {"id": in_state, "key_id": in_state, "description": DESCRIPTION, "tags_all": TAGS},
        "aws_sagemaker_endpoint_configuration.this": {"name": "shirts-1", "name_prefix": "shirts-", "tags_all": TAGS},
    }
    # moto's tagging API knows nothing of models; here the local AWS's own is not running.
    aws.client("kms").create_alias(AliasName="alias/used", TargetKeyId=make_key(aws, TAGS))
    assert f"key {key}" in strays(aws, plan_document(state=state))
    assert [one for one in strays(aws, plan_document(state=state)) if one.startswith("key")] == [f"key {key}"]


def test_without_tags_names_and_marks_decide(aws: AwsSession) -> None:
    used, unused = ("shirts-202611290102030405" + end for end in ("0000000a", "0000000b"))
    make_hosting(aws, used, {}, endpoint="shirts")
    make_hosting(aws, unused, {})
    make_hosting(aws, "shirts-of-another", {})
    make_hosting(aws, "shirts-202611290102030405" + "0000000c", {"owner": "another"})
    state = {"aws_sagemaker_endpoint_configuration.this": {"name": "shirts-1", "name_prefix": "shirts-", "tags_all": {}}}
    model = creation("aws_sagemaker_model.this", tags_all={})
    document = plan_document(model, state=state)
    assert strays(aws, document) == [f"endpoint configuration {unused}", f"model {unused}"]


def test_an_endpoint_that_serves_is_imported_and_a_model_that_nothing_uses_is_deleted(
    aws: AwsSession, outputs: AsyncEndpointOutputs
) -> None:
    make_hosting(aws, "shirts-1", TAGS, endpoint="shirts")
    make_hosting(aws, "shirts-2", TAGS)
    aws.client("sagemaker").delete_endpoint_config(EndpointConfigName="shirts-2")
    document = plan_document(
        creation("module.m.aws_sagemaker_model.used", name="shirts-1"),
        creation("module.m.aws_sagemaker_model.unused", name="shirts-2"),
        creation('module.e["x"].aws_sagemaker_endpoint.this', name="shirts"),
    )
    adoption = plan_adoption(aws, "dev", plan_view(document))
    assert [str(orphan) for orphan in adoption.imports] == ["model shirts-1", "endpoint shirts"]
    assert [str(orphan) for orphan in adoption.deletions] == ["model shirts-2"]


def test_imports_are_blocks_in_the_root_while_it_is_planned(aws: AwsSession, view: PlanView, tmp_path: Any) -> None:
    make_everything(aws, TAGS)
    with import_blocks(tmp_path, plan_adoption(aws, "dev", view).imports):
        [file] = tmp_path.iterdir()
        assert 'import {\n  to = aws_kms_alias.this\n  id = "alias/shirts"\n}\n' in file.read_text()
    assert list(tmp_path.iterdir()) == []
