"""An asynchronous endpoint as one call of module async-inference, and the import of what it consists of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.hosting_rules import has_local_storage, is_burstable
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.deploy.live_adoption.containers import Containers, containers
from async_endpoint.deploy.live_adoption.described import Described, Import
from async_endpoint.deploy.live_adoption.hcl import block
from async_endpoint.deploy.live_adoption.inventory import Inventory
from async_endpoint.deploy.live_adoption.module_settings import (
    Naming,
    log_settings,
    network_settings,
    variant_settings,
)
from async_endpoint.deploy.live_adoption.resources import LiveResource
from async_endpoint.deploy.live_adoption.scaling import VariantScaling
from async_endpoint.deploy.live_adoption.sharing import Sharing
from async_endpoint.deploy.live_adoption.tags import described_tags

_PREFIXES: Final = {
    "credentials": "credentials/",
    "failure": "failure/",
    "input": "input/",
    "model": "model/",
    "output": "output/",
    "predictions": "predictions/",
}
_BACKLOG: Final = "backlog_per_instance"


@dataclass
class _Call:
    """The call of the module while it is put together."""

    inventory: Inventory
    sharing: Sharing
    naming: Naming
    key_arn: str | None
    names: dict[str, Any] = field(default_factory=dict)
    imports: list[Import] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def add(self, address: str, resource: Any) -> None:
        self.imports.append(Import(f"module.{self.naming.call}.{address}", resource))

    @property
    def variant(self) -> Mapping[str, Any]:
        return self.inventory.variants[0]

    @property
    def variant_name(self) -> str:
        return str(self.variant["VariantName"])


def async_block(
    inventory: Inventory, sharing: Sharing, naming: Naming, key_arn: str | None, default_tags: Mapping[str, str]
) -> Described:
    """The endpoint as a module call. `key_arn` is the live results' KMS key, None without one.

    Raises InvalidInput for an endpoint on burstable instances, which the module would have to scale, and for model data that
    cannot be described.
    """
    call = _Call(inventory, sharing, naming, key_arn)
    instance_type = str(call.variant["InstanceType"])
    if is_burstable(instance_type):
        raise InvalidInput(
            f"Endpoint {inventory.name} runs on {instance_type}, which SageMaker does not scale, and module async-inference "
            "scales every endpoint; update it to another instance type, such as ml.m5.large, and adopt it then."
        )
    if inventory.bucket is None:
        raise InvalidInput(
            f"Endpoint {inventory.name} has no S3OutputPath: its results are in notifications alone, and the module stores "
            "them."
        )
    model = containers(inventory.models[str(call.variant["ModelName"])], naming.call)
    tags, notes = described_tags(inventory, default_tags, imported=_imported_tags(inventory, sharing))
    call.changes += notes
    call.add("module.endpoint.aws_sagemaker_endpoint.this", inventory.endpoint)
    settings = _settings(call, model)
    text = block(
        "module",
        naming.call,
        arguments=[
            {"source": "../../modules/async-inference"},
            {"name": naming.name, "environment": naming.environment, "tags": tags or None},
            {"names": _named(call)},
            *({name: value} for name, value in settings.items()),
        ],
    )
    call.changes += list(_always(call))
    output = f"{naming.output} = module.{naming.call}.async_endpoint"
    return Described(text, [naming.call], call.imports, output, call.changes, call.kept, model.secrets)


def _imported_tags(inventory: Inventory, sharing: Sharing) -> list[Any]:
    topics = [one.resource for one in inventory.topics.values() if one.resource.arn not in sharing.topics]
    optional = (None if sharing.role else inventory.role, None if sharing.bucket else inventory.bucket, inventory.log_group)
    return [*(one for one in optional if one is not None), *topics]


def _settings(call: _Call, model: Containers) -> dict[str, Any]:
    logs = log_settings(call.inventory, call.changes)
    if call.inventory.log_group is not None:
        call.add("module.endpoint.aws_cloudwatch_log_group.this", call.inventory.log_group)
    return {
        "model": _model(call, model),
        "network": network_settings(call.inventory.models[str(call.variant["ModelName"])]),
        "endpoint": _endpoint(call),
        "logs": logs,
        "notifications": _notifications(call),
        "scaling": _scaling(call),
        "storage": _storage(call),
    }


def _named(call: _Call) -> dict[str, Any] | None:
    """Names that differ from those that the module derives."""
    derived = f"{call.naming.name}-{call.naming.environment_name}"
    names: dict[str, Any] = {}
    if call.inventory.name != derived:
        names["endpoint"] = call.inventory.name
    if call.variant_name != "primary":
        names["variant"] = call.variant_name
    names |= call.names
    return {name: names[name] for name in sorted(names)} or None


# --- model and role ---------------------------------------------------------------------------------------------------


def _model(call: _Call, model: Containers) -> dict[str, Any]:
    live = call.inventory.models[str(call.variant["ModelName"])]
    return {
        "containers": model.values,
        "network_isolation": True if live.details.get("EnableNetworkIsolation") else None,
        "role": _role(call),
    }


def _role(call: _Call) -> dict[str, Any] | None:
    role, why = call.inventory.role, call.sharing.role
    if role is None:
        return None
    if why:
        call.kept.append(
            f"Role {role.name} is referenced, not imported: {why}. It gets an inline policy named after the model, with what "
            "the endpoint needs (attach_policy), and keeps everything else."
        )
        return {"existing": {"arn": role.arn, "attach_policy": True}}
    call.names["role"] = role.name
    call.add("module.model.aws_iam_role.imported[0]", role)
    call.changes.append(
        f"Role {role.name} is imported and gets one more inline policy; its trust policy, description, tags and other "
        "policies stay. A destroy deletes it."
    )
    boundary = (role.details.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    path = role.details.get("Path", "/")
    return {"path": path if path != "/" else None, "permissions_boundary_arn": boundary} if boundary or path != "/" else None


# --- instances and scaling --------------------------------------------------------------------------------------------


def _endpoint(call: _Call) -> dict[str, Any]:
    client = call.inventory.configuration.details["AsyncInferenceConfig"].get("ClientConfig") or {}
    concurrent = client.get("MaxConcurrentInvocationsPerInstance")
    if concurrent is None:
        call.changes.append(
            "An instance takes 4 requests at once, the module's default; the live configuration leaves the number to SageMaker."
        )
    running = call.inventory.running(call.variant_name)
    settings = variant_settings(call.variant, running)
    if has_local_storage(str(call.variant["InstanceType"])):
        settings.pop("volume_size_gb", None)
    return settings | {"max_concurrent_invocations": concurrent}


def _scaling(call: _Call) -> dict[str, Any]:
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


def _tracking(call: _Call, scaling: VariantScaling) -> dict[str, Any]:
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


def _wake(call: _Call, scaling: VariantScaling) -> dict[str, Any]:
    wake = scaling.wake
    for step in scaling.steps:
        if step is not wake:
            call.kept.append(
                f"Step scaling policy {step.resource.name} stays, and its alarms: the module has one that starts the first "
                "instance alone."
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
    return {"wake_cooldown_seconds": wake.cooldown_seconds}


def _schedules(call: _Call, scaling: VariantScaling) -> dict[str, Any]:
    """Scheduled actions. The provider imports none: PutScheduledAction takes over the one of the same name."""
    schedules: dict[str, Any] = {}
    named: dict[str, str] = {}
    for action in scaling.scheduled:
        bounds = action.details.get("ScalableTargetAction") or {}
        if "MinCapacity" not in bounds or "MaxCapacity" not in bounds:
            call.kept.append(
                f"Scheduled action {action.name} sets one bound alone, and the module sets both: it stays, not managed here."
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
    from datetime import UTC  # noqa: PLC0415

    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time is not None else None


def _delete_policy(name: str, scaling: VariantScaling) -> str:
    dimension = scaling.target.details["ScalableDimension"]
    return (
        f"aws application-autoscaling delete-scaling-policy --service-namespace sagemaker --resource-id {scaling.target.name} "
        f"--scalable-dimension {dimension} --policy-name {name}"
    )


# --- results and notifications ----------------------------------------------------------------------------------------


def _notifications(call: _Call) -> dict[str, Any] | None:
    if not call.inventory.topics:
        return None
    referenced: dict[str, Any] = {}
    imported: dict[str, LiveResource] = {}
    for outcome, topic in sorted(call.inventory.topics.items(), reverse=True):
        resource, why = topic.resource, call.sharing.topics.get(topic.resource.arn)
        if why:
            referenced[outcome] = {"arn": resource.arn, "kms_key_arn": topic.key_arn}
            call.kept.append(f"Topic {resource.name} ({outcome}) is referenced and never changed: {why}.")
            continue
        call.names[f"{outcome}_topic"] = resource.name
        if resource.arn not in [one.arn for one in imported.values()]:  # one topic for both outcomes is that of success
            imported[outcome] = resource
    for outcome, resource in imported.items():
        call.add(f'module.notifications.aws_sns_topic.imported["{outcome}"]', resource)
        call.changes.append(
            f"Topic {resource.name} is imported as it is, with its policy, encryption and subscriptions; the module's results "
            "queue is subscribed to it. A destroy deletes it."
        )
    if len(referenced) == 2 and referenced["error"] == referenced["success"]:
        referenced = {"both": referenced["success"]}
    included = (call.inventory.output.get("NotificationConfig") or {}).get("IncludeInferenceResponseIn") or []
    return {
        "include_response_in": sorted(included),
        "replace_topic_policies": False if imported else None,
        "topics": referenced or None,
    }


def _storage(call: _Call) -> dict[str, Any]:
    bucket, why = call.inventory.bucket, call.sharing.bucket
    assert bucket is not None
    existing: dict[str, Any] = {"key": {"arn": call.key_arn}} if call.key_arn else {}
    settings: dict[str, Any] = {}
    if why:
        existing["bucket"] = {"name": bucket.name}
        call.kept.append(f"Bucket {bucket.name} is referenced and never changed: {why}.")
    else:
        call.names["bucket"] = bucket.name
        settings["bucket_settings"] = []
        call.add("module.storage[0].aws_s3_bucket.imported[0]", bucket)
        call.changes.append(
            f"Bucket {bucket.name} is imported, and nothing of its policy, encryption, versioning, lifecycle and access "
            "changes (bucket_settings = []). A destroy deletes it, where it is empty."
        )
    if not call.key_arn:
        settings["key_admits_account"] = True
        call.changes.append(
            "Results are encrypted with a KMS key that is created; who may read them today still may (key_admits_account), "
            "through Amazon S3."
        )
    else:
        call.changes.append(
            f"Results stay encrypted with {call.key_arn}, whose policy must have the statements of output key_policy_json of "
            "module storage."
        )
    return settings | {"existing": existing or None, "prefixes": _prefixes(call)}


def _prefixes(call: _Call) -> dict[str, str] | None:
    """Prefixes that differ from the module's: where results go now, and others where one would contain another."""
    output = S3Uri.parse(str(call.inventory.output["S3OutputPath"]))
    failure = S3Uri.parse(str(call.inventory.output["S3FailurePath"])) if call.inventory.output.get("S3FailurePath") else None
    given: dict[str, str] = {}
    if output.key.strip("/"):
        given["output"] = f"{output.key.strip('/')}/"
    else:
        call.changes.append(f"Outputs go to {output}/output/ instead of {output}: the module needs a prefix.")
    taken = given.get("output", _PREFIXES["output"])
    if failure is None:
        call.changes.append("Failures are stored as objects too, where the live configuration names no S3FailurePath.")
    elif failure.bucket == output.bucket and failure.key.strip("/") and not _overlap(f"{failure.key.strip('/')}/", taken):
        given["failure"] = f"{failure.key.strip('/')}/"
    else:
        call.changes.append(
            f"Failures no longer go to {failure}: the module stores them in the bucket of the outputs, beside their prefix."
        )
    for role, prefix in _PREFIXES.items():
        if role not in given and any(_overlap(prefix, other) for other in given.values()):
            given[role] = f"{call.naming.name}-{prefix}"
    return {role: given[role] for role in sorted(given) if given[role] != _PREFIXES[role]} or None


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _always(call: _Call) -> Iterator[str]:
    """What every adopted endpoint gets."""
    models = ", ".join(sorted(call.inventory.models))
    yield (
        "A model and an endpoint configuration are created, and the endpoint is updated to them in place; "
        f"{models} and {call.inventory.configuration.name} remain, serving nothing."
    )
    yield "The module adds its alarms, a dashboard, a results queue and a dead letter queue; set monitoring to have fewer."
    if call.inventory.configuration.details.get("DataCaptureConfig"):
        yield "Data capture ends: module async-inference has none."
    last = call.inventory.endpoint.details.get("LastDeploymentConfig") or {}
    for alarm in (last.get("AutoRollbackConfiguration") or {}).get("Alarms") or ():
        yield f"Alarm {alarm['AlarmName']} does not roll updates back any more: the module's alarm on server errors does."
    if call.variant.get("CoreDumpConfig", {}).get("KmsKeyId"):
        yield "Core dumps are encrypted with the deployment's key from now on."
