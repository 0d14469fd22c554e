"""One run of a workflow, as GitHub describes it to a step: GITHUB_* variables, the event's payload, and three files.

Sources: GitHub documentation, "Variables reference" and "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput, NotReady

SUMMARY_LIMIT_BYTES: Final = 1024 * 1024  # of one step; a longer summary fails the step

_OUTPUT_NAME = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True)
class Run:
    """What a step finds in its environment."""

    variables: Mapping[str, str]

    def get(self, name: str) -> str:
        """A variable; empty where it is not set, as an expression without a value gives."""
        return self.variables.get(name, "")

    def require(self, name: str) -> str:
        """A variable; raises NotReady when it is empty or not set."""
        if not (value := self.get(name)):
            raise NotReady(f"The variable {name} is not set; run this in a workflow of .github/workflows.")
        return value

    @property
    def repository(self) -> str:
        """OWNER/NAME; raises NotReady for anything else, which would name another path of the API."""
        name = self.require("GITHUB_REPOSITORY")
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", name) or ".." in name:
            raise NotReady(f"GITHUB_REPOSITORY is {name!r}, not OWNER/NAME.")
        return name

    @property
    def url(self) -> str:
        """The page of this run."""
        server = self.get("GITHUB_SERVER_URL") or "https://github.com"
        return f"{server}/{self.repository}/actions/runs/{self.require('GITHUB_RUN_ID')}"

    @property
    def event_name(self) -> str:
        return self.require("GITHUB_EVENT_NAME")

    @property
    def event(self) -> dict[str, Any]:
        """The payload of the event that started the run; raises NotReady when it cannot be read."""
        path = self.require("GITHUB_EVENT_PATH")
        try:
            document = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise NotReady(f"The event's payload {path} cannot be read: {error}.") from error
        if not isinstance(document, dict):
            raise NotReady(f"The event's payload {path} is not a JSON object.")
        return document

    @property
    def pull_request(self) -> dict[str, Any]:
        """The pull request of the event; raises InvalidInput in runs of other events."""
        found = self.event.get("pull_request")
        if not isinstance(found, dict) or not isinstance(found.get("number"), int):
            raise InvalidInput(f"A run of event {self.event_name} has no pull request.")
        return found

    def write_output(self, name: str, value: str) -> None:
        """Set an output of this step. The delimiter is random, so no value can end early and set another output."""
        if not _OUTPUT_NAME.fullmatch(name):
            raise InvalidInput(f"{name!r} is not the name of an output.")
        delimiter = f"end-{secrets.token_hex(16)}"
        self._append("GITHUB_OUTPUT", f"{name}<<{delimiter}\n{value}\n{delimiter}\n")

    def write_summary(self, markdown: str) -> None:
        """Add Markdown to the page of the run, up to what GitHub accepts of one step."""
        text = markdown.encode()[: SUMMARY_LIMIT_BYTES - 2].decode(errors="ignore")
        self._append("GITHUB_STEP_SUMMARY", f"{text}\n")

    def _append(self, variable: str, text: str) -> None:
        with Path(self.require(variable)).open("a", encoding="utf-8") as file:
            file.write(text)


def annotation(level: str, title: str, message: str) -> str:
    """A workflow command that shows `message` on the run's page; `level` is error, warning or notice.

    Line ends and the characters that separate properties are encoded, so no text starts a command of its own.
    """
    text = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    heading = title.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A").replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={heading}::{text}"
