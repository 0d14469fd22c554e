"""Runs checkov as a program, in the environment that `make policy` creates for it, and parses its report."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from async_endpoint.core.errors import ToolMissing

PYTHON = "CHECKOV_PYTHON"  # the Python of the environment that has checkov
CHECKS = Path(__file__).with_name("checks")
PACKAGE = CHECKS.parents[1] / "scripts"  # the checks import core/ from it, which is pure
TIMEOUT_SECONDS = 300

# checkov's placeholder for a missing reason.
_NO_REASON = "No comment provided"


@dataclass(frozen=True)
class Record:
    """The result of one check for one resource; `reason` is the reason for a skip, else None."""

    check: str
    title: str
    resource: str
    place: str
    reason: str | None = None

    def __str__(self) -> str:
        return f"{self.check} {self.resource} ({self.place}): {self.title}"


@dataclass(frozen=True)
class Report:
    """checkov's results by verdict."""

    failed: tuple[Record, ...]
    skipped: tuple[Record, ...]
    passed: tuple[Record, ...]

    @property
    def unexplained(self) -> list[Record]:
        """Skips without a reason."""
        return [record for record in self.skipped if record.reason in {None, "", _NO_REASON}]


def scan_sources(folder: Path, only: str = "") -> Report:
    """Check the Terraform source below `folder`; `only` names checks by id or by a pattern with *."""
    return _run(folder, "terraform", ["--directory", "."], only)


def scan_plans(plans: Iterable[Path], folder: Path, only: str = "") -> Report:
    """Check plans, as JSON, of roots below `folder`; skip comments are read from the source."""
    files = [text for plan in plans for text in ("--file", str(plan))]
    return _run(folder, "terraform_plan", [*files, "--repo-root-for-plan-enrichment", "."], only)


def _run(folder: Path, framework: str, what: list[str], only: str) -> Report:
    """Raises ToolMissing if checkov is missing, or does not report on all of `what`."""
    python = os.environ.get(PYTHON)
    if not python:
        raise ToolMissing(f"{PYTHON} names no Python with checkov; run: make policy")
    settings = ["--skip-download", "--compact", "--output", "json", *(["--check", only] if only else [])]
    done = subprocess.run(
        [python, "-m", "checkov.main", *what, "--framework", framework, "--external-checks-dir", str(CHECKS), *settings],
        cwd=folder,
        # Values known only after an apply count as present: a key that does not exist yet is a key.
        env=os.environ | {"EVAL_TF_PLAN_AFTER_UNKNOWN": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    try:
        document = json.loads(done.stdout)
        results, parsed = document["results"], document["summary"]
    except (ValueError, KeyError, TypeError) as error:
        output = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
        raise ToolMissing(f"checkov ended with {done.returncode} and no report of {framework}: {output[-1]}") from error
    if parsed["parsing_errors"]:
        raise ToolMissing(f"checkov could not read {', '.join(results['parsing_errors'])}, so they were not checked.")
    if "Cannot load external check" in done.stderr:
        raise ToolMissing(f"checkov could not load a check of policies/checks: {done.stderr.strip()}")
    return Report(*(tuple(map(_record, results[f"{verdict}_checks"])) for verdict in ("failed", "skipped", "passed")))


def _record(found: dict[str, Any]) -> Record:
    first, last = found["file_line_range"]
    place = f"{found['file_path'].lstrip('/')}:{first}-{last}"
    reason = found["check_result"].get("suppress_comment")
    return Record(found["check_id"], found["check_name"], found["resource"], place, reason)
