"""One boto3 session for every part that calls AWS, and one translation of what boto3 raises."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

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

from async_endpoint.aws_role import with_role
from async_endpoint.core.errors import (
    AsyncEndpointError,
    BucketMissing,
    CredentialsExpired,
    InvalidInput,
    LocalAwsNotRunning,
    NotReady,
    UsageError,
    WrongRegion,
)
from async_endpoint.local_aws import find_access_key

if TYPE_CHECKING:
    from botocore.config import Config

CONNECT_TIMEOUT_SECONDS: Final = 5
READ_TIMEOUT_SECONDS: Final = 60  # longer than the longest SQS long poll, 20 s
ATTEMPTS: Final = 3
CONNECTIONS: Final = 10
USER_AGENT: Final = "async-endpoint"  # fixed: botocore assembles its own for each call, a tenth of the call's cost
PRESIGNING: Final = "s3-presigning"  # an S3 client whose presigned URLs have signature version 4 and a regional host
UNVALIDATED: Final = frozenset({"sagemaker-runtime"})  # services whose parameters are validated before boto3 sees them
ENDPOINT_URL_VARIABLE: Final = "AWS_ENDPOINT_URL"

# SNS and EC2 have codes of their own
DENIED_CODES: Final = frozenset(
    {"403", "AccessDenied", "AccessDeniedException", "AuthorizationError", "Forbidden", "UnauthorizedOperation"}
)
_CREDENTIAL_CODES: Final = frozenset(
    {
        "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId",
        "InvalidSignatureException", "InvalidToken", "MissingAuthenticationToken", "MissingAuthenticationTokenException",
        "RequestTimeTooSkewed", "SignatureDoesNotMatch", "UnrecognizedClientException",
    }
)  # fmt: skip
EXPIRED_CODES: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
# S3 API reference, "Error responses"; a HEAD request has the status only
_REDIRECT_CODES: Final = frozenset(
    {
        "PermanentRedirect",
        "TemporaryRedirect",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "301",
        "307",
    }
)
# ThrottlingException is not in sagemaker-runtime's model, so there is no exception class to catch
_THROTTLING_CODE: Final = re.compile(r"Throttl|TooManyRequests|SlowDown|RequestLimitExceeded")
_UNAVAILABLE_CODE: Final = re.compile(r"ServiceUnavailable|InternalFailure|InternalError|RequestTimeout$")
_NO_RESPONSE: Final = (BotoConnectionError, HTTPClientError, IncompleteReadError)
_NO_CREDENTIALS: Final = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, SSOError)


class _Service:
    """A boto3 client as an attribute of AwsSession."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, session: AwsSession, owner: type[AwsSession]) -> Any:
        return session.client(self._name)


class AwsSession:
    """boto3 clients for one region and one set of credentials, each created when first used (some 50 ms). Thread-safe.

    `region` is the region's name; `endpoint_url` the URL that calls go to, None for AWS itself.
    """

    s3: Any = _Service("s3")
    presigning: Any = _Service(PRESIGNING)
    runtime: Any = _Service("sagemaker-runtime")
    sagemaker: Any = _Service("sagemaker")
    sqs: Any = _Service("sqs")
    sns: Any = _Service("sns")
    logs: Any = _Service("logs")
    cloudwatch: Any = _Service("cloudwatch")
    scaling: Any = _Service("application-autoscaling")

    def __init__(self, create_client: Callable[[str], Any], region: str, endpoint_url: str | None = None) -> None:
        """`create_client` returns the client of a service by boto3's name for it; `create` supplies the real one."""
        self.region, self.endpoint_url = region, endpoint_url
        self._create_client = create_client
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    @classmethod
    def create(
        cls,
        region: str,
        endpoint_url: str | None = None,
        *,
        role_arn: str | None = None,
        attempts: int = ATTEMPTS,
        connections: int = CONNECTIONS,
        read_timeout: float = READ_TIMEOUT_SECONDS,
        configure: Callable[[Any], Any] = lambda client: client,
    ) -> AwsSession:
        """A session with AWS, or with the local AWS at `endpoint_url`.

        With `endpoint_url`, calls are signed with what `find_access_key` finds for it, and AWS profiles are ignored; without it
        boto3's own chain applies, AWS_ENDPOINT_URL included. Credentials that expire are looked up there again. With `role_arn`
        they assume that role at the first call, and all calls are the role's. Each client makes up to `attempts` attempts of a
        call, waits up to `read_timeout` seconds for each response, keeps up to `connections` open and passes through
        `configure` once. Raises UsageError for unusable AWS settings; so does `client`.
        """
        url = endpoint_url or os.environ.get(ENDPOINT_URL_VARIABLE) or None

        def load() -> Any:
            return _boto3_session(region, endpoint_url)

        with _usable_settings(region):
            config = _config(url, attempts, connections, read_timeout)
            session = load()
            if role_arn:
                sts_config = _config(url, ATTEMPTS, 1)
                session = with_role(
                    role_arn, region, lambda: load().client("sts", endpoint_url=endpoint_url, config=sts_config)
                )

        def create_client(service: str) -> Any:
            settings = _without_validation(config) if service in UNVALIDATED else config
            if service == PRESIGNING:
                service, settings = "s3", _for_presigning(config, url)
            with _usable_settings(region):
                CredentialRenewal.register(session, load)
                return configure(session.client(service, endpoint_url=endpoint_url, config=settings))

        return cls(create_client, region, url)

    def client(self, service: str) -> Any:
        """The client of the service that boto3 calls `service`; the same object each time."""
        created = self._clients.get(service)
        if created is None:
            with self._lock:  # boto3 clients may be used by several threads, but not created by them
                if service not in self._clients:
                    self._clients[service] = self._create_client(service)
                created = self._clients[service]
        return created


