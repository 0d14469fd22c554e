"""The model of all probes: a handler of the standard library that does what the request says, and the role it runs with."""

from __future__ import annotations

import io
import tarfile
from typing import Any

from async_endpoint.deploy.doctor.framework_registries import FRAMEWORK_REGISTRIES

# Does what the JSON object says: {"sleep": seconds}, {"print": text}, {"fail": text}, {"length": bytes}, {"binary": bytes
# that are no text}, {"report": "content type" or "time"}; then answers with the request.
HANDLER = """
import json, time

def model_fn(model_dir):
    return None

def input_fn(data, content_type):
    return (data if isinstance(data, str) else bytes(data)), content_type

def predict_fn(request, model):
    data, content_type = request
    try:
        orders = json.loads(data)
    except ValueError:
        return data
    time.sleep(orders.get("sleep", 0))
    if "print" in orders:
        print(orders["print"], "printed", flush=True)
    if "fail" in orders:
        raise RuntimeError(orders["fail"])
    if "length" in orders:
        return b"x" * orders["length"]
    if "binary" in orders:
        return bytes([255]) * orders["binary"]
    if "report" in orders:
        return str(time.time()) if orders["report"] == "time" else content_type
    return data

def output_fn(prediction, accept):
    return prediction, accept
"""


def registry(region: str) -> str:
    """The account whose registry has AWS's framework images in a region."""
    return FRAMEWORK_REGISTRIES.get(region, FRAMEWORK_REGISTRIES["us-east-1"])


# PREFIX and PARTITION are replaced. Names of buckets and topics begin with the run's prefix.
EXECUTION_ROLE: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListBucket"],
            "Resource": ["arn:PARTITION:s3:::PREFIX*", "arn:PARTITION:s3:::PREFIX*/*"],
        },
        {"Effect": "Allow", "Action": "sns:Publish", "Resource": "arn:PARTITION:sns:*:*:PREFIX*"},
        {
            "Effect": "Allow",
            "Action": [
                "ecr:GetAuthorizationToken",
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
                "cloudwatch:PutMetricData",
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            "Resource": "*",
        },
    ],
}


def archive(code: str = HANDLER) -> bytes:
    """A model archive with this handler."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("code/inference.py")
        content = code.encode()
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
