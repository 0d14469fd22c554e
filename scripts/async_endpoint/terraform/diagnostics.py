"""Terraform's errors, read from what it prints with -no-color."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

_SEVERITY = re.compile(r"^(Error|Warning): ", re.MULTILINE)
_ADDRESS = re.compile(r"^  with (\S+?),$", re.MULTILINE)
# `on main.tf line 3, in module "x":` before source lines, and `for module "x" at main.tf:3.` in a text.
_PLACE = re.compile(r"^  on (?P<file>\S+) line (?P<line>\d+)|\bat (?P<file_>[\w./-]+\.tf):(?P<line_>\d+)\b", re.MULTILINE)
# Printed before the error that they follow from: the headline of init, and the literal that a syntax error leaves unknown.
_CONSEQUENCES = ("Terraform encountered problems during initialisation", "Unsuitable value type")
LONGEST_TEXT: Final = 400  # characters of a summary or a detail in a sentence; the provider lists every instance type
_KEPT_END: Final = 100
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
# What the AWS SDK wraps around the service's answer.
_SDK_ENVELOPE = re.compile(
    r"operation error [\w ]+: (?P<call>\w+), (?:exceeded maximum number of attempts, \d+, )?https response error "
    r"StatusCode: \d+, RequestID: [^,]*, (?:HostID: [^,]*, )?(?:api error )?"
)


@dataclass(frozen=True)
class Diagnostic:
    """One error: its summary, the first sentence of its detail, the resource it is about, and its place in the configuration.

    All but the summary may be empty; `place` is as in "main.tf line 3".
    """

    summary: str
    detail: str
    address: str
    place: str = ""

    def __str__(self) -> str:
        # A resource's address says more than its place, which is mostly in a module.
        text = f"{self.place}: " if self.place and not self.address else ""
        text += _shortened(self.summary.rstrip("."))
        if self.detail:
            text += f": {_shortened(self.detail.rstrip('.'))}"
        if self.address:
            text += f" (in {self.address})"
        return text


def first_error(output: str) -> Diagnostic | None:
    """The first error in Terraform's output, or None when it printed none.

    Those that follow from another error come last. Where another of the same summary has the place, as for a
    module that does not exist, it is that one's.
    """
    found = errors(output)
    if not found:
        return None
    first = next((error for error in found if not error.summary.startswith(_CONSEQUENCES)), found[0])
    places = (error.place for error in found if error.summary == first.summary and error.place)
    return replace(first, place=next(places, ""))


def errors(output: str) -> list[Diagnostic]:
    """Every error in Terraform's output, in its order."""
    marks = list(_SEVERITY.finditer(output))
    ends = [*(mark.start() for mark in marks), len(output)][1:]
    return [_diagnostic(output[mark.end() : end]) for mark, end in zip(marks, ends, strict=True) if mark[1] == "Error"]


def _diagnostic(block: str) -> Diagnostic:
    summary, *paragraphs = re.split(r"\n\s*\n", block)
    address = _ADDRESS.search(block)
    # Indented paragraphs are the place in the configuration and its source lines.
    detail = next((text for text in paragraphs if text and not text.startswith(" ")), "")
    sentence = _SENTENCE_END.split(_one_line(detail), maxsplit=1)[0]
    return Diagnostic(_one_line(summary), sentence, address[1] if address else "", _place(block))


def _place(block: str) -> str:
    found = _PLACE.search(block)
    if found is None:
        return ""
    file = (found["file"] or found["file_"]).replace("../", "")  # a root is envs/NAME
    return f"{file} line {found['line'] or found['line_']}"


def _shortened(text: str) -> str:
    """`text`, or its begin and its end, where providers name the value that was found."""
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[: LONGEST_TEXT - _KEPT_END - 5].rstrip()} ... {text[-_KEPT_END:].lstrip()}"


def _one_line(text: str) -> str:
    return _SDK_ENVELOPE.sub(r"\g<call>: ", " ".join(text.split()))
