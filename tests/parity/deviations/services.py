"""An AWS whose services authenticate, limit and deliver otherwise."""

from __future__ import annotations

from dataclasses import replace
from email.message import Message
from typing import Any

import pytest

from async_endpoint.emulator import browser_guard, error_responses, http_server
from async_endpoint.emulator.auth import middleware, verification
from async_endpoint.emulator.emulator import Emulator
from async_endpoint.emulator.moto_patches import sns_to_sqs
from support.deviating_aws import deviation


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
    original = sns_to_sqs.evaluate

    def changed(request: Any, *policies: Any) -> Any:
        context = {key: value for key, value in request.context.items() if key != "aws:SourceArn"}
        return original(replace(request, context=context), *policies)

    patch.setattr(sns_to_sqs, "evaluate", changed)
