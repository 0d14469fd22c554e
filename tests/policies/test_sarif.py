"""The report for code scanning has what GitHub requires of SARIF, and places that it can show."""

from __future__ import annotations

import json
from pathlib import Path

from policies.checkov import Record, Report
from policies.sarif import write_sarif

FAILED = Record("CKV_ASYNC_1", "A bucket has a policy", "aws_s3_bucket.this", "modules/storage/main.tf:3-9")
PLANNED = Record("CKV_AWS_1", "Another", "module.x.aws_sqs_queue.this", "dev.json:0-0")
UNEXPLAINED = Record("CKV_AWS_2", "A third", "aws_kms_key.this", "modules/storage/key.tf:1-2", "No comment provided")
EXPLAINED = Record("CKV_AWS_3", "A fourth", "aws_kms_key.this", "modules/storage/key.tf:1-2", "Because.")


def written(folder: Path, *reports: Report) -> dict[str, object]:
    write_sarif(folder / "build/policy.sarif", reports)
    document: dict[str, object] = json.loads((folder / "build/policy.sarif").read_text())
    return document


def test_what_failed_is_reported_once_with_its_place(tmp_path: Path) -> None:
    source = Report(failed=(FAILED,), skipped=(UNEXPLAINED, EXPLAINED), passed=(EXPLAINED,))
    plans = Report(failed=(FAILED, PLANNED), skipped=(), passed=())
    document = written(tmp_path, source, plans)
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]  # type: ignore[misc]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["CKV_ASYNC_1", "CKV_AWS_1", "CKV_AWS_2"]
    assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in run["tool"]["driver"]["rules"])
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert [(place["artifactLocation"]["uri"], place["region"]) for place in places] == [
        ("modules/storage/main.tf", {"startLine": 3, "endLine": 9}),
        ("modules/storage/key.tf", {"startLine": 1, "endLine": 2}),
        ("dev.json", {"startLine": 1, "endLine": 1}),
    ]
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert len(set(prints)) == 3


def test_without_a_failure_the_report_closes_what_earlier_ones_opened(tmp_path: Path) -> None:
    (run,) = written(tmp_path, Report((), (), (FAILED,)))["runs"]  # type: ignore[misc]
    assert run["results"] == []


def test_a_finding_keeps_its_identity_when_its_lines_move(tmp_path: Path) -> None:
    moved = Record(FAILED.check, FAILED.title, FAILED.resource, "modules/storage/main.tf:30-39")
    (run,) = written(tmp_path, Report((FAILED, moved), (), ()))["runs"]  # type: ignore[misc]
    prints = {result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]}
    assert len(prints) == 1
