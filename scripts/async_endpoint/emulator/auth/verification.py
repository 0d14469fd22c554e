"""Verification of signatures: reads a request's signature, finds its key, and compares."""

from __future__ import annotations

import calendar
import hmac
import re
import time
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

import botocore.session
from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY

from async_endpoint.emulator.api_calls import SERVICES
from async_endpoint.emulator.auth import errors
from async_endpoint.emulator.auth.identities import AccessKeys, Caller, KnownKey
from async_endpoint.emulator.auth.payload import body_hash, stated_hash, verify_stated
from async_endpoint.emulator.auth.sigv4 import (
    ALGORITHM,
    TERMINATOR,
    Scope,
    Signature,
    SignedHeaders,
    canonical_requests,
    raw_target,
    signing_key,
    string_to_sign,
)
from async_endpoint.emulator.sagemaker.protocol import service_model

SKEW_SECONDS: Final = 900  # S3 and IAM document 15 minutes; A10 for the others
MAX_EXPIRES_SECONDS: Final = 604_800
SIGV4A: Final = "AWS4-ECDSA-P256-SHA256"
_HEADER: Final = re.compile(rf"{ALGORITHM}\s+Credential=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,\s*", re.ASCII)
# Service names have these characters only: moto lower-cases capitals, and treats names with dots as hosts.
_CREDENTIAL: Final = re.compile(r"(\w{1,128})/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/" + TERMINATOR, re.ASCII)
_TIMESTAMP: Final = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII)
_QUERY: Final = ("Algorithm", "Credential", "Date", "SignedHeaders", "Signature")
_ALWAYS_SIGNED: Final = "HTTP_X_AMZ_CONTENT_SHA256"  # the last line of the canonical request
# Prefixes of headers that are parameters of calls. Of the few headers that SDKs do not sign, only X-Amzn-Trace-Id is similar.
_PARAMETERS: Final = ("HTTP_X_AMZ_", "HTTP_X_AMZN_SAGEMAKER_")


class Screened(NamedTuple):
    """A request whose head is valid: its signature and key."""

    signature: Signature
    key: KnownKey


