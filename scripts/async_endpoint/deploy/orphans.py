"""Orphans: resources of a deployment that exist, and that its Terraform state does not have.

A creation whose response is lost leaves one: AWS made it, Terraform saw an error. Named ones are found by the names that a plan
is to create; keys have no name, and configurations get a new one each time, so these are found by tags and by what marks them
as this root's: a key's description, a configuration's or a model's prefix.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from async_endpoint.aws import AwsSession
from async_endpoint.deploy.resource_kinds import CONFIGURATION, ENDPOINT, KEY, KINDS, MODEL, Found, Kind, tagged
from async_endpoint.terraform.plan_document import PlanView, ResourceChange

# What follows a prefix in a generated name: of module model's models, and of the provider's name_prefix (id.PrefixedUniqueId).
_GENERATED = re.compile(r"(?<=-)(?:[0-9a-f]{12}|[0-9]{18}[0-9a-f]{8})$")


@dataclass(frozen=True)
class Orphan:
    """`address` is the planned creation that it stands in the way of, None where nothing is to be created in its place.

    `own` says that it is this deployment's: it has the planned name and tags or, without a name, the tags and a mark.
    """

    kind: Kind
    found: Found
    address: str | None
    own: bool

    def __str__(self) -> str:
        return f"{self.kind.label} {self.found.name}"


def blocking_orphans(aws: AwsSession, view: PlanView) -> list[Orphan]:
    """What exists under the names that the plan is to create, in the order of the plan; the state's own are left out.

    A creation that is idempotent succeeds all the same, so what is this deployment's own is then left out too.
    """
    return [orphan for orphan in planned_orphans(aws, view) if not (orphan.own and orphan.kind.idempotent)]


def planned_orphans(aws: AwsSession, view: PlanView) -> list[Orphan]:
    """Everything that exists under a name that the plan is to create, of every kind."""
    return [orphan for creation in view.creations if (orphan := _planned_orphan(aws, view, creation)) is not None]


def stray_orphans(aws: AwsSession, view: PlanView) -> list[Orphan]:
    """This deployment's configurations, models and keys that are not in the state and that nothing uses, in that order.

    A configuration is used by an endpoint, a model by a configuration that is not a stray itself, a key by an alias.
    """
    planned = {creation.after.get("name") for creation in view.creations}
    configurations = [found for found in _marked(aws, view, CONFIGURATION) if found.name not in planned]
    if configurations:
        served = served_configurations(aws)
        configurations = [found for found in configurations if found.name not in served]
    models = [found for found in _marked(aws, view, MODEL) if found.name not in planned]
    if models:
        used = used_models(aws, without={found.name for found in configurations})
        models = [found for found in models if found.name not in used]
    strays = ((CONFIGURATION, configurations), (MODEL, models))
    hosting = [Orphan(KINDS[kind], found, None, own=True) for kind, group in strays for found in group]
    return [*hosting, *stray_keys(aws, view)]


def stray_keys(aws: AwsSession, view: PlanView) -> list[Orphan]:
    """This deployment's keys that are not in the state and that no alias names: CreateKey is repeated after a lost response."""
    keys = list(_marked(aws, view, KEY))
    aliased = aliased_keys(aws) if keys else set()
    return [Orphan(KINDS[KEY], found, None, own=True) for found in keys if found.id not in aliased]


def served_configurations(aws: AwsSession) -> set[str]:
    """The configurations of all endpoints of the account: one may be shared with endpoints of other roots."""
    sagemaker = aws.client("sagemaker")
    names = [
        item["EndpointName"] for page in sagemaker.get_paginator("list_endpoints").paginate() for item in page["Endpoints"]
    ]
    found = (KINDS[ENDPOINT].find(aws, name) for name in names)
    return {endpoint.details["EndpointConfigName"] for endpoint in found if endpoint is not None}


def used_models(aws: AwsSession, without: set[str]) -> set[str]:
    """The models of all endpoint configurations of the account but those named."""
    pages = aws.client("sagemaker").get_paginator("list_endpoint_configs").paginate()
    names = [item["EndpointConfigName"] for page in pages for item in page["EndpointConfigs"]]
    found = (KINDS[CONFIGURATION].find(aws, name) for name in names if name not in without)
    return {
        variant["ModelName"]
        for configuration in found
        if configuration is not None
        for member in ("ProductionVariants", "ShadowProductionVariants")
        for variant in configuration.details.get(member, ())
        if "ModelName" in variant
    }


def aliased_keys(aws: AwsSession) -> set[str]:
    pages = aws.client("kms").get_paginator("list_aliases").paginate()
    return {alias["TargetKeyId"] for page in pages for alias in page["Aliases"] if "TargetKeyId" in alias}


def _planned_orphan(aws: AwsSession, view: PlanView, creation: ResourceChange) -> Orphan | None:
    if creation.type == KEY:
        return _planned_key(aws, view, creation)
    kind = KINDS.get(creation.type)
    name = kind.name(creation.after) if kind else None
    if kind is None or name is None or view.has(kind.type, name):
        return None
    found = kind.find(aws, name)
    return Orphan(kind, found, creation.address, _is_own(found, view, creation.after)) if found else None


def _planned_key(aws: AwsSession, view: PlanView, creation: ResourceChange) -> Orphan | None:
    """The key that a planned alias already names: data is encrypted with it, so it is imported rather than made again."""
    aliases = [other.after.get("name") for other in view.creations if other.type == "aws_kms_alias"]
    for name in filter(None, aliases):
        found = KINDS[KEY].find(aws, name)
        if found and not view.has(KEY, found.id) and found.details.get("Description") == creation.after.get("description"):
            return Orphan(KINDS[KEY], found, creation.address, _is_own(found, view, creation.after))
    return None


def _is_own(found: Found, view: PlanView, planned: Mapping[str, Any]) -> bool:
    if found.unclaimed:
        return True
    if found.tags is None:  # a permission: its source is the planned one
        source = _source_arn(found.details)
        return source is not None and source == planned.get("source_arn")
    return found.carries(planned.get("tags_all") or view.tags)


def _source_arn(statement: Mapping[str, Any]) -> str | None:
    """The ARN that a statement of a function's policy is conditioned on."""
    conditions = statement.get("Condition") or {}
    return next((str(test["AWS:SourceArn"]) for test in conditions.values() if "AWS:SourceArn" in test), None)


def _marked(aws: AwsSession, view: PlanView, kind: str) -> Iterator[Found]:
    """What is not in the state and carries the tags and a mark of this root's resources of this kind."""
    # A model's name may be unknown until it is made; its prefix is that of the configuration beside it.
    beside = (kind, CONFIGURATION) if kind == MODEL else (kind,)
    marks = {mark for type_ in beside for attributes in view.attributes(type_) if (mark := _mark(kind, attributes))}
    if not marks:
        return
    for found in tagged(aws, kind, view.tags):
        own = found.details.get("Description") if kind == KEY else _prefix(found.name)
        if own in marks and not view.has(kind, found.name, found.id):
            yield found


def _mark(kind: str, attributes: Mapping[str, Any]) -> str | None:
    """What distinguishes this root's resource from others: a key's description, the rest of a generated name."""
    if kind == KEY:
        return attributes.get("description")
    return attributes.get("name_prefix") or _prefix(attributes.get("name") or "") or None


def _prefix(name: str) -> str:
    """A generated name without what was generated; empty for a name that is all given."""
    match = _GENERATED.search(name)
    return name[: match.start()] if match else ""
