"""What boto3 raises, turned into one sentence of the error tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    SSOError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from async_endpoint.client.aws import AwsClients
from async_endpoint.core.errors import AsyncEndpointError, InvalidInput, LocalAwsNotRunning, NotReady, UsageError

_UNANSWERED: Final = (BotoConnectionError, HTTPClientError, IncompleteReadError)
DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "Forbidden", "403"})
_CREDENTIALS: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
# ThrottlingException is not in sagemaker-runtime's model: only the code string tells it
_THROTTLED: Final = re.compile(r"Throttl|TooManyRequests|SlowDown|RequestLimitExceeded")
_BUSY: Final = re.compile(r"ServiceUnavailable|InternalFailure|InternalError|RequestTimeout$")


@contextmanager
def explained(clients: AwsClients, action: str, resource: str) -> Iterator[None]:
    """Run boto3 calls; what they raise leaves as an error of the tree.

    `action` is IAM's name for the call (`s3:PutObject`), `resource` what it is done to. Raises NotReady for what another try
    may cure (LocalAwsNotRunning when a custom endpoint is silent), UsageError and InvalidInput for the rest.
    """
    try:
        yield
    except ClientError as error:
        raise _refused(error, clients, action, resource) from error
    except BotoCoreError as error:
        raise _not_sent(error, clients, action, resource) from error


def code_of(error: ClientError) -> str:
    """The service's error code, such as `NoSuchKey`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def message_of(error: ClientError) -> str:
    """The service's message without its full stop."""
    return str(error.response.get("Error", {}).get("Message", "")).strip().rstrip(".")


def throttled(error: Exception) -> bool:
    """Whether the service refuses for the number of calls."""
    return isinstance(error, ClientError) and _THROTTLED.search(code_of(error)) is not None


def curable(error: Exception) -> bool:
    """Whether another try may be answered otherwise: throttling, status 5xx, or no answer at all."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or throttled(error) or _BUSY.search(code_of(error)) is not None
    return isinstance(error, _UNANSWERED)


def _refused(error: ClientError, clients: AwsClients, action: str, resource: str) -> AsyncEndpointError:
    code, said = code_of(error), message_of(error)
    answer = f"{code}: {said}" if said else code
    if code in DENIED:
        return UsageError(f"{action} on {resource} is denied ({answer}); attach the environment's caller policy.")
    if code in _CREDENTIALS and clients.endpoint_url:
        return UsageError(
            f"{clients.endpoint_url} does not accept these credentials ({answer}); if it is a local AWS, run in its checkout: "
            'eval "$(async-endpoint local env)"'
        )
    if code in _CREDENTIALS:
        return UsageError(f"AWS does not accept these credentials ({answer}); renew them and try again.")
    if curable(error):
        return NotReady(f"{action} on {resource} is refused for the moment ({answer}); try again in a while.")
    return UsageError(f"{action} on {resource} failed ({answer}); check that the environment is applied in this account.")


def _not_sent(error: Exception, clients: AwsClients, action: str, resource: str) -> AsyncEndpointError:
    if isinstance(error, (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, SSOError)):
        return UsageError(f"There are no usable AWS credentials ({_plain(error)}); sign in, or add --local for the local AWS.")
    if isinstance(error, ParamValidationError):
        return InvalidInput(f"{action} on {resource} cannot be asked for ({_plain(error)}); correct the request.")
    if isinstance(error, _UNANSWERED):  # refused, timed out, closed, no such host
        if clients.endpoint_url:
            return LocalAwsNotRunning(
                f"{clients.endpoint_url} does not answer ({type(error).__name__}); start the local AWS with `make local-up`."
            )
        return NotReady(f"AWS cannot be reached in {clients.region} ({_plain(error)}); check the network and the region.")
    return UsageError(f"{action} on {resource} cannot be asked for ({_plain(error)}); correct the AWS settings of this shell.")


def _plain(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
