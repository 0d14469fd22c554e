"""Error responses in each service's own codes, texts and wire format."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable
from typing import Any, Final, NamedTuple
from xml.parsers.expat import ExpatError
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from async_endpoint.emulator.api_calls import SERVICES, ApiCall, is_cbor, service_of
from async_endpoint.emulator.sagemaker.protocol import service_model


class ServiceError(NamedTuple):
    code: str
    message: str
    status: int


# Sources: S3's "Error responses" page; for SQS RequestThrottled, which botocore retries at 403; user reports for SNS; for the
# others "Common Errors" of their API references, with Throttling for the older (query) services.
_THROTTLED: Final = ServiceError("ThrottlingException", "Rate exceeded", 400)
_THROTTLED_BY: Final = {
    "s3": ServiceError("SlowDown", "Please reduce your request rate.", 503),
    "sqs": ServiceError("RequestThrottled", "Request is throttled.", 403),
    **dict.fromkeys(("cloudformation", "cloudwatch", "iam", "sns", "sts"), ServiceError("Throttling", "Rate exceeded", 400)),
}
_UNAVAILABLE: Final = {
    500: ServiceError(
        "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.", 500
    ),
    503: ServiceError("ServiceUnavailable", "The request has failed due to a temporary failure of the server.", 503),
}
_UNAVAILABLE_BY: Final = {
    ("s3", 500): ServiceError("InternalError", "We encountered an internal error. Please try again.", 500),
    ("sns", 500): ServiceError("InternalError", "An internal service error has occurred.", 500),
}


_UNKNOWN_ACTION_BY: Final = {"s3": "NotImplemented", **dict.fromkeys(("cloudformation", "iam", "sns", "sts"), "InvalidAction")}
# "Common Errors" of the API references; S3's "Error responses".
_INVALID_BY: Final = {
    **dict.fromkeys(("cloudformation", "cloudwatch", "iam", "sts"), "ValidationError"),
    "s3": "InvalidRequest",
    "sns": "InvalidParameter",
    "sqs": "InvalidParameterValue",
}
_AMZ_JSON: Final = "application/x-amz-json-"
_AS_JSON: Final = {  # codes of the JSON protocols that differ from the query protocol
    "AccessDenied": "AccessDeniedException",
    "Throttling": "ThrottlingException",
    "ExpiredToken": "ExpiredTokenException",
    "InvalidAction": "UnknownOperationException",
    "IncompleteSignature": "IncompleteSignatureException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
}
# By status. S3 answers two of them with status 400 ("Error responses").
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
_REST_XML: Final = ("cloudfront", "route53", "s3control")  # REST services beside S3 with errors in XML, by botocore
_S3: Final = ("s3", "s3-object-lambda", "s3-outposts", "s3express")  # signing names of S3's API
_QUERY: Final = (
    "cloudformation",
    "cloudwatch",
    "iam",
    "sns",
    "sqs",
    "sts",
)  # of SERVICES; two of them have JSON and CBOR as well
_SSO_PORTAL: Final = ("/federation/credentials", "/assignment/accounts", "/assignment/roles", "/logout")
_POSTED_TO_S3: Final = re.compile(r"(?:^|&)(?:delete|restore|select|uploadId|uploads)(?:[=&]|$)")
_FLASK_PAGE: Final = b"<!doctype html>"
_CODE: Final = re.compile(rb'"(?:__type|[cC]ode)"\s*:|<Code>|\x66__type|\x64code')  # in JSON, XML or CBOR
_CODE_HEADERS: Final = ("x-amzn-errortype", "x-amzn-query-error")


def throttled(call: ApiCall, environ: dict[str, Any]) -> Response:
    """The response to a throttled call."""
    return _response(call, environ, _THROTTLED_BY.get(call.service, _THROTTLED))


def service_error(call: ApiCall, environ: dict[str, Any], status: int) -> Response:
    """The response of a service that fails (500) or is unavailable (503)."""
    return _response(call, environ, _UNAVAILABLE_BY.get((call.service, status), _UNAVAILABLE[status]))


def service_failure(call: ApiCall, environ: dict[str, Any], code: str, message: str) -> Response:
    """The response (400) of a service that refuses a call, in its wire format."""
    return _response(call, environ, ServiceError(code, message, 400))


def invalid_request(call: ApiCall, environ: dict[str, Any], cause: Exception) -> Response:
    """The response (400) to a request that the service's implementation cannot process: `cause` is what it raised."""
    text = (
        f"{_named(call, environ)} of {call.service} was refused by the local AWS: a parameter is invalid, or what it names "
        f"does not exist ({type(cause).__name__}: {cause})."
    )
    code = "MalformedXML" if isinstance(cause, ExpatError) else _invalid_code(call, environ)
    return service_failure(call, environ, code, text)


