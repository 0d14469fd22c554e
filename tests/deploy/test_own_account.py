"""Every command on an environment refuses another AWS account than the environment's, before it does anything."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from async_endpoint import aws_role
from async_endpoint.aws import AwsSession
from async_endpoint.cli.app import FILES, app
from async_endpoint.core.errors import CredentialsExpired, InvalidInput, NotReady, UsageError, WrongAccount
from async_endpoint.core.outputs import OUTPUT_NAME, AsyncEndpointOutputs
from async_endpoint.deploy.deployment import Deployment
from async_endpoint.terraform.outputs import read_outputs
from async_endpoint.workspace import Workspace
from support.deployment_fixtures import REGION
from support.in_memory_aws import client_error

FILE = "envs/dev/account.auto.tfvars"
OWN, OTHER = "123456789012", "210987654321"  # moto's account, and another
ROLE = f"arn:aws:iam::{OWN}:role/deployer"
# Commands that act on no environment of AWS, the one that writes the file, and the one that reports what is wrong.
WITHOUT = {"doctor", "package", "local", "bootstrap", "prices"}
TIMES = ["--service-time", "1", "--start-time", "1"]
ARGUMENTS = {
    "adopt": ["shop-endpoint", "--env", "dev"],
    "api-keys create": ["dev", "--name", "shop"],
    "api-keys revoke": ["dev", "a" * 16],
    "batch": ["dev", "s3://bucket/in/", "--out", "out"],
    "compare": ["shop-endpoint", "dev", "input.json"],
    "invoke": ["dev", "s3://bucket/key"],
    "profile": ["dev", "input.json", "--out", "profile.json"],
    "recommend": ["dev", "--trace", "poisson:1/h", "--p95", "300", *TIMES],
    "retire": ["shop-endpoint", "dev"],
    "simulate": ["dev", "poisson:1/h", *TIMES],
    "unlock": ["dev", "id"],
    "webhooks rotate": ["dev", "--caller", "local"],
    "webhooks secret": ["dev", "--caller", "local"],
}
GROUPS = {
    "api-keys": ("create", "list", "revoke"),
    "webhooks": ("dead-letters", "redrive", "rotate", "secret", "sweep"),
}
COMMANDS = sorted(
    (FILES.keys() - WITHOUT - GROUPS.keys()) | {f"{group} {name}" for group, names in GROUPS.items() for name in names}
)
ROOT = f"""
terraform {{
  backend "s3" {{
    bucket = "states"
  }}
}}
variable "region" {{
  default = "{REGION}"
}}
variable "allowed_account_ids" {{
}}
variable "assume_role_arn" {{
}}
"""


@pytest.fixture(autouse=True)
def calls(aws: AwsSession, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The calls that are made of AWS, by name, on credentials that are found."""
    made: list[str] = []
    make = BaseClient._make_api_call

    def record(client: Any, name: str, parameters: Any) -> Any:
        made.append(name)
        return make(client, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", record)
    monkeypatch.setattr(aws_role, "_assumed", {})
    yield made


@pytest.fixture
def root(checkout: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Environment dev, whose state is in S3; it does not say where it belongs."""
    folder = checkout.environment("dev")
    (folder / "backend.tf").write_text(ROOT)
    (folder / "main.tf").write_text("")
    (tmp_path / "input.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    return folder


def names_account(root: Path, account: str, role: str = "") -> None:
    settings = f'allowed_account_ids = ["{account}"]\n'
    (root / "account.auto.tfvars").write_text(settings + (f'assume_role_arn = "{role}"\n' if role else ""))


def run(command: str) -> Any:
    return CliRunner().invoke(app, [*command.split(), *ARGUMENTS.get(command, ["dev"])])


@pytest.mark.parametrize("command", COMMANDS)
def test_another_account_is_refused_by_every_command(root: Path, terraform: Any, calls: list[str], command: str) -> None:
    names_account(root, OTHER)
    result = run(command)
    assert isinstance(result.exception, WrongAccount), result.exception
    said = str(result.exception)
    assert said.startswith(f"These credentials are of account {OWN} (arn:aws:sts::{OWN}:"), said
    assert f"{FILE} allows dev in {OTHER} only; sign in to that account (AWS_PROFILE, aws sso login)" in said
    assert result.exception.exit_code == 4
    assert (calls, terraform.did) == (["GetCallerIdentity"], [])


@pytest.mark.parametrize("command", COMMANDS)
def test_an_environment_that_names_no_account_is_refused_by_every_command(
    root: Path, terraform: Any, calls: list[str], command: str
) -> None:
    """As in a fresh clone, which must not apply prod to the account that the shell happens to have."""
    result = run(command)
    assert isinstance(result.exception, InvalidInput), result.exception
    assert "write it with: async-endpoint bootstrap dev" in str(result.exception)
    assert (calls, terraform.did) == ([], [])


def test_the_own_account_is_asked_for_once(
    root: Path, terraform: Any, calls: list[str], deployed: AsyncEndpointOutputs
) -> None:
    names_account(root, OWN)
    terraform.values = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}
    calls.clear()
    found = read_outputs("dev")
    assert (found.access.role_arn, calls) == (None, ["GetCallerIdentity"])
    assert Deployment.prepare("dev", on_output=print).session(REGION).client("sts").get_caller_identity()["Account"] == OWN


def test_a_role_is_assumed_once_for_all_calls_of_a_command(
    root: Path, terraform: Any, calls: list[str], deployed: AsyncEndpointOutputs
) -> None:
    names_account(root, OWN, ROLE)
    terraform.values = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}
    calls.clear()
    deployment = Deployment.prepare("dev", on_output=print)
    assert calls == ["AssumeRole"]
    for region in (REGION, "us-east-1"):
        assert ":assumed-role/deployer/" in deployment.session(region).client("sts").get_caller_identity()["Arn"]
    assert read_outputs("dev").access.session(REGION).client("sts").get_caller_identity()["Arn"].endswith("/async-endpoint")
    assert calls == ["AssumeRole", *["GetCallerIdentity"] * 3]


def test_a_role_is_assumed_again_before_its_session_ends(
    root: Path, terraform: Any, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names_account(root, OWN, ROLE)
    session = Deployment.prepare("dev", on_output=print).session(REGION)
    [credentials] = aws_role._assumed.values()
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=49)
    monkeypatch.setattr(credentials, "_time_fetcher", lambda: later)
    session.client("sts").get_caller_identity()
    assert calls == ["AssumeRole", "GetCallerIdentity", "AssumeRole"]


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("AccessDenied", UsageError, f"^{FILE} names assume_role_arn {ROLE}, which these credentials may not assume"),
        ("ExpiredToken", CredentialsExpired, "^The AWS credentials have expired"),
        ("InvalidClientTokenId", UsageError, "does not accept these credentials"),
        ("ServiceUnavailable", NotReady, f"^sts:AssumeRole on {ROLE} failed for now"),
    ],
)
def test_a_role_that_cannot_be_assumed_says_why(
    root: Path, terraform: Any, monkeypatch: pytest.MonkeyPatch, code: str, kind: type[Exception], said: str
) -> None:
    def refuse(*_: Any) -> Any:
        raise client_error(code)

    names_account(root, OWN, ROLE)
    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)
    for command in (lambda: Deployment.prepare("dev", on_output=print), lambda: read_outputs("dev")):
        with pytest.raises(kind, match=said):
            command()
    assert terraform.did == []


def test_missing_credentials_are_one_sentence(root: Path, terraform: Any) -> None:
    names_account(root, OWN)
    with pytest.MonkeyPatch.context() as patch:  # ends before moto removes the variables that it has set
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        with pytest.raises(UsageError, match=r"^No usable AWS credentials .*sign in"):
            Deployment.prepare("dev", on_output=print)
        patch.setenv("AWS_PROFILE", "a-profile-that-is-not-there")
        with pytest.raises(UsageError, match="a-profile-that-is-not-there"):
            read_outputs("dev")


def test_what_the_check_says_precedes_what_terraform_does(root: Path, terraform: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In another account, Terraform finds no bucket of that name, or may not read it."""
    names_account(root, OTHER)
    monkeypatch.setattr(type(terraform), "output", lambda self: (_ for _ in ()).throw(NotReady("no such bucket")))
    with pytest.raises(WrongAccount):
        read_outputs("dev")


def test_without_a_role_an_answer_of_sts_is_believed(root: Path, terraform: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    names_account(root, OWN)
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda *_: {"Account": OTHER, "Arn": f"arn:aws:iam::{OTHER}:user/me"})
    with pytest.raises(WrongAccount, match=f"account {OTHER} .*allows dev in {OWN} only"):
        read_outputs("dev")


def test_errors_of_the_check_are_of_the_tree(root: Path, terraform: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise ClientError({"Error": {"Code": "Teapot", "Message": "short"}}, "GetCallerIdentity")

    names_account(root, OWN)
    monkeypatch.setattr(BaseClient, "_make_api_call", fail)
    with pytest.raises(UsageError, match="Teapot: short"):
        read_outputs("dev")
