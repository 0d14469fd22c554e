"""Tags that say that Terraform manages a resource: evidence of an owner that AWS does not know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# Names without case and signs, values in lower case; "*" is any value (ADR 0099).
TERRAFORM_TAGS: Final[Mapping[str, frozenset[str]]] = {
    "iac": frozenset({"terraform", "opentofu"}),
    "managedby": frozenset({"terraform", "opentofu", "pulumi", "terragrunt"}),
    "provisioner": frozenset({"terraform", "opentofu"}),
    "terraform": frozenset({"true", "yes"}),
    "tfmodule": frozenset({"*"}),
}
DEPLOYMENT_TAG: Final = "deployment"  # of default_tags: PROJECT-ENVIRONMENT-REGION
_LETTERS: Final = re.compile(r"[^a-z]")
_DEPLOYMENT: Final = re.compile(r".+-[a-z]{2}(-[a-z]+)+-\d")  # other people's "deployment" tags name no region


def terraform_tag(tags: Mapping[str, str]) -> str | None:
    """The tag that says that Terraform manages the resource, or that it is of an environment, as name=value; None without."""
    for name, value in tags.items():
        values = TERRAFORM_TAGS.get(_LETTERS.sub("", name.lower()), frozenset())
        if value.lower() in values or "*" in values:
            return f"{name}={value}"
    value = tags.get(DEPLOYMENT_TAG, "")
    return f"{DEPLOYMENT_TAG}={value}" if _DEPLOYMENT.fullmatch(value) else None
