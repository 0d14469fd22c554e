"""Requests signed by hand, so that each part can be wrong, and sent as they are: no SDK stands between a test and the port."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from support.in_process_aws import REGION, AwsHarness

TIMESTAMP = "%Y%m%dT%H%M%SZ"


class Answer(NamedTuple):
    """What came back; `code` is the service's error code, empty when it succeeded."""

    status: int
    code: str
    body: bytes


@dataclass(frozen=True)
class Call:
    """A request, what it is signed with, and how it is altered once it is signed."""

    local_aws: AwsHarness
    method: str = "PUT"
    target: str = "/"
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    service: str = "s3"
    region: str = REGION
    key: str = ""
    secret: str = ""
    token: str | None = None
    late: timedelta = timedelta()
    alter: Callable[[Parts], None] = lambda parts: None

    def but(self, **changes: Any) -> Call:
        return replace(self, **changes)

    def signed(self) -> Parts:
        """The request as its signer made it."""
        credentials = self.local_aws.credentials
        key, secret = self.key or credentials.access_key_id, self.secret or credentials.secret_access_key
        request = AWSRequest(self.method, self.local_aws.url + self.target, dict(self.headers), self.body)
        if self.service == "s3" and "X-Amz-Content-SHA256" not in self.headers:
            request.headers["X-Amz-Content-SHA256"] = hashlib.sha256(self.body).hexdigest()
        auth: Any = (_S3Auth if self.service == "s3" else SigV4Auth)(
            Credentials(key, secret, self.token), self.service, self.region
        )
        moment = datetime.now(UTC) + self.late
        request.context["timestamp"] = moment.strftime(TIMESTAMP)
        auth._modify_request_before_signing(request)
        canonical = auth.canonical_request(request)
        auth._inject_signature_to_request(request, auth.signature(auth.string_to_sign(request, canonical), request))
        return Parts(self.method, self.target, dict(request.headers.items()), self.body)

    def send(self) -> Answer:
        """Sign, alter and send."""
        parts = self.signed()
        self.alter(parts)
        return send(self.local_aws, parts)


class _S3Auth(S3SigV4Auth):
    """Signs the hash that a request states, whatever it is."""

    def payload(self, request: Any) -> str:
        return str(request.headers["X-Amz-Content-SHA256"])

    def _modify_request_before_signing(self, request: Any) -> None:
        SigV4Auth._modify_request_before_signing(self, request)


@dataclass
class Parts:
    """A request as it is sent."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def authorization(self) -> str:
        return self.headers["Authorization"]

    def authorize(self, pattern: str, replacement: str) -> None:
        """Change the Authorization header; the pattern must be there."""
        changed = re.sub(pattern, replacement, self.authorization)
        assert changed != self.authorization
        self.headers["Authorization"] = changed


def send(local_aws: AwsHarness, parts: Parts) -> Answer:
    """Send a request as it is."""
    connection = http.client.HTTPConnection(urlsplit(local_aws.url).netloc, timeout=30)
    try:
        connection.putrequest(parts.method, parts.target, skip_accept_encoding=True)
        for name, value in parts.headers.items():
            if name.lower() != "content-length":
                connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(parts.body)))
        connection.endheaders(parts.body)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    return Answer(answer.status, _code(body) if answer.status >= 400 else "", body)


def _code(body: bytes) -> str:
    found = re.search(rb"<Code>([^<]*)</Code>", body)
    if found:
        return found[1].decode()
    try:
        document = json.loads(body)
    except ValueError:
        return body.decode(errors="replace")[:100]
    return str(document.get("__type") or document.get("error", ""))
