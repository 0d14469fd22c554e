from __future__ import annotations

import json
from typing import Any

import pytest

from async_endpoint.operations.compare import difference


def say(document: Any) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"\x89PNG", b"\x89PNG"),
        (b'{"a": 1, "b": [2]}', b'{"b":[2],"a":1}'),
        (say({"score": 0.1 + 0.2}), say({"score": 0.3})),
        (say([1, None, True, "x"]), say([1.0, None, True, "x"])),
    ],
)
def test_equal_bodies_do_not_differ(one: bytes, other: bytes) -> None:
    assert difference(one, other) is None


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (b"\x89PNG", b"\x89PNX!", "4 bytes and 5 bytes differ"),
        (say({"a": [{"s": 1}, {"s": 2}]}), say({"a": [{"s": 1}, {"s": 2.1}]}), "$.a[1].s is 2 and 2.1"),
        (say({"a": 1}), say({"b": 1}), '$ has the keys ["a"] and ["b"]'),
        (say([1, 2]), say([1]), "$ has 2 and 1 items"),
        (say({"a": True}), say({"a": 1}), "$.a is true and 1"),
        (say({"a": "x" * 100}), say({"a": None}), '$.a is "' + "x" * 58 + "… and null"),
    ],
)
def test_differences_are_described(one: bytes, other: bytes, words: str) -> None:
    assert difference(one, other) == words
