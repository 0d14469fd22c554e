"""The section of CHANGELOG.md that belongs to a version."""

from __future__ import annotations

import re

from async_endpoint.core.errors import InvalidInput

_HEADING = re.compile(r"^## \[?(?P<version>[^\s\]]+)\]?(?P<rest>.*)$", re.MULTILINE)


def section(text: str, version: str) -> str:
    """What stands below the heading of `version`; raises InvalidInput when there is none, or it is not released."""
    headings = list(_HEADING.finditer(text))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        if heading["version"] != version:
            continue
        if "unreleased" in heading["rest"].lower():
            raise InvalidInput(f"CHANGELOG.md has version {version} as unreleased; write the date of the release there.")
        if found := text[heading.end() : following.start() if following else len(text)].strip():
            return found
        raise InvalidInput(f"CHANGELOG.md has nothing below version {version}; write what a user notices.")
    raise InvalidInput(f"CHANGELOG.md has no section of version {version}.")
