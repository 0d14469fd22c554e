"""A release on GitHub: made from the tag, with the changelog's section as notes and the wheel attached; safe to repeat."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from async_endpoint.core.errors import InvalidInput
from ci import changelog
from ci.github_api import GitHub


def version_of(checkout: Path, tag: str) -> str:
    """The version that `tag` (v1.2.3) releases; raises InvalidInput unless it is the one of pyproject.toml."""
    found = re.fullmatch(r"v(\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?)", tag)
    if found is None:
        raise InvalidInput(f"The tag {tag!r} is not a version such as v1.2.3.")
    version = str(tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
    if version != found[1]:
        raise InvalidInput(f"The tag is {tag} and pyproject.toml has version {version}; tag the commit that has v{version}.")
    return version


def release_notes(checkout: Path, tag: str) -> str:
    """The section of CHANGELOG.md for `tag`; raises InvalidInput."""
    return changelog.section((checkout / "CHANGELOG.md").read_text(encoding="utf-8"), version_of(checkout, tag))


def publish(github: GitHub, tag: str, notes: str, files: list[Path]) -> str:
    """Create the release of `tag` or complete the one there is, and return its page. An attached file is never replaced.

    Raises InvalidInput without files: a release without its wheel is not one.
    """
    if not files:
        raise InvalidInput("There is no wheel to release; run: make wheel")
    existing = github.find(f"releases/tags/{tag}")
    description = {"name": tag, "body": notes, "prerelease": not re.fullmatch(r"v[\d.]+", tag)}
    if existing is None:
        release = github.request("POST", "releases", description | {"tag_name": tag}).body
    else:
        release = github.request("PATCH", f"releases/{existing['id']}", description).body
    attached = {asset["name"] for asset in release.get("assets", ())}
    for file in files:
        if file.name not in attached:
            github.upload(release["upload_url"], file.name, file.read_bytes())
    return str(release["html_url"])
