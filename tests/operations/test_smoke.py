from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.core.errors import EndpointNotReady
from async_endpoint.operations.smoke import SmokeReport, default_deadline_seconds, smoke_test

pytestmark = pytest.mark.usefixtures("at_once")

REASON = 'Received client error (400) from primary with message "not an image.\nTraceback". See the log.'
SHOWN = 'Received client error (400) from primary with message "not an image…"'


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    good, bad = tmp_path / "good.png", tmp_path / "bad.jpg"
    good.write_bytes(b"pixels")
    bad.write_bytes(b"noise")
    return good, bad


class Endpoint:
    """Wakes after four minutes; each kind of trace can be switched off."""

    def __init__(self, aws: Any) -> None:
        self.aws, self.silent, self.envelope, self.answers_everything = aws, set[str](), True, False
        aws.runtime.then = self.take

    def take(self, request: dict[str, Any], reply: dict[str, Any]) -> None:
        good = self.answers_everything or request["ContentType"] == "image/png"
        self.aws.time.at(240, lambda: self.end(good, request, reply))

    def end(self, good: bool, request: dict[str, Any], reply: dict[str, Any]) -> None:
        kind = "success" if good else "error"
        if f"{kind} object" not in self.silent:
            where = reply["OutputLocation" if good else "FailureLocation"]
            self.aws.s3.put(where, b"{}" if good else REASON.encode())
        if f"{kind} notification" not in self.silent:
            self.aws.announce(request, reply, reason=None if good else REASON, envelope=self.envelope)


@pytest.fixture
def endpoint(aws: Any) -> Endpoint:
    return Endpoint(aws)


def run(aws: Any, files: tuple[Path, Path], **options: Any) -> SmokeReport:
    return smoke_test(aws.outputs, *files, session=aws.session, clock=aws.clock, **options)


def verdicts(report: SmokeReport) -> dict[str, bool]:
    return {check.name: check.passed for check in report.checks}


@pytest.mark.parametrize("envelope", [True, False])
def test_an_endpoint_that_scales_out_and_responds_passes(
    aws: Any, endpoint: Endpoint, files: tuple[Path, Path], envelope: bool
) -> None:
    endpoint.envelope = envelope
    events: list[str] = []
    report = run(aws, files, on_event=events.append)
    assert verdicts(report) == dict.fromkeys(
        ("result object", "failure object", "success notification", "error notification", "scaling"), True
    )
    assert report.passed
    assert report.failed == ()
    assert report.inference_ids == tuple(call["InferenceId"] for call in aws.runtime.calls)
    assert all(240 <= check.seconds <= 250 for check in report.checks)
    assert aws.sqs.messages == []
    assert len(events) == 7
    assert events[0] == f"submitted good.png as {report.inference_ids[0]}"
    assert any(SHOWN in line for line in events)
    assert json.loads(json.dumps(report.as_dict()))["passed"] is True


@pytest.mark.parametrize(
    ("silent", "missed"),
    [
        ("success object", "result object"),
        ("error object", "failure object"),
        ("success notification", "success notification"),
        ("error notification", "error notification"),
    ],
)
def test_each_missing_trace_fails_its_check_and_no_other(
    aws: Any, endpoint: Endpoint, files: tuple[Path, Path], silent: str, missed: str
) -> None:
    endpoint.silent.add(silent)
    report = run(aws, files)
    assert [check.name for check in report.failed] == [missed]
    assert not report.passed


def test_a_silent_endpoint_ends_by_the_deadline_and_a_minute(aws: Any, files: tuple[Path, Path]) -> None:
    before = aws.time.now()
    report = run(aws, files, deadline_seconds=100)
    assert len(report.failed) == 4
    assert aws.time.now() - before <= 100 + 60 + 5


def test_the_default_deadline_leaves_time_to_scale_out(outputs: Any) -> None:
    assert default_deadline_seconds(outputs.limits) == 600 + 300 + 2 * 60


def test_a_bad_request_with_a_result_fails_the_check(aws: Any, endpoint: Endpoint, files: tuple[Path, Path]) -> None:
    endpoint.answers_everything = True
    missed = {check.name: check.detail for check in run(aws, files).failed}
    assert missed.keys() == {"failure object", "error notification"}
    assert "had a result of 2 bytes" in missed["failure object"]
    assert missed["error notification"] == "Completed"


def test_a_failing_good_request_fails_the_check_with_its_reason(aws: Any, endpoint: Endpoint, files: tuple[Path, Path]) -> None:
    report = run(aws, (files[1], files[1]))
    missed = {check.name: check.detail for check in report.failed}
    assert missed.keys() == {"result object", "success notification"}
    assert SHOWN in missed["result object"]
    assert missed["success notification"] == f"Failed: {SHOWN}"


def test_an_endpoint_without_failure_path_fails_the_check_without_waiting(
    aws: Any, endpoint: Endpoint, files: tuple[Path, Path]
) -> None:
    aws.runtime.failure_path = False
    endpoint.silent |= {"error object", "error notification"}
    report = run(aws, files)
    assert [check.name for check in report.failed] == ["failure object", "error notification"]
    assert aws.time.now() < 1_700_000_000 + 320