def _invalid_code(call: ApiCall, environ: dict[str, Any]) -> str:
    """A service's code for parameters that it refuses."""
    of_others = "ValidationException" if _is_json(call.service, environ) or is_cbor(environ) else "InvalidParameterValue"
    return _INVALID_BY.get(call.service, of_others)


def has_code(headers: Iterable[tuple[str, str]], body: bytes) -> bool:
    """Whether an error response has a code, in a header or its body, for which SDKs use the HTTP status otherwise."""
    return _CODE.search(body) is not None or any(name.lower() in _CODE_HEADERS for name, _ in headers)


def without_code(call: ApiCall, environ: dict[str, Any], status: int, body: bytes) -> Response:
    """The response in place of one without a code: to a path that the service's implementation does not know, or else (400)."""
    is_page = body.startswith(_FLASK_PAGE)
    if status in (404, 405) and (is_page or not body) and (is_page or call.service != "s3" or not call.action):
        return unknown_action(call, environ)
    said = "" if is_page or not body else f": {body[:200].decode(errors='replace')}"
    text = f"{_named(call, environ)} of {call.service} was refused by the local AWS: a parameter is invalid or missing{said}."
    return service_failure(call, environ, _invalid_code(call, environ), text)


def _named(call: ApiCall, environ: dict[str, Any]) -> str:
    return call.action or f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"


def unknown_action(call: ApiCall, environ: dict[str, Any]) -> Response:
    """The response to an action that is not emulated."""
    text = f"{_named(call, environ)} of {call.service} is not emulated by the local AWS."
    status = 501 if call.service == "s3" else 400
    return _response(
        call, environ, ServiceError(_UNKNOWN_ACTION_BY.get(call.service, "UnknownOperationException"), text, status)
    )


# A denial's code and status: the services' API references, "Common Errors"; SNS and EC2 have codes of their own.
_DENIED: Final = ("AccessDenied", 403)
_DENIED_BY: Final = {"ec2": ("UnauthorizedOperation", 403), "sns": ("AuthorizationError", 403)}


class CallDenied(Exception):
    """A call that is denied while it is answered, whatever policies say; the text is the message of the response."""


def access_denied(call: ApiCall, environ: dict[str, Any], message: str) -> Response:
    """The response to a call that policies do not allow. Services of the JSON protocol answer with status 400."""
    code, status = _DENIED_BY.get(call.service, _DENIED)
    status = 400 if "HTTP_X_AMZ_TARGET" in environ and "HTTP_X_AMZN_QUERY_MODE" not in environ else status
    text = f"You are not authorized to perform this operation. {message}" if call.service == "ec2" else message
    return _response(call, environ, ServiceError(code, text, status))


def invalid_client_token(call: ApiCall, environ: dict[str, Any]) -> Response:
    """The response of IAM to the temporary credentials of a user, with which it cannot be called."""
    error = ServiceError("InvalidClientTokenId", "The security token included in the request is invalid", 403)
    return _response(call, environ, error)


def request_refused(environ: dict[str, Any], status: int, message: str) -> Response:
    """The response to a malformed, too large or forbidden request: in its service's format, or plain text for no service.

    Uses method, path and headers only: the body may not have been read.
    """
    service = service_of(environ)
    if service is None:
        return Response(message + "\n", status, content_type="text/plain; charset=utf-8")
    if service == "sagemaker" and environ["PATH_INFO"].startswith("/endpoints/"):
        service = "sagemaker-runtime"
    code, status = (_REFUSED_BY_S3 if service == "s3" else {}).get(status, (_REFUSED.get(status, "InvalidRequest"), status))
    return _response(ApiCall(service, ""), environ, ServiceError(code, message, status))


def not_authenticated(environ: dict[str, Any], s3: tuple[str, str, int], other: tuple[str, str, int]) -> Response:
    """The response to an unauthenticated request: `s3` or `other` (code, message, status), by its service.

    Services of the JSON protocol answer with status 400 where those of the query protocol answer with 403. Uses method, path
    and headers only: the body may not have been read.
    """
    service = _intended(environ)
    error = ServiceError(*(s3 if service == "s3" else other))
    if "HTTP_X_AMZ_TARGET" in environ and "HTTP_X_AMZN_QUERY_MODE" not in environ:
        error = error._replace(status=400)
    return _response(ApiCall(service, ""), environ, error)


