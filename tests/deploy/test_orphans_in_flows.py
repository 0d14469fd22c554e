"""Orphans around plan, apply and destroy: refused, named when an apply fails, adopted, and searched for without outputs."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import OrphansFound, TerraformFailed, WorkFailed
from async_endpoint.core.outputs import OUTPUT_NAME, AsyncEndpointOutputs
from async_endpoint.deploy.apply import apply_environment
from async_endpoint.deploy.destroy import destroy_environment
from async_endpoint.deploy.plan import plan_environment
from async_endpoint.terraform.adapter import Changes
from support.deployment_fixtures import TRUST_POLICY, prepared
from support.plan_documents import TAGS, creation, plan_document, state_document

pytestmark = pytest.mark.usefixtures("checkout")

POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}'
ROLE = creation("aws_iam_role.execution", name="shirts-execution")
KEY = creation("aws_kms_key.this", description="Of shirts")
ENDPOINT = creation("aws_sagemaker_endpoint.this", name="shirts")


def silent(line: str) -> None:
    pass


def make_role(aws: AwsSession, name: str = "shirts-execution", tags: dict[str, str] = TAGS) -> None:
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST_POLICY), Tags=pairs)


def make_key(aws: AwsSession) -> str:
    pairs = [{"TagKey": key, "TagValue": value} for key, value in TAGS.items()]
    key: str = aws.client("kms").create_key(Description="Of shirts", Tags=pairs)["KeyMetadata"]["KeyId"]
    return key


def key_state(aws: AwsSession, key: str) -> str:
    return str(aws.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"])


def roles(aws: AwsSession) -> list[str]:
    return sorted(role["RoleName"] for role in aws.client("iam").list_roles()["Roles"])  # moto lists by random ids


def test_an_apply_that_would_fail_half_way_is_refused_before_it_begins(terraform: Any, aws: AwsSession) -> None:
    terraform.document = plan_document(ROLE)
    make_role(aws)
    with pytest.raises(OrphansFound, match=r"role shirts-execution, .* adopt them with: async-endpoint apply dev --adopt$"):
        apply_environment(prepared())
    assert "apply" not in terraform.did
    [notice] = plan_environment(prepared()).notices
    assert "role shirts-execution" in notice


def test_a_failed_apply_names_what_it_made_and_lost_and_not_what_the_state_has(terraform: Any, aws: AwsSession) -> None:
    lost, kept = creation("aws_iam_role.lost", name="shirts-lost"), creation("aws_iam_role.kept", name="shirts-kept")
    terraform.document = plan_document(lost, kept)

    def fail(file: Path) -> None:
        make_role(aws, "shirts-lost")
        make_role(aws, "shirts-kept")
        terraform.state = state_document({"aws_iam_role.kept": {"name": "shirts-kept"}})
        raise TerraformFailed("terraform apply of dev failed (exit code 1): EntityAlreadyExists.")

    terraform.apply = fail
    with pytest.raises(TerraformFailed) as failure:
        apply_environment(prepared())
    assert str(failure.value).startswith(
        "terraform apply of dev failed (exit code 1): EntityAlreadyExists. role shirts-lost exist"
    )
    assert str(failure.value).endswith("adopt them with: async-endpoint apply dev --adopt")


def test_a_failure_with_nothing_lost_stays_as_it_is(terraform: Any, aws: AwsSession) -> None:
    terraform.document, terraform.fails = plan_document(ROLE), TerraformFailed("It failed.")
    with pytest.raises(TerraformFailed, match=r"^It failed\.$"):
        apply_environment(prepared())


def test_adopting_imports_within_the_plan_and_deletes_what_nothing_uses(
    terraform: Any, aws: AwsSession, deployed: AsyncEndpointOutputs
) -> None:
    terraform.values, terraform.document = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}, plan_document(ROLE, KEY)
    make_role(aws)
    lost, made = make_key(aws), make_key(aws)
    terraform.state = state_document({"aws_kms_key.this": {"key_id": made, "description": "Of shirts", "tags_all": TAGS}})
    blocks: list[str] = []
    plan = terraform.plan

    def planning(file: Path, **options: Any) -> Changes:
        root = file.parents[2] / "deployments/dev/envs/dev"
        blocks.extend(one.read_text() for one in root.glob("adopted_imports.tf"))
        return plan(file, **options)

    terraform.plan = planning
    said: list[str] = []
    apply_environment(prepared(said.append), adopt=True)
    assert blocks == ['import {\n  to = aws_iam_role.execution\n  id = "shirts-execution"\n}\n']
    assert "Adopt: import role shirts-execution as aws_iam_role.execution." in said
    assert (key_state(aws, lost), key_state(aws, made)) == ("PendingDeletion", "Enabled")


def test_nothing_is_adopted_that_is_not_approved(terraform: Any, aws: AwsSession) -> None:
    terraform.document = plan_document(ROLE, KEY)
    make_role(aws)
    key = make_key(aws)
    with pytest.raises(Exception, match="not approved; nothing was changed"):
        apply_environment(prepared(), adopt=True, approve=lambda changes: False)
    assert key_state(aws, key) == "Enabled"


def test_a_key_whose_creation_was_repeated_is_reported(terraform: Any, aws: AwsSession, deployed: AsyncEndpointOutputs) -> None:
    terraform.values, terraform.document = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}, plan_document(KEY)
    lost = make_key(aws)
    said: list[str] = []
    apply_environment(prepared(said.append))
    [line] = [line for line in said if line.startswith("key ")]
    assert lost in line
    assert line.endswith("delete it: async-endpoint apply dev --adopt")
    assert key_state(aws, lost) == "Enabled"


def test_adopting_deletes_a_key_although_nothing_else_is_to_change(
    terraform: Any, aws: AwsSession, deployed: AsyncEndpointOutputs
) -> None:
    state = {"aws_kms_key.this": {"key_id": make_key(aws), "description": "Of shirts", "tags_all": TAGS}}
    terraform.values, terraform.changes = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}, Changes(False)
    terraform.document, terraform.state = plan_document(state=state), state_document(state)
    lost = make_key(aws)
    apply_environment(prepared(), adopt=True)
    assert key_state(aws, lost) == "PendingDeletion"
    assert key_state(aws, state["aws_kms_key.this"]["key_id"]) == "Enabled"
    assert "apply" not in terraform.did


def test_destroy_without_outputs_searches_by_what_a_plan_would_create(terraform: Any, aws: AwsSession) -> None:
    terraform.document = plan_document(ROLE, KEY, ENDPOINT)
    make_role(aws)
    key = make_key(aws)
    make_role(aws, "shirts-of-another", {"deployment": "shirts-of"})
    make_role(aws, "shirts-untagged", {})
    with pytest.raises(WorkFailed) as failure:
        destroy_environment(prepared())
    assert "role shirts-execution" in str(failure.value)
    assert f"key arn:aws:kms:eu-west-1:123456789012:key/{key}" in str(failure.value)
    assert "shirts-of-another" not in str(failure.value)
    assert "Not provably this deployment's, so yours to delete: role shirts-untagged." in str(failure.value)
    advised = shlex.split(str(failure.value).partition("deployment's tags with: ")[2].partition(". ")[0])
    assert advised == ["async-endpoint", "destroy", "dev", "--remove-leftovers"]

    with pytest.raises(WorkFailed, match="remain: role shirts-untagged"):
        destroy_environment(prepared(), remove_leftovers=True)
    assert sorted(roles(aws)) == ["shirts-of-another", "shirts-untagged"]
    assert key_state(aws, key) == "PendingDeletion"


def test_destroy_without_outputs_that_cannot_plan_says_what_it_did_not_search_for(terraform: Any) -> None:
    plan = terraform.plan

    def planning(file: Path, **options: Any) -> Changes:
        if not options.get("destroy"):
            raise TerraformFailed("There is no file at archive.path.")
        return plan(file, **options)

    terraform.plan = planning
    assert destroy_environment(prepared()).unsearched.endswith("There is no file at archive.path.")
