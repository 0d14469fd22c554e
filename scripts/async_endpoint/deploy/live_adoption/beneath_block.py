"""A real-time or serverless endpoint as calls of modules container, model, endpoint-config and endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from async_endpoint.core.hosting_rules import has_local_storage
from async_endpoint.deploy.live_adoption.containers import containers
from async_endpoint.deploy.live_adoption.described import Described, Import
from async_endpoint.deploy.live_adoption.hcl import Expression, block
from async_endpoint.deploy.live_adoption.inventory import Inventory
from async_endpoint.deploy.live_adoption.module_settings import Naming, log_settings, network_settings, variant_settings
from async_endpoint.deploy.live_adoption.scaling import TrackingPolicy, VariantScaling
from async_endpoint.deploy.live_adoption.secret_values import Secrets
from async_endpoint.deploy.live_adoption.tags import described_tags
from async_endpoint.deploy.live_adoption.unexpressed import unexpressed

_PERCENT_OF_CORES: Final = frozenset({"cpu_percent", "gpu_percent"})  # the module multiplies by cores, which are not known here


@dataclass
class _Blocks:
    """The blocks while they are put together."""

    inventory: Inventory
    naming: Naming
    tags: dict[str, str] | None
    secrets: Secrets
    text: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def add_call(self, suffix: str, module: str, *arguments: Mapping[str, Any]) -> str:
        """Add a module call; returns its name."""
        name = f"{self.naming.call}_{suffix}"
        self.text.append(block("module", name, arguments=[{"source": f"../../modules/{module}"}, *arguments]))
        self.calls.append(name)
        return name


def beneath_blocks(inventory: Inventory, naming: Naming, key_arn: str | None, default_tags: Mapping[str, str]) -> Described:
    """The endpoint as module calls. `key_arn` is the KMS key of its volumes and captured data, None without one."""
    logs = [inventory.log_group] if inventory.log_group else []
    tags, notes = described_tags(inventory, default_tags, imported=logs)
    blocks = _Blocks(inventory, naming, tags or None, Secrets(naming.call), changes=notes)
    models = {name: _model_call(blocks, number, name) for number, name in enumerate(inventory.models)}
    configuration = blocks.add_call(
        "endpoint_config",
        "endpoint-config",
        {"name": _prefix(naming), "tags": blocks.tags},
        {"inference": _inference(inventory)},
        {"encryption": {"kms_key_arn": key_arn} if key_arn else None},
        {"variants": _variants(inventory, models)},
    )
    endpoint = blocks.add_call(
        "endpoint",
        "endpoint",
        {"name": inventory.name, "tags": blocks.tags, "endpoint_config": Expression(f"module.{configuration}")},
        {"logs": log_settings(inventory, blocks.changes)},
        *_scaling(blocks),
    )
    _import(blocks, endpoint)
    remaining = ", ".join(sorted(inventory.models))
    blocks.changes.append(
        f"A model and an endpoint configuration are created, and the endpoint is updated to them in place; {remaining} and "
        f"{inventory.configuration.name} remain, serving nothing."
    )
    blocks.changes += [*_rounded(inventory), *unexpressed(inventory)]
    blocks.kept.append(
        f"Role {inventory.role.name} is referenced and never changed."
        if inventory.role
        else "Roles are referenced and never changed."
    )
    return Described(
        "\n".join(blocks.text), blocks.calls, blocks.imports, None, blocks.changes, blocks.kept, blocks.secrets.found
    )


def _prefix(naming: Naming) -> str:
    return f"{naming.name}-{naming.environment_name}"


def _model_call(blocks: _Blocks, number: int, name: str) -> str:
    """The calls for one model; returns the name of the module call whose output `name` is the model's."""
    live, suffix = blocks.inventory.models[name], f"_{number + 1}" if number else ""
    listed = [
        blocks.add_call(
            f"container{suffix}" + (f"_{position + 1}" if position else ""), "model/container", {"container": value}
        )
        for position, value in enumerate(containers(live, blocks.secrets))
    ]
    direct = (live.details.get("InferenceExecutionConfig") or {}).get("Mode") == "Direct"
    settings = {
        "invocation": "direct" if direct else None,
        "network_isolation": True if live.details.get("EnableNetworkIsolation") else None,
        "role": {"existing": {"arn": live.details["ExecutionRoleArn"]}},
    }
    return blocks.add_call(
        f"model{suffix}",
        "model",
        {
            "name": _prefix(blocks.naming) + (f"-{number + 1}" if number else ""),
            "containers": [Expression(f"module.{call}") for call in listed],
            "endpoint_names": [blocks.inventory.name],
            "tags": blocks.tags,
        },
        {"model": settings},
        {"network": network_settings(live)},
    )


def _inference(inventory: Inventory) -> dict[str, Any]:
    if inventory.kind == "serverless":
        config = inventory.variants[0]["ServerlessConfig"]
        return {
            "serverless": {
                "max_concurrency": config["MaxConcurrency"],
                "memory_mb": config["MemorySizeInMB"],
                "provisioned_concurrency": config.get("ProvisionedConcurrency"),
            }
        }
    capture = inventory.configuration.details.get("DataCaptureConfig") or {}
    if not capture.get("EnableCapture"):
        return {"real_time": {}}
    headers = capture.get("CaptureContentTypeHeader") or {}
    uri = str(capture["DestinationS3Uri"])
    return {
        "real_time": {
            "data_capture": {
                "uri": uri,
                "sampling_percent": capture["InitialSamplingPercentage"],
                "modes": sorted(one["CaptureMode"] for one in capture["CaptureOptions"]),
                "csv_content_types": headers.get("CsvContentTypes"),
                "json_content_types": headers.get("JsonContentTypes"),
            }
        }
    }


