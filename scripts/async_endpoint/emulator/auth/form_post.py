"""S3 uploads by HTML form: verification of the form's policy, its signature and its fields.

Source: Amazon S3 API Reference, "Authenticating Requests in Browser-Based Uploads Using POST (AWS Signature Version 4)" and
"POST Policy".
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import os
import re
from datetime import datetime
from typing import Any, Final, NamedTuple

from moto.s3.responses import S3Response
from moto.s3.utils import bucket_name_from_url
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

from async_endpoint.emulator.auth import errors
from async_endpoint.emulator.auth.identities import Caller
from async_endpoint.emulator.auth.sigv4 import ALGORITHM, Scope, signing_key
from async_endpoint.emulator.auth.verification import Verifier, read_credential
from async_endpoint.emulator.wsgi import FORM_FIELDS

_MULTIPART: Final = "multipart/form-data"
_REQUIRED: Final = ("policy", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "key")
_UNCONDITIONAL: Final = frozenset({"policy", "x-amz-signature", "file"})
_IGNORED: Final = "x-ignore-"
_EXPIRATION: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)


class PostForm(NamedTuple):
    """The fields of a form, by lower-case name, and name and size in bytes of its file."""

    fields: dict[str, str]
    size: int
    filename: str


def is_form_post(environ: dict[str, Any]) -> bool:
    """Whether a request is an upload by HTML form: a bucket's URL, and no signature outside the form."""
    return (
        "HTTP_AUTHORIZATION" not in environ
        and environ["REQUEST_METHOD"] == "POST"
        and environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() == _MULTIPART
        and not environ.get("QUERY_STRING")  # a query could make it another action, such as ?delete
        and bool(_bucket(environ))
    )


def verify_form_post(environ: dict[str, Any], verifier: Verifier) -> tuple[Caller, Scope]:
    """The caller that signed the form's policy, and the scope; the body can be read again. Raises AuthenticationError."""
    form = _read(environ)
    fields = form.fields
    if "policy" not in fields and "x-amz-signature" not in fields:
        if "signature" in fields or "awsaccesskeyid" in fields:
            raise errors.unsupported(f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}.")
        raise errors.missing_authentication()
    for name in _REQUIRED:
        if name not in fields:
            raise errors.invalid_s3("InvalidArgument", f"Bucket POST must contain a field named '{name}'.")
    if fields["x-amz-algorithm"] != ALGORITHM:
        raise errors.unsupported(f"The form's x-amz-algorithm is not supported. Please use {ALGORITHM}.")
    key_id, scope = read_credential(fields["x-amz-credential"], in_query=True)
    if scope.service != "s3" or scope.date != fields["x-amz-date"][:8]:
        raise errors.malformed("The form's x-amz-credential must name the service s3 and the day of x-amz-date.", in_query=True)
    key = verifier.key_of(key_id, fields.get("x-amz-security-token"))
    expected = signing_key(key.secret, scope).sign(fields["policy"])
    if not hmac.compare_digest(expected.encode(), fields["x-amz-signature"].encode()):
        raise errors.wrong_signature()
    _check_policy(_policy(fields["policy"]), form, _bucket(environ) or "", verifier.now())
    environ[FORM_FIELDS] = fields | {"key": fields["key"].replace("${filename}", form.filename)}
    return key.caller, scope


def _bucket(environ: dict[str, Any]) -> str | None:
    """The bucket that a path addresses, without a key; None for any other path. Same rules as moto's."""
    path = environ["PATH_INFO"].strip("/")
    if S3Response.subdomain_based_buckets(Request(environ)):
        return None if path else bucket_name_from_url(f"http://{environ['HTTP_HOST']}")
    return path if path and "/" not in path else None


def _read(environ: dict[str, Any]) -> PostForm:
    """Parse a form; a duplicate field is refused, since one value could be verified and the other stored."""
    body = environ["wsgi.input"]
    request = Request(environ, populate_request=False)
    try:
        given = [(name.lower(), value) for name, value in request.form.items(multi=True)]
        files = list(request.files.items(multi=True))
        sizes = [item.stream.seek(0, os.SEEK_END) for _, item in files]
    except (HTTPException, ValueError) as error:
        raise errors.invalid_s3(
            "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data."
        ) from error
    finally:
        request.close()
        body.seek(0)
    sizes += [len(value.encode()) for name, value in given if name == "file"]
    names = [name for name, _ in given] + [name for name, _ in files]
    if len(sizes) != 1 or "file" not in names:
        raise errors.invalid_s3("InvalidArgument", "POST requires exactly one file upload per request.")
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise errors.invalid_s3("InvalidArgument", f"POST requires one field of each name; {duplicates[0]} is given twice.")
    return PostForm(dict(given), sizes[0], (files[0][1].filename or "") if files else "")


def _policy(text: str) -> dict[str, Any]:
    try:
        document = json.loads(base64.b64decode(text, validate=True))
        conditions, expiration = document["conditions"], document["expiration"]
        if not isinstance(conditions, list) or not _EXPIRATION.fullmatch(expiration):
            raise ValueError("conditions or expiration")
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise errors.invalid_s3("InvalidPolicyDocument", "Invalid Policy: Invalid JSON.") from error
    return {"conditions": conditions, "expiration": expiration}


def _check_policy(policy: dict[str, Any], form: PostForm, bucket: str, now: float) -> None:
    if datetime.fromisoformat(policy["expiration"]).timestamp() <= now:
        raise errors.denied("Invalid according to Policy: Policy expired.")
    values = {name: value for name, value in form.fields.items() if name not in _UNCONDITIONAL} | {"bucket": bucket}
    covered: set[str] = set()
    for condition in policy["conditions"]:
        covered |= _check_condition(condition, values, form.size)
    extra = [name for name in values if name not in covered and not name.startswith(_IGNORED)]
    if extra:
        raise errors.denied(f"Invalid according to Policy: Extra input fields: {extra[0]}")


def _check_condition(condition: Any, values: dict[str, str], size: int) -> set[str]:
    """The fields that a condition covers; raises AuthenticationError if it does not hold."""
    if isinstance(condition, dict):
        covered: set[str] = set()
        for name, value in condition.items():
            covered |= _check_condition(["eq", f"${name}", value], values, size)
        return covered
    match condition:
        case [str() as operator, str() as field, str() as wanted] if field.startswith("$"):
            name = field[1:].lower()
            given = values.get(name)
            holds = {"eq": given == wanted, "starts-with": given is not None and given.startswith(wanted)}
            if not holds.get(operator.lower(), False):
                raise errors.denied(f"Invalid according to Policy: Policy Condition failed: {json.dumps(condition)}")
            return {name}
        case ["content-length-range", least, most]:
            _check_size(size, least, most)
            return set()
    raise errors.invalid_s3("InvalidPolicyDocument", f"Invalid Policy: Invalid condition: {json.dumps(condition)[:200]}")


def _check_size(size: int, least: Any, most: Any) -> None:
    try:
        smallest, largest = int(least), int(most)
    except (TypeError, ValueError) as error:
        raise errors.invalid_s3("InvalidPolicyDocument", "Invalid Policy: Invalid 'content-length-range'.") from error
    if size > largest:
        raise errors.invalid_s3("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
    if size < smallest:
        raise errors.invalid_s3("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
