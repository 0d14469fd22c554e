"""A state that Terraform could not write to its backend, as where S3 fails or credentials end during an apply.

Terraform keeps it as errored.tfstate in its folder, and it is the only record of what that apply made (Terraform documentation,
"Disaster recovery": `terraform state push`). Another plan without it would create everything again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from async_endpoint.core.errors import AsyncEndpointError, StateNotSaved, TerraformFailed
from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.working_copy import UNSAVED_STATE


def push_unsaved_state(terraform: Terraform, on_output: Callable[[str], None]) -> None:
    """Write to the backend what an earlier apply of this checkout could not. Raises StateNotSaved, StateLocked."""
    file = terraform.folder / UNSAVED_STATE
    if not file.is_file():
        return
    try:
        _push(terraform, file)
    except TerraformFailed as error:
        raise StateNotSaved(
            f"The state of {terraform.folder.name} that an earlier apply could not write is in {file}, and cannot be written "
            f"now: {error} Where the backend fails, repeat this command. Where it has a newer state, written by another "
            "checkout since, delete that file, and adopt what the earlier apply made: async-endpoint apply "
            f"{terraform.folder.name} --adopt"
        ) from error
    on_output("Wrote the state that an earlier apply could not write.")


def saved_after_all(terraform: Terraform) -> str:
    """After an apply that failed: write a state that it could not write, and say so; empty where there is none."""
    file = terraform.folder / UNSAVED_STATE
    if not file.is_file():
        return ""
    try:
        _push(terraform, file)
    except AsyncEndpointError as error:  # the apply's own error is the one to report
        return f"Its state is kept in {file}, and the next command in this checkout writes it ({error})"
    return "Its state was written on a second try."


def _push(terraform: Terraform, file: Path) -> None:
    terraform.silent().push_state(file)
    file.unlink()
