"""What Terraform prints, without the values of resources and outputs: for the log of a pipeline, which has many readers.

A plan names every attribute with its value, and masks only what is declared sensitive, not policies and environment variables
of models. An error quotes what AWS refused: "Value '{TOKEN=…}' at 'primaryContainer.environment' failed to satisfy constraint".
So within a plan only the names of resources are passed on, and the values that a plan is known to set are replaced everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

HIDDEN: Final = "(hidden)"
MIN_SECRET_LENGTH: Final = 6  # shorter ones are parts of other words, and numbers

# Above what a plan of Terraform 1.11 lists, with values, and below it.
_LISTS: Final = (
    "Terraform will perform the following actions:",
    "Terraform planned the following actions",
    "Terraform detected the following changes",
    "Note: Objects have changed outside of Terraform",
    "Changes to Outputs:",
)
_LISTED: Final = ("Plan: ", "Error: ", "Warning: ", "No changes.", "Apply complete!", "Destroy complete!")
_RESOURCE: Final = re.compile(r"  # \S")
_MODEL: Final = "aws_sagemaker_model"


def without_values(pass_on: Callable[[str], None]) -> Callable[[str], None]:
    """A listener for the lines of one Terraform command, which passes on those without a value."""
    listing = ended = False

    def line_printed(line: str) -> None:
        nonlocal listing, ended
        if line.startswith(_LISTS):
            listing = True
        elif line.startswith(_LISTED):
            listing = False
        ended = ended or line == "Outputs:"
        if not ended and (not listing or not line.startswith(" ") or _RESOURCE.match(line)):
            pass_on(line)

    return line_printed


def secret_values(document: Mapping[str, Any]) -> frozenset[str]:
    """The texts that a plan's document has as sensitive, and those of environment variables of models."""
    found = [text for change in _changes(document) for text in _sensitive(change)]
    variables = (document.get("configuration") or {}).get("root_module", {}).get("variables", {})
    for name, declared in variables.items():
        if declared.get("sensitive"):
            found += _texts((document.get("variables") or {}).get(name, {}).get("value"))
    return frozenset(text for text in found if len(text) >= MIN_SECRET_LENGTH)


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` with each of `secrets` replaced, also where Terraform has broken the line within one."""
    for secret in sorted(secrets, key=len, reverse=True):
        words = secret.split()
        if words:
            text = re.sub(r"\s+".join(map(re.escape, words)), HIDDEN, text)
        for word in words if len(words) > 1 else ():  # a line has a part of it
            if len(word) >= MIN_SECRET_LENGTH:
                text = text.replace(word, HIDDEN)
    return text


def _changes(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for item in document.get("resource_changes", ()):
        yield {"type": item.get("type")} | item["change"]
    yield from (document.get("output_changes") or {}).values()


def _sensitive(change: Mapping[str, Any]) -> Iterator[str]:
    for side in ("before", "after"):
        yield from _marked(change.get(side), change.get(f"{side}_sensitive"))
        if change.get("type") == _MODEL:
            values = change.get(side) or {}
            containers = [*(values.get("primary_container") or ()), *(values.get("container") or ())]
            yield from (text for container in containers for text in _texts(container.get("environment")))


def _marked(value: Any, mark: Any) -> Iterator[str]:
    """The texts of the parts of `value` that are marked as sensitive."""
    if mark is True:
        yield from _texts(value)
    elif isinstance(mark, Mapping) and isinstance(value, Mapping):
        for name in mark:
            yield from _marked(value.get(name), mark[name])
    elif isinstance(mark, list) and isinstance(value, list):
        for item, own in zip(value, mark, strict=False):
            yield from _marked(item, own)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for item in value.values() for text in _texts(item))
    elif isinstance(value, list):
        yield from (text for item in value for text in _texts(item))
