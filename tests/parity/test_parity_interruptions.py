"""A run that a signal interrupts leaves nothing; tests/trials/parity_interruptions.py has ten points and every signal."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from support.interrupted_parity import ParityRuns
from support.remote_aws import running

pytestmark = [pytest.mark.xdist_group("parity_interruptions"), pytest.mark.slow]
PROBES = ("--probe", "configuration_in_use_is_deleted", "--probe", "names_that_exist")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ParityRuns]:
    home = tmp_path_factory.mktemp("parity")
    with running(home, time_scale=600) as aws:
        yield ParityRuns(aws, home)


@pytest.mark.parametrize(
    ("point", "signals"), [(6, [signal.SIGTERM]), (14, [signal.SIGINT, signal.SIGINT])], ids=["SIGTERM", "Ctrl-C twice"]
)
def test_an_interrupted_run_leaves_nothing(point: int, signals: list[signal.Signals], runs: ParityRuns) -> None:
    trial = runs.interrupt(point, signals, *PROBES)
    assert trial.exit_code in (130, 0), trial.output  # 0: every probe had ended
    assert runs.left() == set()
    assert "Traceback" not in trial.output


def test_a_sweep_finds_what_a_killed_run_left(runs: ParityRuns) -> None:
    assert runs.interrupt(22, [signal.SIGKILL], *PROBES).exit_code == -signal.SIGKILL
    assert runs.left()
    code, output = runs.complete("--sweep")
    assert code == 0, output
    assert runs.left() == set()
