"""Names of AWS regions, as botocore's endpoints.json describes them for all partitions (`regionRegex`)."""

from __future__ import annotations

import re

_NAME = (
    r"(?:(?:us|eu|ap|sa|ca|me|af|il|mx|cn)|us-gov|us-iso[bf]?|eu-isoe|eusc-de)"
    r"-(?:central|north|south|east|west|northeast|northwest|southeast|southwest)-\d+"
)
_WHOLE = re.compile(_NAME)
_WITHIN = re.compile(rf"(?<![A-Za-z0-9]){_NAME}(?![A-Za-z0-9])")


def is_region(text: str) -> bool:
    """Whether `text` has the form of a region's name; whether AWS has that region, it alone knows."""
    return _WHOLE.fullmatch(text) is not None


def regions_in(name: str) -> set[str]:
    """The regions that a resource's name contains, such as eu-west-1 in shop-prod-eu-west-1-execution."""
    return set(_WITHIN.findall(name))
