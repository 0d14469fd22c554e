"""What `make demo` logs and how it waits, on a local AWS that is a list of snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import demo
from async_endpoint.core.errors import TerraformFailed, WorkFailed
from async_endpoint.emulator import daemon
from async_endpoint.packaging import PackagedModel
from async_endpoint.workspace import Workspace

WORKSPACE = Workspace(Path())


class FakeTime:
    """A clock that moves when the demonstration sleeps."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    time = FakeTime()
    monkeypatch.setattr(demo, "time", time)
    return time


@pytest.fixture
def lines() -> list[tuple[float, str]]:
    return []


@pytest.fixture
def log(time: FakeTime, lines: list[tuple[float, str]]) -> demo.Log:
    return demo.Log(lambda elapsed, text: lines.append((elapsed, text)))


@pytest.fixture
def snapshots(monkeypatch: pytest.MonkeyPatch, time: FakeTime) -> Callable[..., None]:
    """Sets what each poll of endpoint `shirts` sees, as (desired, existing, serving, backlog); the last one from then on."""

    def see(*seen: tuple[int, int, int, int]) -> None:
        def documents() -> Iterator[dict[str, Any]]:
            for number in range(1_000_000):
                desired, existing, serving, backlog = seen[min(number, len(seen) - 1)]
                endpoint = {"desired_instances": desired, "serving_instances": serving, "backlog": backlog}
                yield {"endpoints": [{"name": "shirts", "instances": [{}] * existing} | endpoint]}

        following = documents()
        monkeypatch.setattr(daemon, "status", lambda workspace: next(following))

    return see


def test_every_line_has_the_seconds_since_the_start(time: FakeTime, log: demo.Log, lines: list[tuple[float, str]]) -> None:
    log.progress("tools found")
    time.sleep(2.5)
    log.progress("applied")
    assert lines == [(0.0, "tools found"), (2.5, "applied")]


def test_steps_resources_and_long_waits_of_terraform_are_logged(log: demo.Log, lines: list[tuple[float, str]]) -> None:
    for line in (
        "Initializing the backend...",
        '- Finding hashicorp/aws versions matching "~> 5.100"...',
        "Terraform has been successfully initialized!",
        "module.storage.aws_s3_bucket.this[0]: Creating...",
        "module.storage.aws_s3_bucket.this[0]: Creation complete after 1s [id=shirts]",
        "module.recommender.module.endpoint.aws_sagemaker_endpoint.this: Still creating... [10s elapsed]",
        "module.recommender.module.endpoint.aws_sagemaker_endpoint.this: Still destroying... [id=shirts, 1m20s elapsed]",
        "waiting for the scaling of shirts to settle (12 s)",
        'module.recommender.module.notifications.aws_sqs_queue.this["results"]: Creation complete after 1m5s [id=x]',
        "module.recommender.module.model.aws_sagemaker_model.this: Destruction complete after 0s",
        "Apply complete! Resources: 2 added, 0 changed, 0 destroyed.",
    ):
        log.terraform(line)
    assert [text for _, text in lines] == [
        "  terraform init",
        "  terraform plan",
        "  + storage.aws_s3_bucket.this[0] (1s)",
        "  … recommender.endpoint.aws_sagemaker_endpoint.this: still creating (10s)",
        "  … recommender.endpoint.aws_sagemaker_endpoint.this: still destroying (1m20s)",
        "  waiting for the scaling of shirts to settle (12 s)",
        '  + recommender.notifications.aws_sqs_queue.this["results"] (1m5s)',
        "  - recommender.model.aws_sagemaker_model.this (0s)",
    ]


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        ((0, 0, 0, 1), "queued at zero instances"),
        ((1, 1, 0, 1), "instance starting"),
        ((1, 1, 1, 1), "in process on an instance"),
        ((1, 1, 1, 0), "result written, being collected"),
    ],
)
def test_the_state_of_a_request_follows_from_a_poll(
    snapshots: Callable[..., None], seen: tuple[int, int, int, int], state: str
) -> None:
    snapshots(seen)
    assert demo.poll(WORKSPACE, "shirts").request_state == state


