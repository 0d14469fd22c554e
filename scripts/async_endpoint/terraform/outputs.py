"""What an environment's last apply says about its endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from async_endpoint.core.addresses import Address
from async_endpoint.core.errors import InvalidInput, NotApplied, NotReady, TerraformFailed
from async_endpoint.core.outputs import OUTPUT_NAME, AsyncEndpointOutputs, endpoint_objects, parse_endpoint
from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.caller import own_account_required
from async_endpoint.terraform.working_copy import WorkingCopy, prepare
from async_endpoint.workspace import Workspace

if TYPE_CHECKING:
    from async_endpoint.aws import AwsSession


@dataclass(frozen=True)
class AwsAccess:
    """How an environment's AWS is reached: the local AWS at `endpoint_url`, if any, and the role that calls assume, if any."""

    endpoint_url: str | None = None
    role_arn: str | None = None

    def session(self, region: str) -> AwsSession:
        """A session in `region`, as `AwsSession.create` makes it."""
        from async_endpoint.aws import AwsSession  # noqa: PLC0415 - slow to load, and `outputs` calls nothing

        return AwsSession.create(region, self.endpoint_url, role_arn=self.role_arn)


@dataclass(frozen=True)
class EnvironmentOutputs:
    """The addressed endpoints of an environment by name, and how they are reached."""

    environment: str
    endpoints: Mapping[str, AsyncEndpointOutputs]
    access: AwsAccess


def read_outputs(address: str, *, local: bool = False) -> EnvironmentOutputs:
    """The outputs of all endpoints of ENV, or of the one that ENV/NAME addresses.

    Raises NotApplied when nothing has been applied, UnknownEndpoint, InvalidInput for the outputs of another version, and what
    `prepare`, `require_own_account` and Terraform raise.
    """
    parsed = Address.parse(address)
    copy = prepare(Workspace.find(), parsed.environment, local=local)
    objects = _checked_objects(copy)
    endpoints = {name: parse_endpoint(name, objects[name]) for name in parsed.select(objects)}
    return EnvironmentOutputs(parsed.environment, endpoints, _access(copy))


def read_endpoint(
    address: str, *, local: bool = False, workspace: Workspace | None = None
) -> tuple[AsyncEndpointOutputs, AwsAccess]:
    """The outputs of one endpoint, ENV/NAME or the only one of ENV, and how it is reached.

    `workspace` is the checkout, by default the one around the current folder. Raises what `read_outputs` does, and
    AmbiguousEndpoint if ENV has several.
    """
    parsed = Address.parse(address)
    copy = prepare(workspace or Workspace.find(), parsed.environment, local=local)
    objects = _checked_objects(copy)
    name = parsed.select_one(objects)
    return parse_endpoint(name, objects[name]), _access(copy)


def applied_endpoints(copy: WorkingCopy, terraform: Terraform) -> dict[str, AsyncEndpointOutputs]:
    """The outputs of every endpoint; raises what `read_outputs` does."""
    return {name: parse_endpoint(name, value) for name, value in _objects(copy, terraform).items()}


def known_endpoints(copy: WorkingCopy, terraform: Terraform | None = None) -> dict[str, AsyncEndpointOutputs]:
    """The outputs of every endpoint that has usable ones: one that was applied half way does not hide the others."""
    try:
        objects = _objects(copy, terraform)
    except (NotReady, InvalidInput):
        return {}
    known = {}
    for name, value in objects.items():
        try:
            known[name] = parse_endpoint(name, value)
        except InvalidInput:
            continue
    return known


def _access(copy: WorkingCopy) -> AwsAccess:
    return AwsAccess(copy.endpoint_url, copy.role_arn)


def _checked_objects(copy: WorkingCopy) -> dict[str, object]:
    """`_objects`, of an environment in its own account; Terraform and the check of it take about as long."""
    with own_account_required(copy):
        return _objects(copy)


def _objects(copy: WorkingCopy, terraform: Terraform | None = None) -> dict[str, object]:
    """The undecoded outputs of each endpoint by name; raises NotApplied when nothing has been applied."""
    if copy.state is not None and not copy.state.is_file():
        raise _nothing_applied(copy)
    terraform = (terraform or Terraform(copy.folder, copy.process_environment, on_output=lambda line: None)).silent()
    try:
        values = terraform.output()
    except TerraformFailed:  # the copy is new, or was initialised for another state; only then: init takes seconds
        terraform.init(copy.backend_files)
        values = terraform.output()
    if OUTPUT_NAME not in values:
        raise _nothing_applied(copy)
    return endpoint_objects(values[OUTPUT_NAME])


def _nothing_applied(copy: WorkingCopy) -> NotApplied:
    where = "the local AWS" if copy.endpoint_url else "AWS"
    return NotApplied(f"{copy.environment} has not been applied on {where}; apply it with: {copy.command('apply')}")
