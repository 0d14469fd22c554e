"""`async-endpoint bootstrap`: which bucket it takes, what it refuses, what it writes. Terraform itself: tests/e2e."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from typer.testing import CliRunner

from async_endpoint.aws import AwsSession
from async_endpoint.cli.app import app
from async_endpoint.core.errors import InvalidInput, Refused, StateBucketUnsafe, UsageError, WrongAccount
from async_endpoint.emulator.moto_patches import bucket_policy
from async_endpoint.workspace import Workspace
from support.deployment_fixtures import REGION
from support.in_memory_aws import client_error

ACCOUNT, OTHER = "123456789012", "210987654321"  # moto's account, and another
DEFAULT = f"terraform-state-{ACCOUNT}-{REGION}"
ROOT = f'terraform {{\n  backend "s3" {{\n  }}\n}}\nvariable "region" {{\n  default = "{REGION}"\n}}\n'


@pytest.fixture(autouse=True)
def root(aws: AwsSession, checkout: Workspace, terraform: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Environment dev, whose state is to be in S3."""
    monkeypatch.setattr("async_endpoint.deploy.bootstrap.Terraform", terraform)
    # plain moto denies whatever a statement with a condition is about
    monkeypatch.setattr(bucket_policy.FakeBucket, "get_permission", bucket_policy._get_permission)
    (checkout.root / "examples/state-bucket").mkdir(parents=True)
    folder = checkout.environment("dev")
    (folder / "backend.tf").write_text(ROOT)
    return folder


def run(*options: str) -> Any:
    return CliRunner().invoke(app, ["bootstrap", "dev", *options])


def make_safe(aws: AwsSession, name: str, *, without: str = "") -> None:
    """A bucket that may hold states, but for what is left out."""
    s3 = aws.s3
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    if without != "versioning":
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    if without != "encryption":
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    block = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)
    if without == "block":
        s3.delete_public_access_block(Bucket=name)
    deny = {
        "Effect": "Deny",
        "Principal": "*" if without != "everyone" else {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "s3:*" if without != "actions" else "s3:GetObject",
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"][: 1 if without == "objects" else 2],
        "Condition": {"Bool": {"aws:SecureTransport": "false"} if without != "transport" else {"aws:ViaAWSService": "true"}},
    }
    if without != "policy":
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))


def test_a_bucket_that_something_else_made_is_adopted_and_never_changed(aws: AwsSession, root: Path, terraform: Any) -> None:
    make_safe(aws, "states-of-shop")
    result = run("--bucket", "states-of-shop")
    assert result.exit_code == 0, result.exception
    assert (root / "state.s3.tfbackend").read_text() == f'bucket = "states-of-shop"\nregion = "{REGION}"\n'
    assert (root / "account.auto.tfvars").read_text() == f'allowed_account_ids = ["{ACCOUNT}"]\n'
    assert "Adopted, unchanged, bucket states-of-shop in account 123456789012." in result.stderr
    assert "keeps plans below plans/ for ever, and they hold secrets" in result.stderr
    assert "Next: async-endpoint plan dev" in result.stderr
    assert terraform.did == []

    written = {path: path.stat().st_mtime_ns for path in root.iterdir()}
    rule = {"ID": "p", "Status": "Enabled", "Filter": {"Prefix": "plans/"}, "Expiration": {"Days": 3}}
    aws.s3.put_bucket_lifecycle_configuration(Bucket="states-of-shop", LifecycleConfiguration={"Rules": [rule]})
    again = json.loads(run("--json").stdout)
    assert (again["action"], again["written"], again["notices"]) == ("adopted", [], [])
    assert {path: path.stat().st_mtime_ns for path in root.iterdir()} == written


@pytest.mark.parametrize(
    ("without", "said"),
    [
        ("versioning", "has no versioning"),
        ("block", "does not block public access"),
        ("policy", "has no policy that denies requests without TLS"),
        ("everyone", "has no policy that denies"),
        ("actions", "has no policy that denies"),
        ("objects", "has no policy that denies"),
        ("transport", "has no policy that denies"),
    ],
)
def test_a_bucket_that_would_not_protect_states_is_refused(aws: AwsSession, root: Path, without: str, said: str) -> None:
    make_safe(aws, "states-of-shop", without=without)
    result = run("--bucket", "states-of-shop", "--yes")
    assert isinstance(result.exception, StateBucketUnsafe), result.exception
    assert str(result.exception).startswith("Bucket states-of-shop exists, was not made by bootstrap, and ")
    assert said in str(result.exception)
    assert not list(root.glob("*.tf*s*")) or {path.name for path in root.iterdir()} == {"backend.tf", "main.tf"}


