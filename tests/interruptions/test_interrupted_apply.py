"""An apply that is interrupted leaves nothing asleep for ever. `trials.py` does the same at every point, by every signal."""

from __future__ import annotations

import json
import signal

import pytest

from async_endpoint.core.suspension import ALL_SUSPENDED, suspended_state
from support.interrupted_apply import POINTS, Sleeper, interrupt, recover

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("interruptions")]

BY_NAME = {point.name: point for point in POINTS}


def test_a_cancelled_job_ends_with_its_signal_and_scaling_active(sleeper: Sleeper) -> None:
    ended = interrupt(sleeper, signal.SIGTERM, BY_NAME["updating"], "group")

    assert ended.process.returncode == 128 + signal.SIGTERM, ended.text
    assert "Traceback" not in ended.text
    assert (sleeper.suspensions(), sleeper.record()) == ([], None)
    refusals, applied = recover(sleeper)
    assert refusals == [] and applied.process.returncode == 0, applied.text
    assert sleeper.wakes()


def test_after_a_killed_apply_the_next_one_resumes_scaling(sleeper: Sleeper) -> None:
    interrupt(sleeper, signal.SIGKILL, BY_NAME["suspended"], "everything")

    assert sleeper.suspensions() == ["scale-in", "scale-out", "scheduled-scaling"]
    watched = sleeper.run(sleeper.checkout(), "watch", "--once")
    assert "whose command is running or was killed" in " ".join(watched.text.split())
    smoked = sleeper.run(sleeper.checkout(), "smoke-test", "--good", str(watched.log), "--bad", str(watched.log))
    assert smoked.process.returncode == 3, smoked.text
    assert f"resume scaling with: async-endpoint apply {sleeper.name} --local" in smoked.error
    refusals, applied = recover(sleeper)
    assert refusals == [] and applied.process.returncode == 0, applied.text
    assert "Resumed scaling of" in applied.text
    assert (sleeper.suspensions(), sleeper.record()) == ([], None)
    assert sleeper.wakes()


def test_what_someone_else_suspended_is_reported_and_is_no_change_to_terraform(sleeper: Sleeper) -> None:
    target = {name: sleeper.target()[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
    sleeper.local_aws.scaling.register_scalable_target(**target, SuspendedState=suspended_state(ALL_SUSPENDED))
    try:
        planned = sleeper.run(sleeper.checkout(), "plan", "--detailed-exitcode")
        assert planned.process.returncode == 0, planned.text
        assert "is suspended (scale-in, scale-out, scheduled-scaling), and not by async-endpoint" in planned.text
        watched = sleeper.run(sleeper.checkout(), "watch", "--json")
        document = json.loads(watched.text[watched.text.index("{") :])
        assert document["suspended"] == ["scale-in", "scale-out", "scheduled-scaling"]
        [endpoint] = sleeper.local_aws.aws.status()["endpoints"]
        assert endpoint["variants"][0]["suspended_scaling"] == document["suspended"]
    finally:
        sleeper.local_aws.scaling.register_scalable_target(**target, SuspendedState=suspended_state(()))
