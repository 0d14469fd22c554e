"""A state that Terraform could not write is written by the next command, or kept: it is the only record of an apply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from async_endpoint.cli.app import app
from async_endpoint.core.errors import StateLocked, StateNotSaved, TerraformFailed
from async_endpoint.core.outputs import OUTPUT_NAME, AsyncEndpointOutputs
from async_endpoint.terraform.working_copy import UNSAVED_STATE
from async_endpoint.workspace import Workspace

pytestmark = pytest.mark.usefixtures("checkout")


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def unsaved(terraform: Any, deployed: AsyncEndpointOutputs, checkout: Workspace) -> Path:
    """A working copy that has a state which an apply could not write."""
    terraform.values = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}
    file = checkout.local / "deployments/dev/envs/dev" / UNSAVED_STATE
    file.parent.mkdir(parents=True)
    file.write_text("the state")
    return file


def test_the_next_command_writes_it_before_it_plans(unsaved: Path, terraform: Any) -> None:
    result = run("plan", "dev")
    assert result.exit_code == 0, result.exception
    assert terraform.did[:3] == ["init", "push the state", "plan"]
    assert "Wrote the state that an earlier apply could not write." in result.stderr
    assert not unsaved.exists()


def test_one_that_cannot_be_written_is_kept_and_nothing_is_planned(unsaved: Path, terraform: Any) -> None:
    terraform.pushes = TerraformFailed("terraform state push of dev failed (exit code 1): cannot import state with serial 3.")
    for _ in range(2):
        with pytest.raises(StateNotSaved, match=r"errored\.tfstate, and cannot be written now: .*serial 3.*apply dev --adopt"):
            raise run("apply", "dev", "--yes").exception
    assert unsaved.read_text() == "the state"
    assert "plan" not in terraform.did


def test_a_planner_who_takes_no_lock_writes_none(unsaved: Path, terraform: Any) -> None:
    run("plan", "dev", "--store", "pr-7")
    assert not [command for command in terraform.did if command.startswith("push")]
    assert unsaved.exists()


@pytest.mark.parametrize(
    ("pushes", "said"), [(None, "written on a second try"), (StateLocked("dev is locked by ada"), "dev is locked by ada")]
)
def test_a_failed_apply_tries_once_more(
    pushes: Exception | None, said: str, terraform: Any, deployed: AsyncEndpointOutputs, checkout: Workspace
) -> None:
    terraform.values = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}
    terraform.pushes = pushes

    class FailsToWrite(TerraformFailed):
        """Leaves a state, as Terraform does."""

    def fail() -> None:
        (checkout.local / "deployments/dev/envs/dev" / UNSAVED_STATE).write_text("the state")
        raise FailsToWrite("terraform apply of dev failed (exit code 1): Failed to save state.")

    terraform.carry_out = fail
    with pytest.raises(FailsToWrite, match=rf"Failed to save state\. .*{said}"):
        raise run("apply", "dev", "--yes").exception
