from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from async_endpoint.core.errors import InvalidInput, LocalAwsNotRunning, UnknownEnvironment
from async_endpoint.emulator.auth.credentials import write_credentials
from async_endpoint.local_aws import LocalAwsRecord, LocalCredentials, new_instance_id, require_credentials, write_record
from async_endpoint.terraform.account import Account
from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.local_override import CONFIG_FILE, OVERRIDE_FILE
from async_endpoint.terraform.provider import PROVIDER, terraform_platform
from async_endpoint.terraform.working_copy import prepare
from async_endpoint.workspace import Workspace


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_on_aws_the_copy_is_the_root_and_its_relative_paths_hold(checkout: Workspace) -> None:
    (checkout.modules / "async-inference" / "main.tf").write_text("# here\n")
    root = prepare(checkout, "dev", local=False)
    assert root.folder == checkout.local / "deployments/dev/envs/dev"
    assert files(root.folder) == {"main.tf", "outputs.tf"}
    assert (root.folder / "../../modules/async-inference/main.tf").read_text() == "# here\n"
    assert (root.endpoint_url, root.state) == (None, None)
    checkout.build.mkdir()
    (checkout.build / "model.tar.gz").touch()
    assert (root.folder / "../../build/model.tar.gz").is_file()


def test_the_copy_follows_the_root_and_keeps_terraforms_own(checkout: Workspace) -> None:
    source = checkout.environment("dev")
    (source / "old.tf").write_text("# old\n")
    folder = prepare(checkout, "dev", local=False).folder
    (folder / ".terraform" / "providers").mkdir(parents=True)
    (folder / ".terraform" / "providers" / "kept").touch()
    (folder / "stray.tf").touch()
    (source / "old.tf").unlink()
    (source / "main.tf").write_text("# new\n")
    (source / ".terraform.lock.hcl").write_text("# lock\n")
    (source / "my_override.tf").touch()
    (source / "terraform.tfstate").touch()
    (source / ".terraform").mkdir()
    (source / ".terraform" / "not-copied").touch()
    prepare(checkout, "dev", local=False)
    assert files(folder) == {"main.tf", "outputs.tf", ".terraform.lock.hcl", ".terraform/providers/kept"}
    assert (folder / "main.tf").read_text() == "# new\n"
    assert files(source.parents[1] / ".local" / "deployments" / "dev" / "envs") == {f"dev/{name}" for name in files(folder)}


def test_local_has_a_copy_of_its_own_confined_to_the_local_aws(checkout: Workspace, local_aws_record: LocalAwsRecord) -> None:
    root = prepare(checkout, "dev", local=True)
    assert root.folder == checkout.local / "deployments/dev-local/envs/dev"
    assert root.state == checkout.local / "deployments/dev-local/state/first/terraform.tfstate"
    override = (root.folder / OVERRIDE_FILE).read_text()
    assert CONFIG_FILE in override
    assert local_aws_record.endpoint_url in (root.folder / CONFIG_FILE).read_text()
    assert 'path = "../../state/first/terraform.tfstate"' in override
    assert root.process_environment["AWS_ENDPOINT_URL"] == root.endpoint_url == local_aws_record.endpoint_url
    secret = root.process_environment["AWS_SECRET_ACCESS_KEY"]
    assert secret == require_credentials(checkout).secret_access_key
    assert not [path for path in root.folder.parents[1].rglob("*") if path.is_file() and secret in path.read_text()]
    assert root.command("apply") == "async-endpoint apply dev --local"


def test_the_environment_local_is_local_unasked(checkout: Workspace, local_aws_record: LocalAwsRecord) -> None:
    root = prepare(checkout, "local", local=False)
    assert root.folder == checkout.local / "deployments/local/envs/local"
    assert root.endpoint_url == local_aws_record.endpoint_url
    assert root.command("apply") == "async-endpoint apply local"


def test_a_new_local_aws_starts_with_no_state(checkout: Workspace, local_aws_record: LocalAwsRecord) -> None:
    first = prepare(checkout, "dev", local=True).state
    assert first is not None
    first.parent.mkdir(parents=True)
    first.touch()
    assert prepare(checkout, "dev", local=True).state == first
    assert first.exists()
    write_record(checkout, LocalAwsRecord(local_aws_record.endpoint_url, "second", os.getpid(), 1.0))
    second = prepare(checkout, "dev", local=True).state
    assert second is not None
    assert not first.exists()
    assert not second.exists()


