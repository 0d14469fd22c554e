"""The parameters of an API call, from its request: by the service's model, as boto3 spells them."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.utils import get_service_model
from werkzeug.wrappers import Request

from async_endpoint.emulator.api_calls import REST, ApiCall, bucket_of_host, uri_pattern
from async_endpoint.emulator.auth.sigv4 import raw_target
from async_endpoint.emulator.request_body import CALL_BYTES, decompress
from async_endpoint.emulator.wsgi import FORM_FIELDS, Environ

_NAMESPACE: Final = re.compile(r"\{[^}]*\}")
_S3_HEADERS: Final = {
    "x-amz-acl": "ACL",
    "x-amz-bucket-object-lock-enabled": "ObjectLockEnabledForBucket",
    "x-amz-bypass-governance-retention": "BypassGovernanceRetention",
    "x-amz-checksum-mode": "ChecksumMode",
    "x-amz-copy-source": "CopySource",
    "x-amz-object-lock-legal-hold": "ObjectLockLegalHoldStatus",
    "x-amz-object-lock-mode": "ObjectLockMode",
    "x-amz-object-lock-retain-until-date": "ObjectLockRetainUntilDate",
    "x-amz-object-ownership": "ObjectOwnership",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "x-amz-tagging": "Tagging",
    "x-amz-tagging-directive": "TaggingDirective",
}
_CONDITIONS: Final = {"IfMatch": "HTTP_IF_MATCH", "IfNoneMatch": "HTTP_IF_NONE_MATCH"}
_GRANT: Final = "x-amz-grant-"  # single permissions of an ACL
_FORM_FIELDS: Final = {"acl": "ACL", "tagging": "Tagging"}  # the fields of an upload by form that have no header's name
_TAGGED_BY_BODY: Final = ("PutBucketTagging", "PutObjectTagging")


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
    if call.service not in REST:
        return _of_form(environ, call)
    return _of_path(environ, call)


def _of_form(environ: Environ, call: ApiCall) -> dict[str, Any]:
    model = get_service_model(call.service)  # moto's, which its parsers need
    body, request = _body(environ), Request(environ)
    protocol = determine_request_protocol(model, request.content_type)
    values: dict[str, str] = {}
    for name, value in parse_qsl(f"{environ.get('QUERY_STRING', '')}&{body.decode()}", keep_blank_values=True):
        values.setdefault(name, value)  # as moto does: the URL's, and the first of several
    parsed = PROTOCOL_PARSERS[protocol](model.operation_model(call.action)).parse(
        {"method": request.method, "values": values, "headers": request.headers, "body": body, "url_path": request.path}
    )
    return dict(parsed)


def _of_path(environ: Environ, call: ApiCall) -> dict[str, Any]:
    """The parameters in path and JSON body of a REST call."""
    found = uri_pattern(call.service, call.action).fullmatch(environ["PATH_INFO"])
    if found is None:
        raise ValueError(f"The path {environ['PATH_INFO']!r} is none of {call.service} {call.action}.")
    body = json.loads(_body(environ) or b"{}")
    query = parse_qs(environ.get("QUERY_STRING", ""))
    parts = [query, body if isinstance(body, dict) else {}, found.groupdict()]
    named = [name for part in parts for name in part]
    if len(set(named)) < len(named) or any(len(values) > 1 for name, values in query.items() if name != "tagKeys"):
        raise ValueError(f"A parameter of {call.service} {call.action} is given more than once.")
    return {**{name: values if name == "tagKeys" else values[0] for name, values in query.items()}, **parts[1], **parts[2]}


def _of_s3(environ: Environ, action: str) -> dict[str, Any]:
    bucket, key = s3_address(environ)
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    repeated = next((name for name, values in query.items() if len(values) > 1), None)
    if repeated is not None:
        raise ValueError(f"The query parameter {repeated} is given more than once.")
    found: dict[str, Any] = {name: values[0] for name, values in query.items() if name not in _CONDITIONS}
    found |= {name: str(environ[header]) for name, header in _CONDITIONS.items() if environ.get(header)}
    form = environ.get(FORM_FIELDS, {})
    given = s3_headers(environ)
    found |= {name: given[header] for header, name in _S3_HEADERS.items() if header in given}
    found |= {name: form[field] for field, name in _FORM_FIELDS.items() if field in form}
    if any(name.startswith(_GRANT) for name in given):
        found.setdefault("ACL", "grants")
    key = form.get("key", key)
    found |= {"Bucket": bucket, "Key": key} if key else {"Bucket": bucket}
    if "versionId" in found:
        found["VersionId"] = found["versionId"]
    if action == "DeleteObjects":
        found["Objects"] = [
            {_NAMESPACE.sub("", field.tag): field.text or "" for field in item} for item in _elements(_body(environ), "Object")
        ]
    elif action in _TAGGED_BY_BODY:
        found["Tagging"] = _encoded_tags(_body(environ))
    elif action == "CreateBucket":
        found["LocationConstraint"] = "".join(item.text or "" for item in _elements(_body(environ), "LocationConstraint"))
    if found.get("Tagging", "").lstrip().startswith("<"):
        found["Tagging"] = _encoded_tags(found["Tagging"].encode())
    return found


def s3_headers(environ: Environ) -> dict[str, str]:
    """The x-amz- headers of an S3 request, or the fields of an upload by form, by lower-case name, without empty ones."""
    if FORM_FIELDS in environ:
        return {name: str(value) for name, value in environ[FORM_FIELDS].items() if name.startswith("x-amz-") and value}
    return {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_X_AMZ_") and value
    }


def s3_address(environ: Environ) -> tuple[str, str]:
    """Bucket and key that a request addresses, by its path or by its host name; empty where it names none.

    Raises ValueError for a path without a bucket, which could be taken for another one's key.
    """
    path = unquote(raw_target(environ)[0])
    bucket = bucket_of_host(environ)
    if ".s3-accesspoint." in str(environ.get("HTTP_HOST", "")).lower():
        raise ValueError("The host name is that of an access point, whose bucket is not known.")
    if bucket:
        return bucket, path.removeprefix("/")
    name, _, key = path.removeprefix("/").partition("/")
    if key and not name:
        raise ValueError(f"The path {path!r} names no bucket.")
    return name, key


def _encoded_tags(body: bytes) -> str:
    """The tags of an XML document in the form of the header x-amz-tagging."""
    pairs = [{_NAMESPACE.sub("", field.tag): field.text or "" for field in item} for item in _elements(body, "Tag")]
    return urlencode([(pair.get("Key", ""), pair.get("Value", "")) for pair in pairs])


def _elements(body: bytes, name: str) -> list[ET.Element]:
    """All elements of an XML document with this name, whatever their namespace; none of an empty body."""
    if not body.strip():
        return []
    try:
        root = ET.fromstring(body)
    except ET.ParseError as error:
        raise ValueError(f"The body is not XML: {error}") from error
    return [item for item in root.iter() if _NAMESPACE.sub("", item.tag) == name]


def _body(environ: Environ) -> bytes:
    stream = environ["wsgi.input"]
    packed = environ.get("HTTP_CONTENT_ENCODING") == "gzip"
    body: bytes = decompress(stream, CALL_BYTES).read() if packed else stream.read()
    stream.seek(0)
    return body
