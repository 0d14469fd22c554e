"""Errors of this package as the errors that boto3 raises from `invoke_endpoint`, so that callers keep their except clauses.

Classes are botocore's (`ReadTimeoutError`, `ParamValidationError`, …) and those of the caller's own boto3 client: each botocore
session makes its own class `ModelError`, so an except clause matches that of one client only (botocore, errorfactory.py).
Error codes and members are InvokeEndpoint's ([M] botocore 1.44.5, sagemaker-runtime).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import CancelledError
from typing import Any, Final, NoReturn

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
)

from async_endpoint.client.endpoint_info import EndpointInfo
from async_endpoint.core.errors import (
    Abandoned,
    AsyncEndpointError,
    BucketMissing,
    CredentialsExpired,
    EndpointNotReady,
    InvalidInput,
    InvocationExpired,
    InvocationFailed,
    NotReady,
    ResultDeleted,
    ResultNotReady,
    ResultUnreadable,
    WrongRegion,
)

OPERATION: Final = "InvokeEndpoint"
MODEL_ERROR: Final = "ModelError"
_QUOTED: Final = re.compile(r'with message "(?P<text>.*)"', re.DOTALL)

# Error code and HTTP status of what has no error of boto3 as its cause
_CODES: Final[tuple[tuple[type[AsyncEndpointError], str, int], ...]] = (
    (InvocationExpired, "ServiceUnavailable", 503),  # as a real-time variant without an instance in service answers
    (InvocationFailed, "InternalFailure", 500),  # a failure that is no response of the model
    (ResultUnreadable, "AccessDeniedException", 403),
    (CredentialsExpired, "ExpiredTokenException", 403),
    (BucketMissing, "ValidationError", 400),
    (WrongRegion, "ValidationError", 400),
    (EndpointNotReady, "ValidationError", 400),  # as InvokeEndpoint on an endpoint that does not exist
    (ResultDeleted, "InternalFailure", 500),
    (AsyncEndpointError, "InternalFailure", 500),
)


def as_boto3_error(error: Exception, info: EndpointInfo | None, url: str, exceptions: Any) -> Exception:
    """What `invoke_endpoint` would have raised in the place of `error`, of a request to the endpoint `info`, if that is known.

    `url` is the address that connection errors name. `exceptions` are those of the caller's boto3 client.
    """
    if isinstance(error, InvocationFailed) and error.status is not None and info is not None:
        return _model_error(error, info, exceptions)
    cause = _boto3_cause(error)
    if isinstance(cause, ClientError):
        return _of_code(exceptions, dict(cause.response), cause.operation_name)
    return cause or _unanswered(error, url) or _refused(error, exceptions)


def raise_as_boto3(error: Exception, info: EndpointInfo | None, url: str, exceptions: Any) -> NoReturn:
    """Raise `as_boto3_error` of `error`, with `error` as its cause, unless it is `error` or one of its causes."""
    found = as_boto3_error(error, info, url, exceptions)
    if found is error:
        raise found
    if any(found is cause for cause in _with_causes(error)):
        raise found.with_traceback(None)  # its own cause stays: `from error` would close a circle
    raise found from error


def _unanswered(error: Exception, url: str) -> Exception | None:
    """The error of botocore for a request that got no answer, or was never sent; None for others."""
    found: Exception | None = None
    if isinstance(error, CancelledError | Abandoned):  # the client was closed meanwhile
        found = ConnectionClosedError(endpoint_url=url)
    elif isinstance(error, ResultNotReady) and not isinstance(error, ResultDeleted):
        found = ReadTimeoutError(endpoint_url=url)
    elif isinstance(error, InvalidInput):
        found = ParamValidationError(report=str(error))
    elif isinstance(error, NotReady) and not isinstance(error, EndpointNotReady | ResultDeleted):
        found = EndpointConnectionError(endpoint_url=url, error=error)
    return found


def _refused(error: Exception, exceptions: Any) -> Exception:
    code, status = next(((code, status) for kind, code, status in _CODES if isinstance(error, kind)), ("", 0))
    return client_error(exceptions, code, str(error), status) if code else error


def client_error(exceptions: Any, code: str, message: str, status: int, **members: Any) -> Exception:
    """An error as the service answers it: its class is the one that `exceptions` has for `code`."""
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0},
        **members,
    }
    return _of_code(exceptions, response, OPERATION)


def _of_code(exceptions: Any, response: dict[str, Any], operation: str) -> Exception:
    kind = exceptions.from_code(response.get("Error", {}).get("Code", ""))
    error: Exception = kind(response, operation)
    return error


def _model_error(error: InvocationFailed, info: EndpointInfo, exceptions: Any) -> Exception:
    """ModelError with InvokeEndpoint's members. The log stream is not known: an instance chosen later took the request."""
    quoted = _QUOTED.search(error.reason)
    members: dict[str, Any] = {
        "OriginalStatusCode": error.status,
        "OriginalMessage": quoted["text"] if quoted else error.reason,
    }
    if info.account_id:
        arn = f"arn:{_partition(info.region)}:logs:{info.region}:{info.account_id}:log-group:{info.log_group}"
        members["LogStreamArn"] = arn
    where = f" Details: {error.failure_location}." if error.failure_location else ""
    message = f"{error.reason.removeprefix('ClientError: ').rstrip('.')}. See log group {info.log_group}.{where}"
    return client_error(exceptions, MODEL_ERROR, message, 424, Message=message, **members)


def _partition(region: str) -> str:
    return next((name for start, name in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")) if region.startswith(start)), "aws")


def _boto3_cause(error: BaseException) -> Exception | None:
    """The error of boto3 that `error` is, or was raised from, directly or further back."""
    for cause in _with_causes(error):
        if isinstance(cause, ClientError | BotoCoreError):
            found: Exception = cause
            return found
    return None


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:  # causes of others may go in circles
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__
