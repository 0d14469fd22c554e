"""An endpoint that a plan would replace: it is absent until the new one serves.

Some replacements are the provider's own: it cannot update an endpoint whose rollback alarms appear or go, nor one whose
deployment configuration an UpdateEndpoint without one has dropped [tried with 5.100]. SageMaker can. So UpdateEndpoint is
issued with what is planned, and the next plan finds nothing to replace. What remains is refused unless it is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from async_endpoint.aws import AwsSession, error_code
from async_endpoint.core.errors import NotReady, ReplacementRefused, RolledBack
from async_endpoint.deploy.endpoints import (
    NOT_SERVING,
    Connect,
    PlannedEndpoint,
    describe_endpoint,
    dotted,
    endpoint_status,
    planned_endpoints,
)
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.quiesce import TRANSITIONAL_STATES
from async_endpoint.terraform.plan_document import ResourceChange, top_module

# MaximumExecutionTimeoutInSeconds is at most 14,400.
UPDATED = Poller(deadline=14400)


def avoidable_replacements(connect: Connect, changes: Iterable[ResourceChange]) -> list[PlannedEndpoint]:
    """The endpoints that serve, or are being changed, and are replaced for their deployment configuration alone."""
    return [endpoint for endpoint in _serving_and_replaced(connect, changes) if _forced_by_deployment_config(endpoint.change)]


def update_deployment_config(connect: Connect, endpoint: PlannedEndpoint, updated: Poller = UPDATED) -> None:
    """Issue UpdateEndpoint with the configuration in service and the planned deployment configuration, and wait for it.

    The endpoint must be quiescent. It keeps its instance counts, unless it is at zero: an update cannot begin with that.
    Assumption A41: SageMaker takes an update to the configuration that is in service. Raises ReplacementRefused when SageMaker
    refuses the update, RolledBack when it takes it back, NotReady when it does not end in time.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415

    aws, name = connect(endpoint.region), endpoint.name
    live = describe_endpoint(aws, name)
    counts = [variant.get("DesiredInstanceCount", 0) for variant in live.get("ProductionVariants", ())]
    config = deployment_config(endpoint.change.after.get("deployment_config") or [])
    try:
        aws.client("sagemaker").update_endpoint(
            EndpointName=name,
            EndpointConfigName=live["EndpointConfigName"],
            RetainAllVariantProperties=all(counts),
            **({"DeploymentConfig": config} if config else {}),
        )
    except ClientError as error:
        if error_code(error) != "ValidationException":
            raise
        if not _began(aws, name, live):
            raise ReplacementRefused(
                f"Endpoint {name} would be replaced for its deployment configuration, and SageMaker refused to update it "
                f"instead: {error.response['Error'].get('Message')} Nothing was changed; correct that (rollback alarms have to "
                "exist before the endpoint names them), or accept that the endpoint is absent meanwhile with "
                "--allow-replacement."
            ) from error
    after = updated.wait(
        lambda: describe_endpoint(aws, name),
        lambda seen: seen.get("EndpointStatus") not in TRANSITIONAL_STATES,
        f"endpoint {name} to be updated",
    )
    status, reason = after.get("EndpointStatus"), str(after.get("FailureReason", ""))
    if status in TRANSITIONAL_STATES:
        raise NotReady(f"Endpoint {name} is still {status} after its deployment configuration was updated; apply again later.")
    if reason:
        raise RolledBack(
            f"Endpoint {name} was rolled back while its deployment configuration was updated: {reason} It serves what it "
            f"served before, status {status}. Fix the cause and apply again.",
            endpoint=name,
            reason=reason,
        )


def _began(aws: AwsSession, name: str, before: Mapping[str, Any]) -> bool:
    """Whether an update of the quiescent endpoint began: the refusal is of a repetition, the first answer having been lost."""
    now = describe_endpoint(aws, name)
    return now.get("EndpointStatus") in TRANSITIONAL_STATES and now.get("LastModifiedTime") != before.get("LastModifiedTime")


