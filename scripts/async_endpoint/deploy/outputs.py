"""What an environment's last apply says about itself."""

from __future__ import annotations

from async_endpoint.core.errors import NotReady, TerraformFailed
from async_endpoint.core.outputs import OUTPUT_NAME, AsyncEndpointOutputs
from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.working_copy import Root, prepare
from async_endpoint.workspace import Workspace


def read_outputs(environment: str, *, local: bool = False) -> tuple[AsyncEndpointOutputs, str | None]:
    """The outputs of `environment`, and the local AWS's URL when it is aimed there, else None.

    Raises NotReady when nothing has been applied, besides what `prepare` and Terraform raise.
    """
    root = prepare(Workspace.find(), environment, local=local)
    return outputs_of(root), root.endpoint_url


def outputs_of(root: Root) -> AsyncEndpointOutputs:
    """The outputs of a prepared root; raises NotReady when nothing has been applied."""
    if root.state is not None and not root.state.is_file():
        raise _nothing_applied(root)
    terraform = Terraform(root.folder, root.process_environment, on_output=lambda line: None)
    try:
        values = terraform.output()
    except TerraformFailed:  # a copy that is new, or was aimed at another state: init is dear, so only then
        terraform.init(root.backend_files)
        values = terraform.output()
    if OUTPUT_NAME not in values:
        raise _nothing_applied(root)
    return AsyncEndpointOutputs.parse(values[OUTPUT_NAME])


def _nothing_applied(root: Root) -> NotReady:
    where = "the local AWS" if root.endpoint_url else "AWS"
    return NotReady(f"Nothing of {root.environment} is applied on {where}; apply it with: {root.command('apply')}")
