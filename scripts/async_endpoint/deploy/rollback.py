"""Recognise an endpoint that an apply failed to update and that serves what it served before, and say why.

Terraform reports it in three ways: the provider sees RollingBack ("unexpected state"), the postcondition of module endpoint
finds the old configuration, or UpdateEndpoint is refused. None of them says what serves now. So SageMaker is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from async_endpoint import signals
from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import RolledBack, TerraformFailed
from async_endpoint.deploy.endpoints import Connect, PlannedEndpoint, describe_endpoint, planned_endpoints
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.quiesce import TRANSITIONAL_STATES
from async_endpoint.deploy.replacement import UPDATED
from async_endpoint.deploy.retries import THROTTLING_SECONDS, repeated_together
from async_endpoint.deploy.scaling_snapshot import ScalingSnapshot, restore_scaling, scaling_snapshot
from async_endpoint.terraform.plan_document import ResourceChange

LOG_LINES: Final = 10
_TARGET: Final = "aws_appautoscaling_target"
_LOG_GROUP: Final = "/aws/sagemaker/Endpoints/"
_OUTLASTED: Final = "timeout while waiting for state to become 'InService'"
_SERVING: Final = frozenset({"InService", "UpdateRollbackFailed"})


@dataclass(frozen=True)
class _Update:
    """An endpoint that a plan updates: as it was when the apply began, with the log streams it had, and as it is afterwards."""

    planned: PlannedEndpoint
    aws: AwsSession
    before: Mapping[str, Any]
    streams: frozenset[str]
    scaling: ScalingSnapshot
    after: Mapping[str, Any] = field(default_factory=dict)

    @property
    def attempted(self) -> bool:
        """Whether SageMaker began the update."""
        return self.after.get("LastModifiedTime") != self.before.get("LastModifiedTime")

    def failed(self, failure: TerraformFailed) -> bool:
        """Whether the endpoint serves what it served before, and that is what the apply failed for."""
        change, status = self.planned.change, self.after.get("EndpointStatus")
        same_config = self.after.get("EndpointConfigName") == self.before.get("EndpointConfigName")
        if status not in _SERVING or (status == "InService" and not same_config):
            return False
        # Absent from what is planned where it is not created yet.
        new_config = change.after.get("endpoint_config_name") != change.before.get("endpoint_config_name")
        return change.address in failure.addresses or (self.attempted and (new_config or "FailureReason" in self.after))


def outlasted_provider(error: Exception) -> bool:
    """Whether Terraform failed because an endpoint took longer than the provider waits, an hour (provider PR 39090).

    A deployment with guardrails may take four (MaximumExecutionTimeoutInSeconds).
    """
    return isinstance(error, TerraformFailed) and _OUTLASTED in str(error)


@contextmanager
def rollbacks_reported(
    connect: Connect,
    changes: Iterable[ResourceChange],
    on_output: Callable[[str], None],
    poller: Poller = UPDATED,
) -> Iterator[None]:
    """Carry out a plan within: where it fails and endpoints still serve what they served before, raise RolledBack.

    With several, the error is that of the first, and its message has those of the others. It also names the endpoints that
    were updated: the outputs of an apply that failed are those of the apply before, so verification cannot follow.

    What scaled the endpoint is put back where Terraform had deregistered it for the update, also when a signal ended it.
    An update that is still in progress is waited for, also where the provider gave up (`outlasted_provider`). `on_output` gets
    the last log lines of the instances that failed.
    """
    kept = [endpoint for endpoint in planned_endpoints(changes) if not endpoint.change.deletes]
    updates = [_observe(connect(endpoint.region), endpoint) for endpoint in kept]
    try:
        yield
    except TerraformFailed as failure:
        rollbacks = [rollback for update in updates if (rollback := _rollback(update, failure, poller))]
        for rollback in rollbacks:
            for line in rollback.log:
                on_output(line)
        if not rollbacks:
            raise
        first, *others = rollbacks
        for other in others:
            first.append(str(other))
        failed = {rollback.endpoint for rollback in rollbacks}
        for sentence in filter(None, (_updated(update) for update in updates if update.planned.name not in failed)):
            first.append(sentence)
        raise first from failure
    except signals.Interrupted:  # Terraform may have stopped after it deregistered scaling and before it registers it again
        for update in updates:
            if unrestored := _restored(update):
                on_output(f"Endpoint {update.planned.name} was being updated.{unrestored}")
        raise


def deregister_restored_targets(connect: Connect, changes: Iterable[ResourceChange]) -> None:
    """Deregister the scalable targets of endpoints that the plan updates, where it creates them although they are registered.

    They were put back after an update that failed, without Terraform, which therefore does not deregister them before the next
    update; SageMaker refuses another instance type while a target is registered. Within `rollbacks_reported` they come back
    should that update fail too.
    """
    changes = list(changes)
    targets = [change for change in changes if change.type == _TARGET and change.action == "create"]
    created = {str(change.after.get("resource_id")) for change in targets}
    for endpoint in planned_endpoints(changes):
        if endpoint.change.action != "update":
            continue
        scaling = connect(endpoint.region).client("application-autoscaling")
        wanted = sorted(resource for resource in created if resource.startswith(f"endpoint/{endpoint.name}/"))
        found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=wanted) if wanted else {}
        for target in found.get("ScalableTargets", ()):
            scaling.deregister_scalable_target(
                **{member: target[member] for member in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
            )


def _observe(aws: AwsSession, endpoint: PlannedEndpoint) -> _Update:
    described = describe_endpoint(aws, endpoint.name)
    return _Update(endpoint, aws, described, frozenset(_streams(aws, endpoint.name)), scaling_snapshot(aws, described))


def _rollback(update: _Update, failure: TerraformFailed, poller: Poller) -> RolledBack | None:
    """What became of the endpoint, as an error; None when the failure is not about it, or AWS cannot be asked."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    name = update.planned.name
    try:
        update = replace(update, after=_settled(update.aws, name, poller))
        if not update.failed(failure):
            return None
        log = _last_lines(update) if update.attempted else ()
        serving = _serving(update.aws, update.after)
    except (BotoCoreError, ClientError):
        return None
    reason = str(update.after.get("FailureReason", failure) if update.attempted else failure)
    if update.after["EndpointStatus"] == "UpdateRollbackFailed":
        what = "was not updated, and its rollback failed"
    else:
        what = "was rolled back" if update.attempted else "was not updated"
    message = f"Endpoint {name} {what}: {_ended(reason)} {serving}{_restored(update)} Fix the cause and apply again."
    return RolledBack(message, endpoint=name, reason=reason, log=log)


