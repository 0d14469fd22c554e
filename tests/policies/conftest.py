"""The Python of the environment of checkov, which `make policy` creates."""

from __future__ import annotations

import os

import pytest
from policies.checkov import PYTHON


@pytest.fixture(scope="session")
def checkov_python() -> str:
    """Skips the test where that environment is not given, as in `make test`; CI runs `make policy` too."""
    if PYTHON not in os.environ:
        pytest.skip("checkov has an environment of its own: make policy")
    return os.environ[PYTHON]
