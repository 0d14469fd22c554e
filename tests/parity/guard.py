"""The guard of a run: every call of its clients is checked, named, tagged and recorded before it is sent.

It is attached to botocore's events, so probes use plain boto3. A call that creates a resource must give it the run's prefix,
gets the run's tag and is recorded; one that changes something must name a resource of this run; and a creating call without a
known removal is refused before it is sent. Nothing that exists in the account can be changed, and nothing can be left behind.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from parity.errors import Cancelled, Unremovable
from parity.kinds import BY_OPERATION, SUBRESOURCES, Kind, value_at
from parity.scope import DERIVED, REGION_TAG, TAG, Scope

CREATES = ("Create", "Run", "Register", "Allocate", "Import", "Start", "Subscribe", "Request")
READS = ("Describe", "Get", "Head", "List", "Filter", "Lookup", "Simulate")

# The parameters that say what a call changes, by service: each that is given must name a resource of the run.
TARGETS = {
    "application-autoscaling": ("ResourceId", "ResourceARN"),
    "cloudwatch": ("AlarmName", "AlarmNames"),
    "ec2": ("VpcId", "SubnetId", "GroupId", "GroupName", "VpcEndpointIds"),
    "iam": ("RoleName", "PolicyArn", "PermissionsBoundary"),
    "kms": ("KeyId", "AliasName", "TargetKeyId"),
    "logs": ("logGroupName",),
    "s3": ("Bucket",),
    "sagemaker": ("EndpointName", "EndpointConfigName", "ModelName", "ResourceArn"),
    "sagemaker-runtime": ("EndpointName",),
    "sns": ("TopicArn", "SubscriptionArn", "Name", "Endpoint", "ResourceArn"),
    "sqs": ("QueueUrl", "QueueName", "SourceArn"),
}
TARGETS_OF_OPERATIONS = {"PutMetricData": ("Namespace",), "CreatePolicy": ("PolicyName",)}


class Guard:
    """Checks and records the calls of one run; `prefix` begins the names of its resources."""

    def __init__(self, run: str, cancelled: threading.Event | None = None) -> None:
        self.run = run
        self.prefix = Scope("", run).prefix
        self.cancelled = cancelled or threading.Event()
        self._lock = threading.Lock()
        self._created: dict[tuple[str, str], str] = {}
        self._actor = threading.local()
        self._adopted: set[str] = set()

    def adopt(self, identifier: str) -> None:
        """Allow changes of what AWS identifies so: a part of a resource of this run, which is removed with it."""
        self._adopted.add(identifier)

    @property
    def created(self) -> list[tuple[str, str]]:
        """(kind, identifier) of everything that this run has or may have created, oldest first."""
        with self._lock:
            return list(self._created)

    def created_by(self, *owners: str) -> list[tuple[str, str]]:
        """What was created on behalf of these probes or needs."""
        with self._lock:
            return [item for item, owner in self._created.items() if owner in owners]

    @contextmanager
    def acting_for(self, owner: str) -> Iterator[None]:
        """For the block, what this thread creates belongs to a probe, or to a need that probes share."""
        before = getattr(self._actor, "owner", "")
        self._actor.owner = owner
        try:
            yield
        finally:
            self._actor.owner = before

    def attach(self, client: Any, region: str) -> None:
        """Guard the calls of a boto3 client, and tag what it creates with the region: clients of IAM have none."""
        events, service = client.meta.events, client.meta.service_model.service_id.hyphenize()
        events.register(f"provide-client-params.{service}", partial(self._before, region))
        events.register(f"after-call.{service}", self._after)

    def _before(self, region: str, params: dict[str, Any], model: Any, **_: Any) -> dict[str, Any]:
        if self.cancelled.is_set():
            raise Cancelled
        operation = model.name
        if operation.startswith(READS):
            return params
        service = model.service_model.service_name
        kind = BY_OPERATION.get((service, operation))
        if kind is not None:
            params = kind.tagged(operation, params, {TAG: self.run, REGION_TAG: region})
            self._record_before(kind, operation, params)
        elif operation.startswith(CREATES) and (service, operation) not in SUBRESOURCES:
            raise Unremovable(f"{service} {operation}: parity/kinds.py has no removal of what it creates; add one")
        self._require_own(service, operation, params, creates=kind is not None)
        return params

    def _record_before(self, kind: Kind, operation: str, params: dict[str, Any]) -> None:
        """Record a name that the caller chooses before the call: a lost response leaves the resource too."""
        path = kind.creations[operation]
        if path.startswith("response."):
            return
        name = str(value_at(params, path))
        if not name.startswith((self.prefix, *(f"{before}{self.prefix}" for before in DERIVED))):
            raise Unremovable(f"{kind.service} {operation}: {name} does not begin with {self.prefix}; use aws.name()")
        self._record(kind, name)

    def _after(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        kind = BY_OPERATION.get((model.service_model.service_name, model.name))
        if kind is None or "Error" in parsed:
            return
        path = kind.creations[model.name]
        if path.startswith("response."):
            self._record(kind, str(value_at(parsed, path.removeprefix("response."))))

    def _record(self, kind: Kind, identifier: str) -> None:
        with self._lock:
            self._created.setdefault((kind.name, identifier), getattr(self._actor, "owner", ""))

    def _require_own(self, service: str, operation: str, params: dict[str, Any], *, creates: bool) -> None:
        """Raise Unremovable unless what the call changes is of this run: its other parameters, such as a body, do not count."""
        targets = TARGETS_OF_OPERATIONS.get(operation, TARGETS.get(service, ()))
        given = [params[name] for name in targets if name in params]
        names = [str(name) for value in given for name in (value if isinstance(value, list) else [value])]
        own = [self.prefix, *self._adopted, *(identifier for _, identifier in self.created)]
        strange = [name for name in names if not any(identifier in name for identifier in own)]
        if strange or not (names or creates):
            raise Unremovable(
                f"{service} {operation} names no resource of this run ({self.prefix}…) but {', '.join(strange) or 'none'}: a "
                "probe must change nothing else"
            )
