"""The protocols of SageMaker's two APIs: validation of requests with botocore's service models, responses and errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

if TYPE_CHECKING:
    from werkzeug.wrappers import Response


class ApiError(Exception):
    """An error response of AWS. `members` are the members of its shape besides the message."""

    def __init__(self, code: str, message: str, status: int = 400, members: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = members or {}


def validation_exception(message: str) -> ApiError:
    """SageMaker's ValidationException."""
    return ApiError("ValidationException", message)


@cache
def service_model(name: str) -> ServiceModel:
    """botocore's model of `sagemaker` or `sagemaker-runtime`."""
    session = botocore.session.get_session()
    return ServiceModel(session.get_component("data_loader").load_service_model(name, "service-2"), name)


def validate_request(service: str, operation: str, params: dict[str, Any]) -> None:
    """Raise ValidationException when `params` violate the operation's input shape: types, required members, constraints."""
    shape = service_model(service).operation_model(operation).input_shape
    report = ParamValidator().validate(params, shape)
    problems = [report.generate_report()] if report.has_errors() else list(_constraint_violations(shape, params, ""))
    if problems:
        errors = "error" if len(problems) == 1 else "errors"
        raise validation_exception(f"{len(problems)} validation {errors} detected: {'; '.join(problems)}")


def _constraint_violations(shape: Any, value: Any, where: str) -> Iterator[str]:
    """Violations that botocore's validator leaves to the service: upper limits, patterns and enumerations."""
    if shape.type_name == "structure":
        for name, member in value.items():
            if name in shape.members:
                yield from _constraint_violations(shape.members[name], member, f"{where}.{name}".lstrip("."))
        return
    if shape.type_name == "list":
        for index, member in enumerate(value):
            yield from _constraint_violations(shape.member, member, f"{where}.{index + 1}.member")
    size = value if isinstance(value, int | float) else len(value) if hasattr(value, "__len__") else 0
    most, pattern = shape.metadata.get("max"), shape.metadata.get("pattern")
    allowed = getattr(shape, "enum", None) if isinstance(value, str) else None
    broken = []
    if most is not None and size > most:
        broken.append(f"have a value or length not above {most}")
    if isinstance(value, str) and pattern and (compiled := _compiled(pattern)) and not compiled.fullmatch(value):
        broken.append(f"satisfy regular expression pattern: {pattern}")
    if allowed and value not in allowed:
        broken.append(f"satisfy enum value set: {allowed}")
    yield from (f"Value '{value}' at '{where}' failed to satisfy constraint: Member must {rule}" for rule in broken)


def violated_pattern(service: str, operation: str, member: str, value: str) -> str | None:
    """The pattern of a string member of an input that `value` does not match; None when it matches."""
    pattern = service_model(service).operation_model(operation).input_shape.members[member].metadata.get("pattern")
    compiled = _compiled(pattern) if pattern else None
    return None if compiled is None or compiled.fullmatch(value) else str(pattern)


_JAVA = {r"[\p{Print}]": r"[\x20-\x7e]", r"\p{ASCII}": r"[\x00-\x7f]", r"\z": r"\Z"}


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """The Java pattern compiled for Python; None for the few with Java-only syntax, such as \\p{L}."""
    for java, python in _JAVA.items():
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern)
    except re.error:
        return None


def json_response(document: dict[str, Any]) -> Response:
    """A JSON 1.1 response; times become seconds since the epoch."""
    from werkzeug.wrappers import Response  # noqa: PLC0415 - `local fault` reads service models without the extra [local]

    body = json.dumps(document, default=_plain) if document else ""
    return Response(body, 200, content_type="application/x-amz-json-1.1")


def json_error(error: ApiError) -> Response:
    from werkzeug.wrappers import Response  # noqa: PLC0415

    body = json.dumps({"__type": error.code, "message": error.message, **error.members})
    return Response(body, error.status, {"x-amzn-ErrorType": error.code}, content_type="application/x-amz-json-1.1")


def _plain(value: object) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} has no JSON form")