class CredentialRenewal:
    """Retries a call once that failed for expired credentials, if the session's sources have newer ones by now.

    boto3 renews the credentials of roles, SSO and instances by itself, but reads those of files and processes without an
    expiry only once.
    """

    def __init__(self, credentials: Any, load: Callable[[], Any]) -> None:
        """`credentials` are botocore's, shared by all clients of a session; `load` returns a new boto3 session."""
        self._credentials, self._load = credentials, load
        self._renewed = False
        self._lock = threading.Lock()

    @classmethod
    def register(cls, session: Any, load: Callable[[], Any]) -> None:
        """Do so for all clients that the boto3 `session` creates from here on; a second time changes nothing."""
        credentials = session.get_credentials()
        if credentials is not None and type(credentials).__name__ == "Credentials":  # not one that renews itself
            session.events.register("needs-retry", cls(credentials, load).handle, unique_id=cls.__name__)

    def handle(self, response: Any = None, attempts: int = 0, **_: Any) -> float | None:
        """botocore's event: the seconds until the call is retried, None to let it fail."""
        code = response[1].get("Error", {}).get("Code") if response is not None else None
        if code not in EXPIRED_CODES or attempts > 1:
            return None
        with self._lock:
            return 0.0 if self._renew() else None

    def _renew(self) -> bool:
        """Whether there are other credentials than those that have expired; another thread may have loaded them."""
        found = self._load().get_credentials()
        if found is None:
            return False
        newest, current = found.get_frozen_credentials(), self._credentials.get_frozen_credentials()
        if newest == current:
            return self._renewed
        self._credentials.access_key, self._credentials.secret_key = newest.access_key, newest.secret_key
        self._credentials.token, self._renewed = newest.token, True
        return True


@contextmanager
def translate_errors(session: AwsSession, action: str, resource: str) -> Iterator[None]:
    """Run boto3 calls; what they raise leaves as an error of the tree.

    `action` is IAM's name for the call (`s3:PutObject`), `resource` what it acts on. Raises NotReady for what a retry may
    cure (LocalAwsNotRunning where a custom endpoint does not answer), UsageError and InvalidInput for the rest.
    """
    try:
        yield
    except ClientError as error:
        raise _rejected(error, session, action, resource) from error
    except BotoCoreError as error:
        raise _not_sent(error, session, action, resource) from error


@contextmanager
def failing_as_not_ready() -> Iterator[None]:
    """Run a block of many calls; whichever fails is named in a NotReady."""
    try:
        yield
    except ClientError as error:
        raise NotReady(f"AWS refused {error.operation_name}: {error_code(error)}, {error_message(error)}.") from error
    except BotoCoreError as error:
        raise NotReady(f"AWS did not answer: {_one_line(error)}.") from error


def error_code(error: ClientError) -> str:
    """The service's error code, such as `NoSuchKey`; empty if it sent none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def error_message(error: ClientError) -> str:
    """The service's message without its full stop; empty if it sent none."""
    return str(error.response.get("Error", {}).get("Message", "")).strip().rstrip(".")


def server_time(reply: Mapping[str, Any]) -> float | None:
    """When the service sent `reply`, in seconds since the epoch by its own clock; None if the response does not say."""
    date = reply.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(date).timestamp() if date else None


def is_throttled(error: Exception) -> bool:
    """Whether the service rejected the call because of the call rate."""
    return isinstance(error, ClientError) and _THROTTLING_CODE.search(error_code(error)) is not None