def test_asleep_is_when_no_instance_is_wanted_and_none_is_left(snapshots: Callable[..., None]) -> None:
    snapshots((1, 1, 1, 0), (0, 1, 0, 0), (0, 0, 0, 0))
    assert [demo.poll(WORKSPACE, "shirts").asleep for _ in range(3)] == [False, False, True]


def test_each_state_is_yielded_as_it_ends_with_the_seconds_spent_in_it(snapshots: Callable[..., None], time: FakeTime) -> None:
    ended = time.seconds + 4.0
    snapshots(*[(0, 0, 0, 1)] * 40, *[(1, 1, 0, 1)] * 20, *[(1, 1, 1, 1)] * 4)

    states = list(demo.request_states(WORKSPACE, "shirts", lambda: time.seconds >= ended))

    assert [state for state, _ in states] == ["queued at zero instances", "instance starting", "in process on an instance"]
    assert [seconds for _, seconds in states] == pytest.approx([2.0, 1.0, 1.0], abs=2 * demo.POLL_INTERVAL_SECONDS)


def test_a_request_that_ends_at_once_has_one_state(snapshots: Callable[..., None]) -> None:
    snapshots((1, 1, 1, 1))
    assert list(demo.request_states(WORKSPACE, "shirts", lambda: True)) == [("in process on an instance", 0.0)]


def test_waiting_ends_when_the_endpoint_is_asleep(log: demo.Log, snapshots: Callable[..., None], time: FakeTime) -> None:
    snapshots((1, 1, 1, 0), (1, 1, 1, 0), (0, 0, 0, 0))
    demo.wait_until_asleep(log, WORKSPACE, "shirts")
    assert time.seconds == pytest.approx(100 + 2 * demo.POLL_INTERVAL_SECONDS)


def test_a_long_wait_logs_what_it_waits_for_and_ends_with_what_was_seen(
    log: demo.Log, lines: list[tuple[float, str]], snapshots: Callable[..., None], time: FakeTime
) -> None:
    snapshots((1, 1, 1, 2))
    with pytest.raises(WorkFailed, match=r"shirts was not asleep within 90 seconds: 1 instances wanted, .* backlog 2\."):
        demo.wait_until_asleep(log, WORKSPACE, "shirts")
    assert time.seconds == pytest.approx(190, abs=1)
    assert len(lines) == 8
    assert lines[0][1].startswith("  still waiting for shirts to scale in (10 s): 1 instances wanted")


def test_an_endpoint_that_does_not_exist_is_named(snapshots: Callable[..., None]) -> None:
    snapshots((1, 1, 1, 0))
    with pytest.raises(WorkFailed, match="no endpoint trousers"):
        demo.poll(WORKSPACE, "trousers")


def test_a_failed_apply_ends_the_demonstration_and_its_local_aws(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, log: demo.Log, lines: list[tuple[float, str]]
) -> None:
    (tmp_path / "modules" / "async-inference").mkdir(parents=True)
    (tmp_path / "envs").mkdir()
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(tmp_path))
    stopped: list[Path] = []

    def fails(deployment: Any) -> None:
        raise TerraformFailed("terraform apply of local failed (exit code 1).")

    monkeypatch.setattr(demo, "Terraform", lambda *arguments: SimpleNamespace(version="1.11.4"))
    monkeypatch.setattr(demo, "build_archive", lambda folder, path: PackagedModel(path, 1, "0", 1))
    monkeypatch.setattr(daemon, "start_detached", lambda *arguments: SimpleNamespace(endpoint_url="http://127.0.0.1:4599"))
    monkeypatch.setattr(daemon, "stop", lambda workspace: stopped.append(workspace.root))
    monkeypatch.setattr(demo.Deployment, "prepare", lambda *arguments, **options: None)
    monkeypatch.setattr(demo, "apply_environment", fails)

    with pytest.raises(TerraformFailed):
        demo.run(log, time_scale=60, launch_seconds=60)

    assert lines[-1][1].startswith("terraform apply of envs/local")
    assert stopped == [tmp_path]


def test_a_line_is_printed_as_it_is() -> None:
    with demo.console.capture() as printed:
        demo.print_line(12.34, "  + storage.aws_s3_bucket.this[0] (0s)")
    assert printed.get() == "  12.3 s    + storage.aws_s3_bucket.this[0] (0s)\n"
