"""Tags by which an AWS resource is Terraform's: evidence only, since AWS knows no Terraform state, and tags stay after one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

DEPLOYMENT_TAG: Final = "deployment"  # of this project's environments: default_tags of their provider
# Names without case and signs, values in lower case; "*" is any value (ADR 0099)
TERRAFORM_TAGS: Final[Mapping[str, frozenset[str]]] = {
    "iac": frozenset({"terraform", "opentofu"}),
    "managedby": frozenset({"terraform", "opentofu", "pulumi", "terragrunt"}),
    "provisioner": frozenset({"terraform", "opentofu"}),
    "terraform": frozenset({"true", "yes"}),
    "tfmodule": frozenset({"*"}),
}
_LETTERS: Final = re.compile(r"[^a-z]")


def terraform_tag(tags: Mapping[str, str]) -> str | None:
    """The tag that says that Terraform manages a resource, as name=value; None without one.

    `deployment` is one, of any value: that of an environment of this project.
    """
    for name, value in tags.items():
        values = TERRAFORM_TAGS.get(_LETTERS.sub("", name.lower()), frozenset())
        if name == DEPLOYMENT_TAG or value.lower() in values or "*" in values:
            return f"{name}={value}"
    return None