def test_a_bucket_of_another_account_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = BaseClient._make_api_call

    def forbid(client: Any, name: str, parameters: Any) -> Any:
        if name == "HeadBucket":  # moto has no buckets of other accounts
            assert parameters == {"Bucket": "states-of-another", "ExpectedBucketOwner": ACCOUNT}
            raise client_error("403", name)
        return make(client, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", forbid)
    with pytest.raises(UsageError, match=f"^Bucket states-of-another belongs to another account than {ACCOUNT}, or"):
        raise run("--bucket", "states-of-another", "--yes").exception
    assert {path.name for path in root.iterdir()} == {"backend.tf", "main.tf"}


def test_a_bucket_of_another_region_is_refused(aws: AwsSession, root: Path) -> None:
    AwsSession.create("us-east-1").s3.create_bucket(Bucket="states-in-the-us")
    assert "us-east-1" in str(run("--bucket", "states-in-the-us", "--yes").exception)
    assert {path.name for path in root.iterdir()} == {"backend.tf", "main.tf"}


def test_a_missing_bucket_is_created_once_it_is_approved(aws: AwsSession, root: Path, terraform: Any) -> None:
    refused = run()
    assert isinstance(refused.exception, UsageError)
    assert "pass --yes" in str(refused.exception)
    assert f"create, with a KMS key (billed monthly), bucket {DEFAULT} in {REGION} of account {ACCOUNT}" in refused.stderr
    assert terraform.did == ["init", "plan"]
    assert {path.name for path in root.iterdir()} == {"backend.tf", "main.tf"}

    terraform.did.clear()
    result = run("--yes", "--json")
    assert result.exit_code == 0, result.exception
    assert json.loads(result.stdout) == {
        "account": ACCOUNT,
        "action": "created",
        "bucket": DEFAULT,
        "bucket_region": REGION,
        "environment": "dev",
        "notices": [],
        "written": ["envs/dev/state.s3.tfbackend", "envs/dev/account.auto.tfvars"],
    }
    assert terraform.did == ["init", "plan", "apply", "init"], "the second moves the state into the bucket"


def test_a_no_changes_nothing(terraform: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("async_endpoint.cli.bootstrap.confirmed", lambda question: False)
    assert isinstance(run().exception, Refused)
    assert "apply" not in terraform.did


def test_what_an_interrupted_run_began_is_completed(aws: AwsSession, checkout: Workspace, terraform: Any) -> None:
    """The bucket is there, unprotected, and its state not in it yet."""
    aws.s3.create_bucket(Bucket=DEFAULT, CreateBucketConfiguration={"LocationConstraint": REGION})
    assert isinstance(run("--yes").exception, StateBucketUnsafe)
    state = checkout.local / f"bootstrap/{DEFAULT}/terraform.tfstate"
    state.parent.mkdir(parents=True)
    state.write_text('{"resources": [{"type": "aws_s3_bucket"}]}')
    assert json.loads(run("--yes", "--json").stdout)["action"] == "updated"
    assert terraform.did == ["init", "plan", "apply", "init"]
    assert not state.exists()


def test_a_bucket_of_bootstrap_is_kept_up_to_date_from_any_checkout(aws: AwsSession, terraform: Any) -> None:
    make_safe(aws, DEFAULT)
    aws.s3.put_object(Bucket=DEFAULT, Key="state-bucket/terraform.tfstate", Body=b"{}")
    assert "will update bucket" in run().stderr
    assert json.loads(run("--yes", "--json").stdout)["action"] == "updated"
    assert terraform.did == [*["init", "plan"], *["init", "plan", "apply"]]


def test_a_setting_that_is_there_is_never_replaced(aws: AwsSession, root: Path) -> None:
    make_safe(aws, "states-of-shop")
    backend, account = root / "state.s3.tfbackend", root / "account.auto.tfvars"
    backend.write_text('# by hand\nbucket = "others"\nuse_path_style = true\n')
    for options in (["--bucket", "states-of-shop"], []):
        result = run(*options)
        assert isinstance(result.exception, InvalidInput | UsageError), result.exception
    backend.write_text('bucket = "states-of-shop"\nuse_path_style = true\n')
    account.write_text(f'allowed_account_ids = ["{OTHER}"]\n')
    assert isinstance(run().exception, WrongAccount)
    assert account.read_text() == f'allowed_account_ids = ["{OTHER}"]\n'
    role = f'assume_role_arn = "arn:aws:iam::{ACCOUNT}:role/not-there-yet"\n'
    account.write_text(f'allowed_account_ids = ["{ACCOUNT}"]\n{role}')
    assert run().exit_code == 0, "an administrator's own credentials, not the role's"
    assert account.read_text().endswith(role)
    assert backend.read_text() == f'bucket = "states-of-shop"\nregion = "{REGION}"\nuse_path_style = true\n'


@pytest.mark.parametrize("name", ["UPPER", "a", "with space", "../x", "a" * 64])
def test_a_name_that_is_none_of_a_bucket_is_refused(name: str) -> None:
    assert isinstance(run("--bucket", name).exception, InvalidInput)


def test_what_needs_no_bucket_says_so(root: Path) -> None:
    result = run("--local")
    assert result.exit_code == 0
    assert "needs no bucket and no account" in result.stderr
    (root / "backend.tf").write_text('terraform {\n  backend "local" {\n  }\n}\n')
    assert "needs no state bucket" in str(run().exception)