def _intended(environ: dict[str, Any]) -> str:
    """The service that a request addresses, by its signature or else its format; `sagemaker-runtime` for any REST service.

    Unsigned JSON is of one of the services that give credentials, such as the portal of IAM Identity Center.
    """
    service = service_of(environ)
    if service is None and (_has_json(environ) or environ["PATH_INFO"] in _SSO_PORTAL):
        return "sagemaker" if "HTTP_X_AMZ_TARGET" in environ else "sagemaker-runtime"
    if environ["PATH_INFO"].startswith("/endpoints/") and service in (None, "sagemaker"):
        return "sagemaker-runtime"
    if service is None and "HTTP_X_AMZ_TARGET" in environ:
        return "sagemaker"
    if service is None:
        return "sts" if environ["REQUEST_METHOD"] == "POST" and _is_query(environ) else "s3"
    if _is_of_s3(service, environ):
        return "s3"
    return service if service in SERVICES or _is_query(environ) else "sagemaker-runtime"


def _is_query(environ: dict[str, Any]) -> bool:
    """Whether a request has the form of the query protocol."""
    in_body = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    return in_body or "Action=" in environ.get("QUERY_STRING", "")


def _response(call: ApiCall, environ: dict[str, Any], error: ServiceError) -> Response:
    request_id = str(uuid.uuid4())
    if _is_of_s3(call.service, environ):
        body = f"<Code>{error.code}</Code><Message>{escape(error.message)}</Message>" + (
            f"<Resource>{escape(environ['PATH_INFO'])}</Resource><RequestId>{request_id}</RequestId>"
        )
        headers = {"x-amz-request-id": request_id}
        return Response(_XML + f"<Error>{body}</Error>", error.status, headers, content_type="application/xml")
    headers = {"x-amzn-RequestId": request_id}
    if is_cbor(environ):
        headers["smithy-protocol"] = environ["HTTP_SMITHY_PROTOCOL"]
        if "HTTP_X_AMZN_QUERY_MODE" in environ:
            headers["x-amzn-query-error"] = f"{error.code};{_sender(error)}"
        body_of = {"__type": _AS_JSON.get(error.code, error.code), "message": error.message}
        return Response(_cbor(body_of), error.status, headers, content_type="application/cbor")
    if _is_json(call.service, environ):
        code = _AS_JSON.get(error.code, error.code)
        headers["x-amzn-ErrorType"] = code
        if "HTTP_X_AMZN_QUERY_MODE" in environ:  # services migrated from the query protocol: SQS, CloudWatch
            headers["x-amzn-query-error"] = f"{error.code};{_sender(error)}"
        return Response(
            json.dumps({"__type": code, "message": error.message}),
            error.status,
            headers,
            content_type=sent if (sent := environ.get("CONTENT_TYPE", "")).startswith(_AMZ_JSON) else "application/json",
        )
    render = _ec2_error if call.service == "ec2" else _query_error
    return Response(render(call, error, request_id), error.status, headers, content_type="text/xml")


def _cbor(texts: dict[str, str]) -> bytes:
    """A CBOR map (RFC 8949) of fewer than 24 texts."""

    def text(value: str) -> bytes:
        encoded = value.encode()
        return b"\x7a" + len(encoded).to_bytes(4, "big") + encoded

    return bytes([0xA0 + len(texts)]) + b"".join(text(name) + text(value) for name, value in texts.items())


def _ec2_error(call: ApiCall, error: ServiceError, request_id: str) -> str:
    return (
        f"{_XML}<Response><Errors><Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error></Errors>"
        f"<RequestID>{request_id}</RequestID></Response>"
    )


def _is_json(service: str, environ: dict[str, Any]) -> bool:
    """Whether a request's service sends errors as JSON, as services of REST do except for a few."""
    if service == "sagemaker-runtime" or "HTTP_X_AMZ_TARGET" in environ:
        return True
    if service in _QUERY:
        return service == "iam" and environ["PATH_INFO"] != "/"  # IAM Toolbox, a service of REST
    return service not in _REST_XML and not (_is_query(environ) and environ["PATH_INFO"] == "/")


def _has_json(environ: dict[str, Any]) -> bool:
    """Whether a request has a JSON body and is none of S3, where an object may be JSON."""
    if environ["REQUEST_METHOD"] != "POST" or not environ.get("CONTENT_TYPE", "").startswith("application/json"):
        return False
    return _POSTED_TO_S3.search(environ.get("QUERY_STRING", "")) is None


def _is_of_s3(service: str, environ: dict[str, Any]) -> bool:
    """Whether errors have the format of S3."""
    return service in _S3 and not environ["PATH_INFO"].startswith("/S3Outposts/")  # the API of S3 on Outposts, of REST and JSON


def _query_error(call: ApiCall, error: ServiceError, request_id: str) -> str:
    space = service_model(call.service).metadata.get("xmlNamespace", "") if call.service in SERVICES else ""
    return (
        f'{_XML}<ErrorResponse xmlns="{space}"><Error><Type>{_sender(error)}</Type><Code>{error.code}</Code>'
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )


def _sender(error: ServiceError) -> str:
    """The side that caused the error: Sender or Receiver."""
    return "Sender" if error.status < 500 else "Receiver"
