"""Attacks of web pages on the local AWS: no request of theirs reaches a service, and no response is readable."""

from __future__ import annotations

import dataclasses
import json
import socket
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from support.browser_model import Answer, Page
from support.common import refusal
from support.in_process_aws import REGION, AwsHarness

APP = "https://app.example"
CORS = {
    "AllowedMethods": ["GET", "PUT"],
    "AllowedOrigins": [APP, "https://*.dev.example"],
    "AllowedHeaders": ["content-type", "x-amz-meta-*"],
    "ExposeHeaders": ["ETag"],
    "MaxAgeSeconds": 600,
}


@pytest.fixture
def reached(local_aws: AwsHarness, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The method and path of each request that got past the entrance, so that something could happen."""
    listener = local_aws.aws._server._server
    application, seen = listener.app, list[str]()

    def spy(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        answer: Iterable[bytes] = application(environ, start_response)
        return answer

    monkeypatch.setattr(listener, "app", spy)
    return seen


@pytest.fixture
def port(local_aws: AwsHarness) -> int:
    return int(local_aws.url.rpartition(":")[2])


@pytest.fixture(scope="module")
def shared_bucket(local_aws: AwsHarness) -> str:
    """With an object "page.html", and CORS for APP."""
    bucket = local_aws.bucket()
    local_aws.put(bucket, "page.html", b"<script>alert(1)</script>", ContentType="text/html")
    local_aws.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [CORS]})
    return bucket


def signed(service: str) -> dict[str, str]:
    scope = f"Credential=local/20260101/{REGION}/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}


def multipart(fields: dict[str, str], file: bytes) -> tuple[bytes, str]:
    parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    parts.append('--b\r\nContent-Disposition: form-data; name="file"; filename="model.tar.gz"\r\n\r\n')
    return "".join(parts).encode() + file + b"\r\n--b--\r\n", "multipart/form-data; boundary=b"


MODEL = {"ModelName": "taken", "PrimaryContainer": {"Environment": {"PYTHONWARNINGS": "x", "BROWSER": "sh -c id"}}}
FAULT = {"kind": "throttle", "service": "s3"}
JSON = {"Content-Type": "application/x-amz-json-1.1"}
Attack = Callable[[Page, str], Answer]

ATTACKS: dict[str, Attack] = {
    "stop it by fetch": lambda page, url: page.no_cors(f"{url}/_local/stop", "POST", body=b"{}"),
    "stop it by a form": lambda page, url: page.form(f"{url}/_local/stop", b'{"lose_changes": true, "x": "="}', "text/plain"),
    "set a fault as text": lambda page, url: page.fetch(f"{url}/_local/faults", "POST", body=json.dumps(FAULT).encode()),
    "clear faults": lambda page, url: page.fetch(f"{url}/_local/faults", "DELETE"),
    "reset it": lambda page, url: page.form(f"{url}/_local/reset", b"{}", "text/plain"),
    "read its status": lambda page, url: page.fetch(f"{url}/_local/status"),
    "reset by moto": lambda page, url: page.form(f"{url}/moto-api/reset", b""),
    "seed moto's chance": lambda page, url: page.no_cors(f"{url}/moto-api/seed?a=1", "POST", body=b""),
    "read all of moto": lambda page, url: page.fetch(f"{url}/moto-api/data.json"),
    "record to a file": lambda page, url: page.form(f"{url}/moto-api/recorder/start-recording", b""),
    "take instance credentials": lambda page, url: page.fetch(f"{url}/latest/meta-data/iam/security-credentials/x"),
    "create a model": lambda page, url: page.fetch(
        url, "POST", {"X-Amz-Target": "SageMaker.CreateModel", **JSON, **signed("sagemaker")}, json.dumps(MODEL).encode()
    ),
    "create a model, simple content type": lambda page, url: page.fetch(
        url, "POST", {"X-Amz-Target": "SageMaker.CreateModel", "Content-Type": "text/plain", **signed("sagemaker")}, b"{}"
    ),
    "invoke an endpoint": lambda page, url: page.fetch(
        f"{url}/endpoints/shop/async-invocations", "POST", signed("sagemaker"), b"x"
    ),
    "create a topic by a form": lambda page, url: page.form(url, b"Action=CreateTopic&Name=taken&Version=2010-03-31"),
    "assume a role unsigned": lambda page, url: page.form(
        url, b"Action=AssumeRoleWithWebIdentity&RoleArn=arn:aws:iam::123456789012:role/r&RoleSessionName=s&WebIdentityToken=t"
    ),
    "by the name of a service": lambda page, url: page.form(f"{url}/sns_eu-west-1/", b"Action=CreateTopic&Name=taken"),
    "put an object": lambda page, url: page.fetch(f"{url}/BUCKET/model.tar.gz", "PUT", {}, b"archive"),
    "post an archive": lambda page, url: page.form(f"{url}/BUCKET", *multipart({"key": "model.tar.gz"}, b"archive")),
    "post an archive by fetch": lambda page, url: page.fetch(
        f"{url}/BUCKET", "POST", {"Content-Type": "multipart/form-data; boundary=b"}, multipart({"key": "k"}, b"archive")[0]
    ),
    "beacon": lambda page, url: page.no_cors(f"{url}/BUCKET", "POST", "application/x-www-form-urlencoded", b"key=x"),
    "image of an object": lambda page, url: page.element(f"{url}/BUCKET/page.html"),
    "script of an object": lambda page, url: page.element(f"{url}/BUCKET/page.html", "script"),
    "frame of an object": lambda page, url: page.element(f"{url}/BUCKET/page.html", "iframe"),
    "worker of an object": lambda page, url: page.element(f"{url}/BUCKET/page.html", "serviceworker"),
    "link to an action": lambda page, url: page.link(f"{url}/?Action=Unsubscribe&SubscriptionArn=x"),
    "read the buckets": lambda page, url: page.fetch(url, headers=signed("s3")),
    "WebSocket": lambda page, url: page.websocket(f"{url}/"),
    "event stream": lambda page, url: page.element(f"{url}/_local/status", "empty"),
}


@pytest.fixture(params=ATTACKS, ids=lambda name: name.replace(" ", "-").replace(",", ""))
def attack(request: pytest.FixtureRequest, shared_bucket: str) -> Attack:
    planned = ATTACKS[request.param]

    def carry_out(page: Page, url: str) -> Answer:
        bent = dataclasses.replace(page)
        send = Page._send
        object.__setattr__(bent, "_send", lambda where, *rest: send(bent, where.replace("BUCKET", shared_bucket), *rest))
        return planned(bent, url)

    return carry_out


def assert_nothing_happened(answer: Answer, reached: list[str]) -> None:
    assert answer.blocked or answer.status == 403, answer
    assert not answer.readable or answer.status == 403, answer
    assert not any(name.startswith("access-control-") for name in answer.headers), answer
    assert reached == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000", "http://bucket.localhost:PORT"])
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_page_of_another_origin_achieves_nothing(
    attack: Attack, port: int, reached: list[str], origin: str, name: str
) -> None:
    page = Page(port, origin.replace("PORT", str(port)))
    assert_nothing_happened(attack(page, f"http://{name}:{port}"), reached)


def test_a_page_in_an_old_browser_achieves_nothing(attack: Attack, port: int, reached: list[str]) -> None:
    """Without Sec-Fetch-*; and without Origin too, where the page is named as the referring one."""
    assert_nothing_happened(
        attack(Page(port, metadata=False, origins=False, referrer=True), f"http://localhost:{port}"), reached
    )


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.nip.io", "localhost.evil.example"])
def test_dns_rebinding_achieves_nothing(attack: Attack, port: int, reached: list[str], name: str) -> None:
    """DNS rebinding: to the browser it is one origin, so it asks nothing and hides nothing."""
    url = f"http://{name}:{port}"
    assert_nothing_happened(attack(Page(port, url), url), reached)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "127.0.0.1",
        "localhost",
        "localhost:1",
        "localhost:{port}x",
        "localhost:{port}:{port}",
        "user@localhost:{port}",
        "evil.example#localhost:{port}",
        "localhost:{port}, evil.example",
        "evil.example, localhost:{port}",
        ".localhost:{port}",
        "localhost..:{port}",
        "xlocalhost:{port}",
        "localhost.example:{port}",
        "0.0.0.0:{port}",
        "127.1:{port}",
        "0x7f.0.0.1:{port}",
        "2130706433:{port}",
        "127.0.0.01:{port}",
        "127.0.0.256:{port}",
        "128.0.0.1:{port}",
        "127.0.0.1.example:{port}",
        "[::]:{port}",
        "[::2]:{port}",
        "[::ffff:127.0.0.1]:{port}",
        "[::1%25lo]:{port}",
        "lоcalhost:{port}",
    ],
)
def test_another_host_name_is_refused(port: int, reached: list[str], host: str | None) -> None:
    header = "" if host is None else f"Host: {host.format(port=port)}\r\n"
    assert raw_status(port, f"GET /_local/status HTTP/1.1\r\n{header}\r\n") == 403
    assert reached == []


@pytest.mark.parametrize(
    ("request_line", "hosts"),
    [
        ("GET http://evil.example/_local/status HTTP/1.1", ["localhost:{port}"]),
        ("GET http://localhost:{port}/_local/status HTTP/1.1", ["evil.example"]),
        ("GET /_local/status HTTP/1.1", ["localhost:{port}", "evil.example"]),
        ("GET http://[::1/_local/status HTTP/1.1", ["localhost:{port}"]),
    ],
)
def test_a_request_with_two_hosts_is_malformed(port: int, reached: list[str], request_line: str, hosts: list[str]) -> None:
    head = "".join(f"{line}\r\n" for line in (request_line, *(f"Host: {host}" for host in hosts)))
    assert raw_status(port, head.replace("{port}", str(port)) + "\r\n") == 400
    assert reached == []


def raw_status(port: int, request: str) -> int:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client, client.makefile("rb") as answer:
        client.sendall(request.encode())
        return int(answer.readline().split()[1])


def test_a_refused_request_is_answered_before_its_body(port: int, reached: list[str]) -> None:
    head = f"POST /_local/stop HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: https://evil.example\r\n"
    assert raw_status(port, head + "Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n") == 403
    assert raw_status(port, head + "Transfer-Encoding: chunked\r\n\r\n") == 403
    assert reached == []


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "get"])
def test_unknown_methods_are_refused(port: int, reached: list[str], method: str) -> None:
    assert raw_status(port, f"{method} / HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n") == 405
    assert reached == []


# --- what is presigned ---------------------------------------------------------------------------------------------------


def presigned(local_aws: AwsHarness, bucket: str, operation: str = "get_object", key: str = "page.html", **signed: Any) -> str:
    client = local_aws.client("s3", signature_version="s3v4")
    url: str = client.generate_presigned_url(operation, Params={"Bucket": bucket, "Key": key, **signed})
    return url


PRESIGNED: dict[str, Callable[[Page, str, str], Answer]] = {
    "another origin reads": lambda page, url, _: page.fetch(url),
    "another origin writes": lambda page, url, _: page.fetch(url, "PUT", body=b"x"),
    "another origin posts": lambda page, url, _: page.no_cors(url, "POST", body=b"x"),
    "as an image": lambda page, url, _: page.element(url),
    "by a link": lambda page, url, _: page.link(url),
    "named origin, other method": lambda page, url, _: of(page, APP).fetch(url, "DELETE"),
    "named origin, other simple method": lambda page, url, _: of(page, APP).fetch(url, "POST", body=b"x"),
    "named origin, other header": lambda page, url, _: of(page, APP).fetch(url, "PUT", {"x-amz-acl": "public-read"}, b"x"),
    "named origin, a header of another service": lambda page, url, _: of(page, APP).fetch(url, "GET", signed("sagemaker")),
    "named origin in part": lambda page, url, _: of(page, f"{APP}.evil.example").fetch(url),
    "named origin, other scheme": lambda page, url, _: of(page, APP.replace("https", "http")).fetch(url),
    "named origin, administration": lambda page, url, _: of(page, APP).fetch(moved(url, "/_local/status")),
    "named origin, no signature": lambda page, url, _: of(page, APP).fetch(url.partition("?")[0]),
    "named origin, signed for another service": lambda page, url, _: of(page, APP).fetch(url.replace("s3%2F", "sqs%2F")),
    "named origin, bucket without CORS": lambda page, url, bare: of(page, APP).fetch(moved(url, f"/{bare}/page.html")),
    "named origin, no such bucket": lambda page, url, _: of(page, APP).fetch(moved(url, "/not-there/page.html")),
    "named origin, invocation": lambda page, url, _: of(page, APP).fetch(moved(url, "/endpoints/x/invocations")),
}


def of(page: Page, origin: str) -> Page:
    return dataclasses.replace(page, origin=origin)


def moved(url: str, path: str) -> str:
    return urllib.parse.urlsplit(url)._replace(path=path).geturl()


@pytest.mark.parametrize("name", PRESIGNED)
def test_a_presigned_url_is_useless_to_a_page_without_cors_permission(
    local_aws: AwsHarness, port: int, shared_bucket: str, reached: list[str], name: str
) -> None:
    url, bare = presigned(local_aws, shared_bucket), local_aws.bucket()
    reached.clear()
    assert_nothing_happened(PRESIGNED[name](Page(port), url, bare), reached)


@pytest.mark.parametrize("origin", [APP, "https://branch.dev.example"])
def test_a_page_with_cors_permission_reads_and_writes_by_presigned_urls(
    local_aws: AwsHarness, port: int, shared_bucket: str, origin: str
) -> None:
    page = Page(port, origin)
    url = presigned(local_aws, shared_bucket, "put_object", "from-page", ContentType="image/png", Metadata={"a": "b"})
    written = page.fetch(url, "PUT", {"Content-Type": "image/png", "x-amz-meta-a": "b"}, b"by a page")
    assert (written.status, written.readable) == (200, True)
    read = page.fetch(presigned(local_aws, shared_bucket, key="from-page"))
    assert (read.body, read.headers["content-type"], read.headers["x-amz-meta-a"]) == (b"by a page", "image/png", "b")
    assert read.headers["access-control-allow-origin"] == origin
    assert read.headers["access-control-expose-headers"] == "ETag"
    assert "Origin" in read.headers["vary"]
    missing = page.fetch(presigned(local_aws, shared_bucket, key="not-there"))
    assert (missing.status, missing.readable) == (404, True)


def test_a_preflight_is_answered_as_s3_does(local_aws: AwsHarness, port: int, shared_bucket: str, reached: list[str]) -> None:
    asked = {"access-control-request-method": "PUT", "access-control-request-headers": "x-amz-meta-A, content-type"}
    url = presigned(local_aws, shared_bucket)
    reached.clear()
    answer = Page(port, APP)._send(url, "OPTIONS", asked | {"origin": APP, "sec-fetch-site": "cross-site"}, None)
    cors = {name: value for name, value in answer.headers.items() if name.startswith(("access-control", "vary"))}
    assert cors == {
        "access-control-allow-origin": APP,
        "access-control-allow-methods": "GET, PUT",
        "access-control-allow-headers": "x-amz-meta-a, content-type",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "ETag",
        "access-control-max-age": "600",
        "vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
    }
    assert reached == []


def test_a_rule_for_every_origin_is_answered_with_a_star(local_aws: AwsHarness, port: int) -> None:
    bucket = local_aws.bucket()
    local_aws.put(bucket, "page.html", b"for everyone")
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
    local_aws.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    answer = Page(port, "null").fetch(presigned(local_aws, bucket))
    assert (answer.body, answer.headers["access-control-allow-origin"]) == (b"for everyone", "*")
    local_aws.s3.delete_bucket_cors(Bucket=bucket)
    assert Page(port, "null").fetch(presigned(local_aws, bucket)).status == 403


def test_an_object_opened_in_a_browser_is_sandboxed(local_aws: AwsHarness, port: int, shared_bucket: str) -> None:
    opened = {"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    answer = Page(port)._send(presigned(local_aws, shared_bucket), "GET", opened, None)
    assert answer.status == 200
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    local_aws.put(shared_bucket, "paper.pdf", b"%PDF", ContentType="application/pdf")
    paper = Page(port)._send(presigned(local_aws, shared_bucket, key="paper.pdf"), "GET", opened, None)
    assert "content-security-policy" not in paper.headers  # no browser shows one in a sandbox
    assert paper.headers["x-content-type-options"] == "nosniff"


# --- who is let in ---------------------------------------------------------------------------------------------------------


GONE = (
    "/moto-api",
    "/moto-api/",
    "/moto-api/reset",
    "/moto-api/data.json",
    "/moto-api/recorder/start-recording",
    "/favicon.ico",
)
METADATA = ("/latest/meta-data/iam/security-credentials/x", "/latest/api/token")


@pytest.mark.parametrize("path", GONE + METADATA)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_motos_own_pages_are_not_served(local_aws: AwsHarness, port: int, shared_bucket: str, path: str, method: str) -> None:
    """They are paths like any other, of buckets that are not there."""
    answer = Page(port)._send(f"http://localhost:{port}{path}", method, {}, None if method != "POST" else b"")
    assert answer.status in (400, 403, 404, 405)
    assert not answer.body or "html" not in answer.headers["content-type"]
    assert local_aws.keys(shared_bucket)  # what it would have reset


def test_motos_own_paths_are_buckets_for_signed_requests(local_aws: AwsHarness) -> None:
    for bucket, key in (("moto-api", "data.json"), ("latest", "meta-data/iam/security-credentials/x"), ("sns_eu-west-1", "x")):
        assert refusal(local_aws.s3.get_object, Bucket=bucket, Key=key)[0] == "NoSuchBucket"
        assert refusal(local_aws.s3.put_object, Bucket=bucket, Key=key, Body=b"x")[0] == "NoSuchBucket"


@pytest.fixture
def names_below_localhost(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Resolve *.localhost to loopback, as browsers, systemd and macOS do (RFC 6761, 6.3), and the C library here may not."""
    resolve = socket.getaddrinfo

    def loopback(host: Any, *arguments: Any, **named: Any) -> Any:
        below = isinstance(host, str) and host.endswith((".localhost", "LOCALHOST", "localhost."))
        return resolve("127.0.0.1" if below else host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", loopback)
    yield


@pytest.mark.usefixtures("names_below_localhost")
@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_sdks_are_accepted_by_every_name_of_loopback(local_aws: AwsHarness, port: int, name: str, style: str) -> None:
    credentials = local_aws.s3._request_signer._credentials
    client = boto3.client(
        "s3",
        REGION,
        endpoint_url=f"http://{name}:{port}",
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": style}),
    )
    bucket = local_aws.bucket()
    client.put_object(Bucket=bucket, Key="folder/key", Body=b"x" * 2_000_000)
    assert client.get_object(Bucket=bucket, Key="folder/key")["Body"].read() == b"x" * 2_000_000
    assert local_aws.keys(bucket) == ["folder/key"]
    assert refusal(client.get_object, Bucket=bucket, Key="not-there")[0] == "NoSuchKey"


@pytest.mark.usefixtures("names_below_localhost")
def test_other_services_are_accepted_by_names_below_localhost(local_aws: AwsHarness, port: int) -> None:
    credentials = local_aws.s3._request_signer._credentials
    keys = {"aws_access_key_id": credentials.access_key, "aws_secret_access_key": credentials.secret_key}
    for service, call in (("sqs", "list_queues"), ("sagemaker", "list_endpoints"), ("sns", "list_topics")):
        client = boto3.client(service, REGION, endpoint_url=f"http://{service}.localhost:{port}", **keys)
        assert getattr(client, call)()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_every_way_to_write_loopback_is_accepted(port: int) -> None:
    """As far as the signature, which these requests do not have."""
    for name in ("127.0.0.1", "127.255.0.9", "[::1]", "localhost", "LocalHost", "localhost.", "a.b.localhost"):
        request = f"GET /{name}/x HTTP/1.1\r\nHost: {name}:{port}\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client, client.makefile("rb") as answer:
            client.sendall(request.encode())
            assert b"<Code>AccessDenied</Code><Message>Access Denied</Message>" in answer.read()
