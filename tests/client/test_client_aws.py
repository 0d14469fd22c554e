from __future__ import annotations

import socket
from typing import Any

import pytest

from async_endpoint.client import AsyncEndpoint, ClientConfig, Request
from async_endpoint.client.aws import AwsClients
from async_endpoint.core.errors import LocalAwsNotRunning, UsageError


@pytest.fixture
def closed_url() -> str:
    """An address on loopback where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_a_given_url_gets_no_credentials_of_aws_path_addressing_and_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a-profile-that-is-not-there")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "meant for AWS")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    clients = AwsClients.create("eu-west-1", "http://127.0.0.1:9")
    for client in (clients.s3, clients.runtime, clients.sagemaker, clients.sqs, clients.logs):
        credentials = client._request_signer._credentials
        assert (credentials.access_key, credentials.secret_key, credentials.token) == ("UNKNOWN", "UNKNOWN", None)
        assert client.meta.endpoint_url == "http://127.0.0.1:9"
        assert client.meta.config.proxies == {}
        assert client.meta.config.retries == {"mode": "standard", "total_max_attempts": 3}
    assert clients.s3.meta.config.s3 == {"addressing_style": "path"}
    assert clients.endpoint_url == "http://127.0.0.1:9"


def test_without_a_url_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert AwsClients.create("eu-west-1").endpoint_url is None
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    clients = AwsClients.create("eu-west-1")
    assert clients.endpoint_url == clients.s3.meta.endpoint_url == "http://127.0.0.1:9"
    assert clients.s3._request_signer._credentials.access_key == "mine"


@pytest.mark.parametrize(("region", "url"), [("eu-west-1", "not a url"), ("not a region", None)])
def test_settings_that_cannot_be_used_are_one_sentence(region: str, url: str | None) -> None:
    with pytest.raises(UsageError, match="correct the AWS settings"):
        AwsClients.create(region, url)


def test_a_profile_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a-profile-that-is-not-there")
    with pytest.raises(UsageError, match="a-profile-that-is-not-there"):
        AwsClients.create("eu-west-1")


def test_a_refused_connection_names_the_url(outputs: Any, closed_url: str) -> None:
    endpoint = AsyncEndpoint(outputs, endpoint_url=closed_url, config=ClientConfig(attempts=2, backoff_seconds=0.01))
    for inline in (False, True):
        with pytest.raises(LocalAwsNotRunning, match=f"{closed_url} does not answer .*make local-up"):
            endpoint.send(Request(payload=b"x", inline=inline))
