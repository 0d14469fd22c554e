"""`async-endpoint webhooks …` over AWS in memory: secrets, dead letters, redrive and sweep of an environment's endpoints."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from async_endpoint.cli.app import app
from async_endpoint.core.errors import UsageError
from async_endpoint.http_api.served_endpoint import Services
from async_endpoint.terraform import outputs as terraform_outputs
from async_endpoint.terraform.outputs import AwsAccess, EnvironmentOutputs
from support.in_memory_aws import FakeAws
from support.webhook_deliveries import NAME, Deliveries


@pytest.fixture
def deliveries(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Deliveries:
    """An applied environment `dev` with one endpoint, which the commands find."""
    made = Deliveries(aws)
    endpoint = made.api.endpoint
    applied = EnvironmentOutputs("dev", {NAME: endpoint.settings.outputs}, AwsAccess())
    monkeypatch.setattr(terraform_outputs, "read_outputs", lambda address, local: applied)
    monkeypatch.setattr(Services, "of", classmethod(lambda cls, settings: Services(lambda region: made.session, aws.clock)))
    return made


def run(*arguments: str) -> Any:
    """The JSON document that a command prints."""
    done = CliRunner().invoke(app, ["webhooks", *arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_secret_is_shown_and_rotated(deliveries: Deliveries) -> None:
    shown = run("secret", "dev", "--caller", "ann")["secrets"][f"dev/{NAME}"]
    assert run("secret", "dev", "--caller", "ann")["secrets"][f"dev/{NAME}"] == shown
    rotated = run("rotate", "dev", "--caller", "ann", "--overlap", "1")["secrets"][f"dev/{NAME}"]
    assert rotated["previous"] == shown["current"] != rotated["current"]
    assert rotated["previous_until"] - rotated["created_at"] == 3_600


def test_people_get_the_secret_alone_on_standard_output(deliveries: Deliveries) -> None:
    done = CliRunner().invoke(app, ["webhooks", "secret", f"dev/{NAME}", "--caller", "local"])
    assert done.stdout.strip() == deliveries.deliverer.secrets.get("local").current


@pytest.mark.parametrize("caller", ["", "../keys/x", "a/b", ".."])
def test_nonsense_is_no_caller(deliveries: Deliveries, caller: str) -> None:
    done = CliRunner().invoke(app, ["webhooks", "secret", "dev", "--caller", caller])
    assert isinstance(done.exception, UsageError)
    assert not [key for key in deliveries.aws.s3.objects if "secrets" in key]


def test_dead_letters_are_listed_and_redriven(deliveries: Deliveries) -> None:
    deliveries.poster.answer = lambda number: 500
    deliveries.fail(deliveries.submit())
    deliveries.run()
    (letter,) = run("dead-letters", "dev")["dead_letters"][f"dev/{NAME}"]
    assert letter["event"] == "failed"
    deliveries.time.sleep(60)
    assert run("redrive", f"dev/{NAME}") == {"moved": {f"dev/{NAME}": 1}}
    deliveries.poster.answer = lambda number: 200
    deliveries.run()
    assert next(iter(deliveries.outcomes.values()))["delivery"]["state"] == "delivered"


def test_a_sweep_by_hand_queues_what_has_ended(deliveries: Deliveries) -> None:
    deliveries.submit()
    deliveries.time.sleep(deliveries.api.endpoint.settings.info.deadline_seconds + 100)
    assert run("sweep", "dev")["sweeps"][f"dev/{NAME}"]["queued"] == 1
    deliveries.run()
    assert deliveries.posts[0].event["type"] == "prediction.expired"