class Verifier:
    """Verifies the signatures of requests; `now` is the wall clock, which clients sign with, whatever the time scale."""

    def __init__(self, keys: AccessKeys, now: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self.now = now

    def screen(self, environ: dict[str, Any]) -> Screened:
        """Verify what the head of a request decides: all but the body for S3; key and time for other services.

        Raises AuthenticationError.
        """
        signature, expires = read_signature(environ)
        _check_scope(environ, signature)
        key = self.key_of(signature.access_key_id, signature.session_token)
        self._check_time(signature, expires)
        _check_headers(environ, signature)
        if signature.scope.service == "s3":
            _check_signature(environ, signature, key, stated_hash(environ, signature))
        return Screened(signature, key)

    def complete(self, environ: dict[str, Any], screened: Screened) -> tuple[Caller, Scope]:
        """Verify the body; returns caller and scope. The body can be read again. Raises AuthenticationError."""
        signature, key = screened
        if signature.scope.service == "s3":
            verify_stated(environ, signature, signing_key(key.secret, signature.scope))
        else:
            _check_signature(environ, signature, key, body_hash(environ))
        return key.caller, signature.scope

    def key_of(self, access_key_id: str, session_token: str | None) -> KnownKey:
        """The key with this id and session token; raises AuthenticationError if it is unknown or has expired."""
        key = self._keys.find(access_key_id)
        if key is None or (key.session_token is not None and session_token is None):
            raise errors.unknown_key()
        given, wanted = session_token or "", key.session_token or ""
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            raise errors.invalid_token()
        if key.expires_at is not None and key.expires_at <= self.now():
            raise errors.expired_token()
        return key

    def _check_time(self, signature: Signature, expires: int | None) -> None:
        signed_at, now = _seconds(signature.timestamp), self.now()
        if signed_at is None:
            raise errors.malformed("Date must be in the format YYYYMMDDTHHMMSSZ", in_query=signature.presigned)
        if expires is not None:
            if signed_at > now + SKEW_SECONDS:
                raise errors.denied("Request is not yet valid")
            if now > signed_at + expires:
                raise errors.denied("Request has expired")
        elif abs(now - signed_at) > SKEW_SECONDS:
            raise _skewed(signature.timestamp, signed_at, now)


def read_signature(environ: dict[str, Any]) -> tuple[Signature, int | None]:
    """The signature of a request, and the validity of a presigned URL in seconds; raises AuthenticationError."""
    authorization: str | None = environ.get("HTTP_AUTHORIZATION")
    query: str = environ.get("QUERY_STRING", "")
    in_query = "X-Amz-Algorithm=" in query or "X-Amz-Signature=" in query or "X-Amz-Credential=" in query
    if authorization is not None and in_query:
        message = (
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or "
            "the Authorization header should be specified"
        )
        raise errors.invalid_s3("InvalidArgument", message)
    if authorization is not None:
        return _from_header(environ, authorization), None
    if in_query:
        return _from_query(raw_target(environ)[2])
    if "AWSAccessKeyId=" in query and "Signature=" in query:
        raise errors.unsupported(f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}.")
    raise errors.missing_authentication()


def _from_header(environ: dict[str, Any], authorization: str) -> Signature:
    head, found, signature = authorization.strip().rpartition("Signature=")
    if not found or not signature.isalnum():
        raise _unreadable(authorization)
    key_id, scope, headers = _read_head(head)
    timestamp: str = environ.get("HTTP_X_AMZ_DATE", "")
    return Signature(key_id, scope, timestamp, headers, signature, environ.get("HTTP_X_AMZ_SECURITY_TOKEN"), presigned=False)


@lru_cache(maxsize=256)
def _read_head(text: str) -> tuple[str, Scope, SignedHeaders]:
    """Access key id, scope and signed headers of an Authorization header without its signature; raises AuthenticationError."""
    found = _HEADER.fullmatch(text)
    if found is None:
        raise _unreadable(text)
    return *read_credential(found[1]), SignedHeaders.read(found[2])


def _unreadable(authorization: str) -> errors.AuthenticationError:
    algorithm = authorization.split(None, 1)[0] if authorization.strip() else ""
    if algorithm == SIGV4A:
        return errors.unsupported(f"The local AWS does not verify {SIGV4A} (SigV4a) signatures; sign with {ALGORITHM}.")
    if algorithm == "AWS":
        return errors.unsupported(f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}.")
    if algorithm != ALGORITHM:
        return errors.invalid_s3("InvalidArgument", "Unsupported Authorization Type")
    return errors.malformed(
        f"The authorization header is malformed; it must read: {ALGORITHM} Credential=…, SignedHeaders=…, Signature=…"
    )


def _from_query(query: str) -> tuple[Signature, int | None]:
    pairs = parse_qsl(query, keep_blank_values=True)
    given = dict(pairs)
    if len([name for name, _ in pairs if name.startswith("X-Amz-")]) != len(
        [name for name in given if name.startswith("X-Amz-")]
    ):
        raise errors.malformed("An X-Amz- query parameter is given more than once.", in_query=True)
    if given.get("X-Amz-Algorithm") == SIGV4A:
        raise errors.unsupported(f"The local AWS does not verify {SIGV4A} (SigV4a) signatures; sign with {ALGORITHM}.")
    if any(not given.get(f"X-Amz-{name}") for name in _QUERY):
        raise errors.malformed(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
            in_query=True,
        )
    if given["X-Amz-Algorithm"] != ALGORITHM:
        raise errors.malformed(f'X-Amz-Algorithm only supports "{ALGORITHM}"', in_query=True)
    key_id, scope = read_credential(given["X-Amz-Credential"], in_query=True)
    headers = SignedHeaders.read(given["X-Amz-SignedHeaders"])
    token = given.get("X-Amz-Security-Token")
    signature = Signature(key_id, scope, given["X-Amz-Date"], headers, given["X-Amz-Signature"], token, presigned=True)
    return signature, _expires(given.get("X-Amz-Expires"), scope)


def _expires(text: str | None, scope: Scope) -> int | None:
    """Validity in seconds; None for a service other than S3 without X-Amz-Expires, whose URLs the clock skew bounds."""
    if text is None and scope.service != "s3":
        return None
    if not text or not text.isdecimal() or not text.isascii():
        raise errors.malformed("X-Amz-Expires should be a number, and must be non-negative", in_query=True)
    if len(text) > 9 or int(text) > MAX_EXPIRES_SECONDS:
        raise errors.malformed(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            f"{MAX_EXPIRES_SECONDS} seconds",
            in_query=True,
        )
    return int(text)


@lru_cache(maxsize=1_024)
def read_credential(text: str, *, in_query: bool = False) -> tuple[str, Scope]:
    """Access key id and scope of KEY/DATE/REGION/SERVICE/aws4_request; raises AuthenticationError."""
    found = _CREDENTIAL.fullmatch(text)
    if found is None:
        raise errors.malformed(
            f'The Credential is malformed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/{TERMINATOR}".', in_query=in_query
        )
    return found[1], Scope(found[2], found[3], found[4])


def _check_scope(environ: dict[str, Any], signature: Signature) -> None:
    scope, in_query = signature.scope, signature.presigned
    if scope.date != signature.timestamp[:8]:
        raise errors.wrong_scope(
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{scope.date}' != "
            f"'{signature.timestamp[:8]}'.",
            in_query=in_query,
        )
    if scope.region not in _regions():
        raise errors.wrong_scope(f"Credential should be scoped to a valid region, not '{scope.region}'.", in_query=in_query)
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        prefix, service = target.rpartition(".")[0], _service_of_target(target.rpartition(".")[0])
        if service is not None and service != scope.service:
            raise errors.wrong_scope(f"Credential should be scoped to correct service: '{service}' ({prefix}).")


@cache
def _regions() -> frozenset[str]:
    """The regions of the partition aws, by botocore."""
    loader = botocore.session.get_session().get_component("data_loader")
    partitions = loader.load_data("partitions")["partitions"]
    return frozenset(name for item in partitions if item["id"] == "aws" for name in item["regions"])


@cache
def _service_of_target(prefix: str) -> str | None:
    """The signing name of the service whose JSON calls have this X-Amz-Target; None for one that is not among SERVICES."""
    for service in SERVICES:
        metadata = service_model(service).metadata
        if metadata.get("targetPrefix") == prefix:
            return str(metadata.get("signingName", metadata["endpointPrefix"]))
    return None


def _check_headers(environ: dict[str, Any], signature: Signature) -> None:
    """Raise AuthenticationError unless the headers that decide what a request does are signed: Host and all of _PARAMETERS."""
    covered = signature.signed_headers.covered
    if "HTTP_HOST" not in covered:
        raise errors.unsigned_header("Host")
    for key in environ.keys() - covered:
        if key.startswith(_PARAMETERS) and key != _ALWAYS_SIGNED:
            raise errors.unsigned_header(key[5:].replace("_", "-").lower())
    # WSGI has one key for both spellings of a name; moto keeps the spelling of metadata beside it, and it is signed too.
    kept, signed = environ.get(PRESERVED_HEADER_NAMES_ENVIRON_KEY), signature.signed_headers.preserved
    spelled = {name.lower() for name in kept.values()} if kept else frozenset()
    if spelled != signed:
        raise errors.unsigned_header(min(spelled ^ signed))


def _check_signature(environ: dict[str, Any], signature: Signature, key: KnownKey, payload_hash: str) -> None:
    secret = signing_key(key.secret, signature.scope)
    for canonical in canonical_requests(environ, signature, payload_hash):
        expected = secret.sign(*string_to_sign(signature, canonical))
        if hmac.compare_digest(expected.encode(), signature.signature.encode("latin-1", "replace")):
            return
    raise errors.wrong_signature()


@lru_cache(maxsize=64)
def _seconds(timestamp: str) -> float | None:
    found = _TIMESTAMP.fullmatch(timestamp)
    try:
        return None if found is None else float(calendar.timegm((*map(int, found.groups()), 0, 0, 0)))
    except ValueError:  # such as the 13th month
        return None


def _skewed(text: str, signed_at: float, now: float) -> errors.AuthenticationError:
    def shown(seconds: float) -> str:
        return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))

    allowed = f"{SKEW_SECONDS // 60} min."
    if signed_at < now:
        return errors.clock_skew(
            f"Signature expired: {text} is now earlier than {shown(now - SKEW_SECONDS)} ({shown(now)} - {allowed})"
        )
    return errors.clock_skew(
        f"Signature not yet current: {text} is still later than {shown(now + SKEW_SECONDS)} ({shown(now)} + {allowed})"
    )
