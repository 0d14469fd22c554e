"""The custom checks, on the source and on the plan of a root with passing and failing blocks. `make policy` runs this."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from policies.checkov import Record, Report, scan_plans, scan_sources
from policies.plans import make_plans

FIXTURES = Path(__file__).with_name("fixtures")
CUSTOM_CHECKS = "CKV_ASYNC_*"

# The block types that each check covers.
TYPES = {
    "CKV_ASYNC_1": {"aws_s3_bucket"},
    "CKV_ASYNC_2": {"aws_sagemaker_endpoint_configuration"},
    "CKV_ASYNC_3": {"aws_appautoscaling_target"},
    "CKV_ASYNC_4": {"aws_appautoscaling_policy", "aws_cloudwatch_metric_alarm"},
    "CKV_ASYNC_5": {"aws_iam_policy", "aws_iam_policy_document"},
    "CKV_ASYNC_6": {"aws_iam_role"},
    "CKV_ASYNC_7": {"aws_iam_policy", "aws_iam_policy_document"},
}

_BLOCK = re.compile(r'^(?:resource|data) "(\w+)" "((?:passes|fails)\w*)"', re.MULTILINE)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, checkov_python: str) -> Path:
    return Path(shutil.copytree(FIXTURES, tmp_path_factory.mktemp("policies") / "fixtures"))


@pytest.fixture(scope="module")
def source_report(root: Path) -> Report:
    return scan_sources(root, CUSTOM_CHECKS)


@pytest.fixture(scope="module")
def plan_report(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return scan_plans(make_plans([root], tmp_path_factory.mktemp("plans")), root, CUSTOM_CHECKS)


def named(verdict: str, but: Callable[[str], bool] = lambda kind: False) -> set[tuple[str, str]]:
    """Check, type and name of each block of the fixtures whose name begins with `verdict`."""
    found = (match for path in FIXTURES.rglob("*.tf") for match in _BLOCK.findall(path.read_text()))
    return {
        (check, f"{kind}.{name}")
        for kind, name in found
        for check, kinds in TYPES.items()
        if kind in kinds and name.startswith(verdict) and not but(f"{kind}.{name}")
        # Two checks judge policies; each has failures of its own.
        if verdict == "passes" or ("_in_vain" in name) == (check == "CKV_ASYNC_7")
    }


def judged(records: tuple[Record, ...]) -> set[tuple[str, str]]:
    """Check, type and name of each block in a report, without the path of its module."""
    return {(record.check, ".".join(record.resource.split(".")[-2:])) for record in records}


def test_every_check_has_a_passing_and_a_failing_fixture() -> None:
    for verdict in ("passes", "fails"):
        assert {check for check, _ in named(verdict)} == TYPES.keys()


def test_the_source_passes_and_fails_as_named(source_report: Report) -> None:
    assert judged(source_report.failed) == named("fails")
    assert judged(source_report.passed) >= named("passes")


def test_the_plan_passes_and_fails_as_named(plan_report: Report) -> None:
    # Data sources that need nothing are read before the plan, and are not part of it.
    def is_read(name: str) -> bool:
        return name.startswith("aws_iam_policy_document.")

    assert judged(plan_report.failed) == named("fails", but=is_read)
    assert judged(plan_report.passed) >= named("passes", but=is_read)


@pytest.mark.parametrize("report", ["source_report", "plan_report"])
def test_a_skip_needs_a_reason(request: pytest.FixtureRequest, report: str) -> None:
    found: Report = request.getfixturevalue(report)

    assert {record.resource for record in found.skipped} == {"aws_iam_role.skipped", "aws_iam_role.skipped_without_reason"}
    assert [record.resource for record in found.unexplained] == ["aws_iam_role.skipped_without_reason"]
