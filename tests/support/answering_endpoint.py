"""An asynchronous endpoint in memory that answers each body with itself, and the exception classes of a boto3 client."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3

from async_endpoint import AsyncEndpoint, ClientConfig
from async_endpoint.client.endpoint_info import EndpointInfo
from support.in_memory_aws import BUCKET, FakeAws

FAILURES = {
    b"bad": 'Received client error (400) from primary with message "no such \\"size\\", "XL""',
    b"crash": 'ClientError: Received server error (500) from primary with message "Traceback"',
    b"silent": 'Received server error (0) from primary with message "Your invocation timed out"',
    b"expire": "The request expired before it was processed.",
    b"upload": "InternalFailure: the response could not be uploaded",
}


@cache
def exceptions(session: str = "caller") -> Any:
    """The exception classes of a boto3 client; each name is a boto3 session, which has classes of its own."""
    made = boto3.Session("a", "b", region_name="eu-west-1")
    return made.client("sagemaker-runtime").exceptions


@dataclass
class AnsweringEndpoint:
    """`go` lets answers be written; a body that is a key of FAILURES fails, and `never` has no outcome."""

    aws: FakeAws
    go: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.go.set()
        self.aws.runtime.then = self._answer

    def client(self, **config: Any) -> AsyncEndpoint:
        settings = {"collect": "head", "poll_interval": 0.01, "max_poll_interval": 0.05, "attempts": 1} | config
        return AsyncEndpoint(
            EndpointInfo.from_outputs(self.aws.outputs), session=self.aws.session, config=ClientConfig(**settings), run="run"
        )

    @property
    def calls(self) -> list[dict[str, Any]]:
        return self.aws.runtime.calls

    def _answer(self, request: dict[str, Any], reply: dict[str, Any]) -> None:
        assert self.go.wait(30)
        name, body = request["Filename"], request.get("Body", b"uploaded")
        reply["OutputLocation"] = f"s3://{BUCKET}/output/run/{name}"
        reply["FailureLocation"] = f"s3://{BUCKET}/failure/run/{name}"
        if body in FAILURES:
            self.aws.s3.put(reply["FailureLocation"], FAILURES[body].encode())
        elif body != b"never":
            self.aws.s3.put(reply["OutputLocation"], body, request.get("ContentType", "application/octet-stream"))
