"""An AWS whose services authenticate, limit and deliver otherwise."""

from __future__ import annotations

from dataclasses import replace
from email.message import Message
from typing import Any

import pytest

from async_endpoint.emulator import browser_guard, delivery_permissions, error_responses, http_server
from async_endpoint.emulator.auth import middleware, verification
from async_endpoint.emulator.emulator import Emulator
from async_endpoint.emulator.moto_patches import sns_attributes, sns_to_sqs
from async_endpoint.emulator.sagemaker.protocol import ApiError
from support.deviating_aws import Answer, acting, answering, deviation


@deviation("clock_skew")
def five_minutes_of_skew(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """Requests that were signed six minutes ago are refused."""
    patch.setattr(verification, "SKEW_SECONDS", 300)


@deviation("unsigned_headers")
def unsigned_headers_are_ignored(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A header x-amz-… that is not signed is ignored."""
    patch.setattr(verification, "_check_headers", lambda *_: None)


@deviation("status_of_wrong_signatures")
def wrong_signatures_are_forbidden(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """Services of the JSON protocol answer a wrong signature with status 403."""
    original = middleware.not_authenticated

    def changed(environ: dict[str, Any], *errors_of: Any) -> Any:
        answer = original(environ, *errors_of)
        answer.status_code = 403
        return answer

    patch.setattr(middleware, "not_authenticated", changed)


@deviation("preflight")
def preflights_allow_no_credentials(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A preflight's response has no Access-Control-Allow-Credentials."""
    original = browser_guard._cors_headers

    def changed(*arguments: Any) -> list[tuple[str, str]]:
        return [item for item in original(*arguments) if not item[0].endswith("-Credentials")]

    patch.setattr(browser_guard, "_cors_headers", changed)


@deviation("two_lengths")
def the_length_is_ignored(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A body that is sent with a length and in chunks is stored."""
    original = http_server.declared_length

    def changed(headers: Message, version: str) -> int | None:
        if headers.get("Transfer-Encoding"):
            del headers["Content-Length"]
        return original(headers, version)

    patch.setattr(http_server, "declared_length", changed)


@deviation("oversized_body")
def oversized_bodies_are_invalid(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A body above the limit is a ValidationException."""
    patch.setitem(error_responses._REFUSED, 413, "ValidationException")


@deviation("source_of_deliveries")
def deliveries_have_no_source(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """SNS delivers without aws:SourceArn."""
    original = delivery_permissions.evaluate

    def changed(request: Any, *policies: Any) -> Any:
        context = {key: value for key, value in request.context.items() if key != "aws:SourceArn"}
        return original(replace(request, context=context), *policies)

    patch.setattr(delivery_permissions, "evaluate", changed)


@deviation("source_of_deliveries")
def every_source_is_delivered(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A queue that denies other sources gets their messages."""
    patch.setattr(sns_to_sqs, "_may_send", lambda *_: True)


@deviation("dead_letter_queues")
def missing_dead_letter_queues_are_accepted(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A subscription may have a dead-letter queue that does not exist."""
    patch.setattr(sns_attributes, "_check_dead_letters", lambda *_: None)


@deviation("delay_of_filter_policies")
def new_filters_let_everything_pass(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A subscription receives every message until its filter policy is in effect."""
    patch.setattr(aws.filter_delay, "unfiltered", True)


@deviation("conditional_writes")
def conditional_writes_race(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """Every conditional write of one key at the same time succeeds."""

    def succeed(answer: Answer, _: bytes) -> Answer:
        return replace(answer, status="200 OK", body=b"") if answer.status.startswith("412") else answer

    answering(patch, aws, "s3", "PutObject", succeed)


@deviation("subscribing_again")
def policies_are_rewritten(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """GetQueueAttributes returns a queue's policy with its fields in lower case."""
    answering(patch, aws, "sqs", "GetQueueAttributes", lambda answer, _: answer.sub("Principal", "principal"))


@deviation("receiver_that_has_gone")
def abandoned_calls_take_messages(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A receiving call whose client has gone takes the next messages, so that others get none."""
    answering(patch, aws, "sqs", "ReceiveMessage", lambda answer, _: replace(answer, body=b"{}"))


@deviation("quota_of_an_instance_type")
def quotas_are_named_otherwise(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """The quota of an instance type is named by its usage first."""
    for action in ("ListServiceQuotas", "ListAWSDefaultServiceQuotas"):
        answering(
            patch,
            aws,
            "service-quotas",
            action,
            lambda answer, _: answer.sub(r"(ml\.[a-z0-9.]+) for endpoint usage", r"Endpoint usage of \1"),
        )


@deviation("new_role")
def roles_take_minutes(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """SageMaker knows a new role 100 seconds after its first use."""
    first: dict[str, float] = {}

    def changed(create: Any, region: str, request: dict[str, Any]) -> Any:
        since = aws.clock.now() - first.setdefault(request["ExecutionRoleArn"], aws.clock.now())
        if since < 100:
            raise ApiError("ValidationException", "Could not assume role")
        return create(region, request)

    acting(patch, aws, "CreateModel", changed)