def _variants(inventory: Inventory, models: Mapping[str, str]) -> dict[str, Any]:
    shadows = {str(one["VariantName"]) for one in inventory.shadows}
    found: dict[str, Any] = {}
    for variant in (*inventory.variants, *inventory.shadows):
        name = str(variant["VariantName"])
        settings: dict[str, Any] = {"model_name": Expression(f"module.{models[str(variant['ModelName'])]}.name")}
        if inventory.kind != "serverless":
            settings |= variant_settings(variant, inventory.running(name))
            if has_local_storage(str(variant["InstanceType"])):
                settings["volume_size_gb"] = None
            weight = inventory.weight(variant)
            settings |= {
                "routing_strategy": (variant.get("RoutingConfig") or {}).get("RoutingStrategy"),
                "shadow": True if name in shadows else None,
                "weight": _weight(weight) if weight != 1 else None,
            }
        found[name] = settings
    return found


def _weight(weight: float) -> float:
    """The nearest weight that the module takes: a multiple of 1/1024, which a float of 32 bits holds."""
    return round(weight * 1024) / 1024


def _rounded(inventory: Inventory) -> Iterator[str]:
    if inventory.kind != "serverless":
        for variant in inventory.variants:
            weight = inventory.weight(variant)
            if abs(_weight(weight) - weight) > 1e-6:
                yield f"The weight of variant {variant['VariantName']} becomes {_weight(weight)} instead of {weight:g}."


def _scaling(blocks: _Blocks) -> list[dict[str, Any]]:
    """Arguments `scaling` and `names` of module endpoint; nothing for what is not scaled, or by nothing that the module has."""
    scaling: dict[str, Any] = {}
    names: dict[str, Any] = {}
    for variant, live in blocks.inventory.scaling.items():
        targets = _targets(live)
        described = {one.resource.name for one in targets.values()}
        keeping = {one.resource.name for one in live.tracking if one.keeps_instances}
        for policy in (one for one in live.resources if one.type == "aws_appautoscaling_policy" and one.name not in described):
            why = "the module has no DisableScaleIn" if policy.name in keeping else "the module cannot describe it"
            blocks.kept.append(f"Scaling policy {policy.name} stays, not managed here: {why}.")
        for action in live.scheduled:
            blocks.kept.append(f"Scheduled action {action.name} stays, not managed here.")
        if live.suspended:
            blocks.changes.append(
                f"Scaling is suspended ({', '.join(live.suspended)}): {live.target.name}; it stays so until you resume it."
            )
        if not targets or live.scheduled:
            blocks.kept.append(f"Scalable target {live.target.name} stays, not managed here.")
            continue
        scaling[variant] = _scaled(live, targets)
        blocks.changes += _equalled(targets)
        policies = {
            target: one.resource.name
            for target, one in targets.items()
            if one.resource.name != _derived(blocks.inventory.name, target)
        }
        if policies:
            names[variant] = {"tracking_policies": policies}
    return [{"scaling": scaling or None}, {"names": names or None}]


def _targets(live: VariantScaling) -> dict[str, TrackingPolicy]:
    """The tracking policies that module endpoint can describe, by its name of their target.

    One with DisableScaleIn is left as it is: described, it would begin to remove instances.
    """
    return {
        one.target: one
        for one in live.tracking
        if one.target and one.target not in _PERCENT_OF_CORES and not one.keeps_instances
    }


def _equalled(targets: Mapping[str, TrackingPolicy]) -> Iterator[str]:
    """Policies whose cooldowns change: the module has one pair for all of a variant."""
    first, *others = targets.values()
    for policy in others:
        if policy.cooldowns != first.cooldowns:
            yield (
                f"Cooldowns of scaling policy {policy.resource.name} change from {_shown(policy)} to those of "
                f"{first.resource.name}, {_shown(first)}: the module has one pair for all policies."
            )


def _shown(policy: TrackingPolicy) -> str:
    scale_in, scale_out = policy.cooldowns
    return f"{scale_in} s in and {scale_out} s out"


def _derived(endpoint: str, target: str) -> str:
    return f"{endpoint}-{target.replace('_', '-')}"


def _scaled(live: VariantScaling, targets: Mapping[str, TrackingPolicy]) -> dict[str, Any]:
    first = next(iter(targets.values()))
    settings = {f"target_{target}": policy.value for target, policy in targets.items()}
    return {
        "min_instances": live.bounds[0],
        "max_instances": live.bounds[1],
        "scale_in_cooldown_seconds": first.scale_in_seconds,
        "scale_out_cooldown_seconds": first.scale_out_seconds,
        **settings,
    }


def _import(blocks: _Blocks, endpoint: str) -> None:
    inventory, address = blocks.inventory, f"module.{endpoint}"
    blocks.imports.append(Import(f"{address}.aws_sagemaker_endpoint.this", inventory.endpoint))
    if inventory.log_group is not None:
        blocks.imports.append(Import(f"{address}.aws_cloudwatch_log_group.this", inventory.log_group))
    for variant, live in inventory.scaling.items():
        described = _targets(live)
        if not described or live.scheduled:
            continue
        blocks.imports.append(Import(f'{address}.aws_appautoscaling_target.this["{variant}"]', live.target))
        blocks.imports += [
            Import(f'{address}.aws_appautoscaling_policy.tracking["{variant}/{target}"]', policy.resource)
            for target, policy in described.items()
        ]
