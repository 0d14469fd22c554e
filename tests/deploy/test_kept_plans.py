"""Plans that are applied later: a file is applied as it is or refused by what does not fit; an approval is for the changes."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from async_endpoint.cli.app import app
from async_endpoint.core.errors import (
    InvalidInput,
    PlanDamaged,
    PlanForeign,
    PlanNameTaken,
    PlanNotApproved,
    PlanStale,
    ReplacementRefused,
    UsageError,
)
from async_endpoint.core.outputs import OUTPUT_NAME, AsyncEndpointOutputs
from async_endpoint.terraform.adapter import Changes
from async_endpoint.terraform.plan_files import read_plan_file, write_private
from async_endpoint.terraform.plan_record import StateVersion
from async_endpoint.workspace import Workspace
from support.plan_documents import change

pytestmark = pytest.mark.usefixtures("checkout")

TOPIC = change("aws_sns_topic.this", ["update"], {"id": "t", "name": "a"}, {"id": "t", "name": "b"})


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.stderr
    return result


@pytest.fixture
def planned(terraform: Any, deployed: AsyncEndpointOutputs, checkout: Workspace) -> Any:
    """A Terraform that updates a topic, in a checkout whose root names an archive and has a provider lock file."""
    terraform.values = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}
    terraform.changes = Changes(True, change=1)
    terraform.planned = [TOPIC]
    (checkout.root / "envs/dev/main.tf").write_text('archive = "../../build/shirts.tar.gz"\n')
    (checkout.root / "envs/dev/.terraform.lock.hcl").write_text("# a lock\n")
    checkout.build.mkdir()
    (checkout.build / "shirts.tar.gz").write_bytes(b"an archive")
    return terraform


@pytest.fixture
def plan_file(planned: Any, tmp_path: Path) -> Path:
    file = tmp_path / "dev.plan"
    run("plan", "dev", "--out", str(file))
    planned.did.clear()
    return file


def test_a_kept_plan_is_applied_as_it_is_and_only_its_owner_can_read_it(planned: Any, plan_file: Path) -> None:
    assert stat.S_IMODE(plan_file.stat().st_mode) == 0o600
    run("apply", str(plan_file), "--yes")
    assert planned.did == ["init", "apply"], "no other plan is made"


FOREIGN: dict[str, tuple[str, Callable[[Path, Any], Any]]] = {
    "archive": (
        r"archive build/shirts\.tar\.gz is another one",
        lambda root, it: (root / "build/shirts.tar.gz").write_bytes(b"x"),
    ),
    "root": (r"envs/dev or modules/ .* differ", lambda root, it: (root / "envs/dev/more.tf").write_text("# more")),
    "modules": (r"envs/dev or modules/ .* differ", lambda root, it: (root / "modules/async-inference/a.tf").write_text("# a")),
    "lock": ("another provider lock file", lambda root, it: (root / "envs/dev/.terraform.lock.hcl").write_text("# b")),
    "terraform": (r"Terraform 1\.11\.4 made it, and this is 1\.12\.0", lambda root, it: setattr(it, "version", "1.12.0")),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_plan_that_was_made_from_something_else_is_refused_by_name(
    name: str, planned: Any, plan_file: Path, checkout: Workspace
) -> None:
    expected, alter = FOREIGN[name]
    alter(checkout.root, planned)
    with pytest.raises(PlanForeign, match=rf"dev.plan cannot be applied here: .*{expected}.*Nothing was changed; plan again"):
        run("apply", str(plan_file), "--yes")
    assert "apply" not in planned.did


def test_a_plan_of_another_region_is_refused(planned: Any, tmp_path: Path, checkout: Workspace, monkeypatch: Any) -> None:
    (checkout.root / "envs/dev/providers.tf").write_text('variable "region" {\n  default = "eu-west-1"\n}\n')
    run("plan", "dev", "--out", str(tmp_path / "dev.plan"))
    monkeypatch.setenv("TF_VAR_region", "us-east-1")
    with pytest.raises(PlanForeign, match=r"for region eu-west-1, and TF_VAR_region or the root selects us-east-1"):
        run("apply", str(tmp_path / "dev.plan"), "--yes")


def test_a_plan_for_aws_is_not_applied_to_the_local_aws(planned: Any, plan_file: Path) -> None:
    with pytest.raises(PlanForeign, match=r"is for AWS, and --local is the local AWS"):
        run("apply", str(plan_file), "--local")


def test_a_plan_of_a_state_that_has_moved_is_stale(planned: Any, plan_file: Path) -> None:
    planned.version_of_state = StateVersion("lineage", 2)
    with pytest.raises(PlanStale, match=r"is stale: the state of dev has changed .*serial 1 then, 2 now"):
        run("apply", str(plan_file), "--yes")
    assert planned.did == ["init"]


def rewritten(file: Path, **members: bytes | None) -> None:
    """The ZIP archive with other content of members, None to leave one out."""
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content |= {name.replace("_", "."): text for name, text in members.items()}  # type: ignore[dict-item]
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in content.items():
            if text is not None:
                archive.writestr(name, text)


def compressed(file: Path) -> None:
    """The same content with another compression, which might expand to any size."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