def is_retryable(error: Exception) -> bool:
    """Whether a retry may succeed: throttling, status 5xx, or no response at all."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or is_throttled(error) or _UNAVAILABLE_CODE.search(error_code(error)) is not None
    return isinstance(error, _NO_RESPONSE)


def _rejected(error: ClientError, session: AwsSession, action: str, resource: str) -> AsyncEndpointError:
    code, message = error_code(error), error_message(error)
    answer = f"{code}: {message}" if message else code
    if code in DENIED_CODES:
        return UsageError(f"{action} on {resource} is denied ({answer}); attach the environment's caller policy.")
    if code in EXPIRED_CODES or code in _CREDENTIAL_CODES:
        return _bad_credentials(code, session, answer)
    if code == "NoSuchBucket" or (code in _REDIRECT_CODES and action.startswith("s3:")):
        return _misplaced_bucket(error, session, action, resource, answer)
    if is_retryable(error):
        return NotReady(f"{action} on {resource} failed for now ({answer}); try again later.")
    return UsageError(f"{action} on {resource} failed ({answer}); check that the environment is applied in this account.")


def _bad_credentials(code: str, session: AwsSession, answer: str) -> UsageError:
    local = 'in the checkout of a local AWS run eval "$(async-endpoint local env)"'
    if code in EXPIRED_CODES:
        how = local if session.endpoint_url else "sign in again"
        return CredentialsExpired(
            f"The AWS credentials have expired ({answer}); {how} and repeat the command: a batch resumes, and accepted "
            "requests are collected."
        )
    if session.endpoint_url:
        return UsageError(f"{session.endpoint_url} does not accept these credentials ({answer}); {local}")
    return UsageError(f"AWS does not accept these credentials ({answer}); renew them and try again.")


def _misplaced_bucket(error: ClientError, session: AwsSession, action: str, resource: str, answer: str) -> UsageError:
    """The error for a bucket that does not exist, or is in another region."""
    if error_code(error) == "NoSuchBucket":
        return BucketMissing(
            f"The bucket of {resource} does not exist ({action}: {answer}); apply the environment again and submit what has no "
            "result."
        )
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    place = headers.get("x-amz-bucket-region") or error.response.get("Error", {}).get("Region") or "another region"
    return WrongRegion(
        f"The bucket of {resource} is in {place}, and {action} was sent to {session.region} ({answer}); use the endpoint's "
        "region for the session."
    )


def _not_sent(error: Exception, session: AwsSession, action: str, resource: str) -> AsyncEndpointError:
    if isinstance(error, _NO_CREDENTIALS):
        return UsageError(
            f"No usable AWS credentials ({_one_line(error)}); sign in, or for the local AWS set AWS_ENDPOINT_URL and its "
            'credentials: eval "$(async-endpoint local env)"'
        )
    if isinstance(error, ParamValidationError):
        return InvalidInput(f"{action} on {resource} has invalid parameters ({_one_line(error)}); correct the request.")
    if isinstance(error, _NO_RESPONSE):  # refused, timed out, closed, no such host
        if session.endpoint_url:
            return LocalAwsNotRunning(
                f"{session.endpoint_url} does not answer ({type(error).__name__}); start the local AWS with `make local-up`."
            )
        return NotReady(f"AWS cannot be reached in {session.region} ({_one_line(error)}); check the network and the region.")
    return UsageError(f"{action} on {resource} could not be sent ({_one_line(error)}); correct the AWS settings of this shell.")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


@contextmanager
def _usable_settings(region: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ValueError) as error:  # boto3 reports a malformed URL as a ValueError
        raise UsageError(
            f"No AWS client can be created for region {region!r} ({error}); correct the AWS settings of this shell."
        ) from error


def _boto3_session(region: str, endpoint_url: str | None) -> Any:
    import boto3  # noqa: PLC0415 - half a second that --help does without
    import botocore.session  # noqa: PLC0415

    if endpoint_url is None:
        return boto3.Session(region_name=region)
    # the local AWS needs none of this machine's AWS settings: a profile that does not exist must not stop it
    bare = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    key = find_access_key(endpoint_url)
    return boto3.Session(key.access_key_id, key.secret_access_key, key.session_token, region_name=region, botocore_session=bare)


def _config(url: str | None, attempts: int, connections: int, read_timeout: float = READ_TIMEOUT_SECONDS) -> Config:
    from botocore.config import Config  # noqa: PLC0415 - slow to load

    config = Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=connections,
        user_agent=USER_AGENT,
        tcp_keepalive=True,
    )
    # a proxy configured for the internet must not receive calls to loopback
    return config.merge(Config(s3={"addressing_style": "path"}, proxies={})) if url else config


def _without_validation(config: Config) -> Config:
    from botocore.config import Config  # noqa: PLC0415

    return config.merge(Config(parameter_validation=False))


def _for_presigning(config: Config, url: str | None) -> Config:
    """boto3 presigns by signature version 2 unless asked otherwise, and with the global host, which redirects a while for new
    buckets (S3 user guide, "Making requests": temporary redirects)."""
    from botocore.config import Config  # noqa: PLC0415

    style = "path" if url else "virtual"
    return config.merge(Config(signature_version="s3v4", s3={"addressing_style": style}))
