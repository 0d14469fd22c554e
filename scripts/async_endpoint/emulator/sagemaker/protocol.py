"""The protocols of SageMaker's two APIs: their service models, responses and errors."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.model import ServiceModel

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
