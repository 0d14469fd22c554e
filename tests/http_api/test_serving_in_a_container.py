"""`python -m async_endpoint.http_api` and the Dockerfile that starts it."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from async_endpoint.http_api import __main__ as program
from async_endpoint.http_api.settings import ApiSettings
from support.api_client import HTTP_API
from support.in_memory_aws import FakeAws

CHECKOUT = Path(__file__).resolve().parents[2]
IMAGE = CHECKOUT / "examples/http-api/Dockerfile"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[ApiSettings]:
    """What would be served, instead of serving it."""
    found: list[ApiSettings] = []

    def serve(settings: ApiSettings, started: object) -> None:
        found.append(settings)

    monkeypatch.setattr(program, "serve", serve)
    return found


def write(path: Path, **endpoints: object) -> str:
    path.write_text(json.dumps({"endpoints": endpoints}))
    return str(path)


def test_endpoints_with_an_api_are_served_with_keys(aws: FakeAws, served: list[ApiSettings], tmp_path: Path) -> None:
    enabled = dataclasses.replace(aws.outputs, http_api=HTTP_API).as_dict()
    outputs = write(tmp_path / "outputs.json", shirts=enabled, coats=aws.outputs.as_dict())
    options = ["--max-wait", "600", "--allow-input", "s3://data/shared/", "--cors-origin", "https://app.example.com"]
    assert program.main([outputs, *options]) == 0
    [settings] = served
    assert list(settings.endpoints) == ["shirts"]
    assert settings.endpoints["shirts"].http_api == HTTP_API
    assert (settings.host, settings.port, settings.max_wait) == ("0.0.0.0", 8000, 600)
    assert (settings.keys_required, settings.deliveries, settings.read_only) == (True, True, False)
    assert settings.cors_origins == ("https://app.example.com",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not JSON", "is not JSON"),
        ("[]", "expected a map"),
        ('{"endpoints": {}}', "has no endpoint with an HTTP API"),
        ('{"endpoints": {"shirts": {}}}', "async_endpoints.shirts.schema_version is missing"),
    ],
)
def test_outputs_that_cannot_be_served_are_one_sentence(
    content: str, message: str, tmp_path: Path, served: list[ApiSettings], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "outputs.json"
    path.write_text(content)
    assert program.main([str(path)]) == 2
    assert message in capsys.readouterr().err
    assert served == []


def test_an_allowed_webhook_that_is_no_url_is_refused_at_the_start(
    aws: FakeAws, served: list[ApiSettings], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = write(tmp_path / "outputs.json", shirts=dataclasses.replace(aws.outputs, http_api=HTTP_API).as_dict())
    assert program.main([outputs, "--no-deliveries", "--allow-webhook", "nonsense"]) == 2
    assert "'nonsense' is no prefix of webhooks to allow" in capsys.readouterr().err
    assert served == []


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main([str(tmp_path / "none.json")]) == 2
    assert "none.json" in capsys.readouterr().err


def test_the_image_runs_the_program_as_no_user_of_the_host() -> None:
    instructions = re.findall(r"^([A-Z]+) (.*)$", IMAGE.read_text(), re.MULTILINE)
    by_name = dict(instructions)
    assert json.loads(by_name["ENTRYPOINT"]) == ["python3", "-m", "async_endpoint.http_api"], "in the exec form, for signals"
    assert int(by_name["USER"].partition(":")[0]) > 10_000
    ignored = IMAGE.with_name("Dockerfile.dockerignore").read_text().splitlines()
    for copied in (text.split()[0] for name, text in instructions if name == "COPY"):
        assert (CHECKOUT / copied).exists()
        assert f"!{copied}" in ignored, "the context has nothing else, so no credentials of a checkout get into an image"
    assert ignored[0] == "*"
    install = json.loads(by_name["RUN"])
    assert {"--require-hashes", "--no-deps"} <= set(install)


def test_the_image_has_what_the_program_imports_and_no_local_aws() -> None:
    locked = set(re.findall(r"^([\w-]+)==", (CHECKOUT / "requirements/serve.txt").read_text(), re.MULTILINE))
    assert {"boto3", "fastapi", "uvicorn"} <= locked
    assert not {"moto", "numpy", "pillow", "python-terraform"} & locked
