"""A built archive, unpacked and served by AWS's own handler code (sagemaker-inference) in a process of its own."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from async_endpoint.packaging import build_archive

# Bodies are `bytearray`, as in SageMaker's containers.
SERVE = """
import base64, json, sys
from types import SimpleNamespace
from sagemaker_inference.transformer import Transformer

class Context:
    def __init__(self, properties):
        self.system_properties = {"model_dir": sys.argv[1]}
        self.request_processor = [SimpleNamespace(get_request_properties=lambda: properties)]
        self.status, self.content_type = 200, None
    def set_response_status(self, code, phrase): self.status = code
    def set_response_content_type(self, index, content_type): self.content_type = content_type

answers, transformer = [], Transformer()
transformer.validate_and_initialize(model_dir=sys.argv[1])
for request in json.load(sys.stdin):
    context = Context({"Content-Type": request["content_type"], **request["headers"]})
    body = transformer.transform([{"body": bytearray(base64.b64decode(request["body"]))}], context)[0]
    answers.append({"status": context.status, "content_type": context.content_type, "body": body})
with open(sys.argv[2], "w") as file:
    json.dump(answers, file)
"""


def request(body: bytes, content_type: str, **headers: str) -> dict[str, Any]:
    return {"body": base64.b64encode(body).decode(), "content_type": content_type, "headers": headers}


def serve(
    model: Path,
    base: Path,
    requests: Sequence[dict[str, Any]],
    environment: Mapping[str, str] | None = None,
    seconds: float = 120,
) -> list[dict[str, Any]]:
    """Package the folder `model`, unpack it below `base`, and return what its handler answers."""
    with tarfile.open(build_archive(model, base / "model.tar.gz").path) as tar:
        tar.extractall(base / "model", filter="data")
    own = {"SAGEMAKER_BASE_DIR": str(base), "SAGEMAKER_PROGRAM": "inference.py", "OMP_NUM_THREADS": "1"}
    path = os.pathsep.join(filter(None, [str(base / "model" / "code"), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", SERVE, str(base / "model"), str(base / "answers.json")],
        input=json.dumps(list(requests)),
        env={**os.environ, **own, "PYTHONPATH": path, **(environment or {})},
        cwd=base,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads((base / "answers.json").read_text())
    return answers
