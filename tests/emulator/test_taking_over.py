"""An environment of plain Terraform is taken over as docs/pipelines.md says, and given back, with one state all the while."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from support.documents import Document
from support.in_process_aws import ACCOUNT, REGION, AwsHarness
from support.state_in_s3 import StateInS3

pytestmark = pytest.mark.terraform

PAGE = Document.read(Path(__file__).resolve().parents[2] / "docs/pipelines.md")
MAIN = """
variable "region" {
  default = "eu-west-1"
}

resource "terraform_data" "this" {
  input = "kept"
}

output "async_endpoints" {
  value = {}
}
"""
KEY = "plain/eu-west-1/dev.tfstate"
SETTINGS = "state.s3.tfbackend"


@pytest.fixture
def checkout(tmp_path: Path, local_aws: AwsHarness) -> StateInS3:
    """A checkout without settings, and a bucket that may hold states."""
    made = StateInS3(tmp_path, local_aws, MAIN)
    for written in (SETTINGS, "account.auto.tfvars"):
        (tmp_path / "envs/dev" / written).unlink()
    local_aws.s3.put_bucket_versioning(Bucket=made.bucket, VersioningConfiguration={"Status": "Enabled"})
    encrypted = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    local_aws.s3.put_bucket_encryption(Bucket=made.bucket, ServerSideEncryptionConfiguration=encrypted)
    resources = [f"arn:aws:s3:::{made.bucket}", f"arn:aws:s3:::{made.bucket}/*"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources}
    insecure = deny | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    local_aws.s3.put_bucket_policy(Bucket=made.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [insecure]}))
    return made


def terraform(checkout: StateInS3, *arguments: str) -> int:
    """Plain Terraform in the root; returns its exit code."""
    urls = {f"AWS_ENDPOINT_URL_{service}": checkout.local_aws.url for service in ("S3", "STS")}
    environment = checkout.environment | urls | {"TF_VAR_allowed_account_ids": f'["{ACCOUNT}"]', "TF_IN_AUTOMATION": "1"}
    return subprocess.run(
        ["terraform", *arguments],
        cwd=checkout.folder / "envs/dev",
        env=environment,
        capture_output=True,
        timeout=100,
        check=False,
    ).returncode


def settings(checkout: StateInS3) -> dict[str, str]:
    return {"bucket": checkout.bucket, "key": KEY, "region": REGION, "use_path_style": "true"}


def backend_config(checkout: StateInS3) -> list[str]:
    return [f"-backend-config={name}={value}" for name, value in settings(checkout).items()]


def resources(checkout: StateInS3) -> list[str]:
    """The ids in the state, which a second creation would change."""
    state = json.loads(checkout.local_aws.s3.get_object(Bucket=checkout.bucket, Key=KEY)["Body"].read())
    return [instance["attributes"]["id"] for item in state["resources"] for instance in item["instances"]]


def take_over(checkout: StateInS3) -> None:
    """The steps of the page; each must find what was applied."""
    lines = [f"{name} = {value if value == 'true' else json.dumps(value)}\n" for name, value in settings(checkout).items()]
    (checkout.folder / "envs/dev" / SETTINGS).write_text("".join(lines))
    code, said = checkout.run("bootstrap", "dev", "--yes", "--bucket", checkout.bucket)
    assert code == 0, said
    assert (checkout.folder / "envs/dev" / SETTINGS).read_text() == "".join(lines), "bootstrap replaces no setting"
    assert checkout.run("plan", "dev", "--detailed-exitcode")[0] == 0, "no changes"
    code, said = checkout.run("apply", "dev", "--adopt", "--yes")
    assert code == 0, said


def test_the_page_has_these_steps() -> None:
    section = PAGE.text.partition("## Taking over from plain Terraform")[2].partition("\n## ")[0]
    for step in (
        SETTINGS,
        "bootstrap ENV=dev BUCKET=",
        "plan dev",
        "apply dev --adopt",
        "init -migrate-state",
        "`terraform init`",
    ):
        assert step in section, step


def test_a_local_state_is_moved_into_the_bucket_taken_over_and_given_back(checkout: StateInS3) -> None:
    backend = checkout.folder / "envs/dev/backend.tf"
    text = backend.read_text()
    backend.unlink()
    assert terraform(checkout, "init", "-input=false") == 0
    assert terraform(checkout, "apply", "-input=false", "-auto-approve") == 0
    state = checkout.folder / "envs/dev/terraform.tfstate"
    before = [item["instances"][0]["attributes"]["id"] for item in json.loads(state.read_text())["resources"]]
    backend.write_text(text)
    assert terraform(checkout, "init", "-input=false", "-migrate-state", "-force-copy", *backend_config(checkout)) == 0
    take_over(checkout)
    assert resources(checkout) == before
    assert terraform(checkout, "init", "-input=false", "-reconfigure", f"-backend-config={SETTINGS}") == 0
    assert terraform(checkout, "plan", "-input=false", "-detailed-exitcode") == 0
