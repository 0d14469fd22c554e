"""JSON requests to moto's services: types are those of the service model, and null is the absence of a member, as on AWS.

moto takes values as they are: a list where a name belongs is stored, or fails later. Errors are those of AWS's framework, for
which sagemaker/request_validation.py names the sources. Members that the model lacks are ignored, as AWS's JSON services do.
"""

from __future__ import annotations

import io
import json
from typing import Any, Final

from async_endpoint.emulator.api_calls import SERVICES, ApiCall
from async_endpoint.emulator.sagemaker.protocol import ApiError, service_model
from async_endpoint.emulator.sagemaker.request_validation import constraint_violations, without_nulls
from async_endpoint.emulator.wsgi import Environ

# Services whose framework checks all constraints of the model before anything else, with the code of its errors. User reports:
# fluent-plugin-cloudwatch-logs issue 223, steampipe-mod-aws-compliance issue 312 (scaling); for KMS and tagging their models.
_CHECKED: Final = {
    "application-autoscaling": "ValidationException",
    "kms": "ValidationException",
    "logs": "InvalidParameterException",
    "resourcegroupstaggingapi": "InvalidParameterException",
}
_OWN: Final = ("cloudformation", "sagemaker")  # validated by their own implementations


def json_object(body: bytes) -> dict[str, Any]:
    """The document of a JSON request; raises ApiError if it is none."""
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ApiError("SerializationException", f"The request is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ApiError("SerializationException", "The request is JSON, but not an object.")
    return document


def check_json(call: ApiCall, environ: Environ) -> None:
    """Raise ApiError for a JSON request of SERVICES that is not of its operation's types; take null members out of its body."""
    if "HTTP_X_AMZ_TARGET" not in environ or call.service not in SERVICES or call.service in _OWN:
        return
    body = environ["wsgi.input"].read()
    document = json_object(body)
    request = without_nulls(call.service, call.action, document)
    _check_constraints(call, request)
    if request != document:
        body = json.dumps(request).encode()
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)
    else:
        environ["wsgi.input"].seek(0)


def _check_constraints(call: ApiCall, request: dict[str, Any]) -> None:
    code = _CHECKED.get(call.service)
    if code is not None:
        violated = constraint_violations(call.service, call.action, request)
        if violated:
            raise ApiError(code, violated)
    if call.service == "sqs":
        shape = service_model("sqs").operation_model(call.action).input_shape
        absent = [name for name in (shape.required_members if shape else ()) if name not in request]
        if absent:
            raise ApiError("MissingParameter", f"The request must contain the parameter {absent[0]}.")
