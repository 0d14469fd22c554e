"""Scaling of an asynchronous endpoint as argument `scaling` of module async-inference."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from datetime import UTC
from typing import Any, Final

from async_endpoint.deploy.live_adoption.adopted_call import AdoptedCall
from async_endpoint.deploy.live_adoption.resources import LiveResource
from async_endpoint.deploy.live_adoption.scaling import StepPolicy, VariantScaling

_BACKLOG: Final = "backlog_per_instance"


def scaling_settings(call: AdoptedCall) -> dict[str, Any]:
    scaling = call.inventory.scaling.get(call.variant_name)
    if scaling is None:
        count = max(call.inventory.running(call.variant_name), int(call.variant["InitialInstanceCount"]), 1)
        call.changes.append(
            f"Scaling is registered, and keeps the endpoint at {count} instance{'s' if count > 1 else ''} as it is now; for "
            "scale to zero set min_instances = 0 once callers are ready to wait for an instance to start."
        )
        return {"min_instances": count, "max_instances": count}
    least, most = scaling.bounds
    schedules = _schedules(call, scaling)
    target = "scheduled" if schedules else "this"
    call.add(f'module.endpoint.aws_appautoscaling_target.{target}["{call.variant_name}"]', scaling.target)
    if scaling.suspended:
        call.changes.append(
            f"Scaling is suspended ({', '.join(scaling.suspended)}): {scaling.target.name}; resume it, or it never scales."
        )
    return {
        "min_instances": least,
        "max_instances": max(most, 1),
        **_tracking(call, scaling),
        **_wake(call, scaling),
        "schedules": schedules or None,
    }


def _tracking(call: AdoptedCall, scaling: VariantScaling) -> dict[str, Any]:
    own = next((one for one in scaling.tracking if one.target == _BACKLOG), None)
    for policy in scaling.tracking:
        if policy is not own:
            call.kept.append(
                f"Scaling policy {policy.resource.name} tracks {policy.metric}, which the module does not: it stays, and the "
                "verification refuses it, since the largest count of all policies wins; delete it before the apply: "
                f"{_delete_policy(policy.resource.name, scaling)}"
            )
    if own is None:
        call.changes.append("A target tracking policy on the backlog per instance is created, with a target of 5.")
        return {}
    name = own.resource.name
    if name != f"{call.inventory.name}-backlog-per-instance":
        call.names["tracking_policy"] = name
    call.add(f'module.endpoint.aws_appautoscaling_policy.tracking["{call.variant_name}/{_BACKLOG}"]', own.resource)
    if own.keeps_instances:
        call.changes.append(f"Scaling policy {name} removes instances too from now on: the module has no DisableScaleIn.")
    return {
        "target_backlog_per_instance": own.value,
        "scale_in_cooldown_seconds": own.scale_in_seconds,
        "scale_out_cooldown_seconds": own.scale_out_seconds,
    }


def _wake(call: AdoptedCall, scaling: VariantScaling) -> dict[str, Any]:
    wake = scaling.wake
    for step in scaling.steps:
        if step is not wake:
            call.kept.append(
                f"Step scaling policy {step.resource.name} stays, beside the module's one that starts the first instance, and "
                f"the verification refuses it; delete it before the apply: {_delete_policy(step.resource.name, scaling)}"
            )
    if wake is None:
        call.changes.append("A policy and an alarm that start the first instance for a waiting request are created.")
        return {}
    alarm, *others = [one for one in wake.alarms if one.details.get("MetricName") == "HasBacklogWithoutCapacity"]
    call.kept.extend(f"Alarm {one.name} triggers policy {wake.resource.name} too, and stays." for one in others)
    if wake.resource.name != f"{call.inventory.name}-wake-from-zero":
        call.names["wake_policy"] = wake.resource.name
    if alarm.name != f"{call.inventory.name}-has-backlog-without-capacity":
        call.names["wake_alarm"] = alarm.name
    call.add(f'module.endpoint.aws_appautoscaling_policy.wake["{call.variant_name}"]', wake.resource)
    call.add(f'module.endpoint.aws_cloudwatch_metric_alarm.wake["{call.variant_name}"]', alarm)
    call.changes.append(
        f"Policy {wake.resource.name} and alarm {alarm.name} keep their names and get the module's settings: one instance "
        "after two minutes with a backlog and without capacity."
    )
    call.changes.extend(_ended_actions(alarm, wake))
    return {"wake_cooldown_seconds": wake.cooldown_seconds}


def _ended_actions(alarm: LiveResource, wake: StepPolicy) -> Iterator[str]:
    """What else the live alarm does: the module's starts an instance, and nothing more."""
    policy = wake.resource.arn
    for state, member in (("ALARM", "AlarmActions"), ("OK", "OKActions"), ("INSUFFICIENT_DATA", "InsufficientDataActions")):
        for action in alarm.details.get(member) or ():
            if member != "AlarmActions" or action != policy:
                yield (
                    f"Action {action} of alarm {alarm.name} on {state} ends: give it to an alarm of your own of another name "
                    "before the apply, or to the module's alarms, such as stuck_at_zero (monitoring.actions)."
                )
    if alarm.details.get("ActionsEnabled") is False:
        yield f"Alarm {alarm.name}, whose actions are switched off, starts instances from now on."


def _schedules(call: AdoptedCall, scaling: VariantScaling) -> dict[str, Any]:
    """Scheduled actions. The provider imports none: PutScheduledAction takes over the one of the same name."""
    schedules: dict[str, Any] = {}
    named: dict[str, str] = {}
    for action in scaling.scheduled:
        bounds = action.details.get("ScalableTargetAction") or {}
        if "MinCapacity" not in bounds or "MaxCapacity" not in bounds:
            call.kept.append(
                f"Scheduled action {action.name} sets one bound alone, and the module sets both: it stays, and the "
                "verification refuses it; give it both bounds and adopt again, or delete it before the apply: "
                f"{_delete_action(action.name, scaling)}"
            )
            continue
        key = re.sub(r"[^a-z0-9]+", "-", action.name.lower()).strip("-") or f"schedule-{len(schedules) + 1}"
        schedules[key] = {
            "schedule": action.details["Schedule"],
            "timezone": action.details.get("Timezone"),
            "min_instances": bounds["MinCapacity"],
            "max_instances": bounds["MaxCapacity"],
            **{
                name: _rfc3339(action.details.get(member))
                for name, member in (("start_time", "StartTime"), ("end_time", "EndTime"))
            },
        }
        if action.name != f"{call.inventory.name}-{key}":
            named[key] = action.name
    if named:
        call.names["scheduled_actions"] = named
    return schedules


def _rfc3339(time: Any) -> str | None:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time is not None else None


def _delete_policy(name: str, scaling: VariantScaling) -> str:
    return _deletion("delete-scaling-policy", scaling, f"--policy-name {shlex.quote(name)}")


def _delete_action(name: str, scaling: VariantScaling) -> str:
    return _deletion("delete-scheduled-action", scaling, f"--scheduled-action-name {shlex.quote(name)}")


def _deletion(verb: str, scaling: VariantScaling, named: str) -> str:
    dimension = scaling.target.details["ScalableDimension"]
    return (
        f"aws application-autoscaling {verb} --service-namespace sagemaker --resource-id {scaling.target.name} "
        f"--scalable-dimension {dimension} {named}"
    )
