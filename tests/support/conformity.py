"""Raw answers held against botocore's service models: what a strict SDK would stumble over, before botocore drops it.

While `checked` lasts, every boto3 client of this process checks every answer it gets; a call whose answer does not conform
fails with NotConforming, an AssertionError, whatever the test expected of the call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore import handlers
from botocore.model import OperationModel, Shape
from botocore.parsers import create_parser

from support.model_values import parsed_structure, scalar, structure

JSON = ("json", "rest-json")
IMPLEMENTED_HERE = (
    "sagemaker",
    "sagemaker-runtime",
)  # elsewhere moto writes null where it means nothing, which SDKs read as absent
# Errors that any action may give, which the models leave out: (code, HTTP status). AWS: "Common Errors" of each API.
COMMON = {
    ("AccessDeniedException", 400),
    ("AccessDeniedException", 403),  # by REST services, and by those that spoke the query protocol
    ("InternalFailure", 500),
    ("InvalidParameterValue", 400),  # of SQS, among the "Common Errors" of its API
    ("RequestEntityTooLarge", 413),  # assumption A3 of docs/assumptions.md
    ("SerializationException", 400),
    ("ServiceUnavailable", 503),
    ("ThrottlingException", 400),
    ("ThrottlingException", 429),  # of serverless endpoints: undocumented
    ("UnknownOperationException", 400),
    ("ValidationError", 400),
    ("ValidationException", 400),
    *(
        (
            code,
            status,
        )  # 400 by services of the JSON protocol, 403 by SageMaker Runtime and by those that spoke the query protocol
        for code in (
            "ExpiredTokenException",
            "InvalidSignatureException",
            "MissingAuthenticationTokenException",
            "UnrecognizedClientException",
        )
        for status in (400, 403)
    ),
}


# Where AWS itself departs from its model: (service and action, text of the problem).
AWS_DEVIATES = (
    ("kms CreateAlias", "NotAuthorizedException"),  # of a name under alias/aws/: moto; not verified on AWS
    ("kms UpdateAlias", "NotAuthorizedException"),
    ("kms DeleteAlias", "NotAuthorizedException"),
    ("cloudwatch PutDashboard", "InvalidParameterValueException"),  # of a name: LocalStack's snapshots, recorded on AWS
    ("cloudformation DescribeStackEvents", "_CLEANUP_IN_PROGRESS'"),  # a stack's event (user guide, "Stack update status")
    ("s3 GetObject", "HTTP 206"),  # of a range or a part
    ("s3 HeadObject", "HTTP 206"),  # of a part
    ("s3 PutBucketTagging", "HTTP 204"),  # the sample response of the API reference
    ("s3 DeleteBucketTagging", "HTTP 204"),
)


class NotConforming(AssertionError):
    """An answer that AWS would not give."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer as it came: header names in lower case, the body whole, or None for one that is a stream."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


_checking = False


def install() -> None:
    """Let boto3 clients that this process makes from now on check their answers while `checked` lasts."""
    handler = ("before-parse", _check)
    if handler in handlers.BUILTIN_HANDLERS:
        return
    handlers.BUILTIN_HANDLERS.append(handler)  # read by each botocore session as it is made
    if boto3.DEFAULT_SESSION is not None:
        boto3.DEFAULT_SESSION.events.register(*handler)


@contextmanager
def checked() -> Iterator[None]:
    """Every answer is checked while this lasts."""
    global _checking  # noqa: PLW0603 - botocore's handlers are the process's
    _checking = True
    try:
        yield
    finally:
        _checking = False


def _check(operation_model: OperationModel, response_dict: Mapping[str, Any], **_: Any) -> None:
    if not _checking:
        return
    headers = {name.lower(): value for name, value in response_dict["headers"].items()}
    body = response_dict["body"] if isinstance(response_dict["body"], bytes) else None
    action = f"{operation_model.service_model.service_name} {operation_model.name}"
    known = [text for deviating, text in AWS_DEVIATES if deviating == action]
    found = problems(operation_model, Answer(response_dict["status_code"], headers, body))
    found = [problem for problem in found if not any(text in problem for text in known)]
    if found:
        raise NotConforming(f"{action}: {'; '.join(found)}")


