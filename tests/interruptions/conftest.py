"""A sleeping endpoint, applied once by Terraform on a local AWS in another process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.in_process_aws import AwsHarness
from support.interrupted_apply import Sleeper
from support.remote_aws import running

TIME_SCALE = 120.0


@pytest.fixture(scope="session")
def sleeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sleeper]:
    home = tmp_path_factory.mktemp("home")
    with running(home, TIME_SCALE) as aws:
        remote: Any = aws
        sleeper = Sleeper(AwsHarness(remote, home), home)
        first = sleeper.run(sleeper.checkout())
        assert first.process.returncode == 0, first.text
        yield sleeper
