"""Requests that must fail: each writes a failure object and an error notification, and the command reports one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.xdist_group("root-dev"),
    pytest.mark.parametrize("root", ["dev"], indirect=True),
    pytest.mark.usefixtures("awake"),
]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("notes.txt", b"no image at all", "Content type 'text/plain' is not accepted"),
        ("empty.png", b"", "The request body is empty"),
        ("text.png", b"no image at all", "client error (400)"),
        ("corrupt.jpg", None, "begins like a JPEG image and cannot be decoded"),
    ],
)
def test_a_request_that_the_model_refuses_fails(
    root: Any, tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    if content is None:
        payload = root.checkout.query(name)
    else:
        (tmp_path / name).write_bytes(content)
        payload = str(tmp_path / name)
    _fails(root, payload, reason, "Correct the input and submit again")


def test_a_missing_input_fails(root: Any) -> None:
    _fails(root, f"{root.outputs.storage.input_uri}missing.png", "NoSuchKey", "Fix the cause and submit again")


def test_what_cannot_be_sent_is_refused_before_anything_is_sent(root: Any) -> None:
    for payload, said in (
        ("no-such-file.png", "no-such-file.png cannot be read (No such file or directory)"),
        (f"s3://{root.outputs.storage.bucket}", "names a bucket"),
        ("s3://Not A Bucket/key.png", "is not an S3 URI"),
    ):
        invoked = root.run("invoke", payload, "--wait")
        assert invoked.code == 2
        assert said in invoked.sentence
        assert invoked.out == ""


def _fails(root: Any, payload: str, reason: str, remedy: str) -> None:
    invoked = root.run("invoke", payload, "--wait", "--json")

    request = invoked.document
    assert invoked.code == 1
    assert reason in request["reason"]
    assert request["status"] == "Failed"
    said = next(line for line in invoked.err.splitlines() if line.startswith("error: "))
    assert reason in said and remedy in said and request["failure_location"] in said
    assert invoked.err.count("\n") == 1 and "Traceback" not in invoked.err
    assert root.object(request["failure_location"]).decode().strip() == request["reason"]
    assert root.object(request["output_location"]) is None
    message = root.notification(request["inference_id"])
    assert message["invocationStatus"] == "Failed"
    assert message["failureReason"].strip() == request["reason"]
    assert message["requestParameters"].get("inputLocation") == request["input_location"]  # small inputs travel in the call
    assert "responseParameters" not in message
