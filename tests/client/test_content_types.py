from __future__ import annotations

import pytest

from async_endpoint.client.models import guess_content_type, guess_suffix


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("q.json", "application/json"),
        ("q.PNG", "image/png"),
        ("q.jpg", "image/jpeg"),
        ("q.jpeg", "image/jpeg"),
        ("q.csv", "text/csv"),
        ("q.txt", "text/plain"),
        ("q.webp", "image/webp"),
        ("q.jsonl", "application/jsonlines"),
        ("s3://bucket/a.b/q.npy", "application/x-npy"),
        ("q.json.gz", "application/octet-stream"),
        ("q.unheard", "application/octet-stream"),
        ("q", "application/octet-stream"),
    ],
)
def test_content_type_follows_the_suffix(name: str, content_type: str) -> None:
    assert guess_content_type(name) == content_type


def test_suffix_follows_the_content_type() -> None:
    assert guess_suffix("application/json; charset=utf-8") == ".json"
    assert guess_suffix("application/unheard") == ""
