"""A plan in JSON: changes, creations, what the state has, default tags, and the region."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.plan_document import plan_view, resource_changes

ROOT = 'resource "terraform_data" "old" {{ triggers_replace = "{}" }}\nresource "terraform_data" "same" {{}}\n'


@pytest.mark.terraform
def test_changes_distinguish_creation_replacement_and_deletion(tmp_path: Path) -> None:
    terraform = Terraform(tmp_path, os.environ | {"TF_CLI_CONFIG_FILE": os.devnull}, lambda line: None)
    root, file = tmp_path / "main.tf", tmp_path / "saved.tfplan"
    root.write_text(ROOT.format("one"))
    terraform.init()
    terraform.plan(file)
    created = resource_changes(terraform.show(file))
    assert [(change.address, change.actions, change.before) for change in created] == [
        ("terraform_data.old", ("create",), {}),
        ("terraform_data.same", ("create",), {}),
    ]
    terraform.apply(file)
    root.write_text(ROOT.format("two").replace('"same"', '"new"'))
    terraform.plan(file)
    changes = {change.address: change for change in resource_changes(terraform.show(file))}
    assert changes["terraform_data.old"].replaces
    assert changes["terraform_data.old"].before["triggers_replace"] == "one"
    assert changes["terraform_data.same"].deletes and not changes["terraform_data.same"].creates
    assert changes["terraform_data.new"].creates and not changes["terraform_data.new"].deletes


def resource(address: str, mode: str = "managed", **values: Any) -> dict[str, Any]:
    return {"address": address, "mode": mode, "type": address.split(".")[-2], "values": values}


def change(address: str, actions: list[str], before: Any = None, after: Any = None) -> dict[str, Any]:
    kind = address.split(".")[-2]
    return {
        "address": address,
        "mode": "managed",
        "type": kind,
        "change": {"actions": actions, "before": before, "after": after},
    }


DOCUMENT = {
    "resource_changes": [
        change(
            "aws_sns_topic.new", ["create"], None, {"name": "shirts-error", "tags_all": {"deployment": "shirts", "own": "1"}}
        ),
        change("aws_sns_topic.other", ["create", "delete"], {"name": "old", "arn": "arn:old"}, {"name": "shirts-old"}),
        change("aws_sagemaker_model.deposed", ["delete"], {"name": "shirts-1"}),
    ],
    "prior_state": {
        "values": {
            "root_module": {
                "resources": [resource("data.aws_region.current", mode="data", id="eu-west-1")],
                "child_modules": [
                    {"resources": [resource("module.a.aws_iam_role.this", name="shirts", tags_all={"deployment": "shirts"})]}
                ],
            }
        }
    },
}


def test_creations_leave_out_replacements() -> None:
    assert [creation.address for creation in plan_view(DOCUMENT).creations] == ["aws_sns_topic.new"]


def test_the_state_has_resources_of_modules_and_deposed_objects() -> None:
    view = plan_view(DOCUMENT)
    assert view.has("aws_iam_role", "shirts")
    assert view.has("aws_sagemaker_model", "shirts-1")
    assert not view.has("aws_iam_policy", "shirts")


def test_the_tags_of_a_root_are_those_that_all_its_resources_share() -> None:
    assert plan_view(DOCUMENT).tags == {"deployment": "shirts"}
    assert plan_view({}).tags == {}


def test_what_an_apply_has_made_is_not_to_be_created_any_more() -> None:
    made = {"values": {"root_module": {"resources": [resource("aws_sns_topic.new", name="shirts-error")]}}}
    view = plan_view(DOCUMENT).after_apply(made)
    assert view.creations == ()
    assert view.has("aws_sns_topic", "shirts-error")


@pytest.mark.parametrize(
    ("document", "region"),
    [
        (DOCUMENT, "eu-west-1"),
        (
            {"configuration": {"provider_config": {"aws": {"expressions": {"region": {"constant_value": "us-east-1"}}}}}},
            "us-east-1",
        ),
        (
            {
                "configuration": {"provider_config": {"aws": {"expressions": {"region": {"references": ["var.region"]}}}}},
                "variables": {"region": {"value": "eu-north-1"}},
            },
            "eu-north-1",
        ),
        ({"output_changes": {"async_endpoints": {"before": {"shirts": {"region": "eu-west-3"}}, "after": None}}}, "eu-west-3"),
        ({}, None),
    ],
)
def test_the_region_is_the_providers(document: dict[str, Any], region: str | None) -> None:
    assert plan_view(document).region == region
