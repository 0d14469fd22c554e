from __future__ import annotations

import pytest

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import UsageError


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