def test_the_state_of_a_local_aws_that_can_come_back_is_kept(checkout: Workspace, local_aws_record: LocalAwsRecord) -> None:
    write_record(checkout, LocalAwsRecord(local_aws_record.endpoint_url, new_instance_id(persistent=True), os.getpid(), 1.0))
    first = prepare(checkout, "dev", local=True).state
    assert first is not None
    first.parent.mkdir(parents=True)
    first.touch()
    write_record(checkout, LocalAwsRecord(local_aws_record.endpoint_url, new_instance_id(persistent=False), os.getpid(), 1.0))
    assert prepare(checkout, "dev", local=True).state != first
    assert first.exists()


def test_without_a_local_aws_it_says_how_to_start_one(checkout: Workspace) -> None:
    with pytest.raises(LocalAwsNotRunning, match="async-endpoint local up --detach"):
        prepare(checkout, "dev", local=True)


def test_an_unknown_environment_is_named(checkout: Workspace) -> None:
    with pytest.raises(UnknownEnvironment, match="choose one of dev, local"):
        prepare(checkout, "nope", local=True)


def test_terraform_is_pointed_at_a_configuration_that_exists(
    checkout: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "gone.rc"))
    generated = Path(prepare(checkout, "dev", local=False).process_environment["TF_CLI_CONFIG_FILE"])
    assert generated == checkout.local / "deployments/dev/terraform.rc"
    assert "filesystem_mirror" not in generated.read_text()

    (tmp_path / "gone.rc").touch()
    own = prepare(checkout, "dev", local=False).process_environment["TF_CLI_CONFIG_FILE"]
    assert own == str(tmp_path / "gone.rc")

    (tmp_path / "opt/x" / PROVIDER / "5.100.0" / terraform_platform()).mkdir(parents=True)
    assert prepare(checkout, "dev", local=False).process_environment["TF_CLI_CONFIG_FILE"] == str(generated)
    assert str(tmp_path / "opt/x") in generated.read_text()


def test_on_aws_a_backend_without_bucket_is_completed_by_a_file(checkout: Workspace, local_aws_record: LocalAwsRecord) -> None:
    backend = checkout.environment("dev") / "backend.tf"
    backend.write_text('# -backend-config="bucket=<yours>"\nterraform {\n  backend "s3" {\n    key = "k"\n  }\n}\n')
    assert prepare(checkout, "dev", local=True).backend_files == ()
    with pytest.raises(
        InvalidInput,
        match=r"envs/dev/backend\.tf names no state bucket; create .*bootstrap dev \(it writes envs/dev/state\.s3\.tfbackend\)",
    ):
        prepare(checkout, "dev", local=False)
    backend.with_name("state.s3.tfbackend").write_text('bucket = "b"\n')
    with pytest.raises(
        InvalidInput, match=r"^envs/dev/account\.auto\.tfvars is missing, .*with: async-endpoint bootstrap dev "
    ):
        prepare(checkout, "dev", local=False)
    name_account(checkout)
    root = prepare(checkout, "dev", local=False)
    assert [file.read_text() for file in root.backend_files] == ['bucket = "b"\n', ACCOUNT]
    assert root.backend_files[0].parent == root.folder
    assert prepare(checkout, "dev", local=True).backend_files == ()


REGION = 'variable "region" {\n  type    = string\n  default = "eu-west-1"\n}\n'
ACCOUNT = 'allowed_account_ids = ["123456789012"]\n'


def name_account(checkout: Workspace, settings: str = ACCOUNT) -> None:
    """State the account of environment dev, and declare its variables."""
    root = checkout.environment("dev")
    (root / "account.tf").write_text('variable "allowed_account_ids" {\n}\nvariable "assume_role_arn" {\n}\n')
    (root / "account.auto.tfvars").write_text(settings)


def test_each_region_has_a_copy_and_a_state_of_its_own(
    checkout: Workspace, local_aws_record: LocalAwsRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout.environment("dev") / "providers.tf").write_text(REGION)
    here = prepare(checkout, "dev", local=True)
    monkeypatch.setenv("TF_VAR_region", "us-east-1")
    there = prepare(checkout, "dev", local=True)
    assert here.folder == checkout.local / "deployments/dev-local/eu-west-1/envs/dev"
    assert there.folder == checkout.local / "deployments/dev-local/us-east-1/envs/dev"
    assert here.state == checkout.local / "deployments/dev-local/eu-west-1/state/first/terraform.tfstate"
    assert there.state == checkout.local / "deployments/dev-local/us-east-1/state/first/terraform.tfstate"
    assert 'path = "../../state/first/terraform.tfstate"' in (there.folder / OVERRIDE_FILE).read_text()
    assert [root.process_environment["TF_VAR_region"] for root in (here, there)] == ["eu-west-1", "us-east-1"]
    assert (here.command("apply"), there.command("apply")) == (
        "async-endpoint apply dev --local",
        "TF_VAR_region=us-east-1 async-endpoint apply dev --local",
    )


