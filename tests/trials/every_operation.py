"""Trial: every operation of every service that botocore knows, with minimal parameters, against one local AWS.

    .venv/bin/python tests/trials/every_operation.py [SERVICE…]

No operation may be answered with a 5xx status other than S3's 501, with an answer that its SDK cannot read, or not at all.
Prints each that is, and the number of operations by kind of answer; exits with 1 if there is any. All take some ten minutes.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel, Shape

from async_endpoint.emulator.emulator import Emulator

REGION = "us-east-1"
MAX_DEPTH = 6
# They wait for messages, or need a stream that the local AWS never opens.
SKIPPED = {("sagemaker-runtime", "InvokeEndpointWithBidirectionalStream")}
FIXED: dict[str, Any] = {
    "boolean": True,
    "blob": b"x",
    "double": 1.0,
    "float": 1.0,
    "timestamp": datetime(2030, 1, 1, tzinfo=UTC),
}


def minimal(shape: Shape, depth: int = 0) -> Any:
    """A value of a shape with required members only."""
    kind = shape.type_name
    if kind == "structure":
        names = list(shape.required_members) if depth <= MAX_DEPTH else []
        if getattr(shape, "is_tagged_union", False) and shape.members:
            names = names or [next(iter(shape.members))]
        return {name: minimal(shape.members[name], depth + 1) for name in names}
    if kind == "list":
        return [minimal(shape.member, depth + 1)] if depth <= MAX_DEPTH else []
    if kind == "map":
        return {minimal(shape.key): minimal(shape.value, depth + 1)} if depth <= MAX_DEPTH else {}
    least = max(int(shape.metadata.get("min", 1)), 1)
    if kind == "string":
        values = getattr(shape, "enum", None)
        return values[0] if values else "x" * least
    return least if kind in ("integer", "long") else FIXED[kind]


def outcome(client: Any, operation: OperationModel) -> str:
    """`done`, the code of an error, or `BROKEN …`."""
    parameters = minimal(operation.input_shape) if operation.input_shape else {}
    try:
        client._make_api_call(operation.name, parameters)
    except ClientError as error:
        status, code = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
        bodiless = operation.http["method"] == "HEAD" or (status == 501 and operation.service_model.service_name == "s3")
        if bodiless or (status < 500 and code and not code.isdecimal()):
            return str(code)
        return f"BROKEN status {status}, code {code!r}: {error.response['Error'].get('Message', '')[:120]}"
    except BotoCoreError as error:
        kind = type(error).__name__
        return (
            f"not sent: {kind}" if kind in ("ParamValidationError", "ValidationError") else f"BROKEN {kind}: {str(error)[:160]}"
        )
    except Exception as error:
        return f"BROKEN {type(error).__name__}: {str(error)[:160]}"
    return "done"


def main(wanted: list[str]) -> int:
    session = botocore.session.get_session()
    folder = Path(tempfile.mkdtemp())
    aws = Emulator(folder, 0, 600.0)
    aws.start()
    counted: Counter[str] = Counter()
    broken = 0
    try:
        for service in wanted or session.get_available_services():
            client = session.create_client(
                service,
                REGION,
                endpoint_url=aws.credentials.endpoint_url,
                aws_access_key_id=aws.credentials.access_key_id,
                aws_secret_access_key=aws.credentials.secret_access_key,
                config=Config(
                    retries={"total_max_attempts": 1}, inject_host_prefix=False, read_timeout=30, signature_version="v4"
                ),
            )
            model = client.meta.service_model
            for name in model.operation_names:
                if (service, name) in SKIPPED:
                    continue
                found = outcome(client, model.operation_model(name))
                counted["BROKEN" if found.startswith("BROKEN") else found] += 1
                if found.startswith("BROKEN"):
                    broken += 1
                    print(f"{service} {name}: {found}", flush=True)
    finally:
        aws.stop()
    for kind, number in counted.most_common(25):
        print(f"{number:6} {kind}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
