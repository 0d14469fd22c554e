from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from async_endpoint.client.payload import guess_content_type, guess_suffix, prepare
from async_endpoint.core.errors import InvalidInput


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


def test_without_top_k_the_argument_is_taken_as_it_is() -> None:
    assert prepare("shirt.png") == (Path("shirt.png"), None)
    assert prepare("s3://bucket/shirt.png", content_type="image/png") == ("s3://bucket/shirt.png", "image/png")


def test_top_k_wraps_an_image(tmp_path: Path) -> None:
    image = tmp_path / "shirt.png"
    image.write_bytes(b"\x89PNG pixels")
    body, content_type = prepare(str(image), top_k=7)
    assert content_type == "application/json"
    assert isinstance(body, bytes)
    document = json.loads(body)
    assert document.keys() == {"image", "top_k"}
    assert base64.b64decode(document["image"]) == b"\x89PNG pixels"
    assert document["top_k"] == 7


def test_top_k_wraps_a_file_said_to_be_an_image(tmp_path: Path) -> None:
    image = tmp_path / "upload"
    image.write_bytes(b"pixels")
    body, content_type = prepare(str(image), content_type="image/jpeg", top_k=1)
    assert content_type == "application/json"
    assert isinstance(body, bytes)
    assert base64.b64decode(json.loads(body)["image"]) == b"pixels"


def test_top_k_is_set_in_a_json_file_whose_other_fields_stay(tmp_path: Path) -> None:
    request = tmp_path / "request.json"
    request.write_text('{"image": "aGk=", "top_k": 3, "gender": "women"}')
    body, content_type = prepare(str(request), top_k=9)
    assert isinstance(body, bytes)
    assert json.loads(body) == {"image": "aGk=", "top_k": 9, "gender": "women"}
    assert content_type == "application/json"


def test_top_k_is_refused_for_an_object_in_s3() -> None:
    with pytest.raises(InvalidInput, match=r"s3://bucket/shirt\.png, which is there already"):
        prepare("s3://bucket/shirt.png", top_k=3)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("list.json", "[1]", "holds a JSON list; give an object"),
        ("broken.json", "{", "is not JSON"),
        ("notes.txt", "hello", r"text/plain\); give an image or a JSON file"),
    ],
)
def test_top_k_is_refused_where_it_has_no_place(tmp_path: Path, name: str, content: str, complaint: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InvalidInput, match=complaint):
        prepare(str(tmp_path / name), top_k=3)


def test_top_k_of_a_missing_file_names_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"absent\.png cannot be read \(No such file"):
        prepare(str(tmp_path / "absent.png"), top_k=3)
