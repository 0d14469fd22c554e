"""`local status` of a local AWS that enforces IAM."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from async_endpoint.cli.app import app
from async_endpoint.emulator import daemon


@pytest.mark.parametrize("enforced", [True, False])
def test_the_status_names_denied_calls(monkeypatch: pytest.MonkeyPatch, enforced: bool) -> None:
    denial = {
        "principal": "arn:aws:iam::123456789012:user/a",
        "operation": "sns:Publish",
        "action": "kms:Decrypt",
        "resource": "arn:aws:kms:eu-west-1:123456789012:key/b",
        "calls": 2,
    }
    document: dict[str, Any] = {"endpoint_url": "http://127.0.0.1:1", "time_scale": 60.0, "endpoints": [], "faults": []}
    document |= {
        "state": None,
        "remaining_interfaces": ["network interfaces of ended instances remain"],
        "stored_without_effect": [],
        "iam": {"enforced": enforced, "denials": [denial] if enforced else []},
    }
    monkeypatch.setattr(daemon, "status", lambda _: document)
    monkeypatch.setenv("COLUMNS", "300")

    said = CliRunner().invoke(app, ["local", "status"])

    assert said.exit_code == 0, said.output
    assert "  network interfaces of ended instances remain\n" in said.output
    sentence = "denied arn:aws:iam::123456789012:user/a sns:Publish: kms:Decrypt on arn:aws:kms:eu-west-1:123456789012:key/b"
    assert (f"{sentence} (2 calls)" in said.output.replace("\n", "")) is enforced
    assert ("IAM is enforced" in said.output) is enforced