def test_the_key_of_a_remote_state_has_the_region(checkout: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    source = checkout.environment("dev")
    (source / "providers.tf").write_text(REGION)
    (source / "backend.tf").write_text('terraform {\n  backend "s3" {\n    use_lockfile = true\n  }\n}\n')
    (source / "state.s3.tfbackend").write_text('bucket = "b"\nregion = "eu-central-1"\n')
    name_account(checkout)
    for region in ("eu-west-1", "ap-southeast-5"):
        monkeypatch.setenv("TF_VAR_region", region)
        root = prepare(checkout, "dev", local=False)
        assert root.folder == checkout.local / f"deployments/dev/{region}/envs/dev"
        settings = {file.name: file.read_text() for file in root.backend_files}
        assert settings == {
            "state.s3.tfbackend": 'bucket = "b"\nregion = "eu-central-1"\n',
            "region.s3.tfbackend": f'key = "async-endpoint/dev/{region}/terraform.tfstate"\n',
            "account.s3.tfbackend": ACCOUNT,
        }


ROLE = "arn:aws:iam::123456789012:role/deployer"


def test_the_account_and_its_role_reach_terraform_and_its_backend_on_aws_alone(
    checkout: Workspace, local_aws_record: LocalAwsRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = checkout.environment("dev")
    (source / "backend.tf").write_text('terraform {\n  backend "s3" {\n    bucket = "b"\n    key = "k"\n  }\n}\n')
    settings = f'{ACCOUNT}assume_role_arn = "{ROLE}"\n'
    name_account(checkout, settings)
    monkeypatch.setenv("TF_VAR_assume_role_arn", "arn:aws:iam::999999999999:role/another")
    monkeypatch.setenv("TF_VAR_allowed_account_ids", '["999999999999"]')

    root = prepare(checkout, "dev", local=False)
    assert (root.account, root.role_arn) == (Account("envs/dev/account.auto.tfvars", ("123456789012",), ROLE), ROLE)
    assert (root.folder / "account.auto.tfvars").read_text() == settings
    [backend] = root.backend_files
    assert backend.read_text() == f'{ACCOUNT}assume_role = {{ role_arn = "{ROLE}" }}\n'
    assert not [name for name in root.process_environment if name.startswith("TF_VAR_")]

    here = prepare(checkout, "dev", local=True)
    assert (here.account, here.role_arn) == (None, None)
    assert not (here.folder / "account.auto.tfvars").exists()
    assert not [name for name in here.process_environment if name.startswith("TF_VAR_")]


@pytest.mark.parametrize("own", ['profile = "states"', 'assume_role = { role_arn = "arn:…" }', 'allowed_account_ids = ["2"]'])
def test_a_backend_with_credentials_of_its_own_keeps_them(checkout: Workspace, own: str) -> None:
    """As where the states of all accounts are in one bucket of another."""
    source = checkout.environment("dev")
    (source / "backend.tf").write_text('terraform {\n  backend "s3" {\n    bucket = "b"\n    key = "k"\n  }\n}\n')
    (source / "state.s3.tfbackend").write_text(f"{own}\n")
    name_account(checkout)
    root = prepare(checkout, "dev", local=False)
    assert [path.name for path in root.backend_files] == ["state.s3.tfbackend"]
    assert root.account is not None


def test_settings_of_a_backend_that_change_are_initialised_again(checkout: Workspace) -> None:
    """`terraform output` reads the state that the last init named, whatever the files say."""
    source = checkout.environment("dev")
    (source / "backend.tf").write_text('terraform {\n  backend "s3" {\n    bucket = "b"\n    key = "k"\n  }\n}\n')
    name_account(checkout)
    initialised = prepare(checkout, "dev", local=False).folder / ".terraform/terraform.tfstate"
    initialised.parent.mkdir()
    initialised.touch()
    prepare(checkout, "dev", local=False)
    assert initialised.exists()
    name_account(checkout, ACCOUNT.replace("123", "321"))
    prepare(checkout, "dev", local=False)
    assert not initialised.exists()


@pytest.mark.parametrize("file", ["backend.tf", "state.s3.tfbackend"])
def test_a_key_without_the_region_is_refused(checkout: Workspace, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    source = checkout.environment("dev")
    (source / "providers.tf").write_text(REGION)
    (source / "backend.tf").write_text('terraform {\n  backend "s3" {\n  }\n}\n')
    (source / "state.s3.tfbackend").write_text('bucket = "b"\n')
    text = (source / file).read_text()
    setting = 'key = "teams/shop/eu-west-1/dev.tfstate"\n'
    (source / file).write_text(text.replace("  }\n", f"    {setting}  }}\n") if file == "backend.tf" else text + setting)
    name_account(checkout)
    names = [path.name for path in prepare(checkout, "dev", local=False).backend_files]
    assert names == ["state.s3.tfbackend", "account.s3.tfbackend"]
    monkeypatch.setenv("TF_VAR_region", "us-east-1")
    refused = (
        r"envs/dev keeps its state at teams/shop/eu-west-1/dev\.tfstate, a key that does not name region us-east-1, .*; remove "
        r"the key \(it is then async-endpoint/dev/us-east-1/terraform\.tfstate\)\.$"
    )
    with pytest.raises(InvalidInput, match=refused):
        prepare(checkout, "dev", local=False)


@pytest.mark.parametrize(
    "declaration",
    [
        'variable "region" { default = "us-west-2" }\n',
        'variable "region" {\n  nullable = false\n  validation {\n    condition=true\n  }\n  default = "us-west-2" # here\n}\n',
        '# variable "region" {}\nvariable  "region"  {\n  default="us-west-2"\n}\nvariable "zone" {\n  default = "a"\n}\n',
    ],
)
def test_the_default_region_is_read_however_it_is_written(checkout: Workspace, declaration: str) -> None:
    (checkout.environment("dev") / "variables.tf").write_text(declaration)
    root = prepare(checkout, "dev", local=False)
    assert root.region is not None
    assert (root.region.name, root.region.is_default) == ("us-west-2", True)


def test_a_region_is_needed_and_checked(checkout: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout.environment("dev") / "providers.tf").write_text('variable "region" {\n  type = string\n}\n')
    with pytest.raises(InvalidInput, match=r"^envs/dev has no default region; set TF_VAR_region"):
        prepare(checkout, "dev", local=False)
    monkeypatch.setenv("TF_VAR_region", "../elsewhere")
    with pytest.raises(InvalidInput, match=r"^'\.\./elsewhere' is not an AWS region"):
        prepare(checkout, "dev", local=False)
    monkeypatch.setenv("TF_VAR_region", "me-central-1")
    assert prepare(checkout, "dev", local=False).command("plan") == "TF_VAR_region=me-central-1 async-endpoint plan dev"


def test_an_archive_that_is_not_built_is_named_with_the_command(checkout: Workspace) -> None:
    settings = checkout.environment("dev") / "main.tf"
    settings.write_text(
        '# "../../build/commented.tar.gz"\nmodel = { archive = "../../build/shirts.tar.gz" }\nx = "s3://b/y.tar.gz"\n'
    )
    with pytest.raises(InvalidInput) as failure:
        prepare(checkout, "dev", local=False).require_archives()
    assert str(failure.value) == (
        "envs/dev/main.tf names the model archive build/shirts.tar.gz, which is not there; "
        "make it with: async-endpoint package DIR -o build/shirts.tar.gz"
    )
    (checkout.root / "examples" / "shirts").mkdir(parents=True)
    with pytest.raises(InvalidInput, match=r"package examples/shirts -o build/shirts.tar.gz"):
        prepare(checkout, "dev", local=False).require_archives()
    checkout.build.mkdir()
    (checkout.build / "shirts.tar.gz").touch()
    prepare(checkout, "dev", local=False).require_archives()


@pytest.mark.terraform
def test_a_real_root_is_initialised_on_a_local_state_and_leaves_no_trace_in_envs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "gone.rc"))
    checkout = Workspace.find(Path(__file__).parent)
    before = files(checkout.root / "envs")
    for name in ("envs", "modules"):
        (tmp_path / name).symlink_to(checkout.root / name)
    workspace = Workspace(tmp_path)
    write_record(workspace, LocalAwsRecord("http://127.0.0.1:9", "first", os.getpid(), 1.0))
    write_credentials(workspace, LocalCredentials("http://127.0.0.1:9", "AKIAOFTHISTESTALONE2", "a secret", "a token"))
    root = prepare(workspace, "dev", local=True)
    lines: list[str] = []
    Terraform(root.folder, root.process_environment, lines.append).init()
    assert "Terraform has been successfully initialized!" in lines
    assert not [line for line in lines if "Warning" in line]
    backend = json.loads((root.folder / ".terraform" / "terraform.tfstate").read_text())["backend"]
    assert (backend["type"], backend["config"]["path"]) == ("local", "../../state/first/terraform.tfstate")
    assert files(checkout.root / "envs") == before
