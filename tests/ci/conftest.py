"""GitHub on loopback, and the run of a workflow that calls it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.fake_github import FakeGitHub, fake_github


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    """GitHub's API, with lists of several pages."""
    with fake_github() as running:
        running.page_limit = 3
        yield running
