"""What failed, in SARIF 2.1.0, the format that GitHub's code scanning reads.

Source: GitHub documentation, "SARIF support for code scanning": its required properties, and 25,000 results a run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from policies.checkov import Record, Report

MAX_RESULTS: Final = 25_000
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def write_sarif(path: Path, reports: Iterable[Report]) -> None:
    """Write failed checks and skips without a reason, each once, to `path`."""
    found = [record for report in reports for record in (*report.failed, *report.unexplained)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(list(dict.fromkeys(found))), indent=2) + "\n", encoding="utf-8")


def document(records: list[Record]) -> dict[str, Any]:
    """The SARIF document of `records`."""
    rules = {record.check: record.title for record in records}
    driver = {"name": "checkov", "rules": [_rule(check, title) for check, title in sorted(rules.items())]}
    results = [_result(record) for record in records[:MAX_RESULTS]]
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _rule(check: str, title: str) -> dict[str, Any]:
    text = {"text": title}
    return {"id": check, "shortDescription": text, "fullDescription": text, "help": {"text": f"{title}: policies/README.md."}}


def _result(record: Record) -> dict[str, Any]:
    """A place is a path from the top of the checkout and a range of lines. The fingerprint outlives a change of the lines."""
    file, _, lines = record.place.rpartition(":")
    first, _, last = lines.partition("-")
    start = max(int(first), 1)  # a plan's resource has no lines
    region = {"startLine": start, "endLine": max(int(last or first), start)}
    fingerprint = hashlib.sha256(f"{record.check} {file} {record.resource}".encode()).hexdigest()
    return {
        "ruleId": record.check,
        "level": "error",
        "message": {"text": f"{record.resource}: {record.title}"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": file}, "region": region}}],
        "partialFingerprints": {"primaryLocationLineHash": fingerprint},
    }
