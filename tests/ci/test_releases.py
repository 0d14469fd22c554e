"""A release: version, changelog and tag agree; notes and wheel are published once, whatever was interrupted."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from async_endpoint.core.errors import InvalidInput, NotReady
from ci.changelog import section
from ci.github_api import GitHub
from ci.release import publish, release_notes
from support.ci_runs import workflow_run
from support.fake_github import FakeGitHub

CHANGELOG = """# Changelog

## Unreleased

- Later.

## 1.2.0 (2026-12-01)

### Added

- A thing.

## [1.1.0] - 2026-11-01

- Before.

## 1.0.0

"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    return tmp_path


@pytest.fixture
def session(github: FakeGitHub, tmp_path: Path) -> GitHub:
    return GitHub.of(workflow_run(tmp_path, github, {"contents": "write"}))


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "async_endpoint-1.2.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", "x")
    return path


def test_the_notes_are_the_section_of_the_version(checkout: Path) -> None:
    assert release_notes(checkout, "v1.2.0") == "### Added\n\n- A thing."
    assert section(CHANGELOG, "1.1.0") == "- Before."


@pytest.mark.parametrize(
    ("tag", "says"),
    [
        ("v1.1.0", "pyproject.toml has version 1.2.0"),
        ("1.2.0", "is not a version such as v1.2.3"),
        ("v1.2.0;id", "is not a version"),
    ],
)
def test_a_tag_that_is_not_the_version_is_refused(checkout: Path, tag: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        release_notes(checkout, tag)


@pytest.mark.parametrize(
    ("version", "says"),
    [("1.0.0", "has nothing below version 1.0.0"), ("0.9.0", "has no section of version 0.9.0"), ("2.0.0", "as unreleased")],
)
def test_a_version_without_notes_is_refused(version: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        section(CHANGELOG + "## 2.0.0 (unreleased)\n\n- x\n", version)


def test_a_release_has_notes_and_wheel(github: FakeGitHub, session: GitHub, wheel: Path) -> None:
    page = publish(session, "v1.2.0", "- A thing.", [wheel])
    (release,) = github.releases.values()
    assert page == "https://github.com/acme/shop/releases/tag/v1.2.0"
    assert (release["tag_name"], release["body"], release["prerelease"]) == ("v1.2.0", "- A thing.", False)
    assert release["assets"] == [{"name": wheel.name, "size": wheel.stat().st_size}]


def test_a_release_that_was_interrupted_is_completed(github: FakeGitHub, session: GitHub, wheel: Path) -> None:
    github.answer_next(404, body={"message": "Not Found"})
    github.answer_next(502)
    with pytest.raises(NotReady, match="run the job again"):
        publish(session, "v1.2.0", "first", [wheel])
    for notes in ("second", "third"):
        publish(session, "v1.2.0", notes, [wheel])
    (release,) = github.releases.values()
    assert release["body"] == "third"
    assert len(release["assets"]) == 1, "a wheel that is attached is not replaced"


def test_a_candidate_is_a_prerelease_and_nothing_is_released_without_a_wheel(
    github: FakeGitHub, session: GitHub, wheel: Path
) -> None:
    publish(session, "v1.3.0rc1", "-", [wheel])
    assert [release["prerelease"] for release in github.releases.values()] == [True]
    with pytest.raises(InvalidInput, match="make wheel"):
        publish(session, "v1.3.0", "-", [])
