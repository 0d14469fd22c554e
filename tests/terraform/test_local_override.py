from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from async_endpoint.emulator import daemon
from async_endpoint.local_aws import LocalCredentials, require_credentials
from async_endpoint.terraform.local_override import local_files, process_environment
from async_endpoint.terraform.provider import running_provider
from async_endpoint.workspace import Workspace

LOCAL = LocalCredentials("http://127.0.0.1:4599", "AKIAOFTHISTESTALONE2", "a secret", "a token")

# What is not there is asked for nevertheless.
LOOKS_AT_SEVERAL_SERVICES = """
data "aws_caller_identity" "this" {}
data "aws_cloudwatch_log_group" "this" { name = "none" }
data "aws_ecr_repository" "this" { name = "none" }
data "aws_iam_role" "this" { name = "none" }
data "aws_kms_key" "this" { key_id = "alias/none" }
data "aws_lambda_function" "this" { function_name = "none" }
data "aws_s3_bucket" "this" { bucket = "none" }
data "aws_sns_topic" "this" { name = "none" }
data "aws_sqs_queue" "this" { name = "none" }
data "aws_vpc" "this" {}
provider "aws" { region = "eu-west-1" }
"""


@pytest.mark.terraform
def test_the_files_alone_aim_every_service_at_the_local_aws(
    checkout: Workspace, provider_executable: Path, tmp_path: Path
) -> None:
    """Also for a person who runs plain Terraform in such a copy: the environment has credentials, and no endpoint."""
    local_aws_record = daemon.start_detached(checkout, 0, 60.0, 0)
    try:
        for name, text in local_files(local_aws_record.endpoint_url, Path("terraform.tfstate")).items():
            (tmp_path / name).write_text(text)
        (tmp_path / "main.tf").write_text(LOOKS_AT_SEVERAL_SERVICES)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        key = require_credentials(checkout).access_key
        environment |= {"AWS_ACCESS_KEY_ID": key.access_key_id, "AWS_SECRET_ACCESS_KEY": key.secret_access_key}
        with running_provider(provider_executable, tmp_path, environment) as attached:
            for command in ("init", "plan"):
                line = ["terraform", command, "-input=false", "-no-color"]
                done = subprocess.run(
                    line, cwd=tmp_path, env=environment | attached, capture_output=True, text=True, check=False
                )
        asked = daemon.status(checkout)["calls"]
    finally:
        daemon.stop(checkout)

    assert asked.keys() == {"ec2", "ecr", "iam", "kms", "lambda", "logs", "s3", "sns", "sqs", "sts"}, done.stderr


def test_nothing_of_a_persons_aws_reaches_a_local_run() -> None:
    base = {
        "PATH": "/bin",
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "secret",
        "AWS_ENDPOINT_URL_S3": "https://s3.amazonaws.com",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "TF_VAR_name": "shirts",
    }
    environment = process_environment(base, Path("/rc"), LOCAL)
    assert {name for name in environment if name.startswith("AWS_")} == {
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
    }
    assert environment["AWS_ENDPOINT_URL"] == LOCAL.endpoint_url
    assert environment["AWS_SECRET_ACCESS_KEY"] == LOCAL.secret_access_key
    assert environment["TF_VAR_name"] == "shirts"


def test_the_terraform_of_the_virtual_environment_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert process_environment({"PATH": "/bin"}, Path("/rc"), None)["PATH"] == "/bin"

    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/terraform").touch()
    assert process_environment({"PATH": "/bin"}, Path("/rc"), None)["PATH"] == f"{tmp_path / 'bin'}{os.pathsep}/bin"
    assert process_environment({}, Path("/rc"), LOCAL)["PATH"] == str(tmp_path / "bin")
    chosen = f"/bin{os.pathsep}{tmp_path / 'bin'}"
    assert process_environment({"PATH": chosen}, Path("/rc"), None)["PATH"] == chosen


def test_on_aws_a_persons_profile_stays_and_terraforms_settings_are_the_drivers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    base = {
        "AWS_PROFILE": "staging",
        "TF_DATA_DIR": "/elsewhere",
        "TF_WORKSPACE": "other",
        "TF_CLI_ARGS_plan": "-destroy",
        "TF_CLI_CONFIG_FILE": "/gone",
        "TF_LOG": "debug",
    }
    assert process_environment(base, Path("/rc"), None) == {
        "AWS_PROFILE": "staging",
        "TF_LOG": "debug",
        "TF_CLI_CONFIG_FILE": "/rc",
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
        "GOGC": "400",
    }
