"""Throttled and broken, as each service says it on its own wire."""

from __future__ import annotations

import json
import uuid
from typing import Any, Final, NamedTuple
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from async_endpoint.emulator.api_calls import SERVICES, ApiCall, service_of
from async_endpoint.emulator.sagemaker.protocol import service_model


class ServiceError(NamedTuple):
    code: str
    message: str
    status: int


# S3's "Error responses" page; SQS's RequestThrottled, which botocore retries at 403; what people report of SNS. The others
# answer as the page "Common Errors" of their API references says, the older (query) services with Throttling.
_THROTTLED: Final = ServiceError("ThrottlingException", "Rate exceeded", 400)
_THROTTLED_BY: Final = {
    "s3": ServiceError("SlowDown", "Please reduce your request rate.", 503),
    "sqs": ServiceError("RequestThrottled", "Request is throttled.", 403),
    **dict.fromkeys(("cloudwatch", "iam", "sns", "sts"), ServiceError("Throttling", "Rate exceeded", 400)),
}
_BROKEN: Final = {
    500: ServiceError(
        "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.", 500
    ),
    503: ServiceError("ServiceUnavailable", "The request has failed due to a temporary failure of the server.", 503),
}
_BROKEN_BY: Final = {
    ("s3", 500): ServiceError("InternalError", "We encountered an internal error. Please try again.", 500),
    ("sns", 500): ServiceError("InternalError", "An internal service error has occurred.", 500),
}


_ABSENT_BY: Final = {"s3": "NotImplemented", **dict.fromkeys(("iam", "sns", "sts"), "InvalidAction")}
_AMZ_JSON: Final = "application/x-amz-json-"
_AS_JSON: Final = {  # where the code of the query protocol is another
    "Throttling": "ThrottlingException",
    "ExpiredToken": "ExpiredTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
}
# By status. S3's "Error responses" page gives the two that it answers by status 400.
_REFUSED: Final = {
    403: "AccessDenied",
    405: "MethodNotAllowed",
    408: "RequestTimeout",
    413: "RequestEntityTooLarge",
    501: "NotImplemented",
    507: "InsufficientStorage",
}
_REFUSED_BY_S3: Final = {408: ("RequestTimeout", 400), 413: ("EntityTooLarge", 400)}
_XML: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


def throttled(call: ApiCall, environ: dict[str, Any]) -> Response:
    """The answer to one call too many."""
    return _response(call, environ, _THROTTLED_BY.get(call.service, _THROTTLED))


def service_error(call: ApiCall, environ: dict[str, Any], status: int) -> Response:
    """The answer of a service that fails (500) or is not available (503)."""
    return _response(call, environ, _BROKEN_BY.get((call.service, status), _BROKEN[status]))


def unknown_action(call: ApiCall, environ: dict[str, Any]) -> Response:
    """The answer to an action that nobody here carries out."""
    named = call.action or f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
    text = f"{named} of {call.service} is not emulated by the local AWS."
    status = 501 if call.service == "s3" else 400
    return _response(call, environ, ServiceError(_ABSENT_BY.get(call.service, "UnknownOperationException"), text, status))


def request_refused(environ: dict[str, Any], status: int, message: str) -> Response:
    """The answer to a request that is malformed, too large or not let in: in the format of its service, else as plain text.

    Looks at method, path and headers only: the body may not have been read.
    """
    service = service_of(environ)
    if service is None:
        return Response(message + "\n", status, content_type="text/plain; charset=utf-8")
    if service == "sagemaker" and environ["PATH_INFO"].startswith("/endpoints/"):
        service = "sagemaker-runtime"
    code, status = (_REFUSED_BY_S3 if service == "s3" else {}).get(status, (_REFUSED.get(status, "InvalidRequest"), status))
    return _response(ApiCall(service, ""), environ, ServiceError(code, message, status))


def not_authenticated(environ: dict[str, Any], s3: tuple[str, str, int], other: tuple[str, str, int]) -> Response:
    """The answer to a request that is not authenticated: `s3` or `other` (code, message, status), by its service.

    Services with the JSON protocol answer with status 400 where those with the query protocol answer with 403. Looks at method,
    path and headers only: the body may not have been read.
    """
    service = _intended(environ)
    refusal = ServiceError(*(s3 if service == "s3" else other))
    if "HTTP_X_AMZ_TARGET" in environ and "HTTP_X_AMZN_QUERY_MODE" not in environ:
        refusal = refusal._replace(status=400)
    return _response(ApiCall(service, ""), environ, refusal)


def _intended(environ: dict[str, Any]) -> str:
    """The service that a request is meant for, by its signature, else by its form; `sagemaker-runtime` for any REST service."""
    service = service_of(environ)
    if environ["PATH_INFO"].startswith("/endpoints/") and service in (None, "sagemaker"):
        return "sagemaker-runtime"
    if service is None and "HTTP_X_AMZ_TARGET" in environ:
        return "sagemaker"
    if service is None:
        return "sts" if environ["REQUEST_METHOD"] == "POST" and _is_query(environ) else "s3"
    if service.startswith("s3"):
        return "s3"
    return service if service in SERVICES or _is_query(environ) else "sagemaker-runtime"


def _is_query(environ: dict[str, Any]) -> bool:
    """Whether a request has the form of the query protocol."""
    in_body = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    return in_body or "Action=" in environ.get("QUERY_STRING", "")


def _response(call: ApiCall, environ: dict[str, Any], refusal: ServiceError) -> Response:
    request_id = str(uuid.uuid4())
    if call.service == "s3":
        body = f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message>" + (
            f"<Resource>{escape(environ['PATH_INFO'])}</Resource><RequestId>{request_id}</RequestId>"
        )
        headers = {"x-amz-request-id": request_id}
        return Response(_XML + f"<Error>{body}</Error>", refusal.status, headers, content_type="application/xml")
    headers = {"x-amzn-RequestId": request_id}
    if call.service == "sagemaker-runtime" or "HTTP_X_AMZ_TARGET" in environ:
        code = _AS_JSON.get(refusal.code, refusal.code)
        headers["x-amzn-ErrorType"] = code
        if "HTTP_X_AMZN_QUERY_MODE" in environ:  # a service that used to speak the query protocol: SQS, CloudWatch
            headers["x-amzn-query-error"] = f"{refusal.code};{_sender(refusal)}"
        return Response(
            json.dumps({"__type": code, "message": refusal.message}),
            refusal.status,
            headers,
            content_type=sent if (sent := environ.get("CONTENT_TYPE", "")).startswith(_AMZ_JSON) else "application/json",
        )
    return Response(_query_error(call, refusal, request_id), refusal.status, headers, content_type="text/xml")


def _query_error(call: ApiCall, refusal: ServiceError, request_id: str) -> str:
    space = service_model(call.service).metadata.get("xmlNamespace", "") if call.service in SERVICES else ""
    return (
        f'{_XML}<ErrorResponse xmlns="{space}"><Error><Type>{_sender(refusal)}</Type><Code>{refusal.code}</Code>'
        f"<Message>{escape(refusal.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )


def _sender(refusal: ServiceError) -> str:
    """Whose fault it is."""
    return "Sender" if refusal.status < 500 else "Receiver"
