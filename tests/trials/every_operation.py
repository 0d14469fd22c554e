"""Trial: every operation of every service that botocore knows, with minimal parameters, against a local AWS.

    .venv/bin/python tests/trials/every_operation.py [SERVICE…]

No operation may be answered with a 5xx status other than S3's 501, with an answer that its SDK cannot read, or not at all.
Prints each that is, and the number of operations by kind of answer; exits with 1 if there is any. Without a name, all services
are tried in some ten minutes: a process and a local AWS for each group of them, so that memory is bounded by one group.
"""

from __future__ import annotations

import json
import socket
import subprocess
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
GROUP = 40  # services
GROUP_SECONDS = 900
# One needs a stream that the local AWS never opens, the other is sent to an address among its parameters.
SKIPPED = {("sagemaker-runtime", "InvokeEndpointWithBidirectionalStream"), ("machinelearning", "Predict")}
# Members that decide where the SDK itself sends a request.
GIVEN: dict[str, Any] = {
    "KvsARN": "arn:aws:cloudfront::123456789012:key-value-store/3f2c1a44-0f6e-4d60-9d3a-1c2b3a4d5e6f",
}
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
        return {name: GIVEN.get(name) or minimal(shape.members[name], depth + 1) for name in names}
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
        if bodiless or (status < 500 and code and code != str(status)):
            return str(code)
        return f"BROKEN status {status}, code {code!r}: {error.response['Error'].get('Message', '')[:120]}"
    except BotoCoreError as error:
        kind, elsewhere = type(error).__name__, ".api.aws/" in str(error)  # some endpoints of `signin` ignore endpoint_url
        not_sent = elsewhere or kind in ("ParamValidationError", "ValidationError")
        return f"not sent: {kind}" if not_sent else f"BROKEN {kind}: {str(error)[:160]}"
    except Exception as error:
        return f"BROKEN {type(error).__name__}: {str(error)[:160]}"
    return "done"


def resolve_local_names() -> None:
    """Make names below localhost loopback (RFC 6761, 6.3), which not every resolver does: SDKs send to ACCOUNT.localhost."""
    system = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **named: Any) -> Any:
        return system("127.0.0.1" if str(host).endswith(".localhost") else host, *arguments, **named)

    socket.getaddrinfo = getaddrinfo


def tried(services: list[str]) -> Counter[str]:
    """The number of operations of `services` by outcome; prints those that are broken."""
    session = botocore.session.get_session()
    aws = Emulator(Path(tempfile.mkdtemp()), 0, 600.0)
    aws.start()
    counted: Counter[str] = Counter()
    try:
        for service in services:
            client = session.create_client(
                service,
                REGION,
                endpoint_url=aws.credentials.endpoint_url.replace("127.0.0.1", "localhost"),
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
                    print(f"{service} {name}: {found}", flush=True)
    finally:
        aws.stop()
    return counted


def in_groups(services: list[str]) -> Counter[str]:
    """`tried`, a process for each group; a group without a result counts as broken."""
    counted: Counter[str] = Counter()
    for start in range(0, len(services), GROUP):
        group = services[start : start + GROUP]
        try:
            done = subprocess.run(
                [sys.executable, __file__, "--counts", *group],
                stdout=subprocess.PIPE,
                text=True,
                timeout=GROUP_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            print(f"{group[0]} to {group[-1]}: BROKEN no end within {GROUP_SECONDS} s", flush=True)
            counted["BROKEN"] += 1
            continue
        *lines, counts = done.stdout.splitlines() or [""]
        print(*lines, sep="\n", end="\n" * bool(lines), flush=True)
        counted.update(json.loads(counts) if done.returncode == 0 else {"BROKEN": 1})
    return counted


def main(wanted: list[str]) -> int:
    resolve_local_names()
    if wanted[:1] == ["--counts"]:
        print(json.dumps(tried(wanted[1:])))
        return 0
    counted = in_groups(wanted or botocore.session.get_session().get_available_services())
    for kind, number in counted.most_common(25):
        print(f"{number:6} {kind}")
    return 1 if counted["BROKEN"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
