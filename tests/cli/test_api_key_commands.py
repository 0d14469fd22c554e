"""`async-endpoint api-keys`: a key is shown once, listed without its secret, and revoked."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from async_endpoint.cli.app import app
from async_endpoint.core.errors import InvalidInput, NotReady, UsageError
from async_endpoint.http_api.access.api_keys import KeyStore, parse_key
from async_endpoint.terraform import outputs as terraform_outputs
from async_endpoint.terraform.outputs import AwsAccess, EnvironmentOutputs
from support.api_client import HTTP_API
from support.in_memory_aws import BUCKET, FakeAws, aws, client_error, outputs

__all__ = ["aws", "outputs"]

Run = Callable[..., Result]


@pytest.fixture
def run(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on environment dev, with endpoints `one` and `two` that have an HTTP API, and `none`."""
    second = dataclasses.replace(HTTP_API, credentials_uri=f"s3://{BUCKET}/credentials/two/")
    apis = {"one": HTTP_API, "two": second, "none": None}
    endpoints = {name: dataclasses.replace(aws.outputs, http_api=api) for name, api in apis.items()}
    monkeypatch.setattr(AwsAccess, "session", lambda self, region: aws.session)

    def read(address: str, *, local: bool = False) -> EnvironmentOutputs:
        _, _, name = address.partition("/")
        return EnvironmentOutputs("dev", {name: endpoints[name]} if name else endpoints, AwsAccess())

    monkeypatch.setattr(terraform_outputs, "read_outputs", read)
    return lambda *arguments: CliRunner().invoke(app, ["api-keys", *arguments])


def succeed(result: Result) -> Any:
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def test_a_key_is_shown_once_and_only_its_hash_is_stored(run: Run, aws: FakeAws) -> None:
    made = run("create", "dev", "--name", "web shop")
    assert made.exit_code == 0, made.output
    parsed = parse_key(made.stdout.strip())
    assert parsed is not None, made.stdout
    key_id, secret = parsed
    assert sorted(aws.s3.objects) == [f"credentials/{name}/keys/{key_id}.json" for name in ("shop", "two")]
    assert not any(secret.encode() in body for body, _ in aws.s3.objects.values())
    listed = run("list", "dev")
    assert secret not in listed.output and key_id in listed.output and "web shop" in listed.output
    (item,) = succeed(run("list", "dev", "--json"))["api_keys"]
    assert item["endpoints"] == ["one", "two"] and item["rate"] == 10.0 and "sha256" not in item


@pytest.mark.parametrize("name", ["x [/y]", "svc [prod]", "[red]x", "[link=x:y]z[/]", "a :key: b", "a\\[b]"])
def test_a_name_is_shown_as_it_is_whatever_markup_it_looks_like(run: Run, name: str) -> None:
    assert run("create", "dev", "--name", name).exit_code == 0
    listed = run("list", "dev")
    assert listed.exit_code == 0 and name in listed.output, (listed.output, listed.exception)


def test_json_of_a_key(run: Run, aws: FakeAws) -> None:
    made = succeed(run("create", "dev/two", "--name", "x", "--rate", "0.5", "--burst", "7", "--json"))
    assert (made["rate"], made["burst"], made["endpoints"]) == (0.5, 7, ["two"])
    store = KeyStore(aws.session, f"s3://{BUCKET}/credentials/two/")
    key, parsed = store.read(made["id"]), parse_key(made["key"])
    assert key is not None and parsed is not None and key.matches(parsed[1])


def test_a_key_that_cannot_be_written_everywhere_is_written_nowhere(run: Run, aws: FakeAws) -> None:
    write = aws.s3.put_object

    def failing(**request: Any) -> Any:
        if "/two/" in request["Key"]:
            raise client_error("SlowDown", "Reduce your request rate.", 503)
        return write(**request)

    aws.s3.put_object = failing  # type: ignore[method-assign]
    refused = run("create", "dev", "--name", "x")
    assert isinstance(refused.exception, NotReady) and refused.stdout == ""
    assert aws.s3.objects == {}


def test_revoking(run: Run, aws: FakeAws) -> None:
    made = succeed(run("create", "dev", "--name", "x", "--json"))
    assert succeed(run("revoke", "dev/one", made["id"], "--json"))["endpoints"] == ["one"]
    assert succeed(run("revoke", "dev", made["key"], "--json")) == {"revoked": made["id"], "endpoints": ["two"]}
    assert aws.s3.objects == {}
    again = run("revoke", "dev", made["id"])
    assert isinstance(again.exception, UsageError) and "api-keys list dev" in str(again.exception)
    assert "no API key" in run("list", "dev").output


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("create", "dev", "--name", ""), InvalidInput),
        (("create", "dev", "--name", "a\tb"), InvalidInput),
        (("create", "dev", "--name", "x", "--rate", "0"), InvalidInput),
        (("create", "dev", "--name", "x", "--rate", "nan"), InvalidInput),
        (("create", "dev", "--name", "x", "--burst", "0"), InvalidInput),
        (("create", "dev/none", "--name", "x"), UsageError),
        (("list", "dev/none"), UsageError),
        (("revoke", "dev", "../x"), InvalidInput),
        (("revoke", "dev", ""), InvalidInput),
    ],
)
def test_nonsense_is_refused_before_anything_is_written(
    run: Run, aws: FakeAws, arguments: tuple[str, ...], error: type[Exception]
) -> None:
    refused = run(*arguments)
    assert isinstance(refused.exception, error), refused.output
    assert not aws.s3.calls