def test_messages_of_other_requests_are_left_as_they_were(aws: Any, endpoint: Endpoint, files: tuple[Path, Path]) -> None:
    test_notification = {"eventVersion": "1.0", "eventSource": "aws:sagemaker", "eventName": "TestNotification"}
    others = [{"invocationStatus": "Completed", "inferenceId": f"theirs-{number}"} for number in range(33)]
    for document in (*others, test_notification, "not a notification", '["neither"]'):
        aws.sqs.send(document)
    before = [message.body for message in aws.sqs.messages]
    assert run(aws, files).passed
    assert [message.body for message in aws.sqs.messages] == before
    assert all(message.visible_at <= aws.time.now() for message in aws.sqs.messages)
    assert all(message.receipts == 1 for message in aws.sqs.messages), "a receive count leads to the dead letters"


def test_messages_of_other_requests_become_visible_again(aws: Any, endpoint: Endpoint, files: tuple[Path, Path]) -> None:
    endpoint.silent |= {"success notification", "error notification"}
    aws.sqs.send({"invocationStatus": "Failed", "inferenceId": "theirs"})
    assert len(run(aws, files).failed) == 2
    assert [(m.visible_at <= aws.time.now(), m.receipts) for m in aws.sqs.messages] == [(True, 1)]


def test_a_notification_that_comes_twice_is_cleared(aws: Any, endpoint: Endpoint, files: tuple[Path, Path]) -> None:
    take = endpoint.end
    endpoint.end = lambda *arguments: (take(*arguments), take(*arguments))
    assert run(aws, files).passed
    assert aws.sqs.messages == []


def test_the_flatter_shape_is_known_by_its_location(aws: Any, endpoint: Endpoint, files: tuple[Path, Path]) -> None:
    endpoint.silent |= {"success notification", "error notification"}

    def announce(request: dict[str, Any], reply: dict[str, Any]) -> None:
        good = request["ContentType"] == "image/png"
        shape = {"outputLocation": reply["OutputLocation"]} if good else {"failureLocation": reply["FailureLocation"]}
        status = "Completed" if good else "Failed"
        aws.sqs.send({"invocationStatus": status, "requestId": "another id", **shape})
        endpoint.take(request, reply)

    aws.runtime.then = announce
    assert run(aws, files).passed


def test_a_queue_that_may_not_be_read_fails_two_checks(
    aws: Any, endpoint: Endpoint, files: tuple[Path, Path], refusal: Any
) -> None:
    aws.sqs.error = refusal("AccessDenied", "no", 403)
    missed = run(aws, files).failed
    assert [check.name for check in missed] == ["success notification", "error notification"]
    assert all("sqs:ReceiveMessage" in check.detail for check in missed)


def test_an_endpoint_that_is_not_there_is_an_error_and_no_report(aws: Any, files: tuple[Path, Path], refusal: Any) -> None:
    aws.runtime.error = refusal("ValidationError", "Endpoint shop not found.")
    aws.sagemaker.status = None
    with pytest.raises(EndpointNotReady):
        run(aws, files)


def test_suspended_scaling_fails_the_check_while_instances_serve(
    aws: Any, endpoint: Endpoint, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = {"EndpointStatus": "InService", "ProductionVariants": [{"CurrentInstanceCount": 1, "DesiredInstanceCount": 1}]}
    monkeypatch.setattr(aws.sagemaker, "describe_endpoint", lambda **_: running)
    aws.scaling.state = {"DynamicScalingOutSuspended": True}
    [missed] = run(aws, files).failed
    assert missed.name == "scaling"
    assert "is suspended (scale-out), and not by async-endpoint" in missed.detail
    assert "register-scalable-target" in missed.detail


def test_an_endpoint_that_cannot_scale_out_is_not_waited_for(aws: Any, endpoint: Endpoint, files: tuple[Path, Path]) -> None:
    aws.scaling.state = dict.fromkeys(("DynamicScalingInSuspended", "DynamicScalingOutSuspended"), True)
    record = "id=0a previous=none since=2026-11-29T18:00:00Z renewed=2026-11-29T18:00:10Z by=ci@runner"
    aws.scaling.tags = {"async-endpoint:scaling-suspended": record}
    with pytest.raises(EndpointNotReady, match=r"no instances and cannot scale out\. .* by ci@runner.*: async-endpoint apply "):
        run(aws, files)
    assert aws.runtime.calls == []


def test_scaling_that_may_not_be_read_is_not_checked(
    aws: Any, endpoint: Endpoint, files: tuple[Path, Path], refusal: Any
) -> None:
    aws.scaling.refused = refusal("AccessDeniedException")
    events: list[str] = []
    report = run(aws, files, on_event=events.append)
    assert report.passed and "scaling" not in verdicts(report)
    assert any(line.startswith("scaling not checked: ") for line in events)
