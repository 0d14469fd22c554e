"""A check that holds, and a difference with what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from async_endpoint.aws import AwsSession, error_code

ABSENT = frozenset(
    {
        "ValidationException", "NoSuchEntity", "ResourceNotFoundException", "404", "NoSuchKey", "NotFound", "NotFoundException",
        "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
    }
)  # fmt: skip
REPAIR_PREFIX = "an apply does not repair this: "
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "403", "Forbidden"})


@dataclass(frozen=True)
class PassedCheck:
    """One thing that was checked and holds."""

    name: str
    detail: str


@dataclass(frozen=True)
class Value:
    """An attribute that differs."""

    attribute: str
    live: str
    expected: str


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was applied. `remedy` is what to do where an apply does not repair it, else None.

    `values` are the attributes that were compared and differ. `transitional` is what a command of this package or a running
    update leaves for the time being: it is not as applied, and nothing outside Terraform has changed it.
    """

    subject: str
    found: str
    remedy: str | None = None
    values: tuple[Value, ...] = ()
    transitional: bool = False

    @property
    def repaired_by_apply(self) -> bool:
        return self.remedy is None

    def __str__(self) -> str:
        return f"{self.subject} {self.found} ({self.remedy or 'an apply repairs this'})"

    def as_dict(self) -> dict[str, Any]:
        return {
            "subject": self.subject, "found": self.found, "repaired_by_apply": self.repaired_by_apply, "remedy": self.remedy,
        }  # fmt: skip


class Differs(Exception):
    """What a check raises that does not hold."""

    def __init__(self, *differences: Difference) -> None:
        super().__init__("; ".join(map(str, differences)))
        self.differences = differences


def not_repaired(remedy: str) -> str:
    """The text of a remedy where an apply changes nothing."""
    return f"{REPAIR_PREFIX}{remedy}"


def raise_any(differences: Sequence[Difference]) -> None:
    """Raise Differs if there are differences."""
    if differences:
        raise Differs(*differences)


def compare(
    subject: str, pairs: Mapping[str, tuple[object, object]], remedy: str | None = None, *, transitional: bool = False
) -> list[Difference]:
    """What differs among `pairs`, which are name to (planned, live): one difference, or none."""
    wrong = tuple(Value(name, str(live), str(planned)) for name, (planned, live) in pairs.items() if live != planned)
    found = ", ".join(f"{one.attribute} {one.live} instead of {one.expected}" for one in wrong)
    return [Difference(subject, f"has {found}", remedy, wrong, transitional)] if wrong else []


def only(subject: str, found: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The one that was found; raises Differs when there is none."""
    if not found:
        raise Differs(Difference(subject, "does not exist"))
    return found[0]


def existing(subject: str, describe: Callable[[], Mapping[str, Any]], remedy: str | None = None) -> Mapping[str, Any]:
    """What `describe` returns; raises Differs when AWS says that there is no such thing."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        return describe()
    except ClientError as error:
        if error_code(error) in ABSENT:
            raise Differs(Difference(subject, "does not exist", remedy)) from error
        raise


def denied(error: Exception) -> bool:
    """Whether AWS refused a call for lack of a permission."""
    response = getattr(error, "response", {})
    return response.get("Error", {}).get("Code") in DENIED


def pages(aws: AwsSession, service: str, operation: str, member: str, **options: Any) -> list[Any]:
    """The members of all pages of a call that lists."""
    paginator = aws.client(service).get_paginator(operation)
    return [item for page in paginator.paginate(**options) for item in page.get(member, ())]