def problems(operation: OperationModel, answer: Answer) -> list[str]:
    """What is wrong with an answer; empty when nothing is. Members unknown to the model are seen in JSON only."""
    found = [] if any("request-id" in name or "requestid" in name for name in answer.headers) else ["no request id"]
    if answer.status >= 300:
        return [*found, *_error(operation, answer)]
    wanted = operation.http.get("responseCode", 200)
    found += [] if answer.status == wanted else [f"HTTP {answer.status}, not {wanted}"]
    shape, protocol = operation.output_shape, operation.service_model.resolved_protocol
    if shape is None or (answer.body is None and protocol not in JSON):
        return found
    if protocol not in JSON:
        parser = create_parser(protocol)
        parsed = parser.parse({"status_code": answer.status, "headers": answer.headers, "body": answer.body}, shape)
        parsed.pop("ResponseMetadata", None)
        return [*found, *parsed_structure(shape, parsed, "")]
    placed = {name: member for name, member in shape.members.items() if "location" in member.serialization}
    found += [problem for name, member in placed.items() for problem in _placed(shape, name, member, answer)]
    if shape.serialization.get("payload") is None and answer.body is not None:
        document, problem = _object(answer.body)
        document = document if operation.service_model.service_name in IMPLEMENTED_HERE else _without_nulls(document)
        found += [problem] if problem else [*structure(shape, document, "", skip=set(placed))]
    return found


def _placed(shape: Shape, name: str, member: Shape, answer: Answer) -> Iterator[str]:
    """A member that lies in a header (or in the status line)."""
    if member.serialization["location"] != "header":
        return
    text = answer.headers.get(member.serialization["name"].lower())
    if text is None:
        yield from [f"required header {member.serialization['name']} is missing"] if name in shape.required_members else []
    elif member.type_name == "string":
        yield from scalar(member, text, name)
    elif member.type_name in ("integer", "long") and not text.isdecimal():
        yield f"{name} is {text!r}, no number"


# --- errors ---------------------------------------------------------------------------------------------------------------


def _error(operation: OperationModel, answer: Answer) -> Iterator[str]:
    if operation.service_model.resolved_protocol not in JSON:
        return
    document, problem = _object(answer.body)
    if problem:
        yield problem
        return
    header = answer.headers.get("x-amzn-errortype", "").rsplit("#", 1)[-1].split(":")[0]
    code = str(document.get("__type", header)).rsplit("#", 1)[-1].split(":")[0]
    if not code:
        yield "an error without a code"
        return
    if header and header != code:
        yield f"x-amzn-errortype is {header!r} and __type is {code!r}"
    if not isinstance(document.get("message", document.get("Message")), str):
        yield f"{code} without a message"
    # A service that was a query service sends the name of the shape here, and its former code in x-amzn-query-error.
    modelled = {name: shape for shape in operation.error_shapes for name in (shape.error_code, shape.name)}
    if code not in modelled:
        # Actions of SageMaker model few errors, and answer the common ones all the same.
        if (code, answer.status) not in COMMON:
            yield f"{code} with HTTP {answer.status} is neither modelled for this action nor common"
        return
    status = modelled[code].metadata.get("error", {}).get("httpStatusCode", answer.status)
    if answer.status != status:
        yield f"{code} with HTTP {answer.status}, modelled with {status}"
    members = {name.lower() for name in modelled[code].members} | {"message", "__type"}
    yield from (f"{code} has the unknown member {name}" for name in document if name.lower() not in members)


def _object(body: bytes | None) -> tuple[dict[str, Any], str]:
    """The JSON object of a body, empty for none, and what is wrong with it."""
    try:
        document = json.loads(body or b"{}")
    except ValueError as error:
        return {}, f"the body is not JSON: {error}"
    return (document, "") if isinstance(document, dict) else ({}, "the body is JSON, but not an object")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
