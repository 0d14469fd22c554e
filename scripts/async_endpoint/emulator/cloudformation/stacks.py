"""Stacks, their resources, events and change sets, and the store of all regions."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from async_endpoint.emulator.cloudformation.errors import missing_stack
from async_endpoint.local_aws import ACCOUNT_ID

Values = dict[str, Any]
STACK_TYPE: Final = "AWS::CloudFormation::Stack"
INTERRUPTED: Final = "The local AWS stopped during this operation."
# The status of a stack whose operation the end of the local AWS interrupted, by the status it had.
_AFTER_INTERRUPTION: Final = {
    "CREATE_IN_PROGRESS": "CREATE_FAILED",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_FAILED",
    "UPDATE_IN_PROGRESS": "UPDATE_ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_FAILED",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
}


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class StackResource:
    """One resource. `properties` are resolved, as they were applied; `physical_id` is empty until it exists."""

    logical_id: str
    type: str
    properties: Values
    physical_id: str = ""
    attributes: Values = field(default_factory=dict)
    status: str = ""
    reason: str = ""
    updated_at: datetime = field(default_factory=now)
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    depends_on: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class StackEvent:
    id: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str
    at: datetime
    token: str


@dataclass
class ChangeSet:
    """A change set; `changes` in the form of DescribeChangeSet, `status` CREATE_COMPLETE or FAILED."""

    name: str
    arn: str
    kind: str
    request: Values
    created_at: datetime
    status: str
    reason: str
    changes: list[Values]
    executed: str = ""  # ExecutionStatus once it was executed


@dataclass
class Stack:
    """A stack. `request` has the template's text, parameters, tags, role and options of its latest create or update call."""

    name: str
    id: str
    region: str
    request: Values
    created_at: datetime = field(default_factory=now)
    status: str = "CREATE_IN_PROGRESS"
    reason: str = ""
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    protected: bool = False
    resources: dict[str, StackResource] = field(default_factory=dict)
    outputs: list[Values] = field(default_factory=list)
    events: list[StackEvent] = field(default_factory=list)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)

    def record(self, status: str, reason: str = "") -> None:
        """Set the stack's status, with an event."""
        self.status, self.reason = status, reason
        self._add(self.name, self.id, STACK_TYPE, status, reason)

    def record_resource(self, resource: StackResource, status: str, reason: str = "") -> None:
        """Set a resource's status, with an event."""
        resource.status, resource.reason, resource.updated_at = status, reason, now()
        self._add(resource.logical_id, resource.physical_id, resource.type, status, reason)

    def _add(self, logical_id: str, physical_id: str, kind: str, status: str, reason: str) -> None:
        token = self.request.get("ClientRequestToken", "")
        self.events.append(StackEvent(str(uuid.uuid4()), logical_id, physical_id, kind, status, reason, now(), token))


class StackStore:
    """All stacks by id, which is the ARN. A deleted stack is found by its id only."""

    def __init__(self) -> None:
        self._stacks: dict[str, Stack] = {}
        self.lock = threading.RLock()

    def add(self, stack: Stack) -> None:
        with self.lock:
            self._stacks[stack.id] = stack

    def find(self, region: str, name: str) -> Stack:
        """A stack by name or id; raises StackError, as CloudFormation does, when there is none."""
        found = self.named(region, name)
        if found is None:
            raise missing_stack(name)
        return found

    def named(self, region: str, name: str) -> Stack | None:
        """A stack by id, or one by name that is not deleted."""
        with self.lock:
            by_id = self._stacks.get(name)
            if by_id is not None:
                return by_id if by_id.region == region else None
            return next((stack for stack in self.all(region) if stack.name == name), None)

    def all(self, region: str, *, deleted: bool = False) -> list[Stack]:
        """The stacks of a region, newest first."""
        with self.lock:
            here = [stack for stack in self._stacks.values() if stack.region == region]
        here.reverse()
        return [stack for stack in here if deleted or stack.status != "DELETE_COMPLETE"]

    def discard(self, stack: Stack) -> None:
        """Remove a stack without a trace, as a deleted stack that was never created."""
        with self.lock:
            self._stacks.pop(stack.id, None)

    def exports(self, region: str) -> dict[str, tuple[Stack, str]]:
        """The exported outputs of a region by name: stack and value."""
        return {
            output["ExportName"]: (stack, output["OutputValue"])
            for stack in self.all(region)
            for output in stack.outputs
            if "ExportName" in output
        }

    def saved(self) -> dict[str, Stack]:
        """All stacks, for a snapshot."""
        with self.lock:
            return dict(self._stacks)

    def restore(self, saved: dict[str, Stack]) -> None:
        """Restore a snapshot; an operation that was in progress counts as failed."""
        with self.lock:
            self._stacks = dict(saved)
        for stack in self._stacks.values():
            if stack.status in _AFTER_INTERRUPTION:
                stack.record(_AFTER_INTERRUPTION[stack.status], INTERRUPTED)


def stack_id(region: str, name: str) -> str:
    return f"arn:aws:cloudformation:{region}:{ACCOUNT_ID}:stack/{name}/{uuid.uuid1()}"
