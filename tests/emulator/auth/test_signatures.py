"""Only requests signed with valid credentials of this local AWS, for exactly that request, are answered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support.common import refusal, unique
from support.in_process_aws import ACCOUNT, REGION, AwsHarness
from support.signing import Answer, Call, Parts, send

FORM = "application/x-www-form-urlencoded; charset=utf-8"
ASSUME_ANONYMOUSLY = (
    f"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=x&WebIdentityToken=x"
    f"&RoleArn=arn:aws:iam::{ACCOUNT}:role/any"
).encode()


@pytest.fixture(scope="module")
def bucket(local_aws: AwsHarness) -> str:
    return local_aws.bucket()


@pytest.fixture
def put(local_aws: AwsHarness, bucket: str) -> Call:
    """PutObject of a key of its own."""
    return Call(local_aws, "PUT", f"/{bucket}/{unique('key')}", b"a body")


def exists(call: Call) -> bool:
    bucket, _, key = call.target.partition("?")[0].lstrip("/").partition("/")
    return key in call.local_aws.keys(bucket)


def test_a_manually_signed_request_is_answered(put: Call) -> None:
    assert put.send().status == 200
    assert exists(put)


def set_header(name: str, value: str) -> Callable[[Parts], None]:
    return lambda parts: parts.headers.update({name: value})


def drop_header(name: str) -> Callable[[Parts], None]:
    def alter(parts: Parts) -> None:
        del parts.headers[name]

    return alter


def authorize(pattern: str, replacement: str) -> Callable[[Parts], None]:
    return lambda parts: parts.authorize(pattern, replacement)


def another_body(parts: Parts) -> None:
    parts.body = b"b body"


def another_body_and_its_hash(parts: Parts) -> None:
    another_body(parts)
    parts.headers["X-Amz-Content-SHA256"] = hashlib.sha256(parts.body).hexdigest()


def another_key(parts: Parts) -> None:
    parts.target += "-elsewhere"


def another_query(parts: Parts) -> None:
    parts.target += "?acl"


def another_method(parts: Parts) -> None:
    parts.method = "DELETE"


def two_mechanisms(parts: Parts) -> None:
    parts.target += "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0"


def no_signature(parts: Parts) -> None:
    del parts.headers["Authorization"]


FORGERIES: dict[str, tuple[dict[str, Any], int, str]] = {
    "unsigned": ({"alter": no_signature}, 403, "AccessDenied"),
    "unknown key": ({"key": "AKIAUNKNOWNUNKNOWN22"}, 403, "InvalidAccessKeyId"),
    "the credentials of before": ({"key": "local", "secret": "local"}, 403, "InvalidAccessKeyId"),
    "moto's own key": (
        {"key": "AKIAIOSFODNN7EXAMPLE", "secret": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY"},
        403,
        "InvalidAccessKeyId",
    ),
    "wrong secret": ({"secret": "wrong"}, 403, "SignatureDoesNotMatch"),
    "session token that is none": ({"token": "made up"}, 400, "InvalidToken"),
    "body altered": ({"alter": another_body}, 400, "XAmzContentSHA256Mismatch"),
    "body and hash altered": ({"alter": another_body_and_its_hash}, 403, "SignatureDoesNotMatch"),
    "hash not sent": ({"alter": drop_header("X-Amz-Content-SHA256")}, 400, "InvalidRequest"),
    "hash that is none": ({"headers": {"X-Amz-Content-SHA256": "none"}}, 400, "InvalidArgument"),
    "payload declared unsigned later": (
        {"alter": set_header("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")},
        403,
        "SignatureDoesNotMatch",
    ),
    "path altered": ({"alter": another_key}, 403, "SignatureDoesNotMatch"),
    "query altered": ({"alter": another_query}, 403, "SignatureDoesNotMatch"),
    "method altered": ({"alter": another_method}, 403, "SignatureDoesNotMatch"),
    "header added": ({"alter": set_header("x-amz-acl", "public-read")}, 403, "AccessDenied"),
    "copy source added": ({"alter": set_header("x-amz-copy-source", "/other/key")}, 403, "AccessDenied"),
    "metadata added": ({"alter": set_header("x-amz-meta-owner", "me")}, 403, "AccessDenied"),
    "metadata with an underscore added": ({"alter": set_header("x-amz-meta-the_owner", "me")}, 403, "AccessDenied"),
    "host not signed": ({"alter": authorize("SignedHeaders=host;", "SignedHeaders=")}, 403, "AccessDenied"),
    "date altered": ({"alter": set_header("X-Amz-Date", datetime.now(UTC).strftime("%Y%m%dT000000Z"))}, 403, ""),
    "20 minutes old": ({"late": -timedelta(minutes=20)}, 403, "RequestTimeTooSkewed"),
    "20 minutes ahead": ({"late": timedelta(minutes=20)}, 403, "RequestTimeTooSkewed"),
    "scope of another day": ({"alter": authorize(r"/\d{8}/", "/20200101/")}, 400, "AuthorizationHeaderMalformed"),
    "scope of another region": ({"alter": authorize(f"/{REGION}/", "/us-east-1/")}, 403, "SignatureDoesNotMatch"),
    "scope of no region": ({"region": "eu-nowhere-9"}, 400, "AuthorizationHeaderMalformed"),
    "scope of another service": ({"alter": authorize("/s3/", "/s3-outposts/")}, 403, "SignatureDoesNotMatch"),
    "scope without its end": ({"alter": authorize("/aws4_request", "/aws4")}, 400, "AuthorizationHeaderMalformed"),
    "no date": ({"alter": drop_header("X-Amz-Date")}, 400, "AuthorizationHeaderMalformed"),
    "signature cut": ({"alter": authorize(r"Signature=.*", "Signature=0")}, 403, "SignatureDoesNotMatch"),
    "no signature in the header": ({"alter": authorize(r", Signature=.*", "")}, 400, "AuthorizationHeaderMalformed"),
    "SigV4a": ({"alter": authorize("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")}, 400, "InvalidRequest"),
    "SigV2": ({"alter": set_header("Authorization", "AWS AKIAUNKNOWNUNKNOWN22:c2lnbmF0dXJl")}, 400, "InvalidRequest"),
    "basic authentication": ({"alter": set_header("Authorization", "Basic bG9jYWw6bG9jYWw=")}, 400, "InvalidArgument"),
    "empty header": ({"alter": set_header("Authorization", "")}, 400, "InvalidArgument"),
    "two mechanisms": ({"alter": two_mechanisms}, 400, "InvalidArgument"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_request_is_rejected_and_changes_nothing(put: Call, name: str) -> None:
    change, status, code = FORGERIES[name]
    answer = put.but(**change).send()
    assert answer.status == status, answer.body
    assert not code or answer.code == code, answer.body
    assert not exists(put) and not exists(put.but(target=put.target + "-elsewhere"))


def test_a_rejected_request_is_not_counted(local_aws: AwsHarness, put: Call) -> None:
    def puts() -> int:
        return int(local_aws.aws.status()["calls"].get("s3", {}).get("PutObject", 0))

    before = puts()
    put.but(secret="wrong").send()
    assert puts() == before


@pytest.mark.parametrize(
    ("service", "call", "unknown", "wrong"),
    [
        ("sagemaker", "list_endpoints", "UnrecognizedClientException", "InvalidSignatureException"),
        ("logs", "describe_log_groups", "UnrecognizedClientException", "InvalidSignatureException"),
        ("kms", "list_keys", "UnrecognizedClientException", "InvalidSignatureException"),
        ("sqs", "list_queues", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("cloudwatch", "list_metrics", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("sns", "list_topics", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("iam", "list_users", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("sts", "get_caller_identity", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("ec2", "describe_vpcs", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("ecr", "describe_repositories", "UnrecognizedClientException", "InvalidSignatureException"),
        ("lambda", "list_functions", "UnrecognizedClientException", "InvalidSignatureException"),
        ("s3", "list_buckets", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
    ],
)
def test_each_service_rejects_in_its_own_words(
    local_aws: AwsHarness, service: str, call: str, unknown: str, wrong: str
) -> None:
    for key, code in (("AKIAUNKNOWNUNKNOWN22", unknown), (local_aws.credentials.access_key_id, wrong)):
        client = boto3.client(service, REGION, endpoint_url=local_aws.url, aws_access_key_id=key, aws_secret_access_key="wrong")
        with pytest.raises(ClientError) as rejected:
            getattr(client, call)()
        assert rejected.value.response["Error"]["Code"] == code


def test_the_runtime_rejects_in_its_own_words(local_aws: AwsHarness) -> None:
    secret = {"aws_access_key_id": local_aws.credentials.access_key_id, "aws_secret_access_key": "wrong"}
    client = boto3.client("sagemaker-runtime", REGION, endpoint_url=local_aws.url, **secret)
    with pytest.raises(ClientError) as rejected:
        client.invoke_endpoint_async(EndpointName="none", Body=b"{}")
    assert rejected.value.response["Error"]["Code"] == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("late", "text"), [(-20, "Signature expired: .* is now earlier than .* - 15 min"), (20, "Signature not yet current: ")]
)
def test_other_services_report_the_clock_skew(local_aws: AwsHarness, late: int, text: str) -> None:
    call = Call(local_aws, "POST", "/", b"Action=ListTopics&Version=2010-03-31", {"Content-Type": FORM}, "sns")
    answer = call.but(late=timedelta(minutes=late)).send()
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    assert re.search(text, answer.body.decode())


def test_a_target_of_another_service_is_rejected(local_aws: AwsHarness) -> None:
    headers = {"X-Amz-Target": "SageMaker.ListEndpoints", "Content-Type": "application/x-amz-json-1.1"}
    assert Call(local_aws, "POST", "/", b"{}", headers, "sagemaker").send().status == 200
    answer = Call(local_aws, "POST", "/", b"{}", headers, "logs").send()
    assert (answer.status, answer.code) == (400, "InvalidSignatureException")
    assert b"Credential should be scoped to correct service: 'sagemaker'" in answer.body


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "code"),
    [
        ("GET", "/", {}, b"", "AccessDenied"),
        ("POST", "/moto-api/reset", {}, b"", "AccessDenied"),
        ("GET", "/latest/meta-data/iam/security-credentials/", {}, b"", "AccessDenied"),
        ("POST", "/", {"Content-Type": FORM}, b"Action=ListTopics&Version=2010-03-31", "MissingAuthenticationToken"),
        ("POST", "/", {"Content-Type": FORM}, ASSUME_ANONYMOUSLY, "MissingAuthenticationToken"),
        ("POST", "/", {"X-Amz-Target": "SageMaker.ListEndpoints"}, b"{}", "MissingAuthenticationTokenException"),
        ("POST", "/endpoints/any/async-invocations", {}, b"{}", "MissingAuthenticationTokenException"),
        ("GET", f"/?Action=Unsubscribe&SubscriptionArn=arn:aws:sns:{REGION}:{ACCOUNT}:a:b", {}, b"", "AccessDenied"),
    ],
)
def test_nothing_is_answered_without_a_signature(
    local_aws: AwsHarness, method: str, target: str, headers: dict[str, str], body: bytes, code: str
) -> None:
    answer = send(local_aws, Parts(method, target, headers, body))
    assert (answer.status in (400, 403), answer.code) == (True, code), answer.body


# --- /_local/ --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token", [None, "", "Bearer", "Bearer wrong", "bearer {token}", "{token}", "Basic {token}", "Bearer {token} "]
)
@pytest.mark.parametrize(("method", "path"), [("GET", "status"), ("POST", "stop"), ("POST", "faults"), ("DELETE", "faults")])
def test_admin_paths_need_the_token(local_aws: AwsHarness, method: str, path: str, token: str | None) -> None:
    given = {} if token is None else {"Authorization": token.format(token=local_aws.credentials.admin_token)}
    if token == "Bearer {token} ":  # white space around a header is not part of it
        given["Authorization"] = given["Authorization"][:-2]
    answer = send(
        local_aws, Parts(method, f"/_local/{path}", given, b'{"kind": "throttle", "rate": 1}' if path == "faults" else b"")
    )
    assert answer.status == 403
    assert not local_aws.aws.stopped.is_set()
    assert local_aws.aws.status()["faults"] == []


@pytest.mark.parametrize("path", ["//_local/status", "/%2F_local/status", "/./_local/status", "/_local", "/x/../_local/status"])
def test_no_other_spelling_of_admin_paths_is_open(local_aws: AwsHarness, path: str) -> None:
    assert send(local_aws, Parts("GET", path, {}, b"")).status == 403


def test_admin_paths_do_not_accept_a_signature_as_token(local_aws: AwsHarness) -> None:
    assert Call(local_aws, "GET", "/_local/status").send().status == 403


# --- what clients legitimately sign ----------------------------------------------------------------------------------

NAMES = ["a b", "a+b", "a%2Bb", "é/ü", "a//b", "./a", "a/../b", "~-_.!*'()", "a?b#c", "a=b&c", "日本", "%", "a\tb"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("style", ["path", "auto"])
def test_every_object_key_is_signed_as_s3_requires(local_aws: AwsHarness, bucket: str, name: str, style: str) -> None:
    s3 = local_aws.client("s3", s3={"addressing_style": style})
    s3.put_object(Bucket=bucket, Key=f"names/{name}", Body=b"x", Metadata={"an_underscore": "two  spaces", "dash-ed": "y"})
    assert s3.head_object(Bucket=bucket, Key=f"names/{name}")["Metadata"]["an_underscore"] == "two  spaces"
    assert s3.list_objects_v2(Bucket=bucket, Prefix=f"names/{name}")["KeyCount"] >= 1
    s3.delete_object(Bucket=bucket, Key=f"names/{name}")


def test_a_path_of_another_service_is_signed_encoded_twice(local_aws: AwsHarness) -> None:
    code, message = refusal(local_aws.runtime.invoke_endpoint_async, EndpointName="no:such endpoint/é", Body=b"{}")
    assert code in ("ValidationError", "ValidationException"), message


def test_a_client_that_sends_less_encoding_than_it_signs_is_answered(put: Call) -> None:
    parts = put.but(target=put.target + "%28draft%29?tagging=&x-id=Put%3D").signed()
    parts.target = put.target + "(draft)?x-id=Put%3d&tagging"
    parts.body = b""
    assert send(put.local_aws, parts).code == "XAmzContentSHA256Mismatch"
    parts = put.but(target=put.target + "%28draft%29", body=b"x").signed()
    parts.target = put.target + "(draft)"
    assert send(put.local_aws, parts).status == 200


# --- presigned URLs --------------------------------------------------------------------------------------------------


def presigned(
    local_aws: AwsHarness, operation: str, seconds: int = 60, *, at: datetime | None = None, **parameters: Any
) -> str:
    client = local_aws.client("s3", signature_version="s3v4")
    with pytest.MonkeyPatch.context() as patch:
        if at is not None:
            patch.setattr("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: at.replace(tzinfo=None))
        return str(client.generate_presigned_url(operation, parameters, seconds))


def fetch(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
    request = urllib.request.Request(
        url, body, {name.replace("_", "-"): value for name, value in headers.items()}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Answer(answer.status, "", answer.read())
    except urllib.error.HTTPError as error:
        with error:
            text = error.read()
        code = text.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()
        return Answer(error.code, code, text)


def test_a_presigned_url_gets_and_puts(local_aws: AwsHarness, bucket: str) -> None:
    key = f"{unique('key')} é"
    url = presigned(local_aws, "put_object", Bucket=bucket, Key=key)
    assert fetch(url, "PUT", b"by URL", Content_Type="text/plain").status == 200
    assert fetch(presigned(local_aws, "get_object", Bucket=bucket, Key=key)).body == b"by URL"
    assert fetch(presigned(local_aws, "delete_object", Bucket=bucket, Key=key), "DELETE").status == 204


def test_a_presigned_url_is_valid_for_the_signed_request_only(local_aws: AwsHarness, bucket: str) -> None:
    local_aws.put(bucket, "presigned", b"x")
    local_aws.put(bucket, "secret", b"x")
    url = presigned(local_aws, "get_object", Bucket=bucket, Key="presigned")
    assert fetch(url).status == 200
    mismatch = (403, "SignatureDoesNotMatch")
    assert fetch(url.replace("/presigned?", "/secret?"))[:2] == mismatch
    assert fetch(url, "DELETE")[:2] == mismatch
    assert fetch(url, "PUT", b"y")[:2] == mismatch
    assert fetch(url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))[:2] == mismatch
    assert fetch(url + "&response-content-type=text/html")[:2] == mismatch
    assert fetch(url + "&X-Amz-Expires=600")[:2] == (400, "AuthorizationQueryParametersError")
    assert fetch(url, x_amz_meta_owner="me")[:2] == (403, "AccessDenied")
    assert fetch(url.replace("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256"))[:2] == (
        400,
        "InvalidRequest",
    )
    assert local_aws.read(f"s3://{bucket}/secret") is not None


def test_a_presigned_url_expires(local_aws: AwsHarness, bucket: str) -> None:
    local_aws.put(bucket, "presigned", b"x")
    now = datetime.now(UTC)

    def get(seconds: int, minutes: float = 0) -> Answer:
        at = now + timedelta(minutes=minutes)
        return fetch(presigned(local_aws, "get_object", seconds, at=at, Bucket=bucket, Key="presigned"))

    assert get(120, -1).status == 200
    assert get(604_800, -60 * 24 * 6).status == 200
    expired, early = get(30, -1), get(30, 20)
    assert expired[:2] == early[:2] == (403, "AccessDenied")
    assert b"Request has expired" in expired.body
    assert b"Request is not yet valid" in early.body
    assert get(604_801)[:2] == (400, "AuthorizationQueryParametersError")


def test_a_presigned_url_of_signature_version_2_is_refused_by_name(local_aws: AwsHarness, bucket: str) -> None:
    url = local_aws.client("s3", signature_version="s3").generate_presigned_url("get_object", {"Bucket": bucket, "Key": "any"})
    answer = fetch(str(url))
    assert answer[:2] == (400, "InvalidRequest")
    assert b"Please use AWS4-HMAC-SHA256" in answer.body


def test_a_presigned_upload_never_calls_another_service(local_aws: AwsHarness, bucket: str) -> None:
    """moto chooses the service of an unsigned request by its body, which the holder of a presigned URL chooses."""
    url = presigned(local_aws, "put_object", Bucket=bucket, Key="body")
    answer = fetch(url, "PUT", ASSUME_ANONYMOUSLY, Content_Type=FORM)
    assert answer.status == 200
    assert b"SecretAccessKey" not in answer.body
    assert "body" in local_aws.keys(bucket)


def test_presigned_calls_of_other_services_work(local_aws: AwsHarness) -> None:
    url = local_aws.client("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET")
    assert f"arn:aws:iam::{ACCOUNT}:user/local".encode() in fetch(str(url)).body


# --- bodies in aws-chunked encoding ----------------------------------------------------------------------------------

CHUNKED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
EMPTY = hashlib.sha256(b"").hexdigest()


class Chunks:
    """An aws-chunked upload of several chunks, signed as the specification says; `alter` changes the encoded body."""

    def __init__(self, put: Call, *, trailer: bool = False, signed: bool = True) -> None:
        self.put, self.trailer, self.signed = put, trailer, signed
        self.blocks = [b"a" * 70_000, b"b" * 70_000, b"the rest", b""]
        self.checksum = base64.b64encode(zlib.crc32(b"".join(self.blocks)).to_bytes(4, "big")).decode()

    def send(self, alter: Callable[[bytes], bytes] = bytes, length: int | None = None) -> Answer:
        kind = CHUNKED + "-TRAILER" * self.trailer if self.signed else "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        size = sum(map(len, self.blocks)) if length is None else length
        headers = {
            "X-Amz-Content-SHA256": kind,
            "Content-Encoding": "aws-chunked",
            "X-Amz-Decoded-Content-Length": str(size),
            **({"X-Amz-Trailer": "x-amz-checksum-crc32"} if self.trailer or not self.signed else {}),
        }
        parts = self.put.but(headers=headers, body=b"").signed()
        parts.body = alter(self._encoded(parts))
        return send(self.put.local_aws, parts)

    def _encoded(self, parts: Parts) -> bytes:
        timestamp, previous = parts.headers["X-Amz-Date"], parts.authorization.rpartition("=")[2]
        scope = f"{timestamp[:8]}/{REGION}/s3/aws4_request"
        key = f"AWS4{self.put.local_aws.credentials.secret_access_key}".encode()
        for word in scope.split("/"):
            key = hmac.digest(key, word.encode(), "sha256")

        def sign(*lines: str) -> str:
            nonlocal previous
            text = "\n".join((lines[0], timestamp, scope, previous, *lines[1:]))
            previous = hmac.digest(key, text.encode(), "sha256").hex()
            return previous

        encoded = b""
        for block in self.blocks:
            digest = hashlib.sha256(block).hexdigest()
            mark = f";chunk-signature={sign('AWS4-HMAC-SHA256-PAYLOAD', EMPTY, digest)}" if self.signed else ""
            encoded += f"{len(block):x}{mark}\r\n".encode() + block + (b"\r\n" if block else b"")
        if self.trailer or not self.signed:
            line = f"x-amz-checksum-crc32:{self.checksum}"
            encoded += f"{line}\r\n".encode()
            if self.signed:
                digest = hashlib.sha256(f"{line}\n".encode()).hexdigest()
                encoded += f"x-amz-trailer-signature:{sign('AWS4-HMAC-SHA256-TRAILER', digest)}\r\n".encode()
        return encoded + b"\r\n"


@pytest.mark.parametrize(("trailer", "signed"), [(False, True), (True, True), (True, False)])
def test_a_body_in_chunks_is_stored_decoded(put: Call, trailer: bool, signed: bool) -> None:
    chunks = Chunks(put, trailer=trailer, signed=signed)
    answer = chunks.send()
    assert answer.status == 200, answer.body
    stored = put.local_aws.read(f"s3://{put.target[1:]}")
    assert stored is not None and stored.body == b"".join(chunks.blocks)


@pytest.mark.parametrize("trailer", [False, True])
@pytest.mark.parametrize(
    ("alter", "code"),
    [
        (lambda body: body.replace(b"bbb", b"bbc", 1), "SignatureDoesNotMatch"),
        (lambda body: body.replace(b"the rest", b"the best"), "SignatureDoesNotMatch"),
        (lambda body: body.replace(b"chunk-signature=", b"chunk-signature=0", 1), "IncompleteBody"),
        (lambda body: body.replace(b";chunk-signature=", b";chunk-nothing=", 1), "IncompleteBody"),
        (lambda body: body[: body.index(b"\r\n")] + b"0" + body[body.index(b"\r\n") :], "IncompleteBody"),
        (lambda body: body[:100_000], "IncompleteBody"),
        (lambda body: b"FFFFFFFFFFFFFFFF" + body[body.index(b";") :], "IncompleteBody"),
        (lambda body: b"", "IncompleteBody"),
    ],
)
def test_an_altered_chunk_is_rejected(put: Call, alter: Callable[[bytes], bytes], code: str, trailer: bool) -> None:
    answer = Chunks(put, trailer=trailer).send(alter)
    assert (answer.status in (400, 403), answer.code) == (True, code), answer.body
    assert not exists(put)


def test_an_altered_trailer_and_a_wrong_length_are_rejected(put: Call) -> None:
    assert Chunks(put, trailer=True).send(lambda body: body.replace(b"crc32:", b"crc32:A")).code == "SignatureDoesNotMatch"
    assert Chunks(put).send(length=3).code == "IncompleteBody"
    assert not exists(put)


# --- credentials of IAM and STS --------------------------------------------------------------------------------------


def client_of(local_aws: AwsHarness, service: str, credentials: dict[str, Any]) -> Any:
    return boto3.client(
        service,
        REGION,
        endpoint_url=local_aws.url,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials.get("SessionToken"),
        config=Config(retries={"total_max_attempts": 1}, signature_version="s3v4" if service == "s3" else None),
    )


def identity(local_aws: AwsHarness, credentials: dict[str, Any]) -> str:
    return str(client_of(local_aws, "sts", credentials).get_caller_identity()["Arn"])


def rejection(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as rejected:
        call()
    return str(rejected.value.response["Error"]["Code"])


def test_the_generated_credentials_are_those_of_a_user(local_aws: AwsHarness) -> None:
    found = local_aws.client("sts").get_caller_identity()
    assert (found["Arn"], found["Account"]) == (f"arn:aws:iam::{ACCOUNT}:user/local", ACCOUNT)
    user = local_aws.iam.get_user()["User"]
    assert (user["UserName"], user["UserId"], user["Arn"]) == ("local", found["UserId"], found["Arn"])


def test_an_access_key_of_iam_works_while_it_is_active(local_aws: AwsHarness) -> None:
    name = unique("user")
    arn = local_aws.iam.create_user(UserName=name)["User"]["Arn"]
    key = local_aws.iam.create_access_key(UserName=name)["AccessKey"]
    assert identity(local_aws, key) == arn
    assert client_of(local_aws, "iam", key).get_user()["User"]["UserName"] == name

    def call() -> Any:
        return client_of(local_aws, "sqs", key).list_queues()

    call()
    assert rejection(lambda: identity(local_aws, key | {"SecretAccessKey": "wrong"})) == "SignatureDoesNotMatch"
    local_aws.iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert rejection(call) == "InvalidClientTokenId"
    local_aws.iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Active")
    call()
    local_aws.iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    assert rejection(call) == "InvalidClientTokenId"
    local_aws.iam.delete_user(UserName=name)


def issued(local_aws: AwsHarness, way: str, **more: Any) -> tuple[dict[str, Any], str]:
    """Temporary credentials, and who holds them."""
    sts = local_aws.client("sts")
    if way == "session":
        return sts.get_session_token(**more)["Credentials"], f"arn:aws:iam::{ACCOUNT}:user/local"
    if way == "federation":
        answer = sts.get_federation_token(Name="ann", **more)
        return answer["Credentials"], answer["FederatedUser"]["Arn"]
    answer = sts.assume_role(RoleArn=local_aws.role().arn, RoleSessionName="ann", **more)
    return answer["Credentials"], answer["AssumedRoleUser"]["Arn"]


@pytest.mark.parametrize("way", ["session", "federation", "role"])
def test_temporary_credentials_work_with_their_token_until_they_expire(local_aws: AwsHarness, way: str) -> None:
    credentials, arn = issued(local_aws, way)
    again, _ = issued(local_aws, way)
    assert len({credentials["AccessKeyId"], again["AccessKeyId"]}) == 2
    assert credentials["AccessKeyId"].startswith("ASIA")
    assert identity(local_aws, credentials) == arn
    client_of(local_aws, "s3", credentials).list_buckets()
    without = {name: value for name, value in credentials.items() if name != "SessionToken"}
    assert rejection(lambda: identity(local_aws, without)) == "InvalidClientTokenId"
    assert rejection(lambda: client_of(local_aws, "s3", without).list_buckets()) == "InvalidAccessKeyId"
    for token in (again["SessionToken"], "made up"):
        assert (
            rejection(lambda token=token: identity(local_aws, credentials | {"SessionToken": token})) == "InvalidClientTokenId"
        )
        assert (
            rejection(lambda token=token: client_of(local_aws, "s3", credentials | {"SessionToken": token}).list_buckets())
            == "InvalidToken"
        )
    assert rejection(lambda: identity(local_aws, credentials | {"SecretAccessKey": "wrong"})) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("way", ["session", "federation", "role"])
def test_expired_credentials_are_rejected(local_aws: AwsHarness, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials, _ = issued(local_aws, way, DurationSeconds=900)
    verifier, later = local_aws.aws.gate._verifier, time.time() + 901

    def get() -> Answer:
        url = client_of(local_aws, "s3", credentials).generate_presigned_url("list_buckets", {}, 3_600)
        return fetch(str(url))

    assert get().status == 200
    monkeypatch.setattr(verifier, "now", lambda: later)
    answer = get()
    assert answer[:2] == (400, "ExpiredToken")


def test_later_layers_know_the_caller(local_aws: AwsHarness) -> None:
    credentials, arn = issued(local_aws, "role")
    name = unique("user")
    client_of(local_aws, "iam", credentials).create_user(UserName=name)
    assert identity(local_aws, credentials) == arn
    local_aws.iam.delete_user(UserName=name)


# --- uploads by HTML form --------------------------------------------------------------------------------------------


EDGE = "a-boundary-that-no-field-holds"


def field(name: str, value: str) -> bytes:
    return f"--{EDGE}\r\nContent-Disposition: form-data; {name}\r\n\r\n{value}\r\n".encode()


def multipart(fields: dict[str, str], file: bytes, more: bytes = b"") -> tuple[bytes, str]:
    given = b"".join(field(f'name="{name}"', value) for name, value in fields.items())
    head = f'--{EDGE}\r\nContent-Disposition: form-data; name="file"; filename="mine.txt"\r\n\r\n'.encode()
    return given + more + head + file + f"\r\n--{EDGE}--\r\n".encode(), f"multipart/form-data; boundary={EDGE}"


def post(local_aws: AwsHarness, url: str, fields: dict[str, str], file: bytes = b"by form", more: bytes = b"") -> Answer:
    body, content_type = multipart(fields, file, more)
    return fetch(url, "POST", body, Content_Type=content_type)


class Upload:
    """A presigned form for one key, its policy known."""

    def __init__(self, local_aws: AwsHarness, bucket: str, key: str = "", seconds: int = 60, **options: Any) -> None:
        self.local_aws, self.bucket, self.key = local_aws, bucket, key or unique("form")
        made = local_aws.client("s3", signature_version="s3v4").generate_presigned_post(
            bucket, self.key, ExpiresIn=seconds, **options
        )
        self.url, self.fields = made["url"], made["fields"]

    def send(self, *, drop: str = "", file: bytes = b"by form", more: bytes = b"", **fields: str) -> Answer:
        given = {name: value for name, value in (self.fields | fields).items() if name != drop}
        return post(self.local_aws, self.url, given, file, more)

    @property
    def stored(self) -> bytes | None:
        found = self.local_aws.read(f"s3://{self.bucket}/{self.key}")
        return None if found is None else found.body


def test_a_presigned_form_uploads(local_aws: AwsHarness, bucket: str) -> None:
    acl = {"acl": "bucket-owner-full-control"}
    upload = Upload(local_aws, bucket, Fields=acl, Conditions=[acl, ["content-length-range", 1, 100]])
    answer = upload.send()
    assert answer.status == 204, answer.body
    assert upload.stored == b"by form"


def test_a_form_names_its_object_by_its_file(local_aws: AwsHarness, bucket: str) -> None:
    folder = unique("folder")
    assert Upload(local_aws, bucket, folder + "/${filename}").send().status == 204
    assert local_aws.keys(bucket, folder) == [f"{folder}/mine.txt"]


def test_temporary_credentials_sign_forms_too(local_aws: AwsHarness, bucket: str) -> None:
    credentials, _ = issued(local_aws, "role")
    key = unique("form")
    made = client_of(local_aws, "s3", credentials).generate_presigned_post(bucket, key)
    assert post(local_aws, made["url"], made["fields"]).status == 204
    without = {name: value for name, value in made["fields"].items() if name != "x-amz-security-token"}
    assert post(local_aws, made["url"], without)[:2] == (403, "InvalidAccessKeyId")


def resigned(local_aws: AwsHarness, fields: dict[str, str], policy: Any) -> dict[str, str]:
    """The form with another policy, validly signed."""
    text = policy if isinstance(policy, str) else base64.b64encode(json.dumps(policy).encode()).decode()
    key = f"AWS4{local_aws.credentials.secret_access_key}".encode()
    for word in fields["x-amz-credential"].split("/")[1:]:
        key = hmac.digest(key, word.encode(), "sha256")
    return fields | {"policy": text, "x-amz-signature": hmac.digest(key, text.encode(), "sha256").hex()}


REFUSED_FORMS: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "no policy": ({"drop": "policy"}, 400, "InvalidArgument", "'policy'"),
    "no signature": ({"drop": "x-amz-signature"}, 400, "InvalidArgument", "'x-amz-signature'"),
    "no key": ({"drop": "key"}, 400, "InvalidArgument", "'key'"),
    "a wrong signature": ({"x-amz-signature": "0" * 64}, 403, "SignatureDoesNotMatch", ""),
    "another policy": (
        {"policy": base64.b64encode(b'{"expiration": "2999-01-01T00:00:00Z", "conditions": []}').decode()},
        403,
        "SignatureDoesNotMatch",
        "",
    ),
    "another key": ({"key": "another"}, 403, "AccessDenied", "Policy Condition failed"),
    "a field without a condition": ({"acl": "public-read"}, 403, "AccessDenied", "Extra input fields: acl"),
    "a redirection": ({"success_action_redirect": "http://example.org"}, 403, "AccessDenied", "Extra input fields"),
    "metadata": ({"x-amz-meta-owner": "me"}, 403, "AccessDenied", "Extra input fields: x-amz-meta-owner"),
    "an unknown key id": (
        {"x-amz-credential": f"AKIAUNKNOWNUNKNOWN22/20260101/{REGION}/s3/aws4_request", "x-amz-date": "20260101T000000Z"},
        403,
        "InvalidAccessKeyId",
        "",
    ),
    "SigV4a": ({"x-amz-algorithm": "AWS4-ECDSA-P256-SHA256"}, 400, "InvalidRequest", ""),
    "another service": (
        {"x-amz-credential": f"AKIAUNKNOWNUNKNOWN22/20260101/{REGION}/sqs/aws4_request"},
        400,
        "AuthorizationQueryParametersError",
        "",
    ),
    "too large a file": ({"file": b"x" * 101}, 400, "EntityTooLarge", ""),
    "too small a file": ({"file": b""}, 400, "EntityTooSmall", ""),
    "a second key": (
        {"more": field('name="Key"', "other")},
        400,
        "InvalidArgument",
        "given twice",
    ),
    "a second file": (
        {"more": field('name="other"; filename="f"', "x")},
        400,
        "InvalidArgument",
        "exactly one file",
    ),
}


@pytest.mark.parametrize("name", REFUSED_FORMS)
def test_a_form_that_its_policy_does_not_allow_is_refused(local_aws: AwsHarness, bucket: str, name: str) -> None:
    change, status, code, text = REFUSED_FORMS[name]
    upload = Upload(local_aws, bucket, Conditions=[["content-length-range", 1, 100]])
    answer = upload.send(**change)
    assert answer[:2] == (status, code), answer.body
    assert text in answer.body.decode()
    assert upload.stored is None and "another" not in local_aws.keys(bucket)


def test_an_unsigned_form_is_refused(local_aws: AwsHarness, bucket: str) -> None:
    """The archive of a model that is running could be replaced by any page a browser shows."""
    assert post(local_aws, f"{local_aws.url}/{bucket}", {"key": "archive"})[:2] == (403, "AccessDenied")
    assert "archive" not in local_aws.keys(bucket)


def test_a_form_is_valid_for_its_bucket_only_and_for_no_other_action(local_aws: AwsHarness, bucket: str) -> None:
    upload, other = Upload(local_aws, bucket), local_aws.bucket()
    for where in (bucket, other):
        local_aws.put(where, "keep", b"x")
    deletion = b"<Delete><Object><Key>keep</Key></Object></Delete>"
    assert post(local_aws, f"{local_aws.url}/{other}", upload.fields)[:2] == (403, "AccessDenied")
    for where in (bucket, other):
        assert post(local_aws, f"{local_aws.url}/{where}?delete", upload.fields, deletion)[:2] == (403, "AccessDenied")
    assert post(local_aws, f"{local_aws.url}/{bucket}/key?uploads", upload.fields)[:2] == (403, "AccessDenied")
    assert post(local_aws, f"{local_aws.url}/", upload.fields)[:2] == (403, "AccessDenied")
    assert local_aws.keys(other) == ["keep"]
    assert "keep" in local_aws.keys(bucket)


def test_a_form_policy_without_a_bucket_is_refused(local_aws: AwsHarness, bucket: str) -> None:
    upload = Upload(local_aws, bucket)
    policy = json.loads(base64.b64decode(upload.fields["policy"]))
    policy["conditions"] = [condition for condition in policy["conditions"] if condition != {"bucket": bucket}]
    answer = post(local_aws, upload.url, resigned(local_aws, upload.fields, policy))
    assert answer[:2] == (403, "AccessDenied")
    assert b"Extra input fields: bucket" in answer.body


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ({"expiration": "2020-01-01T00:00:00Z", "conditions": []}, "AccessDenied"),
        ({"expiration": "2999-01-01T00:00:00Z", "conditions": []}, "AccessDenied"),  # covers nothing
        ({"expiration": "tomorrow", "conditions": []}, "InvalidPolicyDocument"),
        ({"conditions": []}, "InvalidPolicyDocument"),
        ({"expiration": "2999-01-01T00:00:00Z", "conditions": [["matches", "$key", ".*"]]}, "AccessDenied"),
        ({"expiration": "2999-01-01T00:00:00Z", "conditions": [["eq", "key"]]}, "InvalidPolicyDocument"),
        ({"expiration": "2999-01-01T00:00:00Z", "conditions": [["content-length-range", "x", 1]]}, "InvalidPolicyDocument"),
        ("not base64", "InvalidPolicyDocument"),
        (base64.b64encode(b"[" * 100_000).decode(), "InvalidPolicyDocument"),
    ],
)
def test_an_invalid_or_expired_form_policy_is_refused(local_aws: AwsHarness, bucket: str, policy: Any, code: str) -> None:
    upload = Upload(local_aws, bucket)
    answer = post(local_aws, upload.url, resigned(local_aws, upload.fields, policy))
    assert (answer.status in (400, 403), answer.code) == (True, code), answer.body
    assert upload.stored is None
