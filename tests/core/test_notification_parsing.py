"""Messages are input from outside: whatever arrives is parsed or refused as InvalidInput, and nothing else is raised."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.notifications import MAX_NOTIFICATION_BYTES, Notification, parse_notification

FIELDS = [
    "Message",
    "Type",
    "eventName",
    "invocationStatus",
    "requestParameters",
    "responseParameters",
    "responseBody",
    "inferenceId",
    "requestId",
    "endpointName",
    "inputLocation",
    "outputLocation",
    "failureLocation",
    "failureReason",
    "contentType",
    "content",
    "encoding",
    "eventTime",
]
DEEP = 100_000

texts = st.text(st.characters(), max_size=20) | st.sampled_from(["Completed", "Failed", "Notification", "base64", "\ud800"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
messages = st.dictionaries(st.sampled_from(FIELDS), values | st.dictionaries(st.sampled_from(FIELDS), values), max_size=8)


def parsed(text: str | bytes) -> Notification | None:
    """The notification, or None where the message is refused or none."""
    try:
        return parse_notification(text)
    except InvalidInput as error:
        assert len(str(error)) < 400
        return None


def check(found: Notification | None) -> None:
    """Every text can be printed, stored and sent on."""
    for value in vars(found).values() if found else ():
        assert value is None or isinstance(value, str | bytes)
        if isinstance(value, str):
            value.encode()


@given(st.text(st.characters()) | st.binary())
@settings(max_examples=200, deadline=None)
def test_any_text_or_bytes(text: str | bytes) -> None:
    check(parsed(text))


@given(messages, st.booleans())
@settings(max_examples=300, deadline=None)
@example({"invocationStatus": "Failed", "failureReason": "half a pair: \ud800"}, False)
@example({"invocationStatus": "Completed", "responseBody": {"content": "ä", "encoding": "base64"}}, False)
@example({"invocationStatus": "Completed", "responseBody": {"content": "x", "encoding": ["base64"]}}, True)
def test_any_type_in_any_field(message: dict[str, Any], enveloped: bool) -> None:
    text = json.dumps(message)
    check(parsed(json.dumps({"Type": "Notification", "Message": text}) if enveloped else text))


@pytest.mark.parametrize("field", ["invocationStatus", "responseBody", "requestParameters", "other"])
@pytest.mark.parametrize("levels", [*range(900, 1_000, 9), DEEP])
def test_nesting_of_any_depth(field: str, levels: int) -> None:
    """Near the recursion limit json.loads may manage what the next function does not."""
    nested = "[" * levels + "]" * levels
    text = f'{{"invocationStatus": "Completed", "{field}": {nested}}}'
    check(parsed(text))
    check(parsed(json.dumps({"Type": "Notification", "Message": text})))
    check(parsed('{"a":' * levels + "1" + "}" * levels))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"\xff\xfe\x00", "is not JSON"),
        ("", "is not JSON"),
        ("not JSON", "is not JSON"),
        ("[]", "is a JSON list"),
        ("1" * 5_000, "is not JSON"),
        ('{"invocationStatus": ["Completed"]}', "of type list"),
        ('{"Type": "Notification", "Message": "garbage"}', "is not JSON"),
        ('{"Type": "Notification", "Message": {"invocationStatus": "Completed"}}', "of type NoneType"),
        (f'{{"invocationStatus": "{"x" * MAX_NOTIFICATION_BYTES}"}}', "a length of"),
        ("[" * DEEP, "nested too deeply"),
    ],
)
def test_what_is_no_notification_is_named(text: str | bytes, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        parse_notification(text)
