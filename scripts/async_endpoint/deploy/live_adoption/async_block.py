"""An asynchronous endpoint as one call of module async-inference, and the import of what it consists of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.hosting_rules import has_local_storage, is_burstable
from async_endpoint.deploy.live_adoption.adopted_call import AdoptedCall
from async_endpoint.deploy.live_adoption.async_results import notification_settings, storage_settings
from async_endpoint.deploy.live_adoption.async_scaling import scaling_settings
from async_endpoint.deploy.live_adoption.containers import containers
from async_endpoint.deploy.live_adoption.derived_names import require_distinct_names
from async_endpoint.deploy.live_adoption.described import Described
from async_endpoint.deploy.live_adoption.hcl import block
from async_endpoint.deploy.live_adoption.inventory import Inventory
from async_endpoint.deploy.live_adoption.module_settings import (
    Naming,
    log_settings,
    network_settings,
    variant_settings,
)
from async_endpoint.deploy.live_adoption.secret_values import Secrets
from async_endpoint.deploy.live_adoption.sharing import Sharing
from async_endpoint.deploy.live_adoption.tags import described_tags
from async_endpoint.deploy.live_adoption.unexpressed import unexpressed


def async_block(
    inventory: Inventory, sharing: Sharing, naming: Naming, key_arn: str | None, default_tags: Mapping[str, str]
) -> Described:
    """The endpoint as a module call. `key_arn` is the live results' KMS key, None without one.

    Raises InvalidInput for an endpoint on burstable instances, which the module would have to scale, for model data that cannot
    be described, and for what has the name of something that the module would create.
    """
    call = AdoptedCall(inventory, sharing, naming, key_arn)
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
    secrets = Secrets(naming.call)
    model = containers(inventory.models[str(call.variant["ModelName"])], secrets)
    tags, notes = described_tags(inventory, default_tags, imported=_imported_tags(inventory, sharing))
    call.changes += notes
    call.add("module.endpoint.aws_sagemaker_endpoint.this", inventory.endpoint)
    settings = _settings(call, model)
    require_distinct_names(call)
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
    call.changes += [*_always(call), *unexpressed(inventory)]
    output = f"{naming.output} = module.{naming.call}.async_endpoint"
    return Described(text, [naming.call], call.imports, output, call.changes, call.kept, secrets.found)


def _imported_tags(inventory: Inventory, sharing: Sharing) -> list[Any]:
    topics = [one.resource for one in inventory.topics.values() if one.resource.arn not in sharing.topics]
    optional = (None if sharing.role else inventory.role, None if sharing.bucket else inventory.bucket, inventory.log_group)
    return [*(one for one in optional if one is not None), *topics]


def _settings(call: AdoptedCall, model: list[dict[str, Any]]) -> dict[str, Any]:
    logs = log_settings(call.inventory, call.changes)
    if call.inventory.log_group is not None:
        call.add("module.endpoint.aws_cloudwatch_log_group.this", call.inventory.log_group)
    return {
        "model": _model(call, model),
        "network": network_settings(call.inventory.models[str(call.variant["ModelName"])]),
        "endpoint": _endpoint(call),
        "logs": logs,
        "notifications": notification_settings(call),
        "scaling": scaling_settings(call),
        "storage": storage_settings(call),
    }


def _named(call: AdoptedCall) -> dict[str, Any] | None:
    """Names that differ from those that the module derives."""
    derived = f"{call.naming.name}-{call.naming.environment_name}"
    names: dict[str, Any] = {}
    if call.inventory.name != derived:
        names["endpoint"] = call.inventory.name
    if call.variant_name != "primary":
        names["variant"] = call.variant_name
    names |= call.names
    return {name: names[name] for name in sorted(names)} or None


def _model(call: AdoptedCall, model: list[dict[str, Any]]) -> dict[str, Any]:
    live = call.inventory.models[str(call.variant["ModelName"])]
    return {
        "containers": model,
        "network_isolation": True if live.details.get("EnableNetworkIsolation") else None,
        "role": _role(call),
    }


def _role(call: AdoptedCall) -> dict[str, Any] | None:
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


def _endpoint(call: AdoptedCall) -> dict[str, Any]:
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


def _always(call: AdoptedCall) -> Iterator[str]:
    """What every adopted endpoint gets."""
    models = ", ".join(sorted(call.inventory.models))
    yield (
        "A model and an endpoint configuration are created, and the endpoint is updated to them in place; "
        f"{models} and {call.inventory.configuration.name} remain, serving nothing."
    )
    yield "The module adds its alarms, a dashboard, a results queue and a dead letter queue; set monitoring to have fewer."
    if (call.inventory.configuration.details.get("DataCaptureConfig") or {}).get("EnableCapture"):
        yield "Data capture ends: module async-inference has none."
    last = call.inventory.endpoint.details.get("LastDeploymentConfig") or {}
    for alarm in (last.get("AutoRollbackConfiguration") or {}).get("Alarms") or ():
        yield f"Alarm {alarm['AlarmName']} does not roll updates back any more: the module's alarm on server errors does."
    if call.variant.get("CoreDumpConfig", {}).get("KmsKeyId"):
        yield "Core dumps are encrypted with the deployment's key from now on."
