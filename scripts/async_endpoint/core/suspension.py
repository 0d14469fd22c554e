"""Suspended scaling of a scalable target, and the record of who suspended it and what to restore.

The record is a tag of the scalable target: it is in the account, is deleted with the target, and is written before scaling is
suspended. How long a record counts is RecordTiming's, in deploy/quiesce.py. Tag values have at most 256 characters, of letters,
digits, spaces and `+ - = . _ : / @` [M TagValue; D "User-defined tag restrictions"].
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

TAG_KEY: Final = "async-endpoint:scaling-suspended"

SCALE_IN: Final = "scale-in"
SCALE_OUT: Final = "scale-out"
SCHEDULED: Final = "scheduled-scaling"
# Members of SuspendedState [M], and what each suspends.
PROCESSES: Final = {
    "DynamicScalingInSuspended": SCALE_IN,
    "DynamicScalingOutSuspended": SCALE_OUT,
    "ScheduledScalingSuspended": SCHEDULED,
}
ALL_SUSPENDED: Final = frozenset(PROCESSES)

_MEMBERS: Final = {word: member for member, word in PROCESSES.items()}
_FIELD: Final = re.compile(r"(\w+)=(\S+)")
_MAX_NAME_CHARS: Final = 80


def suspended(target: Mapping[str, Any]) -> frozenset[str]:
    """The true members of SuspendedState of a scalable target, as DescribeScalableTargets returns it."""
    return frozenset(member for member, value in target.get("SuspendedState", {}).items() if value)


def suspensions(target: Mapping[str, Any]) -> list[str]:
    """Suspended processes of a scalable target: `scale-in`, `scale-out`, `scheduled-scaling`; empty if scaling is active."""
    members = suspended(target)
    return [word for member, word in PROCESSES.items() if member in members]


def suspended_state(members: Collection[str]) -> dict[str, bool]:
    """The SuspendedState in which exactly `members` are suspended."""
    return {member: member in members for member in PROCESSES}


@dataclass(frozen=True)
class SuspensionRecord:
    """A suspension by a command of this project.

    `previous` holds the members that were suspended before it, `since` and `renewed` are times as `timestamp` writes them: a
    command renews its record for as long as it runs. `by` is user and host.
    """

    id: str
    previous: frozenset[str]
    since: str
    renewed: str
    by: str

    def encode(self) -> str:
        previous = "+".join(word for member, word in PROCESSES.items() if member in self.previous) or "none"
        by = re.sub(r"[^A-Za-z0-9.@_-]", "_", self.by)[:_MAX_NAME_CHARS]
        return f"id={self.id} previous={previous} since={self.since} renewed={self.renewed} by={by}"

    @classmethod
    def parse(cls, text: str | None) -> SuspensionRecord | None:
        """Decode a tag's value; None if it is not a record: scaling must not be resumed by guess."""
        fields = dict(_FIELD.findall(text or ""))
        names = [field.name for field in dataclasses.fields(cls)]
        if not all(name in fields for name in names):
            return None
        words = [] if fields["previous"] == "none" else fields["previous"].split("+")
        if not set(words) <= _MEMBERS.keys() or not all(_is_timestamp(fields[name]) for name in ("since", "renewed")):
            return None
        return cls(**{name: fields[name] for name in names} | {"previous": frozenset(_MEMBERS[word] for word in words)})

    def restored(self, current: Collection[str]) -> frozenset[str]:
        """The members that stay suspended when this suspension ends, given those suspended now.

        What was suspended before stays suspended, unless it has been resumed since.
        """
        return self.previous & frozenset(current)


def timestamp(seconds: float) -> str:
    """A Unix time as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix_time(text: str) -> float:
    """The Unix time of a `timestamp`; raises ValueError for an invalid one."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp()


def describe_suspension(target: Mapping[str, Any], record: SuspensionRecord | None, command: str) -> str | None:
    """One sentence about suspended scaling and how to resume it; None if scaling is active and there is no record.

    `command` is the command line that resumes scaling by the record.
    """
    name, found = target["ResourceId"], suspensions(target)
    if record is not None:
        state = f"is suspended ({', '.join(found)})" if found else "has the record of a suspension"
        return (
            f"Scaling of {name} {state} since {record.since} by {record.by}, whose command is running or was killed; "
            f"unless it is running, resume scaling with: {command}"
        )
    if found:
        members = ",".join(f"{member}=false" for member in sorted(suspended(target)))
        place = f"--resource-id {name} --scalable-dimension {target['ScalableDimension']}"
        return (
            f"Scaling of {name} is suspended ({', '.join(found)}), and not by async-endpoint; unless intended, resume it "
            f"with: aws application-autoscaling register-scalable-target --service-namespace sagemaker {place} "
            f"--suspended-state {members}"
        )
    return None


def _is_timestamp(text: str) -> bool:
    try:
        unix_time(text)
    except ValueError:
        return False
    return True
