"""The built archive, unpacked and served by AWS's own handler code (sagemaker-inference) in a process of its own."""

from __future__ import annotations

import base64
import json
import tarfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from async_endpoint.packaging import build_archive
from support.served_archive import request, serve


@pytest.fixture(scope="module")
def served(example: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What came of six requests."""
    base = tmp_path_factory.mktemp("a container")
    picture = (example / "queries" / "red-shirt.png").read_bytes()
    requests = [
        request(picture, "image/png"),
        request(json.dumps({"image": base64.b64encode(picture).decode(), "top_k": 3}).encode(), "application/json"),
        request((example / "queries" / "corrupt.jpg").read_bytes(), "image/jpeg"),
        request(b"a text file", "application/octet-stream"),
        request(b"", "application/json"),
        request(picture, "image/png", Accept="text/csv"),
    ]
    return serve(example, base, requests)


def test_raw_bytes_are_answered_with_five_red_garments_shirts_first(served: list[dict[str, Any]]) -> None:
    answer = served[0]
    assert (answer["status"], answer["content_type"]) == (200, "application/json")
    body = json.loads(answer["body"])
    assert set(body) == {"recommendations", "embedder"}
    assert [set(item) for item in body["recommendations"]] == [{"path", "category", "gender", "score"}] * 5
    assert all(item["path"].startswith("catalogue/shirt/red-") for item in body["recommendations"][:3])


def test_json_gives_the_same_answer_and_heeds_top_k(served: list[dict[str, Any]]) -> None:
    raw, from_json = (json.loads(answer["body"]) for answer in served[:2])
    assert from_json["recommendations"] == raw["recommendations"][:3]


@pytest.mark.parametrize(
    ("number", "status", "reason"),
    [
        (2, 400, "The request body begins like a JPEG image and cannot be decoded"),
        (3, 400, "The request body is 11 bytes of text, not an image"),
        (4, 400, "The request body is empty"),
        (5, 406, "Accept is 'text/csv'"),
    ],
)
def test_a_bad_request_is_answered_with_its_status_and_reason(
    served: list[dict[str, Any]], number: int, status: int, reason: str
) -> None:
    answer = served[number]
    assert answer["status"] == status
    assert answer["body"].startswith(reason)


def test_only_the_model_is_packaged(example: Path, tmp_path: Path) -> None:
    with tarfile.open(build_archive(example, tmp_path / "model.tar.gz").path) as archive:
        names = archive.getnames()
    assert {name.split("/")[0] for name in names} == {"catalogue", "code"}
    assert {"code/inference.py", "code/requirements.txt", "catalogue/catalogue.json"} < set(names)


def test_the_requirements_are_met_by_what_is_installed(example: Path) -> None:
    """So that the local AWS need not download anything for this example."""
    lines = (example / "code" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert {requirement.name for requirement in wanted} == {"numpy", "pillow"}
    for requirement in wanted:
        assert version(requirement.name) in requirement.specifier
