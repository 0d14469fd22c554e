"""The model of all probes: a handler of the standard library that does what the request says, and the role it runs with."""

from __future__ import annotations

import io
import tarfile
from typing import Any

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

# The accounts of AWS's framework images where they are not REGISTRY (SageMaker Python SDK, image_uri_config/pytorch.json).
REGISTRY = "763104351884"
REGISTRIES = {
    "af-south-1": "626614931356",
    "ap-east-1": "871362719292",
    "ap-northeast-3": "364406365360",
    "ap-south-2": "772153158452",
    "ap-southeast-3": "907027046896",
    "ap-southeast-4": "457447274322",
    "ca-west-1": "204538143572",
    "cn-north-1": "727897471807",
    "cn-northwest-1": "727897471807",
    "eu-central-2": "380420809688",
    "eu-south-1": "692866216735",
    "eu-south-2": "503227376785",
    "il-central-1": "780543022126",
    "me-central-1": "914824155844",
    "me-south-1": "217643126080",
    "us-gov-east-1": "446045086412",
    "us-gov-west-1": "442386744353",
}


def registry(region: str) -> str:
    """The account whose registry has AWS's framework images in a region."""
    return REGISTRIES.get(region, REGISTRY)


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
