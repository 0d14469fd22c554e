"""Every probe, run once on a local AWS in a process of its own; the tests of one group share what it observed."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from parity.local import local_account, temporary_local_aws
from parity.probe import Observation, all_probes
from parity.runner import run_and_remove

TIME_SCALE = 120.0  # an AWS minute passes in half a second


@pytest.fixture(scope="session")
def parity_observations() -> Iterator[dict[str, list[Observation]]]:
    """Probe name → observations, after everything was removed."""
    with temporary_local_aws(TIME_SCALE) as aws:
        account = local_account(aws, f"{os.getpid():08x}", TIME_SCALE)
        found, left = run_and_remove(all_probes(), account)
        assert found is not None
        assert left == []
        yield found
