"""The two documents that most tests read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from documents import ROOT, Document


@pytest.fixture(scope="session")
def readme() -> Document:
    return Document.read(ROOT / "README.md")


@pytest.fixture(scope="session")
def local_aws() -> Document:
    return Document.read(ROOT / "docs" / "local-aws.md")
