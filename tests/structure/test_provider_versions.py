"""One Terraform source for versions 5 and 6 of the AWS provider: docs/provider-versions.md says what was compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.documents import ROOT

CONSTRAINT = ">= 5.100, < 7"
PAGE = ROOT / "docs/provider-versions.md"
FOLDERS = ("modules", "envs", "examples", "tests/policies/fixtures")

# What version 6 deprecates, removes or interprets differently.
FORBIDDEN = {
    "the region's name is deprecated: use id": r"data\.aws_region\.\w+(\[\S*\])?\.(name|region)\b",
    "a bucket's region is the provider's": r"aws_s3_bucket\.\w+(\[\S*\])?\.region\b|\bself\.region\b",
    "bucket_region is not in version 5": r"\.bucket_region\b",
    "region is an argument of version 6": r"^  region\s*=(?!.*\bvar\.|.*\"eu-west-1\"$)",
    "expected_bucket_owner is deprecated": r"\bexpected_bucket_owner\b",
    "inline policies and attachments of a role are deprecated": r"\b(inline_policy|managed_policy_arns)\b",
}


def terraform_files() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from (path for path in (ROOT / folder).rglob("*.tf") if ".terraform" not in path.parts)


def without_comments(path: Path) -> str:
    return re.sub(r"(^|\s)(#|//).*$", "", path.read_text(), flags=re.MULTILINE)


def test_every_constraint_is_the_same() -> None:
    found = [
        (path, version)
        for path in terraform_files()
        for version in re.findall(r'source\s*=\s*"hashicorp/aws"\s*version\s*=\s*"([^"]*)"', path.read_text())
    ]
    assert len(found) > 20
    assert [path for path, version in found if version != CONSTRAINT] == []
    assert CONSTRAINT in PAGE.read_text()


@pytest.mark.parametrize("reason", FORBIDDEN)
def test_no_spelling_that_version_6_reads_differently(reason: str) -> None:
    found = [path for path in terraform_files() if re.search(FORBIDDEN[reason], without_comments(path), re.MULTILINE)]
    assert found == [], reason


def test_the_page_names_every_type_in_use() -> None:
    _, _, lists = PAGE.read_text().partition("## Types in use")
    _, data_sources, resources = re.split(r"^- (?:Data sources|Resources):", lists, flags=re.MULTILINE)
    for kind, listed in (("data", data_sources), ("resource", resources)):
        used = {
            name for path in terraform_files() for name in re.findall(rf'^{kind} "(aws_\w+)"', path.read_text(), re.MULTILINE)
        }
        assert set(re.findall(r"`(aws_\w+)`", listed)) == used
