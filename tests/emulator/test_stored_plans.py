"""Plans stored beside a state in S3: Terraform makes different files of the same changes; an approval is for the changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.in_process_aws import AwsHarness
from support.state_in_s3 import KEY, StateInS3

pytestmark = pytest.mark.terraform

MAIN = """
resource "terraform_data" "size" {
  input = "SIZE"
}

resource "terraform_data" "other" {
  triggers_replace = "SIZE"
}

output "async_endpoints" {
  value = {}
}
"""
FOLDER = "plans/dev/default"


@pytest.fixture
def checkout(tmp_path: Path, local_aws: AwsHarness) -> StateInS3:
    return StateInS3(tmp_path, local_aws, MAIN.replace("SIZE", "small"))


def resized(checkout: StateInS3, size: str) -> None:
    (checkout.folder / "envs/dev/main.tf").write_text(
        'variable "allowed_account_ids" {\n  type = list(string)\n}\n' + MAIN.replace("SIZE", size)
    )


def stored(checkout: StateInS3, name: str) -> tuple[dict[str, Any], bytes]:
    """The record of a plan, and the bytes of its file."""

    def read(key: str) -> bytes:
        return bytes(checkout.local_aws.s3.get_object(Bucket=checkout.bucket, Key=f"{FOLDER}/{name}.{key}")["Body"].read())

    record = json.loads(read("json"))
    return record, read(f"{record['plan'][:12]}.plan")


def test_an_approved_change_is_applied_once_main_plans_the_same(checkout: StateInS3) -> None:
    assert checkout.run("apply", "dev", "--yes")[0] == 0
    resized(checkout, "large")
    for name in ("pr-1", "pr-2"):
        code, said = checkout.run("plan", "dev", "--store", name)
        assert (code, said) == (0, "1 to add, 1 to change, 1 to destroy.")
    assert not checkout.is_locked()
    (one, plan), (other, other_plan) = stored(checkout, "pr-1"), stored(checkout, "pr-2")
    assert one["digest"] == other["digest"]
    assert plan != other_plan
    assert one["account"] == "123456789012"
    assert checkout.run("plan", "dev", "--out", str(checkout.folder / "dev.plan"))[0] == 0

    # another apply moves the state, and what main plans is not what was approved any more
    resized(checkout, "huge")
    assert checkout.run("apply", "dev", "--yes")[0] == 0
    resized(checkout, "large")
    code, said = checkout.run("apply", "dev", "--yes", "--approved", "pr-1")
    assert code == 4
    assert "is not what was approved as pr-1" in said and "terraform_data.size: update has other values" in said
    code, said = checkout.run("apply", str(checkout.folder / "dev.plan"), "--yes")
    assert (code, "dev.plan is stale: the state of dev has changed since it was made" in said) == (4, True), said

    # what is approved of this state is applied, and a repeated job finds nothing left to apply
    assert checkout.run("plan", "dev", "--store", "pr-3")[0] == 0
    for _ in range(2):
        code, said = checkout.run("apply", "dev", "--yes", "--approved", "pr-3")
        assert code == 0, said
    state = json.loads(checkout.local_aws.s3.get_object(Bucket=checkout.bucket, Key=KEY)["Body"].read())
    values = [instance["attributes"] for item in state["resources"] for instance in item["instances"]]
    assert any(value.get("input") in ("large", {"type": "string", "value": "large"}) for value in values), values
