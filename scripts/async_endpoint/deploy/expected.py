"""What a destroyed environment consisted of, so that what is left of it can be searched for.

A complete apply has outputs and a state that name everything. An interrupted first one has not: then an ordinary plan says
which names the root would create, and with which tags.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from async_endpoint.core.errors import TerraformFailed
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.resource_kinds import ENDPOINT
from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.plan_view import PlanView, plan_view


@dataclass(frozen=True)
class ExpectedResources:
    """`names` of the endpoints, `view` of state and plan; `unsearched` says why some names are unknown, empty when none are."""

    names: tuple[str, ...]
    view: PlanView
    unsearched: str = ""


def expected_resources(
    terraform: Terraform, document: Mapping[str, Any], endpoints: Collection[AsyncEndpointOutputs], plan_file: Path
) -> ExpectedResources:
    """From the `document` of a plan to destroy and, without `endpoints`, from an ordinary plan saved in `plan_file`."""
    view, unsearched = plan_view(document), ""
    if endpoints:
        view = replace(view, region=view.region or next(iter(endpoints)).region)
    else:
        try:
            terraform.plan(plan_file)
            planned = plan_view(terraform.show(plan_file))
            view = replace(view, creations=planned.creations, region=view.region or planned.region)
        except TerraformFailed as error:
            unsearched = f"what else it would consist of is unknown: {error}"
    if view.region is None and not unsearched:
        unsearched = "what else it would consist of is unknown: its plan names no region."
    names = {str(attributes["name"]) for attributes in view.attributes(ENDPOINT) if attributes.get("name")}
    names |= {outputs.endpoint.name for outputs in endpoints}
    return ExpectedResources(tuple(sorted(names)), view, unsearched)
