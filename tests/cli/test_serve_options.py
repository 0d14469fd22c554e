"""`async-endpoint serve`: what it serves and to whom, and what it refuses before it listens."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from async_endpoint.cli.app import app
from async_endpoint.core.errors import InvalidInput, UsageError
from async_endpoint.http_api import request_context, server
from async_endpoint.http_api.access.api_keys import KeyStore, new_key
from async_endpoint.http_api.settings import ApiSettings
from async_endpoint.terraform import outputs as terraform_outputs
from async_endpoint.terraform.outputs import AwsAccess, EnvironmentOutputs
from support.api_client import HTTP_API
from support.in_memory_aws import FakeAws, aws, outputs

__all__ = ["aws", "outputs"]


@pytest.fixture
def started(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> list[ApiSettings]:
    """The settings that commands would have served; environment dev has endpoints `one`, and `none` without an API."""
    found: list[ApiSettings] = []
    endpoints = {"one": dataclasses.replace(aws.outputs, http_api=HTTP_API), "none": aws.outputs}

    def read(address: str, *, local: bool = False) -> EnvironmentOutputs:
        _, _, name = address.partition("/")
        return EnvironmentOutputs("dev", {name: endpoints[name]} if name else endpoints, AwsAccess())

    def serve(settings: ApiSettings, started: Any, *rest: Any) -> None:
        found.append(settings)
        started("http://127.0.0.1:8000")

    monkeypatch.setattr(AwsAccess, "session", lambda self, region: aws.session)
    monkeypatch.setattr(terraform_outputs, "read_outputs", read)
    monkeypatch.setattr(server, "serve", serve)
    monkeypatch.setattr(request_context, "log_as_json", lambda: None)
    return found


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["serve", *arguments])


def test_without_keys_only_this_machine_is_served(started: list[ApiSettings]) -> None:
    done = run("dev")
    assert done.exit_code == 0, (done.output, done.exception)
    (settings,) = started
    assert list(settings.endpoints) == ["one"] and not settings.keys_required
    assert "without API keys" in done.output
    refused = run("dev", "--host", "0.0.0.0")
    assert isinstance(refused.exception, UsageError) and "async-endpoint api-keys create dev" in str(refused.exception)
    assert isinstance(run("dev", "--cors-origin", "https://app.example").exception, UsageError)
    assert isinstance(run("dev/none").exception, UsageError)
    assert isinstance(run("dev", "--no-deliveries", "--allow-webhook", "nonsense").exception, InvalidInput)
    assert len(started) == 1


def test_with_a_key_keys_are_required_everywhere(started: list[ApiSettings], aws: FakeAws) -> None:
    KeyStore(aws.session, HTTP_API.credentials_uri).write(new_key("app", 1.0, None, 0.0)[0])
    options = ("--cors-origin", "https://app.example", "--allow-input", "s3://datasets/a/", "--max-wait", "60")
    for host in ("127.0.0.1", "0.0.0.0"):
        done = run("dev", "--host", host, *options)
        assert done.exit_code == 0 and "with an API key" in done.output, (done.output, done.exception)
    for settings in started:
        assert settings.keys_required and settings.cors_origins == ("https://app.example",)
        assert settings.input_prefixes == ("s3://datasets/a/",) and settings.max_wait == 60.0


@pytest.mark.parametrize(
    "option", [("--cors-origin", "app.example"), ("--allow-input", "s3://datasets"), ("--allow-input", "x")]
)
def test_unusable_options_are_refused(started: list[ApiSettings], aws: FakeAws, option: tuple[str, str]) -> None:
    KeyStore(aws.session, HTTP_API.credentials_uri).write(new_key("app", 1.0, None, 0.0)[0])
    assert isinstance(run("dev", *option).exception, InvalidInput)
    assert not started
