"""Smoke test of a deployed endpoint: one valid and one invalid request, and everything they must cause."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from async_endpoint.aws import AwsSession, translate_errors
from async_endpoint.client.clock import SYSTEM_CLOCK, Clock
from async_endpoint.client.config import ClientConfig
from async_endpoint.client.endpoint import AsyncEndpoint
from async_endpoint.client.invocation import Invocation
from async_endpoint.client.models import Request, Submitted, guess_content_type
from async_endpoint.core.errors import AsyncEndpointError, EndpointNotReady, InvocationFailed, UsageError
from async_endpoint.core.failure_reasons import first_line
from async_endpoint.core.notifications import Notification, Status
from async_endpoint.core.outputs import AsyncEndpointOutputs, Limits
from async_endpoint.core.suspension import SCALE_OUT
from async_endpoint.input_files import checked_status, read_input
from async_endpoint.operations.compare import difference
from async_endpoint.operations.latency import ColdStartTimer, Latency, measure_latency
from async_endpoint.operations.notifications import Received, find_notifications
from async_endpoint.operations.suspended_scaling import suspended_scaling

REAL_TIME_BYTES: Final = 26_214_400  # the largest body of InvokeEndpoint (service quotas, 2025)
WAKE_SECONDS: Final = 600  # two alarm periods, and an instance to start
NOTIFICATION_SECONDS: Final = 60  # how long a notification may lag behind its result


@dataclass(frozen=True)
class Check:
    """One check: whether it passed, what was observed, and the seconds from submission to observation."""

    name: str
    passed: bool
    detail: str
    seconds: float


@dataclass(frozen=True)
class SmokeReport:
    """`skipped_messages` in the results queue were not notifications and were skipped."""

    endpoint_name: str
    inference_ids: tuple[str, ...]
    checks: tuple[Check, ...]
    latency: Latency
    skipped_messages: int = 0

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"passed": self.passed}


def default_deadline_seconds(bounds: Limits) -> int:
    """For an endpoint without other requests: scaling from zero, one cold start, two invocations."""
    return min(bounds.request_ttl_seconds, WAKE_SECONDS) + bounds.cold_start_seconds + 2 * bounds.invocation_timeout_seconds


def smoke_test(
    outputs: AsyncEndpointOutputs,
    good: Path,
    bad: Path,
    *,
    endpoint_url: str | None = None,
    session: AwsSession | None = None,
    deadline_seconds: float | None = None,
    compare_real_time: str | None = None,
    on_event: Callable[[str], None] = lambda event: None,
    clock: Clock = SYSTEM_CLOCK,
) -> SmokeReport:
    """Submit `good` and `bad` and check result object, failure object, success and error notification of exactly these two.

    With `compare_real_time`, the name of a real-time endpoint of the same model, `good` is sent there too and must have the
    same response. Works from zero instances; ends by `deadline_seconds` (see default_deadline_seconds) plus a minute for
    notifications. Failures are Checks that did not pass. If nothing could be tested, raises what `AsyncEndpoint.send` raises,
    or EndpointNotReady for an endpoint without instances whose scaling is suspended.
    """
    for payload in (good, bad):
        checked_status(payload)  # before anything is sent
    allowed = default_deadline_seconds(outputs.limits) if deadline_seconds is None else deadline_seconds
    # read the objects themselves: a result from a notification would not show that they exist
    config = ClientConfig(collect="head", deadline=allowed)
    session = session or AwsSession.create(outputs.region, endpoint_url)
    with AsyncEndpoint.from_outputs(outputs, session=session, config=config, clock=clock) as endpoint:
        test = _SmokeTest(session, outputs, endpoint, on_event, clock)
        suspension = test.suspension()
        wake = ColdStartTimer(session, outputs.endpoint.name, clock.now)
        accepted, refused = test.submit(good), test.submit(bad)
        first, second = endpoint.resume(accepted), endpoint.resume(refused) if refused.failure_location else None
        wake.wait(first)
        checks = [test.result(accepted, first), test.failure(refused, second)]
        if compare_real_time is not None:
            checks.append(test.comparison(accepted, first, good, compare_real_time))
        found = test.find_notifications(accepted, refused)
        checks += test.notifications(accepted, refused, found)
        checks += test.scaling(accepted, suspension)
        success = found.notifications.get(accepted.inference_id) if isinstance(found, Received) else None
        latency = (
            measure_latency(session, outputs.endpoint, accepted, first, wake.seconds, success)
            if checks[0].passed
            else Latency()
        )
    skipped = found.skipped if isinstance(found, Received) else 0
    return SmokeReport(outputs.endpoint.name, (accepted.inference_id, refused.inference_id), tuple(checks), latency, skipped)


def _at_zero(session: AwsSession, name: str) -> bool:
    """Whether the endpoint has no instances, and none is desired."""
    with translate_errors(session, "sagemaker:DescribeEndpoint", f"endpoint {name}"):
        variants = session.sagemaker.describe_endpoint(EndpointName=name).get("ProductionVariants") or [{}]
    return not variants[0].get("CurrentInstanceCount") and not variants[0].get("DesiredInstanceCount")


@dataclass(frozen=True)
class _SmokeTest:
    session: AwsSession
    outputs: AsyncEndpointOutputs
    endpoint: AsyncEndpoint
    on_event: Callable[[str], None]
    clock: Clock

    def suspension(self) -> str | UsageError | None:
        """A sentence about suspended scaling, None if it is active, or why that cannot be read.

        Raises EndpointNotReady if a request would wait for an instance that never starts.
        """
        try:
            suspended, sentence = suspended_scaling(self.session, self.outputs)
        except UsageError as error:
            self.on_event(f"scaling not checked: {error}")
            return error
        if sentence and SCALE_OUT in suspended and _at_zero(self.session, self.outputs.endpoint.name):
            raise EndpointNotReady(f"Endpoint {self.outputs.endpoint.name} has no instances and cannot scale out. {sentence}")
        return sentence

    def scaling(self, request: Submitted, suspension: str | UsageError | None) -> list[Check]:
        if isinstance(suspension, UsageError):
            return []
        return [self._check("scaling", request, suspension is None, suspension or "active")]

    def submit(self, payload: Path) -> Submitted:
        submitted = self.endpoint.send(Request(payload=payload))
        self.on_event(f"submitted {payload.name} as {submitted.inference_id}")
        return submitted

    def result(self, request: Submitted, invocation: Invocation) -> Check:
        try:
            completed = invocation.result()
        except AsyncEndpointError as error:
            return self._check("result object", request, False, str(error))
        return self._check("result object", request, True, f"{len(completed.body):,} bytes in {request.output_location}")

    def failure(self, request: Submitted, invocation: Invocation | None) -> Check:
        if invocation is None:
            return self._check("failure object", request, False, "The endpoint has no failure path; configure one.")
        try:
            completed = invocation.result()
        except InvocationFailed as failed:
            return self._check("failure object", request, True, f"{first_line(failed.reason)} in {failed.failure_location}")
        except AsyncEndpointError as error:
            return self._check("failure object", request, False, str(error))
        seen = f"The bad request had a result of {len(completed.body):,} bytes; pass one that the model rejects."
        return self._check("failure object", request, False, seen)

    def comparison(self, request: Submitted, invocation: Invocation, payload: Path, name: str) -> Check:
        """Whether the response of the real-time endpoint `name` equals the asynchronous one's."""
        check, resource = "same as real time", f"endpoint {name}"
        try:
            expected = invocation.result().body
            with translate_errors(self.session, "sagemaker:InvokeEndpoint", resource):
                reply = self.session.runtime.invoke_endpoint(
                    EndpointName=name, Body=read_input(payload, REAL_TIME_BYTES), ContentType=guess_content_type(payload.name)
                )
                answered = reply["Body"].read()
        except AsyncEndpointError as error:
            return self._check(check, request, False, str(error))
        differs = difference(expected, answered)
        seen = (
            f"{resource} responds differently: {differs}"
            if differs
            else f"{resource} responds the same, {len(answered):,} bytes"
        )
        return self._check(check, request, differs is None, seen)

    def find_notifications(self, accepted: Submitted, refused: Submitted) -> Received | AsyncEndpointError:
        """The notifications of both requests in the results queue, or why that cannot be read."""
        queue_url = self.outputs.notifications.results_queue_url
        try:
            return find_notifications(
                self.session, queue_url, (accepted, refused), seconds=NOTIFICATION_SECONDS, clock=self.clock
            )
        except AsyncEndpointError as error:
            return error

    def notifications(self, accepted: Submitted, refused: Submitted, found: Received | AsyncEndpointError) -> list[Check]:
        expected: tuple[tuple[str, Submitted, Status], ...] = (
            ("success notification", accepted, "Completed"),
            ("error notification", refused, "Failed"),
        )
        if isinstance(found, AsyncEndpointError):
            return [self._check(name, request, False, str(found)) for name, request, _ in expected]
        return [
            self._announced(name, request, status, found.notifications.get(request.inference_id))
            for name, request, status in expected
        ]

    def _announced(self, name: str, request: Submitted, status: Status, notification: Notification | None) -> Check:
        if notification is None:
            queue_url = self.outputs.notifications.results_queue_url
            seen = f"Not in {queue_url} within {NOTIFICATION_SECONDS} s; check topic, subscription and execution role."
            return self._check(name, request, False, seen)
        reason = first_line(notification.failure_reason) if notification.failure_reason else ""
        said = f": {reason}" if reason else ""
        return self._check(name, request, notification.status == status, f"{notification.status}{said}")

    def _check(self, name: str, request: Submitted, passed: bool, detail: str) -> Check:
        seconds = self.clock.now() - request.submitted_at.timestamp()
        self.on_event(f"{name} {'passed' if passed else 'failed'} after {seconds:.1f} s: {detail}")
        return Check(name, passed, detail, seconds)
