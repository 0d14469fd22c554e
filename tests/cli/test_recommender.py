from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from async_endpoint.cli.recommender import with_top_k
from async_endpoint.core.errors import InvalidInput


def test_top_k_wraps_an_image(tmp_path: Path) -> None:
    image = tmp_path / "shirt.png"
    image.write_bytes(b"\x89PNG pixels")
    body = with_top_k(str(image), None, 7)
    document = json.loads(body)
    assert document.keys() == {"image", "top_k"}
    assert base64.b64decode(document["image"]) == b"\x89PNG pixels"
    assert document["top_k"] == 7


def test_top_k_wraps_a_file_said_to_be_an_image(tmp_path: Path) -> None:
    image = tmp_path / "upload"
    image.write_bytes(b"pixels")
    body = with_top_k(str(image), "image/jpeg", 1)
    assert base64.b64decode(json.loads(body)["image"]) == b"pixels"


def test_top_k_is_set_in_a_json_file_whose_other_fields_stay(tmp_path: Path) -> None:
    request = tmp_path / "request.json"
    request.write_text('{"image": "aGk=", "top_k": 3, "gender": "women"}')
    body = with_top_k(str(request), None, 9)
    assert json.loads(body) == {"image": "aGk=", "top_k": 9, "gender": "women"}


def test_top_k_is_refused_for_an_object_in_s3() -> None:
    with pytest.raises(InvalidInput, match=r"s3://bucket/shirt\.png, an existing object"):
        with_top_k("s3://bucket/shirt.png", None, 3)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("list.json", "[1]", "is a JSON list; give an object"),
        ("broken.json", "{", "is not JSON"),
        ("notes.txt", "hello", r"text/plain\); give an image or a JSON file"),
    ],
)
def test_top_k_is_refused_for_other_files(tmp_path: Path, name: str, content: str, complaint: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InvalidInput, match=complaint):
        with_top_k(str(tmp_path / name), None, 3)


def test_top_k_of_a_missing_file_names_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"absent\.png cannot be read \(No such file"):
        with_top_k(str(tmp_path / "absent.png"), None, 3)
