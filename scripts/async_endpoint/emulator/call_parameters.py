"""The parameters of an API call, from its request: by the service's model, as boto3 spells them."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.utils import get_service_model
from werkzeug.wrappers import Request

from async_endpoint.emulator.api_calls import ApiCall, bucket_of_host, uri_pattern
from async_endpoint.emulator.auth.sigv4 import raw_target
from async_endpoint.emulator.request_body import CALL_BYTES, decompress
from async_endpoint.emulator.wsgi import FORM_FIELDS, Environ

_NAMESPACE: Final = re.compile(r"\{[^}]*\}")
_S3_HEADERS: Final = {
    "HTTP_X_AMZ_ACL": "ACL",
    "HTTP_X_AMZ_CHECKSUM_MODE": "ChecksumMode",
    "HTTP_X_AMZ_COPY_SOURCE": "CopySource",
    "HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION": "ServerSideEncryption",
    "HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION_AWS_KMS_KEY_ID": "SSEKMSKeyId",
    "HTTP_X_AMZ_TAGGING": "Tagging",
}
_GRANT: Final = "HTTP_X_AMZ_GRANT_"  # single permissions of an ACL
_FORM_FIELDS: Final = {
    "acl": "ACL",
    "tagging": "Tagging",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
}


def parameters_of(environ: Environ, call: ApiCall) -> dict[str, Any]:
    """The parameters of `call`, whose body can be read again. An S3 call has Bucket, Key, its query, and Objects to delete.

    Raises ValueError for a request that does not follow its service's protocol.
    """
    if call.service == "s3":
        return _of_s3(environ, call.action)
    if call.service == "sagemaker-runtime":
        return {"EndpointName": call.endpoint}
    if environ.get("HTTP_X_AMZ_TARGET"):
        document = json.loads(_body(environ) or b"{}")
        if not isinstance(document, dict):
            raise ValueError(f"The body of {call.service} {call.action} is no JSON object.")
        return document
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return _of_form(environ, call)
    return _of_path(environ, call)


def _of_form(environ: Environ, call: ApiCall) -> dict[str, Any]:
    model = get_service_model(call.service)  # moto's, which its parsers need
    body, request = _body(environ), Request(environ)
    protocol = determine_request_protocol(model, request.content_type)
    values = {name: found[-1] for name, found in parse_qs(body.decode(), keep_blank_values=True).items()}
    parsed = PROTOCOL_PARSERS[protocol](model.operation_model(call.action)).parse(
        {"method": request.method, "values": values, "headers": request.headers, "body": body, "url_path": request.path}
    )
    return dict(parsed)


def _of_path(environ: Environ, call: ApiCall) -> dict[str, Any]:
    """The parameters in path and JSON body of a REST call."""
    found = uri_pattern(call.service, call.action).fullmatch(environ["PATH_INFO"])
    if found is None:
        raise ValueError(f"The path {environ['PATH_INFO']!r} is none of {call.service} {call.action}.")
    query = {name: values[-1] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    body = json.loads(_body(environ) or b"{}")
    return {**query, **(body if isinstance(body, dict) else {}), **found.groupdict()}


def _of_s3(environ: Environ, action: str) -> dict[str, Any]:
    bucket, key = s3_address(environ)
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    found: dict[str, Any] = {name: values[-1] for name, values in query.items()}
    found |= {name: environ[header] for header, name in _S3_HEADERS.items() if environ.get(header)}
    if any(name.startswith(_GRANT) for name in environ):
        found.setdefault("ACL", "grants")
    form = environ.get(FORM_FIELDS, {})
    found |= {name: form[field] for field, name in _FORM_FIELDS.items() if field in form}
    key = form.get("key", key)
    found |= {"Bucket": bucket, "Key": key} if key else {"Bucket": bucket}
    if "versionId" in found:
        found["VersionId"] = found["versionId"]
    if action == "DeleteObjects":
        found["Objects"] = _deleted(_body(environ))
    return found


def s3_address(environ: Environ) -> tuple[str, str]:
    """Bucket and key that a request addresses, by its path or by its host name; empty where it names none.

    Raises ValueError for a path without a bucket, which could be taken for another one's key.
    """
    path = unquote(raw_target(environ)[0])
    bucket = bucket_of_host(environ)
    if bucket:
        return bucket, path.removeprefix("/")
    name, _, key = path.removeprefix("/").partition("/")
    if key and not name:
        raise ValueError(f"The path {path!r} names no bucket.")
    return name, key


def _deleted(body: bytes) -> list[dict[str, str]]:
    """Key and VersionId of each object to delete."""
    try:
        root = ET.fromstring(body)
    except ET.ParseError as error:
        raise ValueError(f"The body of DeleteObjects is not XML: {error}") from error
    return [
        {_NAMESPACE.sub("", field.tag): field.text or "" for field in item}
        for item in root
        if _NAMESPACE.sub("", item.tag) == "Object"
    ]


def _body(environ: Environ) -> bytes:
    stream = environ["wsgi.input"]
    packed = environ.get("HTTP_CONTENT_ENCODING") == "gzip"
    body: bytes = decompress(stream, CALL_BYTES).read() if packed else stream.read()
    stream.seek(0)
    return body
