"""From nothing to an environment that reaches its state: bucket, settings, account and role, with real Terraform."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from typing import Any

import pytest

from support.applied_roots import CHECKOUT
from support.module_copies import LEFT_OUT

ACCOUNT, OTHER = "123456789012", "210987654321"
BUCKET = f"terraform-state-{ACCOUNT}-eu-west-1"
# The provider waits a minute for rules of a lifecycle.
LIFECYCLE = re.compile(r'^resource "aws_s3_bucket_lifecycle_configuration" .*?^\}', re.MULTILINE | re.DOTALL)


@pytest.mark.terraform
def test_an_environment_gets_its_bucket_and_is_confined_to_its_account(checkout: Any) -> None:
    modules = checkout.folder / "modules"
    modules.unlink()
    shutil.copytree(CHECKOUT / "modules", modules, ignore=LEFT_OUT)
    state_backend = modules / "state-backend/main.tf"
    state_backend.write_text(LIFECYCLE.sub("", state_backend.read_text()))
    url = checkout.start_local_aws()
    variables = {**checkout.credentials.access_key.variables(), "AWS_ENDPOINT_URL": url}
    remote = replace(checkout, environment={k: v for k, v in checkout.environment.items() if k != "AWS_PROFILE"} | variables)

    refused = remote.run("outputs", "dev")
    assert (refused.code, "with: async-endpoint bootstrap dev" in refused.sentence) == (2, True)
    made = remote.succeed("bootstrap", "dev", "--yes", "--json").document
    assert (made["action"], made["bucket"], made["account"]) == ("created", BUCKET, ACCOUNT)
    s3 = checkout.client("s3")
    state = json.loads(s3.get_object(Bucket=BUCKET, Key="state-bucket/terraform.tfstate")["Body"].read())
    assert "aws_s3_bucket" in {resource["type"] for resource in state["resources"]}
    assert not list((checkout.folder / ".local/bootstrap").rglob("terraform.tfstate.backup"))

    shutil.rmtree(checkout.folder / ".local/bootstrap")  # as in another checkout
    again = remote.succeed("bootstrap", "staging", "--json").document
    assert (again["action"], again["bucket"]) == ("unchanged", BUCKET)

    unapplied = remote.run("outputs", "dev")
    assert (unapplied.code, "has not been applied on AWS" in unapplied.sentence) == (3, True)
    account = checkout.folder / "envs/dev/account.auto.tfvars"
    role = f"arn:aws:iam::{ACCOUNT}:role/deployer"
    account.write_text(f'allowed_account_ids = ["{ACCOUNT}"]\nassume_role_arn = "{role}"\n')
    cannot = remote.run("outputs", "dev")
    assert (cannot.code, "may not assume" in cannot.sentence) == (2, True)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    checkout.client("iam").create_role(RoleName="deployer", AssumeRolePolicyDocument=document)
    assert remote.run("outputs", "dev").sentence == unapplied.sentence, "Terraform has assumed the role as well"
    account.write_text(f'allowed_account_ids = ["{OTHER}"]\n')
    foreign = remote.run("destroy", "dev", "--yes")
    assert (foreign.code, f"allows dev in {OTHER} only" in foreign.sentence) == (4, True)
