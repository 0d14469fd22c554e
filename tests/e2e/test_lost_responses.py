"""Lost responses end to end. Every other call: python tests/trials/lost_responses.py, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from trials.lost_responses import deployment, destroyed_after_all

pytestmark = pytest.mark.terraform


def test_an_endpoint_and_a_key_whose_creation_was_lost_are_adopted_and_destroyed(
    tmp_path: Path, provider_executable: Path
) -> None:
    with deployment(tmp_path, provider_executable) as made:
        made.lose("CreateKey")  # the provider repeats the call, which creates two
        made.lose("CreateEndpoint")

        failed = made.run("apply", "local")
        assert failed.code == 1, failed.text
        assert "endpoint minimal-local" in failed.last
        assert failed.advised == ["apply", "local", "--adopt"]
        refused = made.run("apply", "local")
        assert refused.code == 4, refused.text
        assert refused.advised == failed.advised
        made.succeed(*refused.advised)

        assert made.run("plan", "local", "--detailed-exitcode").code == 0
        there = made.inventory()
        assert {kind: len(there[kind]) for kind in ("endpoint", "configuration", "model", "key")} == {
            **{"endpoint": 1, "configuration": 1, "model": 1, "key": 1}
        }
        assert destroyed_after_all(made) == "destroyed at once"
