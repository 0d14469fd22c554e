"""What a plan changes, read from `terraform show -json`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.planned import resource_changes

ROOT = 'resource "terraform_data" "old" {{ triggers_replace = "{}" }}\nresource "terraform_data" "same" {{}}\n'


@pytest.mark.terraform
def test_changes_tell_creation_replacement_and_deletion_apart(tmp_path: Path) -> None:
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
