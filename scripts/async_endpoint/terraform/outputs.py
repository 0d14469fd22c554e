"""What an environment's last apply says about its endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from async_endpoint.core.addresses import Address
from async_endpoint.core.errors import InvalidInput, NotReady, TerraformFailed
from async_endpoint.core.outputs import OUTPUT_NAME, AsyncEndpointOutputs, endpoint_objects, parse_endpoint
from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.working_copy import Root, prepare
from async_endpoint.workspace import Workspace


@dataclass(frozen=True)
class EnvironmentOutputs:
    """The addressed endpoints of an environment by name; `endpoint_url` is that of the local AWS, None on AWS."""

    environment: str
    endpoints: Mapping[str, AsyncEndpointOutputs]
    endpoint_url: str | None


def read_outputs(address: str, *, local: bool = False) -> EnvironmentOutputs:
    """The outputs of all endpoints of ENV, or of the one that ENV/NAME addresses.

    Raises NotReady when nothing has been applied, UnknownEndpoint, InvalidInput for the outputs of another version, and what
    `prepare` and Terraform raise.
    """
    parsed = Address.parse(address)
    root = prepare(Workspace.find(), parsed.environment, local=local)
    objects = outputs_of(root)
    endpoints = {name: parse_endpoint(name, objects[name]) for name in parsed.select(objects)}
    return EnvironmentOutputs(parsed.environment, endpoints, root.endpoint_url)


def read_endpoint(
    address: str, *, local: bool = False, workspace: Workspace | None = None
) -> tuple[AsyncEndpointOutputs, str | None]:
    """The outputs of one endpoint, ENV/NAME or the only one of ENV, and the local AWS's URL, None on AWS.

    `workspace` is the checkout, by default the one around the current folder. Raises what `read_outputs` does, and
    AmbiguousEndpoint if ENV has several.
    """
    parsed = Address.parse(address)
    root = prepare(workspace or Workspace.find(), parsed.environment, local=local)
    objects = outputs_of(root)
    name = parsed.select_one(objects)
    return parse_endpoint(name, objects[name]), root.endpoint_url


def outputs_of(root: Root) -> dict[str, object]:
    """The undecoded outputs of a prepared root's endpoints by name; raises NotReady when nothing has been applied."""
    if root.state is not None and not root.state.is_file():
        raise _nothing_applied(root)
    terraform = Terraform(root.folder, root.process_environment, on_output=lambda line: None)
    try:
        values = terraform.output()
    except TerraformFailed:  # the copy is new, or was initialised for another state; only then: init takes seconds
        terraform.init(root.backend_files)
        values = terraform.output()
    if OUTPUT_NAME not in values:
        raise _nothing_applied(root)
    return endpoint_objects(values[OUTPUT_NAME])


def known_endpoints(root: Root) -> dict[str, AsyncEndpointOutputs]:
    """The outputs of every endpoint that has usable ones: an endpoint that was applied half way does not hide the others."""
    try:
        objects = outputs_of(root)
    except (NotReady, InvalidInput):
        return {}
    known = {}
    for name, value in objects.items():
        try:
            known[name] = parse_endpoint(name, value)
        except InvalidInput:
            continue
    return known


def _nothing_applied(root: Root) -> NotReady:
    where = "the local AWS" if root.endpoint_url else "AWS"
    return NotReady(f"Nothing of {root.environment} is applied on {where}; apply it with: {root.command('apply')}")