def _updated(update: _Update) -> str:
    """A sentence about an endpoint that the same apply did update; empty for one it did not, or that cannot be asked for."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    name = update.planned.name
    with suppress(BotoCoreError, ClientError):
        after, before = describe_endpoint(update.aws, name), update.before.get("EndpointConfigName")
        if after.get("EndpointStatus") == "InService" and after["EndpointConfigName"] != before:
            return f"Endpoint {name} was updated, and the next apply verifies it. {_serving(update.aws, after)}"
    return ""


def _restored(update: _Update) -> str:
    """Put back what scales the endpoint; a sentence where that fails."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        with repeated_together(THROTTLING_SECONDS):
            restore_scaling(update.aws, update.scaling)
    except (BotoCoreError, ClientError) as error:
        return (
            f" Until the next apply it neither scales nor wakes, because its scaling could not be registered again ({error})."
        )
    return ""


def _settled(aws: AwsSession, name: str, poller: Poller) -> Mapping[str, Any]:
    return poller.wait(
        lambda: describe_endpoint(aws, name),
        lambda seen: seen.get("EndpointStatus") not in TRANSITIONAL_STATES,
        f"endpoint {name} to finish its update or rollback",
    )


def _serving(aws: AwsSession, live: Mapping[str, Any]) -> str:
    """A sentence: which configuration and models serve, and on how many instances."""
    config = live["EndpointConfigName"]
    counts = [variant.get("CurrentInstanceCount", 0) for variant in live.get("ProductionVariants", ())]
    instances = f" on {sum(counts)} instances" if counts else ""
    models = sorted(_models(aws, config))
    served = f" (model {', '.join(models)})" if models else ""
    return f"It serves configuration {config}{served}{instances}, status {live['EndpointStatus']}."


def _models(aws: AwsSession, config: str) -> set[str]:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    with suppress(ClientError):
        described = aws.client("sagemaker").describe_endpoint_config(EndpointConfigName=config)
        return {variant["ModelName"] for variant in described["ProductionVariants"] if "ModelName" in variant}
    return set()


def _streams(aws: AwsSession, name: str) -> list[str]:
    """The endpoint's log streams, newest events first, at most one page (50); none where they may not be read."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    with suppress(ClientError):
        found = aws.client("logs").describe_log_streams(
            logGroupName=f"{_LOG_GROUP}{name}", orderBy="LastEventTime", descending=True
        )
        return [stream["logStreamName"] for stream in found["logStreams"]]
    return []


def _last_lines(update: _Update) -> tuple[str, ...]:
    """The last lines of the instances that the update started: those of streams that were not there before."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    name, events = update.planned.name, []
    for stream in _streams(update.aws, name):
        if stream not in update.streams:
            with suppress(ClientError):
                found = update.aws.client("logs").get_log_events(
                    logGroupName=f"{_LOG_GROUP}{name}", logStreamName=stream, limit=LOG_LINES, startFromHead=False
                )
                events += [(event["timestamp"], stream, event["message"].rstrip()) for event in found["events"]]
    latest = sorted(events, key=lambda event: event[0])[-LOG_LINES:]
    return tuple(f"{stream}: {message}" for _, stream, message in latest)


def _ended(text: str) -> str:
    return text if text.endswith((".", ")")) else f"{text}."