def deployment_config(blocks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """`deployment_config` of Terraform's aws_sagemaker_endpoint as the API's DeploymentConfig; empty for no block."""
    return next((_as_api(block) for block in blocks), {})


def _as_api(block: Mapping[str, Any]) -> dict[str, Any]:
    converted: dict[str, Any] = {}
    for name, value in block.items():
        member = "".join(word.capitalize() for word in name.split("_"))
        if name == "alarms":
            converted[member] = [_as_api(alarm) for alarm in value]
        elif isinstance(value, list):
            converted.update((member, _as_api(inner)) for inner in value)  # a block that occurs at most once
        elif value is not None:
            converted[member] = value
    return converted


def require_no_replacement(connect: Connect, changes: Iterable[ResourceChange], command: str, *, allowed: bool = False) -> None:
    """Raise ReplacementRefused naming each serving endpoint that the plan replaces; `command` is the apply that was given.

    `allowed` permits it, but not one that is created again at another address: its role, topics and log group would be created
    while the old ones, of the same names, exist, which fails once the endpoint is deleted.
    """
    serving = _serving_and_replaced(connect, changes)
    if recreated := [endpoint for endpoint in serving if endpoint.successor]:
        raise ReplacementRefused(
            f"The plan deletes {'; '.join(map(_described, recreated))}, as after a module was renamed. Nothing was changed; "
            "add to main.tf:\n" + "\n".join(map(_moved_block, recreated))
        )
    if not allowed and (replaced := serving):
        raise ReplacementRefused(
            f"The plan replaces {'; '.join(map(_described, replaced))}: until the new one serves, requests are refused. "
            f"Nothing was changed; undo what forces it, or accept the interruption with: {command} --allow-replacement"
        )


def failed_endpoints(connect: Connect, changes: Iterable[ResourceChange]) -> list[str]:
    """Addresses of endpoints in state Failed that the plan updates: SageMaker takes nothing but their deletion."""
    return [
        endpoint.change.address
        for endpoint in planned_endpoints(changes)
        if not endpoint.change.deletes and endpoint_status(connect(endpoint.region), endpoint.name) == "Failed"
    ]


def endpoint_notices(connect: Connect, changes: Iterable[ResourceChange]) -> list[str]:
    """One sentence for each endpoint that the plan replaces or deletes: what apply does about it."""
    changes = list(changes)
    avoidable = [endpoint.name for endpoint in avoidable_replacements(connect, changes)]
    serving = [endpoint.name for endpoint in _serving_and_replaced(connect, changes)]
    notices = []
    for endpoint in planned_endpoints(changes):
        if endpoint.name in avoidable:
            notices.append(
                f"Endpoint {endpoint.name} is not replaced: apply updates its deployment configuration first, and plans again."
            )
        elif endpoint.name in serving:
            remedy = (
                f"; add to main.tf:\n{_moved_block(endpoint)}"
                if endpoint.successor
                else " unless --allow-replacement is given."
            )
            notices.append(f"apply refuses to replace {_described(endpoint)}{remedy}")
        elif endpoint.change.deletes:
            notices.append(f"apply deletes endpoint {endpoint.name} first, and waits until it is gone.")
    return notices


def _serving_and_replaced(connect: Connect, changes: Iterable[ResourceChange]) -> list[PlannedEndpoint]:
    return [
        endpoint
        for endpoint in planned_endpoints(changes)
        if endpoint.is_replaced and endpoint_status(connect(endpoint.region), endpoint.name) not in NOT_SERVING
    ]


def _described(endpoint: PlannedEndpoint) -> str:
    if endpoint.successor:
        return f"endpoint {endpoint.name} (to create it again as {endpoint.successor})"
    forced = sorted({dotted(path) for path in endpoint.change.replace_paths})
    return f"endpoint {endpoint.name}" + (f" (forced by {', '.join(forced)})" if forced else "")


def _moved_block(endpoint: PlannedEndpoint) -> str:
    """What keeps an endpoint whose address changes: a block for its module call, or for itself within one."""
    addresses = endpoint.change.address, endpoint.successor
    old, new = map(top_module, addresses)
    old, new = (old, new) if old and new and old != new else addresses
    return f"moved {{\n  from = {old}\n  to   = {new}\n}}"  # HCL takes one argument at most on a line


def _forced_by_deployment_config(change: ResourceChange) -> bool:
    paths = change.replace_paths
    return change.replaces and bool(paths) and all(path[:1] == ("deployment_config",) for path in paths)
