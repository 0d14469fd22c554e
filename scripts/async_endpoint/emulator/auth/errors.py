"""Authentication errors in the services' words. Sources: S3's "Error responses" page, the other services' "Common Errors"."""

from __future__ import annotations


class AuthenticationError(Exception):
    """A request cannot be authenticated. `s3` is the error of S3, `other` that of every other service.

    Each is (code, message, HTTP status). The code of `other` is that of the query protocol; JSON services use another spelling.
    """

    def __init__(self, s3: tuple[str, str, int], other: tuple[str, str, int]) -> None:
        super().__init__(other[1])
        self.s3 = s3
        self.other = other


def missing_authentication() -> AuthenticationError:
    return AuthenticationError(
        ("AccessDenied", "Access Denied", 403), ("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    )


def unknown_key() -> AuthenticationError:
    return AuthenticationError(
        ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403),
        ("InvalidClientTokenId", "The security token included in the request is invalid.", 403),
    )


def invalid_token() -> AuthenticationError:
    return AuthenticationError(
        ("InvalidToken", "The provided token is malformed or otherwise invalid.", 400),
        ("InvalidClientTokenId", "The security token included in the request is invalid.", 403),
    )


def expired_token() -> AuthenticationError:
    return AuthenticationError(
        ("ExpiredToken", "The provided token has expired.", 400),
        ("ExpiredToken", "The security token included in the request is expired", 403),
    )


def wrong_signature() -> AuthenticationError:
    return AuthenticationError(
        (
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
            403,
        ),
        (
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
            "and signing method. Consult the service documentation for details.",
            403,
        ),
    )


def malformed(message: str, *, in_query: bool = False) -> AuthenticationError:
    """The Authorization header, or the parameters of a presigned URL, are malformed."""
    code = "AuthorizationQueryParametersError" if in_query else "AuthorizationHeaderMalformed"
    return AuthenticationError((code, message, 400), ("IncompleteSignature", message, 400))


def unsupported(message: str) -> AuthenticationError:
    """A signing method that is not accepted."""
    return AuthenticationError(("InvalidRequest", message, 400), ("IncompleteSignature", message, 400))


def wrong_scope(message: str, *, in_query: bool = False) -> AuthenticationError:
    """The credential scope names another date, region or service."""
    return AuthenticationError(malformed(message, in_query=in_query).s3, ("SignatureDoesNotMatch", message, 403))


def clock_skew(message: str) -> AuthenticationError:
    return AuthenticationError(
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", 403),
        ("SignatureDoesNotMatch", message, 403),
    )


def unsigned_header(name: str) -> AuthenticationError:
    message = f"'{name}' must be a 'SignedHeader' in the AWS Authorization header."
    return AuthenticationError(
        ("AccessDenied", "There were headers present in the request which were not signed", 403),
        ("SignatureDoesNotMatch", message, 403),
    )


def denied(message: str) -> AuthenticationError:
    """A presigned request or a form post that has expired or is valid for another request."""
    return AuthenticationError(("AccessDenied", message, 403), ("SignatureDoesNotMatch", message, 403))


def invalid_s3(code: str, message: str, status: int = 400) -> AuthenticationError:
    """An error of S3 only."""
    return AuthenticationError((code, message, status), ("IncompleteSignature", message, 400))
