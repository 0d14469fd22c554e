from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from async_endpoint.core.errors import StateLocked, TerraformFailed, ToolMissing, UsageError
from async_endpoint.terraform.adapter import Changes, Terraform

FakeTerraform = Callable[..., dict[str, str]]


def silent(line: str) -> None:
    pass


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def test_each_command_is_said_as_terraform_wants_it(tmp_path: Path, fake_terraform: FakeTerraform) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    terraform = Terraform(folder, fake_terraform('[ "$1" != output ] || echo "{}"'), silent)
    saved = tmp_path / "my plan.tfplan"
    terraform.init()
    terraform.plan(saved)
    terraform.apply(saved)
    terraform.destroy()
    terraform.require_unlocked()
    assert terraform.output() == {}
    assert calls(folder) == [
        *("init", "-no-color", "-input=false", "-lockfile=readonly", "-reconfigure"),
        *("plan", "-no-color", "-input=false", f"-out={saved}", "-detailed-exitcode"),
        *("apply", "-no-color", "-input=false", str(saved)),
        *("destroy", "-no-color", "-input=false", "-auto-approve"),
        *("untaint", "-no-color", "-allow-missing", "terraform_data.lock_probe"),
        *("output", "-json"),
    ]


def test_backend_files_complete_a_backend(tmp_path: Path, fake_terraform: FakeTerraform) -> None:
    Terraform(tmp_path, fake_terraform(), silent).init([tmp_path / "my state.s3.tfbackend"])
    assert f"-backend-config={tmp_path / 'my state.s3.tfbackend'}" in calls(tmp_path)


def test_lines_arrive_while_terraform_runs(tmp_path: Path, fake_terraform: FakeTerraform) -> None:
    # The fake continues only once its first line has been received.
    body = (
        "echo first; n=0; while [ ! -e lines ] && [ $n -lt 200 ]; do n=$((n+1)); sleep 0.05; done; [ -e lines ] && echo second"
    )
    lines: list[str] = []

    def listen(line: str) -> None:
        lines.append(line)
        (tmp_path / "lines").touch()

    Terraform(tmp_path, fake_terraform(body), listen).init()
    assert lines == ["first", "second"]


def test_a_listener_that_fails_leaves_no_terraform_behind(tmp_path: Path, fake_terraform: FakeTerraform) -> None:
    def fail(line: str) -> None:
        raise BrokenPipeError

    terraform = Terraform(tmp_path, fake_terraform("echo one; echo two; sleep 0.2; touch finished"), fail)
    with pytest.raises(BrokenPipeError):
        terraform.destroy()
    assert (tmp_path / "finished").exists()


@pytest.mark.parametrize(
    ("code", "text", "changes"),
    [
        (0, "No changes. Your infrastructure matches the configuration.", Changes(False)),
        (2, "Plan: 23 to add, 1 to change, 4 to destroy.", Changes(True, 23, 1, 4)),
        (2, "Plan: 1 to import, 2 to add, 0 to change, 0 to destroy.", Changes(True, 2, 0, 0)),
        (2, "Changes to Outputs:", Changes(True)),
    ],
)
def test_plan_says_what_it_would_do(
    tmp_path: Path, fake_terraform: FakeTerraform, code: int, text: str, changes: Changes
) -> None:
    terraform = Terraform(tmp_path, fake_terraform(f"echo '{text}'; exit {code}"), silent)
    assert terraform.plan(tmp_path / "saved") == changes


@pytest.mark.parametrize(
    ("printed", "cause"),
    [
        (
            "Error: No valid credential sources found\n\nPlease see https://x for more.\n\nError: failed to refresh cached "
            "credentials, failed to read\ncached SSO token file\n\n",
            "failed to refresh cached credentials, failed to read cached SSO token file",
        ),
        ("Error: failed to get shared config profile, nope\n", "failed to get shared config profile, nope"),
    ],
)
def test_missing_credentials_are_named_with_their_cause(
    tmp_path: Path, fake_terraform: FakeTerraform, printed: str, cause: str
) -> None:
    (tmp_path / "said").write_text(printed)
    terraform = Terraform(tmp_path, fake_terraform("cat said >&2; exit 1"), silent)
    with pytest.raises(UsageError) as failure:
        terraform.init([])
    assert str(failure.value) == (
        f"There are no usable AWS credentials for {tmp_path.name} ({cause}); sign in (aws sso login) or set AWS_PROFILE, or "
        "use the local AWS with --local."
    )


def test_a_failure_is_one_sentence_that_names_the_command(tmp_path: Path, fake_terraform: FakeTerraform) -> None:
    lines: list[str] = []
    body = "echo working; printf 'Error: No bucket\\n\\nThe bucket is gone. More.\\n' >&2; exit 1"
    terraform = Terraform(tmp_path, fake_terraform(body), lines.append)
    with pytest.raises(TerraformFailed) as failure:
        terraform.apply(tmp_path / "saved")
    assert str(failure.value) == f"terraform apply of {tmp_path.name} failed (exit code 1): No bucket: The bucket is gone."
    assert lines == ["working", "Error: No bucket", "", "The bucket is gone. More."]


