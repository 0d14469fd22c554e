"""The model that tests deploy, and archives of it and of others."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable

# Does what the request says: a JSON object of orders, carried out in this order. Anything else comes back as it came.
OBEDIENT = """
import json, os, subprocess, sys, threading, time
from sagemaker_inference.errors import BaseInferenceToolkitError

BUSY, LOCK = set(), threading.Lock()

def model_fn(model_dir):
    return open(os.path.join(model_dir, "weights.txt")).read()

def input_fn(data, content_type, context):
    orders = json.loads(data) if content_type == "application/json" else {"echo": None}
    orders["seen"] = {
        "content_type": content_type,
        "attributes": context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes"),
        "inference_id": context.get_request_header(0, "X-Amzn-SageMaker-Inference-Id"),
        "bytes": len(data),
    }
    orders["data"] = data if isinstance(data, str) else bytes(data)  # which is a bytearray
    return orders

def predict_fn(orders, model):
    with LOCK:
        BUSY.add(threading.get_ident())
        together = len(BUSY)
    try:
        if "print" in orders:
            print(orders["print"])
        if "touch" in orders:
            open(orders["touch"], "a").write(f"{os.getpid()}\\n")
        while "until" in orders and not os.path.exists(orders["until"]):
            with LOCK:
                together = max(together, len(BUSY))
            time.sleep(0.005)
        if "leave_child" in orders:
            return str(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid)
        if "exit" in orders:
            os._exit(orders["exit"])
        if "status" in orders:
            raise BaseInferenceToolkitError(orders["status"], orders["message"], "refused")
        if "raise" in orders:
            raise RuntimeError(orders["raise"])
        if "echo" in orders:
            return orders["data"]
        if "unfit" in orders:
            return {"unfit": {1, 2}}
        if "length" in orders:
            return "x" * orders["length"]
        if "answer" in orders:
            return orders["answer"]
        return {"seen": orders["seen"], "weights": model, "together": together, "environment": dict(os.environ)}
    finally:
        with LOCK:
            BUSY.discard(threading.get_ident())

def output_fn(prediction, accept):
    if isinstance(prediction, (bytes, str)):
        return prediction, accept
    if isinstance(prediction, dict) and "unfit" in prediction:
        return prediction["unfit"]
    return json.dumps(prediction), accept
"""


def archive(code: str = OBEDIENT, requirements: str | None = None, extra: Iterable[tarfile.TarInfo] = ()) -> bytes:
    """A model archive as bytes: code/inference.py, a weights file, and what is asked for."""
    files = {"weights.txt": "feather", "code/inference.py": code}
    if requirements is not None:
        files["code/requirements.txt"] = requirements
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            content = text.encode(errors="surrogateescape")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for member in extra:
            tar.addfile(member, io.BytesIO(b""))
    return buffer.getvalue()
