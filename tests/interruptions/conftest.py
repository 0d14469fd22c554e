"""A sleeping endpoint, applied once by Terraform on a local AWS in another process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
sys.path.insert(0, str(Path(__file__).parents[1] / "local"))
sys.path.insert(0, str(Path(__file__).parent))

from interruption_kit import Sleeper
from local_kit import Kit
from remote_aws import running

TIME_SCALE = 120.0


@pytest.fixture(scope="session")
def sleeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sleeper]:
    home = tmp_path_factory.mktemp("home")
    with running(home, TIME_SCALE) as aws:
        remote: Any = aws
        sleeper = Sleeper(Kit(remote, home), home)
        first = sleeper.run(sleeper.checkout())
        assert first.process.returncode == 0, first.text
        yield sleeper
