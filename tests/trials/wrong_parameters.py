"""Trial: every operation of the emulated services with parameters that no SDK sends, through raw HTTP, against a local AWS.

    .venv/bin/python tests/trials/wrong_parameters.py [SERVICE…]

Each member of a minimal request is left out, or is of a wrong type, out of range or too long; bodies are malformed. No request
may be answered with a 5xx status other than S3's 501, without a code, or not at all within 30 seconds. Prints each that is, and
per service how many were refused and accepted; exits with 1 if there is any. Takes some minutes. With --accepted, prints the
members of JSON requests for which a value of another type was accepted.
"""

from __future__ import annotations

import copy
import http.client
import json
import logging
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit
from xml.sax.saxutils import escape

import boto3
import botocore.session
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.model import OperationModel, ServiceModel
from every_operation import minimal

from async_endpoint.emulator.api_calls import SERVICES
from async_endpoint.emulator.emulator import Emulator

REGION, ACCOUNT = "us-east-1", "123456789012"
MAX_MEMBERS = 40  # of a request
WRONG: tuple[Any, ...] = (
    None,
    "",
    "x" * 3_000,
    "\x00é\u2028",
    -1,
    10**30,
    1e308,
    True,
    [],
    [None],
    ["x"],
    {},
    {"x": "y"},
    {"x": {"y": [1]}},
)
MALFORMED = (b"", b"null", b"[]", b'"x"', b"1", b"{", b"\xff\xfe", b"[" * 50_000, b'{"a":' * 2_000, b"<a", b"%", b"a=%ff&b")
NOT_EMULATED = ("UnknownOperationException", "InvalidAction", "NotImplemented", "NotImplementedException")


# In XML or JSON.
_CODE = re.compile(rb'<Code>([^<]+)|"__type": ?"([^"]+)')


