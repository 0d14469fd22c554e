"""Settings that module async-inference and the modules beneath it take alike: names, variants, network and logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.deploy.live_adoption.hcl import Expression
from async_endpoint.deploy.live_adoption.inventory import Inventory
from async_endpoint.deploy.live_adoption.resources import LiveResource

# Days that CloudWatch Logs offers and module endpoint takes; the longest stands in for "never".
_LONGEST_RETENTION: Final = 3653


@dataclass(frozen=True)
class Naming:
    """`name` is the module's, without the environment; `environment` is as it is written in the root."""

    name: str
    environment_name: str
    environment: str | Expression

    @property
    def call(self) -> str:
        return self.name.replace("-", "_")

    @property
    def output(self) -> str:
        """The key in output `async_endpoints`."""
        return self.name


def variant_settings(variant: Mapping[str, Any], running: int) -> dict[str, Any]:
    """Settings of a variant with instances. Updates begin with as many as are `running`, or as its configuration says."""
    initial = max(running, int(variant.get("InitialInstanceCount") or 1))
    return {
        "instance_type": variant["InstanceType"],
        "initial_instances": initial if initial > 1 else None,
        "volume_size_gb": variant.get("VolumeSizeInGB"),
        "model_download_timeout_seconds": variant.get("ModelDataDownloadTimeoutInSeconds"),
        "startup_timeout_seconds": variant.get("ContainerStartupHealthCheckTimeoutInSeconds"),
        "inference_ami_version": variant.get("InferenceAmiVersion"),
        "enable_ssm_access": True if variant.get("EnableSSMAccess") else None,
        "core_dump_uri": (variant.get("CoreDumpConfig") or {}).get("DestinationS3Uri"),
    }


def network_settings(model: LiveResource) -> dict[str, Any] | None:
    config = model.details.get("VpcConfig") or {}
    if not config.get("Subnets"):
        return None
    return {"security_group_ids": sorted(config["SecurityGroupIds"]), "subnet_ids": sorted(config["Subnets"])}


def log_settings(inventory: Inventory, changes: list[str]) -> dict[str, Any] | None:
    """Settings of the log group; None where there is none yet. A sentence goes to `changes` where one cannot be kept."""
    group = inventory.log_group
    if group is None:
        return None
    days = group.details.get("retentionInDays")
    if days is None:
        changes.append(
            f"Log events expire after {_LONGEST_RETENTION} days, the longest period; {group} keeps them for ever now."
        )
    return {"kms_key_arn": group.details.get("kmsKeyId"), "retention_days": days or _LONGEST_RETENTION}


def volume_change(live_key_arn: str | None, how: str) -> str:
    """A sentence on the key of instance volumes, of which a module call has one for all that it encrypts."""
    instead = f" instead of {live_key_arn}" if live_key_arn else ""
    return f"Instance volumes are encrypted {how}{instead}, where the instance type takes a key."
