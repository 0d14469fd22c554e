"""Terraform's errors, read from what it prints with -no-color."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SEVERITY = re.compile(r"^(Error|Warning): ", re.MULTILINE)
_ADDRESS = re.compile(r"^  with (\S+?),$", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
# What the AWS SDK wraps around the service's answer.
_SDK_ENVELOPE = re.compile(
    r"operation error [\w ]+: (?P<call>\w+), (?:exceeded maximum number of attempts, \d+, )?https response error "
    r"StatusCode: \d+, RequestID: [^,]*, (?:HostID: [^,]*, )?(?:api error )?"
)


@dataclass(frozen=True)
class Diagnostic:
    """One error: its summary, the first sentence of its detail and the resource it is about; the last two may be empty."""

    summary: str
    detail: str
    address: str

    def __str__(self) -> str:
        text = self.summary.rstrip(".")
        if self.detail:
            text += f": {self.detail.rstrip('.')}"
        if self.address:
            text += f" (in {self.address})"
        return text


def first_error(output: str) -> Diagnostic | None:
    """The first error in Terraform's output, or None when it printed none."""
    return next(iter(errors(output)), None)


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
    return Diagnostic(_one_line(summary), sentence, address[1] if address else "")


def _one_line(text: str) -> str:
    return _SDK_ENVELOPE.sub(r"\g<call>: ", " ".join(text.split()))