def test_a_failure_without_an_error_says_the_last_line(tmp_path: Path, fake_terraform: FakeTerraform) -> None:
    with pytest.raises(TerraformFailed, match=r"failed \(exit code 139\): panic: oh"):
        Terraform(tmp_path, fake_terraform("echo panic: oh; echo; exit 139"), silent).init()
    with pytest.raises(TerraformFailed, match=r"failed \(exit code 9\): it printed nothing"):
        Terraform(tmp_path, fake_terraform("exit 9"), silent).output()


def test_terraform_sees_the_environment_it_is_given_and_no_other(
    tmp_path: Path, fake_terraform: FakeTerraform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    lines: list[str] = []
    environment = fake_terraform('echo "$AWS_PROFILE|$AWS_ENDPOINT_URL"') | {"AWS_ENDPOINT_URL": "http://here"}
    Terraform(tmp_path, environment, lines.append).init()
    assert lines == ["|http://here"]


def test_no_terraform_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match=r"terraform is not on the PATH; install it from https://.*1\.11 or newer"):
        Terraform(tmp_path, {"PATH": str(tmp_path)}, silent)


@pytest.mark.parametrize("version", ["1.10.5", "0.15.0", "1.9.0-rc1"])
def test_an_old_terraform_is_refused(tmp_path: Path, fake_terraform: FakeTerraform, version: str) -> None:
    with pytest.raises(ToolMissing, match=rf"terraform is {version}; this needs 1\.11 or newer"):
        Terraform(tmp_path, fake_terraform(version=version), silent)


@pytest.mark.parametrize("version", ["1.11.0", "1.12.0-beta1", "2.0.0"])
def test_a_new_terraform_is_accepted(tmp_path: Path, fake_terraform: FakeTerraform, version: str) -> None:
    Terraform(tmp_path, fake_terraform(version=version), silent)


def test_something_else_called_terraform_is_refused(tmp_path: Path, fake_terraform: FakeTerraform) -> None:
    with pytest.raises(ToolMissing, match="does not report its version"):
        Terraform(tmp_path, fake_terraform(version="latest"), silent)


@pytest.mark.terraform
def test_a_real_terraform_from_init_to_destroy_without_network(tmp_path: Path) -> None:
    folder = tmp_path / "a root"
    folder.mkdir()
    (folder / "main.tf").write_text(
        'resource "terraform_data" "this" { input = "made" }\noutput "made" { value = terraform_data.this.output }\n'
    )
    (tmp_path / "terraform.rc").write_text("disable_checkpoint = true\n")
    unreachable = "http://127.0.0.1:9"
    environment = {
        "PATH": os.environ["PATH"],
        "TF_CLI_CONFIG_FILE": str(tmp_path / "terraform.rc"),
        "HTTP_PROXY": unreachable,
        "HTTPS_PROXY": unreachable,
    }
    lines: list[tuple[float, str]] = []
    terraform = Terraform(folder, environment, lambda line: lines.append((time.monotonic(), line)))
    saved = tmp_path / "saved plan"

    terraform.init()
    assert terraform.plan(saved) == Changes(True, add=1)
    terraform.apply(saved)
    assert terraform.output() == {"made": "made"}
    assert terraform.plan(saved) == Changes(False)
    terraform.destroy()
    assert terraform.output() == {}
    said = "\n".join(line for _, line in lines)
    assert "Apply complete! Resources: 1 added" in said
    assert "Destroy complete! Resources: 1 destroyed" in said
    assert "Warning" not in said

    (folder / "main.tf").write_text('resource "terraform_data" "this" { inputs = 1 }\n')
    with pytest.raises(TerraformFailed, match='Unsupported argument: An argument named "inputs" is not expected here'):
        terraform.plan(saved)


@pytest.mark.terraform
def test_the_lock_of_a_running_terraform_is_seen_and_nothing_is_changed_by_looking(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'resource "terraform_data" "this" {\n'
        '  provisioner "local-exec" { command = "touch running; until [ -e release ]; do sleep 0.02; done" }\n'
        "}\n"
    )
    (tmp_path / "terraform.rc").write_text("disable_checkpoint = true\n")
    environment = {"PATH": os.environ["PATH"], "TF_CLI_CONFIG_FILE": str(tmp_path / "terraform.rc")}
    terraform = Terraform(tmp_path, environment, silent)
    saved = tmp_path / "saved"
    terraform.init()
    terraform.require_unlocked()  # also where there is no state yet
    terraform.plan(saved)
    applying = threading.Thread(target=terraform.apply, args=(saved,))
    applying.start()
    try:
        deadline = time.monotonic() + 20
        while not (tmp_path / "running").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with pytest.raises(StateLocked, match=r"is locked by .*; Terraform still works on it, as process \d+"):
            terraform.require_unlocked()
    finally:
        (tmp_path / "release").touch()
        applying.join()
    before = (tmp_path / "terraform.tfstate").read_bytes()
    terraform.require_unlocked()
    assert (tmp_path / "terraform.tfstate").read_bytes() == before
