from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.aws import AwsSession, translate_errors
from async_endpoint.core.errors import BucketMissing, CredentialsExpired, UsageError, WrongRegion
from support.in_memory_aws import client_error


def test_a_given_url_gets_no_credentials_of_aws_path_addressing_and_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a-profile-that-is-not-there")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "meant for AWS")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    session = AwsSession.create("eu-west-1", "http://127.0.0.1:9")
    for client in (session.s3, session.runtime, session.sagemaker, session.sqs, session.logs):
        credentials = client._request_signer._credentials
        assert (credentials.access_key, credentials.secret_key, credentials.token) == ("UNKNOWN", "UNKNOWN", None)
        assert client.meta.endpoint_url == "http://127.0.0.1:9"
        assert client.meta.config.proxies == {}
        assert client.meta.config.retries == {"mode": "standard", "total_max_attempts": 3}
    assert session.s3.meta.config.s3 == {"addressing_style": "path"}
    assert session.endpoint_url == "http://127.0.0.1:9"


def test_without_a_url_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert AwsSession.create("eu-west-1").endpoint_url is None
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    session = AwsSession.create("eu-west-1")
    assert session.endpoint_url == session.s3.meta.endpoint_url == "http://127.0.0.1:9"
    assert session.s3._request_signer._credentials.access_key == "mine"


@pytest.mark.parametrize(("region", "url"), [("eu-west-1", "not a url"), ("not a region", None)])
def test_settings_that_cannot_be_used_are_one_sentence(region: str, url: str | None) -> None:
    with pytest.raises(UsageError, match="correct the AWS settings"):
        _ = AwsSession.create(region, url).s3


def test_a_profile_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a-profile-that-is-not-there")
    with pytest.raises(UsageError, match="a-profile-that-is-not-there"):
        AwsSession.create("eu-west-1")


# --- credentials that expire ---------------------------------------------------------------------------------------------


class Expired(BaseHTTPRequestHandler):
    """S3 for which the access key `old` has expired."""

    def do_GET(self) -> None:
        expired = "Credential=old/" in self.headers["Authorization"]
        body = (
            b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
            if expired
            else b"data"
        )
        self.send_response(400 if expired else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def credentials_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file that a sign-in writes, for an S3 that refuses the key `old`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Expired)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    file = tmp_path / "credentials"
    write_key(file, "old")
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    yield file
    server.shutdown()
    server.server_close()


def write_key(file: Path, key: str) -> None:
    file.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = secret\naws_session_token = token\n")


def test_expired_credentials_are_read_again_where_they_come_from(credentials_file: Path) -> None:
    session = AwsSession.create("eu-west-1", attempts=1)
    with pytest.raises(CredentialsExpired, match="have expired"), translate_errors(session, "s3:GetObject", "s3://bucket/key"):
        session.s3.get_object(Bucket="bucket", Key="key")
    write_key(credentials_file, "new")
    reads = [threading.Thread(target=session.s3.get_object, kwargs={"Bucket": "bucket", "Key": "key"}) for _ in range(4)]
    for read in reads:
        read.start()
    for read in reads:
        read.join(30)
    assert session.s3.get_object(Bucket="bucket", Key="key")["Body"].read() == b"data"
    assert session.client("sqs")._request_signer._credentials.access_key == "new", "all clients of the session use them"


@pytest.mark.parametrize(
    ("code", "status", "kind", "message"),
    [
        ("ExpiredTokenException", 400, CredentialsExpired, "have expired"),
        ("PermanentRedirect", 301, WrongRegion, "use the endpoint's region"),
        ("301", 301, WrongRegion, "is in another region, and s3:GetObject was sent to eu-west-1"),
        ("AuthorizationHeaderMalformed", 400, WrongRegion, "use the endpoint's region"),
        ("NoSuchBucket", 404, BucketMissing, "does not exist"),
    ],
)
def test_what_no_retry_cures_has_an_error_of_its_own(code: str, status: int, kind: type[UsageError], message: str) -> None:
    session = AwsSession(lambda service: None, "eu-west-1")
    with pytest.raises(kind, match=message), translate_errors(session, "s3:GetObject", "s3://bucket/key"):
        raise client_error(code, "text", status)
