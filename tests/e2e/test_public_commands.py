"""Missing prerequisites of the commands: one sentence, the right exit code, and no leftovers."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

VERBS = ("plan", "apply", "destroy", "outputs", "smoke-test")
ARCHIVE = "build/fashion-recommender.tar.gz"


@pytest.mark.parametrize("verb", VERBS)
def test_without_a_local_aws(checkout: Any, verb: str) -> None:
    ended = checkout.run(verb, "local")
    assert ended.code == 3
    assert ended.sentence == "No local AWS runs for this checkout; start it with: async-endpoint local up --detach"


@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_environment(checkout: Any, verb: str) -> None:
    ended = checkout.run(verb, "production", "--local")
    assert ended.code == 2
    assert "no environment 'production'" in ended.sentence
    assert "dev, local, prod, staging" in ended.sentence


@pytest.mark.parametrize("verb", ("plan", "apply", "destroy", "outputs"))
def test_aws_is_not_called_before_the_backend_is_configured(checkout: Any, verb: str) -> None:
    ended = checkout.run(verb, "prod", *(["--yes"] if verb in ("apply", "destroy") else []))
    assert ended.code == 2
    assert "envs/prod/state.s3.tfbackend" in ended.sentence


@pytest.mark.terraform
def test_a_second_local_aws_and_commands_before_an_apply_are_refused(checkout: Any) -> None:
    before = checkout.envs()
    url = checkout.start_local_aws()

    for verb in ("plan", "apply"):
        unbuilt = checkout.run(verb, "dev", "--local")
        assert unbuilt.code == 2
        assert f"names the model archive {ARCHIVE}, which is not there" in unbuilt.sentence
    remedy = unbuilt.sentence.partition("make it with: async-endpoint ")[2]
    checkout.succeed(*shlex.split(remedy))
    assert (checkout.folder / ARCHIVE).is_file(), "the remedy it names works"

    unapplied = checkout.run("invoke", "dev", checkout.query("red-shirt.png"), "--local")
    assert unapplied.code == 3
    assert unapplied.sentence.endswith("apply it with: async-endpoint apply dev --local")

    refused = checkout.run("local", "up", "--port", "0", "--detach")
    assert refused.code == 2
    assert f"is already running at {url}" in refused.sentence
    assert checkout.succeed("local", "status", "--json").document["endpoint_url"] == url, "the first is left alone"

    assert url in checkout.succeed("local", "down").err
    assert "no local AWS was running" in checkout.succeed("local", "down").err
    assert checkout.run("local", "status").code == 3
    assert checkout.envs() == before
