"""Policy texts are parsed once, and a change applies at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.iam import AccessRequest, document, evaluate

ROLE = "arn:aws:iam::123456789012:role/execution"


def policy(effect: str = "Allow", action: str = "s3:PutObject") -> str:
    statement = {"Effect": effect, "Action": action, "Resource": "arn:aws:s3:::bucket/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allowed(*policies: Any) -> bool:
    return evaluate(AccessRequest("s3:PutObject", "arn:aws:s3:::bucket/key", ROLE), policies).allowed


def test_the_same_text_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = policy(action="s3:Put*")
    reads: list[Any] = []
    really = document._parse_document
    monkeypatch.setattr(document, "_parse_document", lambda *given: reads.append(given) or really(*given))
    assert all(allowed(text) for _ in range(100))
    assert allowed(policy(action="s3:Put*"))
    assert len(reads) == 1


def test_a_changed_policy_applies_at_once() -> None:
    for _ in range(3):
        assert allowed(policy())
        assert not allowed(policy(), policy("Deny"))
        assert not allowed(policy(action="s3:GetObject"))
        assert not allowed()


def test_a_decoded_policy_changed_in_place_applies_at_once() -> None:
    decoded = json.loads(policy())
    assert allowed(decoded)
    decoded["Statement"][0]["Effect"] = "Deny"
    assert not allowed(decoded)


def test_an_invalid_policy_is_refused_every_time() -> None:
    for _ in range(2):
        with pytest.raises(InvalidInput, match="is not JSON"):
            allowed("{")
