"""What the update of a deployment configuration in place needs: the alarms that this names, and a role that may read them.

For an endpoint that was just imported, neither exists yet: its alarms are created by the same plan, and so is the policy that
lets its execution role describe them (A163). The plan is applied for these alone first; nothing of it touches the endpoint.
"""

from __future__ import annotations

from collections.abc import Iterable

from async_endpoint.deploy.endpoints import PlannedEndpoint
from async_endpoint.deploy.replacement import deployment_config
from async_endpoint.terraform.plan_document import ResourceChange, top_module


def in_place_needs(endpoints: Iterable[PlannedEndpoint], changes: Iterable[ResourceChange]) -> list[str]:
    """The addresses of what the plan creates or updates, and the update of one of `endpoints` in place needs, in order."""
    changes, found = list(changes), set[str]()
    for endpoint in endpoints:
        config = deployment_config(endpoint.change.after.get("deployment_config") or [])
        alarms = {alarm.get("AlarmName") for alarm in (config.get("AutoRollbackConfiguration") or {}).get("Alarms") or ()}
        if not alarms:
            continue
        module = top_module(endpoint.change.address)
        found |= {
            change.address
            for change in changes
            if (
                change.type == "aws_cloudwatch_metric_alarm"
                and change.action == "create"
                and change.after.get("alarm_name") in alarms
            )
            or (
                change.type == "aws_iam_role_policy"
                and change.action in ("create", "update")
                and top_module(change.address) == module
            )
        }
    return sorted(found)
