"""The tables of permissions in docs/security.md: their rows, and detection of an outdated page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import permission_tables

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Read",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::recommender-dev-123456789012-eu-west-1/model/*", "arn:aws:iam::aws:policy/*"],
        },
        {
            "Sid": "Decrypt",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:ViaService": ["s3.eu-west-1.amazonaws.com", "sqs.eu-west-1.amazonaws.com"]}},
        },
    ],
}
TRUST = {
    "Statement": [
        {"Condition": {"StringEquals": {"x:aud": "sts.amazonaws.com"}, "StringLike": {"x:sub": "repo:shop/models:*"}}}
    ]
}


def test_a_row_has_actions_resources_and_conditions() -> None:
    text = permission_tables.tables({"reader": POLICY}, {"planner": TRUST})
    assert "| Read | `s3:GetObject`, `s3:ListBucket` | `iam:aws:policy/*`, `s3:BUCKET/model/*` |  |" in text
    via = "`kms:ViaService` is `s3.REGION.amazonaws.com` or `sqs.REGION.amazonaws.com`"
    assert f"| Decrypt | `kms:Decrypt` | `*` | {via} |" in text
    assert "| `planner` | `x:aud` is `sts.amazonaws.com`; `x:sub` is like `repo:OWNER/REPOSITORY:*` |" in text


def test_every_condition_is_in_words() -> None:
    rendered = json.loads(permission_tables.RENDERED.read_text())
    documents = [*rendered["policies"].values(), *rendered["trust"].values()]
    operators = {
        name for document in documents for statement in document["Statement"] for name in statement.get("Condition", {})
    }
    assert operators <= permission_tables.COMPARISONS.keys()


def test_an_outdated_page_is_detected_and_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page, rendered = tmp_path / "security.md", tmp_path / "rendered.json"
    page.write_text("# Security\n\nWritten by hand.\n")
    rendered.write_text(json.dumps({"policies": {"reader": POLICY}, "trust": {"planner": TRUST}}))
    monkeypatch.setattr(permission_tables, "PAGE", page)
    monkeypatch.setattr(permission_tables, "RENDERED", rendered)

    assert permission_tables.main(["--check"]) == 1
    assert "write it with: make docs" in capsys.readouterr().err
    assert permission_tables.main([]) == 0
    assert permission_tables.main(["--check"]) == 0
    assert page.read_text().startswith(f"# Security\n\nWritten by hand.\n\n{permission_tables.BEGIN}\n")
