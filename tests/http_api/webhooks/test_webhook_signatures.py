"""Signatures as the reference library of Standard Webhooks verifies them, and secrets while they rotate."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from async_endpoint.core.errors import InvalidInput
from async_endpoint.http_api.webhooks.signatures import new_secret, sign, signed_headers
from support.documents import ROOT, Document

BODY = b'{"type":"prediction.succeeded","data":{"id":"\xc3\xa9"}}'


def test_the_reference_library_verifies_a_message() -> None:
    secret = new_secret()
    headers = signed_headers([secret], "msg_1", int(time.time()), BODY)
    assert Webhook(secret).verify(BODY, headers)["type"] == "prediction.succeeded"


def test_both_secrets_verify_while_they_rotate() -> None:
    current, previous = new_secret(), new_secret()
    headers = signed_headers([current, previous], "msg_1", int(time.time()), BODY)
    for secret in (current, previous):
        Webhook(secret).verify(BODY, headers)


@pytest.mark.parametrize("changed", ["body", "webhook-id", "webhook-timestamp", "secret"])
def test_nothing_can_be_changed(changed: str) -> None:
    secret, now = new_secret(), int(time.time())
    headers, body = signed_headers([secret], "msg_1", now, BODY), BODY
    if changed == "body":
        body = BODY.replace(b"succeeded", b"failed")
    elif changed == "secret":
        secret = new_secret()
    else:
        headers |= {changed: {"webhook-id": "msg_2", "webhook-timestamp": str(now + 1)}[changed]}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


def test_the_example_of_the_specification() -> None:
    """The vector that the specification's libraries are tested with."""
    secret, message = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, message)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_receiver_of_the_documentation() -> None:
    """The Python example of docs/webhooks.md, as a server would call it."""
    (example,) = Document.read(ROOT / "docs/webhooks.md").blocks("python")
    seen: list[str] = []
    processed: list[tuple[str, str]] = []
    names = {
        "is_new": lambda message: message not in seen and not seen.append(message),  # type: ignore[func-returns-value]
        "process": lambda kind, data: processed.append((kind, data["id"])),
    }
    exec(example, names)
    receive: Callable[[str, bytes, dict[str, str]], int] = names["receive"]  # type: ignore[assignment]
    secret = new_secret()
    headers = signed_headers([secret], "msg_1", int(time.time()), BODY)
    assert [receive(secret, BODY, headers) for _ in range(2)] == [204, 204]
    assert processed == [("prediction.succeeded", "é")]
    assert receive(secret, BODY + b" ", headers) == 400
    assert receive(secret, BODY, signed_headers([secret], "msg_2", int(time.time()) - 1_000, BODY)) == 400


def test_a_damaged_secret_is_named_and_not_shown() -> None:
    with pytest.raises(InvalidInput, match="not base64") as refused:
        sign("whsec_%%%", "msg_1", 1, BODY)
    assert "%%%" not in str(refused.value)
