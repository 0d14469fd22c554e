"""The file that names an environment's account: what is read, and how each mistake is reported."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.terraform.account import (
    ACCOUNT_PATTERN,
    ROLE_PATTERN,
    Account,
    parse_account,
    read_account,
    required_account,
)
from support.documents import ROOT

FILE = "envs/prod/account.auto.tfvars"
ROLE = "arn:aws:iam::123456789012:role/teams/deployer"
DECLARED = 'variable "allowed_account_ids" {\n}\nvariable "assume_role_arn" {\n}\n'


@pytest.mark.parametrize(
    ("text", "ids", "role"),
    [
        ('allowed_account_ids = ["123456789012"]\n', ("123456789012",), None),
        ('allowed_account_ids=["000000000012"]', ("000000000012",), None),
        ('# prod\nallowed_account_ids = [\n  "123456789012", # one\n  "210987654321",\n] // both\n', None, None),
        (f'/* by\nhand */\nassume_role_arn = "{ROLE}"\r\nallowed_account_ids = ["123456789012"]\r\n', ("123456789012",), ROLE),
        ('allowed_account_ids = ["123456789012"]\nassume_role_arn = null\n', ("123456789012",), None),
    ],
)
def test_accounts_and_role_are_read_however_they_are_written(text: str, ids: tuple[str, ...] | None, role: str | None) -> None:
    assert parse_account(text, FILE) == Account(FILE, ids or ("123456789012", "210987654321"), role)


@pytest.mark.parametrize("role", [None, ROLE])
def test_what_is_written_is_read_back(tmp_path: Path, role: str | None) -> None:
    account = Account(f"envs/{tmp_path.name}/account.auto.tfvars", ("123456789012",), role)
    (tmp_path / "account.auto.tfvars").write_text(account.text())
    assert read_account(tmp_path) == account


ONE = 'allowed_account_ids = ["123456789012"]\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no account; expected"),
        ("allowed_account_ids = []", "names no account"),
        ("allowed_account_ids = [123456789012]", r"account 123456789012 has no quotes, .*; expected allowed_account_ids = \["),
        ('allowed_account_ids = ["12345678901"]', r'"12345678901" is no account ID, .* 12 digits \(11 characters'),
        ('allowed_account_ids = ["1234-5678-9012"]', r"no account ID, which has 12 digits"),
        ('allowed_account_ids = "123456789012"', "is \"123456789012\"; expected .*, a list"),
        ("allowed_account_ids = 123456789012", "is 123456789012; expected .*, a list"),
        ('allowed_account_ids = ["123456789012" "210987654321"]', "with commas between"),
        ('allowed_account_ids = ["123456789012"\n', "line 1 is no setting"),
        ("allowed_account_ids", "line 1 is no setting"),
        (f"{ONE}\n123456789012\n", r"line 3 is no setting \('123456789012'\); expected allowed_account_ids"),
        (f"{ONE}{ONE}", "sets allowed_account_ids twice"),
        (f'{ONE}region = "eu-west-1"\n', "sets region; it has allowed_account_ids and assume_role_arn only"),
        (f"{ONE}assume_role_arn = {ROLE}\n", "expected the ARN of a role in quotes"),
        (f'{ONE}assume_role_arn = "deployer"\n', r'assume_role_arn is "deployer"; .*"arn:aws:iam::123456789012:role/NAME"'),
        (f'{ONE}assume_role_arn = "arn:aws:iam::210987654321:role/x"\n', "is in account 210987654321, and .* has 123456789012"),
        ('assume_role_arn = "x"\n', "names no account"),
    ],
)  # fmt: skip
def test_a_malformed_file_is_one_sentence_that_names_it(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as failure:
        parse_account(text, FILE)
    assert str(failure.value).startswith(FILE)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with an S3 backend that names its account."""
    folder = tmp_path / "envs/prod"
    folder.mkdir(parents=True)
    (folder / "backend.tf").write_text('terraform {\n  backend "s3" {\n  }\n}\n')
    (folder / "providers.tf").write_text(DECLARED)
    (folder / "account.auto.tfvars").write_text(f'{ONE}assume_role_arn = "{ROLE}"\n')
    return folder


def test_a_root_that_is_to_name_its_account_is_refused_without(root: Path) -> None:
    assert required_account(root, "bootstrap prod") == Account(FILE, ("123456789012",), ROLE)
    (root / "account.auto.tfvars").unlink()
    for part in ("backend.tf", "providers.tf"):
        with pytest.raises(InvalidInput, match=rf"^{FILE} is missing, .*; write it with: bootstrap prod .*--local\.$"):
            required_account(root, "bootstrap prod")
        (root / part).unlink()
    assert required_account(root, "bootstrap prod") is None, "a root of other make, with another backend"


@pytest.mark.parametrize("name", ["allowed_account_ids", "assume_role_arn"])
def test_a_setting_that_the_root_would_ignore_is_refused(root: Path, name: str) -> None:
    (root / "providers.tf").write_text(DECLARED.replace(name, "another"))
    with pytest.raises(InvalidInput, match=rf"^{FILE} sets {name}, which envs/prod declares no variable for"):
        required_account(root, "bootstrap prod")


@pytest.mark.parametrize("name", ["terraform.tfvars", "zone.auto.tfvars", "zone.auto.tfvars.json"])
def test_a_setting_is_stated_once(root: Path, name: str) -> None:
    (root / name).write_text('{"assume_role_arn": "x"}' if name.endswith("json") else 'assume_role_arn = "x"\n')
    with pytest.raises(
        InvalidInput, match=rf"^envs/prod/{re.escape(name)} sets assume_role_arn, which {FILE} states; remove it"
    ):
        required_account(root, "bootstrap prod")


@pytest.mark.parametrize("environment", ["dev", "local", "prod", "staging"])
def test_terraform_refuses_what_the_driver_refuses(environment: str) -> None:
    providers = (ROOT / "envs" / environment / "providers.tf").read_text()
    assert re.findall(r'regex\("(.*?)",', providers) == [ACCOUNT_PATTERN, ROLE_PATTERN]
    assert {"allowed_account_ids = var.allowed_account_ids", "role_arn     = assume_role.value"} <= {
        line.strip() for line in providers.splitlines()
    }