class Sent(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    status: int
    code: str
    text: str


def form(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The fields of the query protocol."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from form(item, f"{prefix}.{name}" if prefix else str(name))
    elif isinstance(value, list):
        for number, item in enumerate(value, 1):
            yield from form(item, f"{prefix}.member.{number}")
    elif value is not None:
        yield prefix, str(value).lower() if isinstance(value, bool) else _text(value)


def xml(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return f"<{name}>{''.join(xml(str(child), item) for child, item in value.items())}</{name}>"
    if isinstance(value, list):
        return "".join(xml(name, item) for item in value)
    return f"<{name}/>" if value is None else f"<{name}>{escape(_text(value))}</{name}>"


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, str) else json.dumps(value, default=str)


def request_of(model: ServiceModel, operation: OperationModel, values: Any, body: bytes | None = None) -> Sent:
    """A request with `values` as parameters in the protocol of the service, or with `body` in their place."""
    protocol = _protocol(model)
    if protocol == "json":
        target = f"{model.metadata['targetPrefix']}.{operation.name}"
        headers = {"X-Amz-Target": target, "Content-Type": f"application/x-amz-json-{model.metadata['jsonVersion']}"}
        return Sent("POST", "/", headers, json.dumps(values, default=str).encode() if body is None else body)
    if protocol == "query":
        fields = {"Action": operation.name, "Version": model.api_version, **dict(form(values))}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return Sent("POST", "/", headers, urlencode(fields).encode() if body is None else body)
    return _rest(operation, values, body)


def _protocol(model: ServiceModel) -> str:
    """JSON where the service has it, as boto3 chooses."""
    return "json" if "json" in model.metadata.get("protocols", ()) else str(model.metadata["protocol"])


def _rest(operation: OperationModel, values: Any, body: bytes | None) -> Sent:
    path, _, query = operation.http["requestUri"].partition("?")
    given, headers, sent = dict(values) if isinstance(values, dict) else {}, {}, b""
    members = operation.input_shape.members if operation.input_shape else {}
    fields = [query] if query else []
    for name, value in given.items():
        where = members[name].serialization if name in members else {}
        wire, location = where.get("name", name), where.get("location")
        if location == "uri":
            path = re.sub(rf"\{{{wire}\+?\}}", quote(_text(value), safe=""), path)
        elif location == "querystring":
            fields.append(urlencode({wire: _text(value)}))
        elif location in ("header", "headers"):
            headers |= {} if wire == "Content-Length" else {wire: quote(_text(value)[:2_000])}
        else:
            sent = value if isinstance(value, bytes) else xml(wire, value).encode()
    target = f"{path}?{'&'.join(fields)}" if fields else path
    return Sent(operation.http["method"], target, headers, sent if body is None else body)


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each member of a request, outer ones first."""
    if isinstance(value, dict | list):
        found = list(value) if isinstance(value, dict) else list(range(len(value)))
        for key in found:
            yield (*here, key)
        for key in found:
            yield from places(value[key], (*here, key))


def altered(values: dict[str, Any], place: tuple[Any, ...], *value: Any) -> dict[str, Any]:
    """The request with another value in a place, or without one."""
    found: Any = copy.deepcopy(values)
    inner = found
    for key in place[:-1]:
        inner = inner[key]
    if value:
        inner[place[-1]] = value[0]
    else:
        del inner[place[-1]]
    return found


def existing(port: Port, service: str) -> dict[str, Any]:
    """Create what the operations of a service work on, unless it is there; returns the members that name it."""

    def call(name: str, **values: Any) -> dict[str, Any]:
        try:
            return dict(getattr(clients(port, service), name)(**values))
        except ClientError:  # it exists
            return {}

    found: dict[str, Any] = {"ServiceNamespace": "sagemaker", "ServiceCode": "sagemaker"}
    if service == "sqs":
        found = {"QueueUrl": call("create_queue", QueueName="x")["QueueUrl"], "QueueName": "x"}
    if service == "sns":
        arn = call("create_topic", Name="x")["TopicArn"]
        subscribed = call("subscribe", TopicArn=arn, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:x")
        found = {"TopicArn": arn, "ResourceArn": arn, "SubscriptionArn": subscribed.get("SubscriptionArn", arn)}
    if service == "kms":
        key = call("create_key")["KeyMetadata"]
        found = {"KeyId": key["KeyId"], "PolicyName": "default"}
    if service == "logs":
        call("create_log_group", logGroupName="x")
        call("create_log_stream", logGroupName="x", logStreamName="x")
        found = {"logGroupName": "x", "logStreamName": "x"}
    if service == "iam":
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        call("create_role", RoleName="x", AssumeRolePolicyDocument=document)
        call("create_user", UserName="x")
        found = {"RoleName": "x", "UserName": "x"}
    if service == "s3":
        call("create_bucket", Bucket="existing")
        call("put_object", Bucket="existing", Key="x", Body=b"x")
        found = {"Bucket": "existing", "Key": "x"}
    return found


@cache
def clients(port: Port, service: str) -> Any:
    return boto3.client(
        service,
        REGION,
        endpoint_url=port.url,
        aws_access_key_id=port.keys.access_key,
        aws_secret_access_key=port.keys.secret_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


class Port:
    """Signs and sends requests, over one connection."""

    def __init__(self, aws: Emulator) -> None:
        self.url = aws.credentials.endpoint_url
        self.keys = Credentials(aws.credentials.access_key_id, aws.credentials.secret_access_key)
        self._connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)

    def send(self, signing_name: str, sent: Sent) -> Answer:
        request = AWSRequest(sent.method, self.url + sent.target, dict(sent.headers), sent.body)
        (S3SigV4Auth if signing_name == "s3" else SigV4Auth)(self.keys, signing_name, REGION).add_auth(request)
        try:
            self._connection.request(sent.method, sent.target, sent.body, dict(request.headers.items()))
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return Answer(599, "", f"{type(error).__name__}: {error}")
        found = _CODE.search(body)
        code = next((item.decode() for item in found.groups() if item), "") if found else ""
        return Answer(answer.status, code or answer.headers.get("x-amzn-errortype", ""), body[:200].decode(errors="replace"))


def requests_of(operation: OperationModel, named: dict[str, Any]) -> Iterator[tuple[str, Any, bytes | None]]:
    """What is wrong, parameters, and a body in their place or None; `named` are members that exist."""
    shape = operation.input_shape
    values = minimal(shape) if shape else {}
    values |= {name: value for name, value in named.items() if shape and name in shape.members}
    yield "minimal", values, None
    for body in MALFORMED:
        yield f"body {body[:12]!r}", values, body
    full = {**{name: minimal(member) for name, member in (shape.members if shape else {}).items()}, **values}
    for place in list(places(full))[:MAX_MEMBERS]:
        name = ".".join(map(str, place))
        yield f"without {name}", altered(full, place), None
        for value in WRONG:
            yield f"{name} = {value!r:.30}", altered(full, place, value), None


def tried(port: Port, service: str, model: ServiceModel, show_accepted: bool) -> Counter[str]:
    counted: Counter[str] = Counter()
    for name in model.operation_names:
        operation, accepted = model.operation_model(name), set()
        for wrong, values, body in requests_of(operation, existing(port, service)):
            answer = port.send(model.signing_name, request_of(model, operation, values, body))
            bodiless = operation.http["method"] == "HEAD" or answer.status == 501
            broken = (answer.status >= 500 and not (answer.status == 501 and service == "s3")) or (
                answer.status >= 400 and not answer.code and not bodiless
            )
            counted["broken" if broken else "refused" if answer.status >= 400 else "accepted"] += 1
            if broken:
                print(f"{service} {name}, {wrong}: {answer.status} {answer.text[:150]!r}", flush=True)
            if answer.status < 300 and " = " in wrong:
                accepted.add(wrong)
            if wrong == "minimal" and answer.code in NOT_EMULATED:
                break
        if show_accepted and accepted and _protocol(model) == "json":
            print(f"accepted by {service} {name}: {'; '.join(sorted(accepted))}", flush=True)
    return counted


def main(wanted: list[str]) -> int:
    show_accepted = "--accepted" in wanted
    logging.disable(logging.WARNING)
    aws = Emulator(Path(tempfile.mkdtemp()), 0, 600.0)
    aws.start()
    broken = 0
    try:
        port, session = Port(aws), botocore.session.get_session()
        for service in [name for name in wanted if not name.startswith("-")] or SERVICES:
            counted = tried(port, service, session.get_service_model(service), show_accepted)
            broken += counted["broken"]
            print(service, dict(counted), flush=True)
    finally:
        aws.stop()
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
