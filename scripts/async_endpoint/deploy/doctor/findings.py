"""What a check of the doctor says: that something is well, deserves attention, or stops a deployment, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """SKIPPED is a check that could not be made, because of another one or of an option."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One thing that was checked. `remedy` is what to do about a warning or a failure, None otherwise."""

    status: Status
    detail: str
    remedy: str | None = None


def ok(detail: str) -> Finding:
    return Finding(Status.OK, detail)


def warning(detail: str, remedy: str) -> Finding:
    return Finding(Status.WARNING, detail, remedy)


def failure(detail: str, remedy: str) -> Finding:
    return Finding(Status.FAILURE, detail, remedy)


def skipped(detail: str) -> Finding:
    return Finding(Status.SKIPPED, detail)


@dataclass(frozen=True)
class CheckResult:
    """A check by name, and what it found: at least one finding. `blocked`: it was not made, since one that it needs failed."""

    name: str
    findings: tuple[Finding, ...]
    blocked: bool = False

    @property
    def status(self) -> Status:
        """The worst of its findings."""
        found = {finding.status for finding in self.findings}
        return next((one for one in (Status.FAILURE, Status.WARNING, Status.OK) if one in found), Status.SKIPPED)


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor found of an environment, in the order of its checks."""

    environment: str
    results: tuple[CheckResult, ...]

    def count(self, status: Status) -> int:
        """How many findings have this status."""
        return sum(finding.status is status for result in self.results for finding in result.findings)

    @property
    def healthy(self) -> bool:
        """Whether nothing stops a deployment."""
        return not self.count(Status.FAILURE)

    def as_dict(self) -> dict[str, Any]:
        return {
            "environment": self.environment,
            "healthy": self.healthy,
            "counts": {status.value: self.count(status) for status in Status},
            "checks": [
                {"name": result.name, "status": finding.status.value, "detail": finding.detail, "remedy": finding.remedy}
                for result in self.results
                for finding in result.findings
            ],
        }


def split_sentence(text: str, otherwise: str) -> tuple[str, str]:
    """What was found and what to do, of an error's sentence: this project's errors put a semicolon between them."""
    found, separator, remedy = text.strip().rstrip(".").partition("; ")
    return found, remedy if separator else otherwise


def one_or_all(findings: Iterable[Finding], well: str) -> list[Finding]:
    """`findings`, or that everything is well if there are none."""
    return list(findings) or [ok(well)]
