"""One interpretation of a request: path, headers and query are verified as they are answered."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from support.common import unique
from support.in_process_aws import ACCOUNT, AwsHarness
from support.signing import Answer, Call, Parts, send

SECRET = b"of a key that no request was signed for"


@pytest.fixture(scope="module")
def bucket(local_aws: AwsHarness) -> str:
    """With an object "key", and one of each name that another name is cut to or misread as."""
    bucket = local_aws.bucket()
    for key in ("key", "a", "a b", "é", "Ã©"):
        local_aws.put(bucket, key, SECRET)
    return bucket


@pytest.fixture(scope="module")
def low_user(local_aws: AwsHarness) -> dict[str, str]:
    """Access key and secret of a user who is not the one that started the local AWS."""
    name = unique("user")
    local_aws.iam.create_user(UserName=name)
    made = local_aws.iam.create_access_key(UserName=name)["AccessKey"]
    return {"key": made["AccessKeyId"], "secret": made["SecretAccessKey"]}


def send_as(local_aws: AwsHarness, parts: Parts, target: str) -> tuple[int, bytes]:
    """Send a signed request with another target, byte by byte; http.client would not."""
    url = urlsplit(local_aws.url)
    lines = [f"{parts.method} {target} HTTP/1.1", f"Host: {url.netloc}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in parts.headers.items() if name.lower() != "host"]
    with (
        socket.create_connection((str(url.hostname), int(url.port or 0)), timeout=30) as client,
        client.makefile("rb") as answer,
    ):
        client.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        received = answer.read()
    return int(received.split(b" ", 2)[1]), received


# Each was read as "/" by the one who verified, and as the rest of it by those who answered.
SPELLINGS = ["{path}", "x:{path}", "x:/{path}", "http:/{path}", "http:{path}", "\x01/{path}", "http://?/{path}", "*{path}"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_signature_for_the_root_is_valid_for_no_other_path(local_aws: AwsHarness, bucket: str, spelling: str) -> None:
    status, received = send_as(local_aws, Call(local_aws, "GET", "/").signed(), spelling.format(path=f"{bucket}/key"))
    assert status == 400
    assert SECRET not in received


@pytest.mark.parametrize("spelling", [*SPELLINGS, "/%2F{path}", "/%2f%2F{path}"])
def test_no_signature_gives_access_to_the_admin_paths(local_aws: AwsHarness, low_user: dict[str, str], spelling: str) -> None:
    target = spelling.format(path="_local/status")
    for signed in ("/", target if target.startswith("/") else "/"):
        status, received = send_as(local_aws, Call(local_aws, "GET", signed, **low_user).signed(), target)
        assert status in (400, 403, 404)
        assert b"time_scale" not in received


@pytest.mark.parametrize(
    ("signed", "sent"),
    [
        ("/{bucket}/a%23b", "/{bucket}/a#b"),
        ("/{bucket}/%C3%A9", "/{bucket}/\xc3\xa9"),
        ("/{bucket}/a%2Bb", "/{bucket}/a+b#"),
        ("/{bucket}?list-type=2&prefix=a%2Bb", "/{bucket}?list-type=2&prefix=a+b"),
        ("/{bucket}?list-type=2&prefix=a%23b", "/{bucket}?list-type=2&prefix=a#b"),
    ],
)
def test_a_name_cannot_be_signed_as_one_and_read_as_another(local_aws: AwsHarness, bucket: str, signed: str, sent: str) -> None:
    parts = Call(local_aws, "GET", signed.format(bucket=bucket)).signed()
    status, received = send_as(local_aws, parts, sent.format(bucket=bucket))
    assert status in (400, 403)
    assert SECRET not in received


def test_a_parameter_of_a_presigned_url_is_not_cut_off(local_aws: AwsHarness, bucket: str) -> None:
    """Parameters are sorted before they are signed, so one with a number sign could be put before those to be lost."""
    client = local_aws.client("s3", signature_version="s3v4")
    named = {"Bucket": bucket, "Key": "key", "ResponseContentType": "a#b", "VersionId": "none-such"}
    query = urlsplit(client.generate_presigned_url("get_object", named)).query.split("&")
    last = [part for part in query if not part.startswith("X-Amz-")]
    ordered = [*(part for part in query if part not in last), *sorted(last)]
    asked = "&".join(ordered).replace(quote("a#b"), "a#b")
    status, received = send_as(local_aws, Parts("GET", "/", {}, b""), f"/{bucket}/key?{asked}")
    assert (status, SECRET in received) == (400, False)


def test_an_absolute_url_is_answered(local_aws: AwsHarness, bucket: str) -> None:
    for target in (f"/{bucket}/key", "/"):
        parts = Call(local_aws, "GET", target).signed()
        assert send_as(local_aws, parts, local_aws.url + target)[0] == 200
    assert send_as(local_aws, Call(local_aws, "GET", "/").signed(), local_aws.url)[0] == 200


@pytest.mark.parametrize("service", ["motoapi.amazonaws.com", "169.254.169.254", "moto_api", "moto_api._internal", "S3"])
@pytest.mark.parametrize("path", ["/moto-api/data.json", "/latest/meta-data/iam/security-credentials/x"])
def test_no_signature_gives_access_to_motos_other_services(local_aws: AwsHarness, service: str, path: str) -> None:
    answer = Call(local_aws, "GET", path, service=service).send()
    assert answer.status == 400
    assert b"Credential" in answer.body


def test_the_spelling_of_a_name_of_metadata_is_signed(local_aws: AwsHarness, bucket: str) -> None:
    def other_spelling(parts: Parts) -> None:
        parts.headers["x-amz-meta-the-owner"] = parts.headers.pop("x-amz-meta-the_owner")

    put = Call(local_aws, "PUT", f"/{bucket}/spelled", b"x", {"x-amz-meta-the_owner": "me"})
    assert put.but(alter=other_spelling).send().code == "AccessDenied"
    assert put.send().status == 200


def test_a_header_that_is_a_parameter_of_an_invocation_is_signed(local_aws: AwsHarness) -> None:
    given = {"X-Amzn-SageMaker-InputLocation": "s3://bucket/key"}
    call = Call(local_aws, "POST", "/endpoints/none-such/async-invocations", b"", given, service="sagemaker")

    def add(name: str) -> Answer:
        return call.but(alter=lambda parts: parts.headers.update({name: "60"})).send()

    answer = add("X-Amzn-SageMaker-RequestTTLSeconds")
    assert (answer.status, answer.code) == (403, "InvalidSignatureException")
    assert f"account {ACCOUNT} not found" in str(add("X-Amzn-Trace-Id").body)


@pytest.mark.parametrize("coding", ["\x0bchunked", "\xa0chunked", "\r\n chunked", "chunked\x0c"])
def test_an_ambiguous_transfer_coding_is_refused(local_aws: AwsHarness, coding: str) -> None:
    parts: Any = Call(local_aws, "GET", "/").signed()
    parts.headers["Transfer-Encoding"] = coding
    assert send_as(local_aws, parts, "/")[0] == 501


def test_a_manually_signed_request_is_answered(local_aws: AwsHarness, bucket: str) -> None:
    assert send(local_aws, Call(local_aws, "GET", f"/{bucket}/key").signed()).body == SECRET