DAMAGE: dict[str, Callable[[Path], Any]] = {
    "no archive": lambda file: file.write_bytes(b"a plan"),
    "cut off": lambda file: file.write_bytes(file.read_bytes()[:-30]),
    "empty": lambda file: file.write_bytes(b""),
    "another plan": lambda file: rewritten(file, saved_tfplan=b"another"),
    "no record": lambda file: rewritten(file, record_json=None),
    "record no JSON": lambda file: rewritten(file, record_json=b"{"),
    "record a list": lambda file: rewritten(file, record_json=b"[]"),
    "record with a number that no serial is": lambda file: rewritten(
        file, record_json=b'{"format": 1, "digest": "", "state": {"lineage": "", "serial": 1e999}}'
    ),
    "compressed": compressed,
    "a name that is no text": lambda file: file.write_bytes(file.read_bytes().replace(b"record.json", b"record.js\0\xff")),
    "one member more": lambda file: rewritten(file, more_txt=b""),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_is_refused(name: str, planned: Any, plan_file: Path) -> None:
    DAMAGE[name](plan_file)
    with pytest.raises(PlanDamaged, match=r"dev.plan .*plan again"):
        run("apply", str(plan_file), "--yes")
    assert planned.did == []


def test_a_record_that_was_edited_is_refused(planned: Any, plan_file: Path) -> None:
    with zipfile.ZipFile(plan_file) as archive:
        record = json.loads(archive.read("record.json"))
    rewritten(plan_file, record_json=json.dumps(record | {"environment": "prod"}).encode())
    with pytest.raises(PlanDamaged, match=r"was changed after the plan was made"):
        run("apply", str(plan_file), "--yes")


def test_a_file_replaces_a_link_and_nothing_but_files(planned: Any, tmp_path: Path, checkout: Workspace) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("mine")
    (tmp_path / "link").symlink_to(target)
    run("plan", "dev", "--out", str(tmp_path / "link"))
    assert target.read_text() == "mine"
    assert read_plan_file(tmp_path / "link").record.environment == "dev"
    os.mkfifo(tmp_path / "fifo")
    for path, reason in (
        ("fifo", "is not a regular file"),
        ("no/folder", "cannot be written"),
        (".", "cannot be written|is not"),
    ):
        with pytest.raises(InvalidInput, match=reason):
            write_private(checkout, tmp_path / path, b"")
    assert not list(tmp_path.glob(".*fifo*"))


# --- approvals --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(planned: Any, aws: Any, checkout: Workspace, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A Terraform whose `init` leaves an S3 backend, in a bucket that is there."""
    bucket = "states"
    aws.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    backend = {"backend": {"type": "s3", "config": {"bucket": bucket, "region": "eu-west-1"}}}
    [working_copy] = [checkout.local / "deployments/dev/envs/dev"]
    (working_copy / ".terraform").mkdir(parents=True)
    (working_copy / ".terraform/terraform.tfstate").write_text(json.dumps(backend))
    run("plan", "dev", "--store", "pr-7")
    planned.did.clear()
    return aws.s3


def test_an_approved_plan_is_made_again_and_applied(planned: Any, store: Any) -> None:
    keys = [item["Key"] for item in store.list_objects_v2(Bucket="states")["Contents"]]
    record = json.loads(store.get_object(Bucket="states", Key="plans/dev/default/pr-7.json")["Body"].read())
    assert keys == [f"plans/dev/default/pr-7.{record['plan'][:12]}.plan", "plans/dev/default/pr-7.json"]
    assert {"digest", "summary", "account", "region", "provider_lock", "archives", "created"} <= record.keys()
    run("apply", "dev", "--approved", "pr-7", "--yes")
    assert planned.did == ["init", "plan", "apply"]


def another_value(planned: Any, root: Path) -> None:
    planned.planned = [change("aws_sns_topic.this", ["update"], {"id": "t", "name": "a"}, {"id": "t", "name": "c"})]


def state_moved(planned: Any, root: Path) -> None:
    planned.planned = [change("aws_sns_topic.this", ["update"], {"id": "t", "name": "z"}, {"id": "t", "name": "b"})]


def one_more(planned: Any, root: Path) -> None:
    planned.planned = [TOPIC, change("aws_sqs_queue.more", ["delete"], {"id": "q"}, None)]


def another_archive(planned: Any, root: Path) -> None:
    (root / "build/shirts.tar.gz").write_bytes(b"another")


def another_lock(planned: Any, root: Path) -> None:
    (root / "envs/dev/.terraform.lock.hcl").write_text("# another")


@pytest.mark.parametrize(
    ("alter", "found"),
    [
        (another_value, "aws_sns_topic.this: update has other values"),
        (state_moved, "aws_sns_topic.this: update has other values"),
        (one_more, "aws_sqs_queue.more: delete was not approved"),
        (another_archive, "archive build/shirts.tar.gz has changed"),
        (another_lock, "the provider lock file .terraform.lock.hcl has changed"),
    ],
)
def test_other_changes_than_the_approved_ones_are_refused(
    alter: Any, found: str, planned: Any, store: Any, checkout: Workspace
) -> None:
    alter(planned, checkout.root)
    with pytest.raises(PlanNotApproved, match=rf"is not what was approved as pr-7 .*{found}.*Nothing was changed"):
        run("apply", "dev", "--approved", "pr-7", "--yes")
    assert "apply" not in planned.did


def test_a_record_is_never_replaced(planned: Any, store: Any, checkout: Workspace) -> None:
    """A job that is run again stores nothing; other changes under that name are refused, whoever wrote the record."""
    key = {"Bucket": "states", "Key": "plans/dev/default/pr-7.json"}
    before = store.head_object(**key)["LastModified"], store.get_object(**key)["Body"].read()
    run("plan", "dev", "--store", "pr-7")
    another_value(planned, checkout.root)
    with pytest.raises(PlanNameTaken, match=r"pr-7\.json is the record of other changes .*choose another name"):
        run("plan", "dev", "--store", "pr-7")
    assert (store.head_object(**key)["LastModified"], store.get_object(**key)["Body"].read()) == before
    store.put_object(**key, Body=b"forged")
    with pytest.raises(PlanDamaged, match="is no record of a plan"):
        run("plan", "dev", "--store", "pr-7")
    run("plan", "dev", "--store", "pr-8")


def test_a_plan_file_without_its_record_is_completed(planned: Any, store: Any) -> None:
    """As after a kill between the two."""
    store.delete_object(Bucket="states", Key="plans/dev/default/pr-7.json")
    run("plan", "dev", "--store", "pr-7")
    run("apply", "dev", "--approved", "pr-7", "--yes")
    assert planned.did[-1] == "apply"


def test_what_is_not_stored_is_not_approved(planned: Any, store: Any) -> None:
    with pytest.raises(PlanNotApproved, match=r"There is no plan pr-8 at s3://states/plans/dev/default/pr-8\.json"):
        run("apply", "dev", "--approved", "pr-8", "--yes")
    assert "apply" not in planned.did


def test_an_approved_plan_that_is_applied_already_is_verified_again(planned: Any, store: Any) -> None:
    planned.changes, planned.planned = Changes(False), []
    assert "verified shirts" in run("apply", "dev", "--approved", "pr-7", "--yes").stderr
    assert planned.did == ["init", "plan"]


@pytest.mark.parametrize("name", ["../prod", "a/b", "", ".hidden", "a" * 129, "a\nb", "x.json/.."])
def test_a_name_is_no_path(name: str, planned: Any) -> None:
    for arguments in (("plan", "dev", "--store", name), ("apply", "dev", "--yes", "--approved", name)):
        with pytest.raises(InvalidInput, match=r"is no name of a plan"):
            run(*arguments)
    assert "apply" not in planned.did


def test_an_approval_goes_with_no_adoption_and_no_plan_file(planned: Any, plan_file: Path) -> None:
    for more in (("dev", "--adopt"), (str(plan_file),)):
        with pytest.raises(UsageError):
            run("apply", *more, "--approved", "pr-7", "--yes")
    assert "apply" not in planned.did


def test_a_plan_that_an_apply_would_refuse_is_printed_and_not_stored(
    planned: Any, store: Any, deployed: AsyncEndpointOutputs
) -> None:
    before = {"name": "shirts", "arn": deployed.endpoint.arn, "endpoint_config_name": "shirts-2"}
    replaced = change("module.shirts.aws_sagemaker_endpoint.this", ["delete", "create"], before, before | {"name": "other"})
    planned.planned = [replaced]
    result = CliRunner().invoke(app, ["plan", "dev", "--markdown", "--store", "pr-8"])
    assert isinstance(result.exception, ReplacementRefused)
    assert result.stdout.startswith("<!-- async-endpoint plan dev")
    assert len(store.list_objects_v2(Bucket="states")["Contents"]) == 2, "those of pr-7"
    run("plan", "dev", "--store", "pr-8", "--allow-replacement")
    assert len(store.list_objects_v2(Bucket="states")["Contents"]) == 4
