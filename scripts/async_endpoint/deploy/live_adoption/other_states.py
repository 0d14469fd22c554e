"""What a copy of another Terraform state has of a live endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.deploy.live_adoption.resources import LiveResource
from async_endpoint.input_files import read_input

_LARGEST_STATE_BYTES: Final = 64 * 2**20

# What a later deletion takes from a resource, although it is none of what is imported: by type, the type of that resource and
# the attribute that names it.
_PARTS: Final = {
    "aws_iam_role_policies_exclusive": ("aws_iam_role", "role_name"),
    "aws_iam_role_policy": ("aws_iam_role", "role"),
    "aws_iam_role_policy_attachment": ("aws_iam_role", "role"),
    "aws_iam_role_policy_attachments_exclusive": ("aws_iam_role", "role_name"),
    "aws_s3_bucket_policy": ("aws_s3_bucket", "bucket"),
    "aws_sns_topic_policy": ("aws_sns_topic", "arn"),
    "aws_sns_topic_subscription": ("aws_sns_topic", "topic_arn"),
}


class OtherState:
    """The managed resources of a state file (format version 4). Raises InvalidInput for a file that is no state."""

    def __init__(self, file: Path) -> None:
        self.file = file
        document = _document(file)
        self._lineage = document.get("lineage")
        self._instances = list(_instances(document))

    def __str__(self) -> str:
        count = len(self._instances)
        lineage = f"lineage {self._lineage}" if self._lineage else "no lineage"
        return f"{self.file} ({lineage}, {count} resource{'' if count == 1 else 's'})"

    def held(self, resources: Sequence[LiveResource]) -> list[tuple[str, LiveResource]]:
        """Those of `resources` that the state has, or has a part of, each with the address of that."""
        return [
            (address, resource)
            for address, kind, values in self._instances
            for resource in resources
            if _is(resource, kind, values) or self._is_part(resource, kind, values)
        ]

    def _is_part(self, resource: LiveResource, kind: str, values: Mapping[str, Any]) -> bool:
        owner, attribute = _PARTS.get(kind, ("", ""))
        if owner != resource.type:
            return False
        named = str(values.get(attribute) or "")
        if named.startswith("arn:"):
            return named == resource.arn
        return named == resource.name and self._knows(_account(resource.arn))

    def _knows(self, account: str) -> bool:
        """Whether a resource without an ARN may be in that account: some other one of the state is, or none has an account."""
        known = {_account(str(values.get("arn") or "")) for _, _, values in self._instances} - {""}
        return not account or not known or account in known


def _is(resource: LiveResource, kind: str, values: Mapping[str, Any]) -> bool:
    """Whether an instance in a state is `resource`: by its names, in the same region and account where both have an ARN.

    Names of scaling policies and scheduled actions are those of one scalable target (application-autoscaling,
    PutScalingPolicy), so resource id and dimension must agree too.
    """
    if kind != resource.type:
        return False
    arn = str(values.get("arn") or "")
    if arn and resource.arn and arn.split(":")[3:5] != resource.arn.split(":")[3:5]:
        return False
    for member, attribute in (("ResourceId", "resource_id"), ("ScalableDimension", "scalable_dimension")):
        if member in resource.details and values.get(attribute, resource.details[member]) != resource.details[member]:
            return False
    names = {str(values[name]) for name in ("id", "arn", "name", "resource_id") if values.get(name)}
    return bool(names & {resource.id, resource.arn, resource.name})


def _account(arn: str) -> str:
    return arn.split(":")[4] if arn.count(":") >= 5 else ""


def _instances(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Address, type and attributes of each managed resource."""
    for resource in document["resources"]:
        if resource.get("mode") != "managed":
            continue
        base = ".".join(filter(None, (resource.get("module"), resource["type"], resource["name"])))
        for instance in resource.get("instances", ()):
            key = instance.get("index_key")
            yield base if key is None else f"{base}[{json.dumps(key)}]", str(resource["type"]), instance.get("attributes") or {}


def _document(file: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(read_input(file, _LARGEST_STATE_BYTES))
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("version") != 4 or not isinstance(document.get("resources"), list):
        raise InvalidInput(
            f"{file} is no Terraform state; write one with `terraform state pull > {file.name}` in the other root."
        )
    return document
