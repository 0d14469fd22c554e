"""The documents that most tests read."""

from __future__ import annotations

import pytest

from support.documents import ROOT, Document


@pytest.fixture(scope="session")
def readme() -> Document:
    return Document.read(ROOT / "README.md")


@pytest.fixture(scope="session")
def commands() -> Document:
    return Document.read(ROOT / "docs" / "commands.md")


@pytest.fixture(scope="session")
def local_aws_page() -> Document:
    return Document.read(ROOT / "docs" / "local-aws.md")
