"""Quiesce an endpoint: suspend its scaling and wait until nothing of it is in progress, and always resume.

SageMaker refuses to update or delete an endpoint while anything of it is in progress, scaling included. Terraform's provider
treats the refused deletion as success: the endpoint is gone from the state, and keeps running.

An endpoint whose scaling stays suspended never wakes. So a record of the suspension (core/suspension.py) is written to the
account before scaling is suspended, renewed while the command runs, and removed once scaling has resumed. At whatever point a
command is killed, the next one finds the record, sees that it is no longer renewed, and resumes what it says.
"""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Protocol

from async_endpoint import signals
from async_endpoint.aws import AwsSession, error_code
from async_endpoint.core.errors import AsyncEndpointError, NotReady, WorkFailed
from async_endpoint.core.suspension import (
    ALL_SUSPENDED,
    TAG_KEY,
    SuspensionRecord,
    describe_suspension,
    suspended,
    suspended_state,
    timestamp,
    unix_time,
)
from async_endpoint.deploy.endpoints import endpoint_status
from async_endpoint.deploy.missed_schedules import missed_bounds
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.retries import repeated_together

# RollingBack ends InService as well: with another configuration, which the check then finds out.
TRANSITIONAL_STATES = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
# Scaling may be updating the endpoint just now.
SCALING_SETTLES = Poller(deadline=900)

# AWS refuses requests signed more than 5 minutes off its clock, so two machines that it answers are at most 10 apart.
LARGEST_CLOCK_DIFFERENCE_SECONDS: Final = 600

_NOT_FOUND: Final = ("ObjectNotFoundException", "ResourceNotFoundException")


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class _Scaled(Protocol):
    @property
    def resource_id(self) -> str: ...


