"""The stable parts of a failure reason decide, the model's own text never does."""

from __future__ import annotations

import pytest

from async_endpoint.core.failure_reasons import REASON_CHARS, FailureReason, first_line


@pytest.mark.parametrize("prefix", ["", "ClientError: ", "ModelError: "])
@pytest.mark.parametrize("container", ["primary", "model", "container-1"])
@pytest.mark.parametrize(
    "text",
    ["the token has expired", "Received server error (503) from x", "request expired", "RequestTTLSeconds", "time to live"],
)
def test_a_response_of_the_model_is_read_by_its_status(prefix: str, container: str, text: str) -> None:
    for side, status in (("client", 400), ("server", 500)):
        reason = FailureReason.parse(f'{prefix}Received {side} error ({status}) from {container} with message "{text}". See …')
        assert reason == FailureReason(status, expired=False)
        assert reason.of_the_input == (status == 400)


@pytest.mark.parametrize(
    "text",
    [
        "The request expired: it was not processed within its time to live of 60 seconds.",
        "ClientError: Request expired before it was processed",
        "The inference request has expired.",
        "Your async request was expired",
    ],
)
def test_the_services_own_word_for_expiry_counts_at_the_beginning(text: str) -> None:
    assert FailureReason.parse(text) == FailureReason(None, expired=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        'The container said "the request expired"',
        "Unable to read s3://bucket/input/request-expired/1.json",
        "Your invocation timed out while waiting for a response from container primary",
        "The response has headers with length greater than 4096 bytes: X-Note: the request expired",
        '{"error": "client error (400)"}',
        "The request has not expired, but its endpoint was deleted",
    ],
)
def test_words_elsewhere_decide_nothing(text: str) -> None:
    assert FailureReason.parse(text) == FailureReason(None, expired=False)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ('Received client error (400) from primary with message "no image.\nTraceback". See …', '… with message "no image…"'),
        ("Out of memory.\nTraceback", "Out of memory"),
        ('a pipe of 5" is refused', 'a pipe of 5" is refused'),
        ("", "no reason given"),
    ],
)
def test_a_reason_is_shown_by_its_first_line_with_its_quotation_closed(reason: str, shown: str) -> None:
    assert first_line(reason).endswith(shown.removeprefix("…"))
    assert len(first_line("x" * 1000)) == REASON_CHARS