class Quiescible(Protocol):
    """An endpoint and its scaling, as its outputs have them; an imported endpoint has none yet (deploy/unlisted_scaling.py)."""

    @property
    def environment(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def endpoint(self) -> _Named: ...
    @property
    def scaling(self) -> _Scaled: ...


@dataclass(frozen=True)
class RecordTiming:
    """How long a suspension record (core/suspension.py) counts, in seconds."""

    renew: float = 10  # the command that suspended scaling renews its record this often
    lease: float = 35  # a record that another command sees unrenewed for so long is abandoned: its command has ended
    poll: float = 3  # between two looks at a record that may be abandoned
    retry: float = 120  # longest that resuming is retried
    sleep: Callable[[float], None] = time.sleep


TIMING = RecordTiming()


def settle(aws: AwsSession, name: str, poller: Poller = SCALING_SETTLES) -> None:
    """Wait until nothing of endpoint `name` is in progress, or it does not exist. Raises NotReady when it stays in progress."""

    status = poller.wait(
        lambda: endpoint_status(aws, name),
        lambda seen: seen not in TRANSITIONAL_STATES,
        f"endpoint {name} to finish what is in progress",
    )
    if status in TRANSITIONAL_STATES:
        settled = "gone" if status == "Deleting" else "InService"
        raise NotReady(
            f"Endpoint {name} is still {status}, and SageMaker takes no change meanwhile; try again once it is {settled}."
        )


@contextmanager
def quiesced(
    aws: AwsSession,
    outputs: Quiescible,
    poller: Poller = SCALING_SETTLES,
    *,
    command: str | None = None,
    timing: RecordTiming = TIMING,
) -> Iterator[None]:
    """Hold the endpoint still: scaling suspended, nothing in progress. At the end scaling is as it was, if its target is there.

    Signals are deferred: they interrupt the wait for the endpoint and Terraform (adapter.py), and never the resumption. Raises
    NotReady when the endpoint stays in progress or another command takes over, WorkFailed when scaling cannot be resumed (an
    error of the block stays what it is, and says that too): its record stays, and `command` (default: apply) resumes it.
    """
    target = _ScalableTarget(aws, outputs, timing)
    resuming = command or f"async-endpoint apply {outputs.environment}"
    with signals.deferred():
        record = _begin(target)
        try:
            if record is not None:
                target.suspend(ALL_SUSPENDED)
            with _renewed(target, record):
                settle(aws, outputs.endpoint.name, poller)
                _require_own(target, record)
                yield
        except BaseException as error:
            _resume_or_explain(target, record, resuming, error)
            raise
        _resume_or_explain(target, record, resuming, None)


def resume_leftovers(
    endpoints: Iterable[tuple[AwsSession, Quiescible]],
    *,
    require_unlocked: Callable[[], None],
    on_output: Callable[[str], None],
    timing: RecordTiming = TIMING,
) -> None:
    """Resume scaling that a killed command left suspended. What was suspended by anything else stays as it is.

    Raises NotReady when the command that suspended it is running: it renews its record. `require_unlocked` raises when its
    Terraform is, which may outlive it.
    """
    targets = [_ScalableTarget(aws, outputs, timing) for aws, outputs in endpoints]
    records = [(target, record) for target in targets if (record := target.observe()[1]) is not None]
    expired = _expired(records, timing, on_output)
    if expired:
        require_unlocked()
    for target, record in expired:
        with signals.deferred(), repeated_together(timing.retry):
            _resume(target, record)
        on_output(f"Resumed scaling of {target.resource_id}, which {record.by} suspended at {record.since}.")


def suspension_warning(aws: AwsSession, outputs: Quiescible, command: str) -> str | None:
    """One sentence when scaling is suspended or the record of a suspension is left, naming how to resume; otherwise None."""
    live, record = _ScalableTarget(aws, outputs, TIMING).observe()
    return None if live is None else describe_suspension(live, record, command)


class _ScalableTarget:
    """The scalable target of an endpoint, and the record on it."""

    def __init__(self, aws: AwsSession, outputs: Quiescible, timing: RecordTiming) -> None:
        self.resource_id, self.timing = outputs.scaling.resource_id, timing
        self._aws = aws
        self._live: Mapping[str, Any] = {}

    def observe(self) -> tuple[Mapping[str, Any] | None, SuspensionRecord | None]:
        """The target as described, None when there is none, and the record on it.

        What is suspended and has no record is looked at again: the command that suspended it may just have resumed it.
        """
        live = self._described()
        record = self._recorded(live)
        if live and record is None and suspended(live):
            live = self._described()
            record = self._recorded(live)
        return live, record

    def suspend(self, members: frozenset[str], bounds: Mapping[str, int] = MappingProxyType({})) -> None:
        """Change nothing of the target but which members of its SuspendedState are true, and the `bounds` that are given."""
        self._scaling.register_scalable_target(**self._named(), **bounds, SuspendedState=suspended_state(members))

    def missed_bounds(self, since: float) -> Mapping[str, int]:
        """The bounds that scheduled actions would have set after `since` (Unix seconds), had they not been suspended."""
        actions: list[Any] = []
        more: dict[str, str] = {}
        while True:
            page = self._scaling.describe_scheduled_actions(**self._named(), **more)
            actions += page["ScheduledActions"]
            if not page.get("NextToken"):
                return missed_bounds(self._live, actions, since, time.time())
            more = {"NextToken": page["NextToken"]}

    def write(self, record: SuspensionRecord) -> None:
        self._scaling.tag_resource(ResourceARN=self._live["ScalableTargetARN"], Tags={TAG_KEY: record.encode()})

    def remove_record(self) -> None:
        self._scaling.untag_resource(ResourceARN=self._live["ScalableTargetARN"], TagKeys=[TAG_KEY])

    def _named(self) -> dict[str, Any]:
        return {member: self._live[member] for member in ("ServiceNamespace", "ResourceId", "ScalableDimension")}

    def _described(self) -> Mapping[str, Any] | None:
        asked = {"ServiceNamespace": "sagemaker", "ResourceIds": [self.resource_id]}
        found = self._scaling.describe_scalable_targets(**asked)["ScalableTargets"]
        self._live = found[0] if found else {}
        return self._live or None

    def _recorded(self, live: Mapping[str, Any] | None) -> SuspensionRecord | None:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        if live is None:
            return None
        try:
            tags = self._scaling.list_tags_for_resource(ResourceARN=live["ScalableTargetARN"])["Tags"]
        except ClientError as error:
            if error_code(error) in _NOT_FOUND:  # deregistered just now
                return None
            raise
        return SuspensionRecord.parse(tags.get(TAG_KEY))

    @property
    def _scaling(self) -> Any:
        return self._aws.client("application-autoscaling")


def _begin(target: _ScalableTarget) -> SuspensionRecord | None:
    """Write the record of a suspension that begins now; None when there is no target.

    Raises NotReady for one that is there: what a killed command left was resumed before, so this command is running. To take
    its record over would end its suspension with this command, which finds the state locked.
    """
    live, found = target.observe()
    if live is None:
        return None
    if found is not None:
        raise _held(target, found)
    now = timestamp(time.time())
    record = SuspensionRecord(secrets.token_hex(4), suspended(live), now, now, user_and_host())
    target.write(record)
    return record


@contextmanager
def _renewed(target: _ScalableTarget, record: SuspensionRecord | None) -> Iterator[None]:
    """Renew `record` in a thread, so that other commands see that this one is running."""
    if record is None:
        yield
        return
    ended = threading.Event()

    def renew(own: _ScalableTarget) -> None:
        while not ended.wait(own.timing.renew):
            # Refused or not reachable: the next renewal is soon enough.
            with suppress(Exception), repeated_together(own.timing.renew):
                _, found = own.observe()
                if found is not None and found.id == record.id and not ended.is_set():
                    own.write(replace(found, renewed=timestamp(time.time())))

    thread = threading.Thread(target=renew, args=(copy(target),), name="suspension-record", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(target.timing.retry)  # a renewal in progress would put the record back after the resumption removed it


def _require_own(target: _ScalableTarget, record: SuspensionRecord | None) -> None:
    """Raise NotReady when another command has resumed scaling, or taken the suspension over, meanwhile."""
    live, found = target.observe()
    if record is None or live is None:
        return
    if found.id != record.id if found else suspended(live) != ALL_SUSPENDED:
        raise NotReady(
            f"Scaling of {target.resource_id} was resumed or suspended by another command while this one waited; try again "
            "once it has ended."
        )


_Record = tuple[_ScalableTarget, SuspensionRecord]


def _expired(records: Sequence[_Record], timing: RecordTiming, on_output: Callable[[str], None]) -> list[_Record]:
    """The `records` of commands that have ended, all watched for one `lease`; NotReady when one is renewed meanwhile.

    One that is removed meanwhile needs nothing.
    """
    longest = timing.lease + LARGEST_CLOCK_DIFFERENCE_SECONDS
    expired = [one for one in records if time.time() - unix_time(one[1].renewed) > longest]
    watched = [one for one in records if one not in expired]
    for target, record in watched:
        on_output(
            f"Scaling of {target.resource_id} was suspended by {record.by} at {record.since}; looking for {timing.lease:.0f} s "
            "whether that command is running."
        )
    end = time.monotonic() + timing.lease
    while watched and time.monotonic() < end:
        timing.sleep(timing.poll)
        watched = [(target, record) for target, record in watched if _is_unchanged(target, record)]
    return expired + watched


def _is_unchanged(target: _ScalableTarget, record: SuspensionRecord) -> bool:
    """Whether `record` is there as it was; False when it was removed, NotReady when it was renewed."""
    _, seen = target.observe()
    if seen is not None and seen != record:
        raise _held(target, seen)
    return seen is not None


def _held(target: _ScalableTarget, record: SuspensionRecord) -> NotReady:
    return NotReady(
        f"{record.by} has been changing {target.resource_id} since {record.since} and holds its scaling suspended; try again "
        "once that command has ended."
    )


def _resume_or_explain(
    target: _ScalableTarget, record: SuspensionRecord | None, command: str, cause: BaseException | None
) -> None:
    if record is None:
        return
    try:
        with repeated_together(target.timing.retry):
            _resume(target, record)
    except Exception as refusal:
        suspended_still = f"Scaling of {target.resource_id} is still suspended ({refusal}); resume it with: {command}"
        if not isinstance(cause, AsyncEndpointError):
            raise WorkFailed(suspended_still) from (cause or refusal)
        cause.append(suspended_still)


def _resume(target: _ScalableTarget, record: SuspensionRecord) -> None:
    """Restore what `record` says, unless another command has taken over, or the target is a new one."""
    live, found = target.observe()
    if live is None or (found is not None and found.id != record.id):
        return
    current = suspended(live)
    # Without its record, only a target that is as it was left is the one that was suspended: a replaced one is active.
    if found is None and current != ALL_SUSPENDED:
        return
    restored = record.restored(current)
    if restored != current:
        resumes_schedules = "ScheduledScalingSuspended" in current - restored
        target.suspend(restored, target.missed_bounds(unix_time(record.since)) if resumes_schedules else {})
    if found is not None:
        target.remove_record()


def user_and_host() -> str:
    """Who runs this command, for records on what it changes."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container that runs under a number without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
