"""How the demonstration tells and watches, on a local AWS that is only a list of looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from async_endpoint.core.errors import TerraformFailed, WorkFailed
from async_endpoint.demo import scenes, watching
from async_endpoint.demo.story import Story
from async_endpoint.local_aws import LocalAwsRecord
from async_endpoint.packaging import PackagedModel
from async_endpoint.workspace import Workspace

WORKSPACE = Workspace(Path())


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    for module in ("story", "watching"):
        monkeypatch.setattr(f"async_endpoint.demo.{module}.time", time)
    return time


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch, time: Time) -> Callable[..., None]:
    """Sets what each look at endpoint `shirts` sees, as (desired, instances, serving, backlog); the last for ever."""

    def see(*seen: tuple[int, int, int, int]) -> None:
        def documents() -> Iterator[dict[str, Any]]:
            for number in range(1_000_000):
                desired, instances, serving, backlog = seen[min(number, len(seen) - 1)]
                endpoint = {"desired_instances": desired, "serving_instances": serving, "backlog": backlog}
                yield {"endpoints": [{"name": "shirts", "instances": [{}] * instances} | endpoint]}

        following = documents()
        monkeypatch.setattr("async_endpoint.emulator.daemon.status", lambda workspace: next(following))

    return see


def test_every_line_has_the_seconds_since_the_story_began(time: Time) -> None:
    told: list[tuple[float, str]] = []
    story = Story(lambda elapsed, text: told.append((elapsed, text)), lambda items: None)
    story.tell("tools found")
    time.sleep(2.5)
    story.tell("applied")
    assert told == [(0.0, "tools found"), (2.5, "applied")]


def test_of_terraform_only_its_steps_and_resources_are_told() -> None:
    told: list[str] = []
    story = Story(lambda elapsed, text: told.append(text), lambda items: None)
    for line in (
        "Initializing the backend...",
        '- Finding hashicorp/aws versions matching "~> 5.100"...',
        "Terraform has been successfully initialized!",
        "module.async_inference.module.storage.aws_s3_bucket.this: Creating...",
        "module.async_inference.module.storage.aws_s3_bucket.this: Creation complete after 1s [id=shirts]",
        'module.async_inference.module.notifications.aws_sqs_queue.this["results"]: Creation complete after 1m5s [id=x]',
        "module.async_inference.module.model.aws_sagemaker_model.this: Destruction complete after 0s",
        "Apply complete! Resources: 2 added, 0 changed, 0 destroyed.",
    ):
        story.terraform(line)
    assert told == [
        "  terraform init",
        "  terraform plan",
        "  + storage.aws_s3_bucket.this (1s)",
        '  + notifications.aws_sqs_queue.this["results"] (1m5s)',
        "  - model.aws_sagemaker_model.this (0s)",
    ]


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        ((0, 0, 0, 1), "queued at zero instances"),
        ((1, 1, 0, 1), "instance waking"),
        ((1, 1, 1, 1), "in process on an instance"),
        ((1, 1, 1, 0), "result written, being collected"),
    ],
)
def test_where_a_request_is(looks: Callable[..., None], seen: tuple[int, int, int, int], state: str) -> None:
    looks(seen)
    assert watching.look(WORKSPACE, "shirts").state == state


def test_asleep_is_when_none_is_wanted_and_none_is_left(looks: Callable[..., None]) -> None:
    looks((1, 1, 1, 0), (0, 1, 0, 0), (0, 0, 0, 0))
    assert [watching.look(WORKSPACE, "shirts").asleep for _ in range(3)] == [False, False, True]


def test_each_state_is_told_as_it_ends_with_the_seconds_spent_in_it(looks: Callable[..., None], time: Time) -> None:
    began = time.seconds
    looks(*[(0, 0, 0, 1)] * 40, *[(1, 1, 0, 1)] * 20, *[(1, 1, 1, 1)] * 4)
    ended = began + 4.0

    told = list(watching.states(WORKSPACE, "shirts", lambda: time.seconds >= ended))

    assert [state for state, _ in told] == ["queued at zero instances", "instance waking", "in process on an instance"]
    assert [seconds for _, seconds in told] == pytest.approx([2.0, 1.0, 1.0], abs=2 * watching.LOOK_SECONDS)


def test_a_request_that_ends_at_once_is_told_in_one_state(looks: Callable[..., None]) -> None:
    looks((1, 1, 1, 1))
    assert list(watching.states(WORKSPACE, "shirts", lambda: True)) == [("in process on an instance", 0.0)]


def test_waiting_ends_when_it_is_so(looks: Callable[..., None], time: Time) -> None:
    looks((1, 1, 1, 0), (1, 1, 1, 0), (0, 0, 0, 0))
    seen = watching.until(WORKSPACE, "shirts", lambda seen: seen.asleep, "asleep", 90)
    assert seen == watching.Seen(0, 0, 0, 0)
    assert time.seconds == pytest.approx(100 + 2 * watching.LOOK_SECONDS)


def test_waiting_ends_with_what_was_seen_when_it_never_is(looks: Callable[..., None], time: Time) -> None:
    looks((1, 1, 1, 2))
    with pytest.raises(WorkFailed, match=r"shirts was not asleep within 90 seconds; it was seen as .*backlog=2"):
        watching.until(WORKSPACE, "shirts", lambda seen: seen.asleep, "asleep", 90)
    assert time.seconds == pytest.approx(190, abs=1)


def test_an_endpoint_that_is_not_there_is_named(looks: Callable[..., None]) -> None:
    looks((1, 1, 1, 0))
    with pytest.raises(WorkFailed, match="no endpoint trousers"):
        watching.look(WORKSPACE, "trousers")


def test_a_failed_apply_ends_the_demonstration_and_its_local_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "modules" / "async-inference").mkdir(parents=True)
    (tmp_path / "envs").mkdir()
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(tmp_path))
    record = LocalAwsRecord("http://127.0.0.1:4599", "one", 1, 60.0)
    told: list[str] = []
    stopped: list[Path] = []

    def fails(environment: str, **options: Any) -> None:
        raise TerraformFailed("terraform apply of local ended with 1.")

    monkeypatch.setattr(scenes, "Terraform", lambda *arguments: SimpleNamespace(version="1.11.4"))
    monkeypatch.setattr(scenes, "build_archive", lambda folder, path: PackagedModel(path, 1, "0", 1))
    monkeypatch.setattr("async_endpoint.emulator.daemon.start_detached", lambda *arguments: record)
    monkeypatch.setattr("async_endpoint.emulator.daemon.stop", lambda workspace: stopped.append(workspace.root))
    monkeypatch.setattr("async_endpoint.deploy.deployment.apply", fails)

    with pytest.raises(TerraformFailed):
        scenes.play(Story(lambda elapsed, text: told.append(text), lambda items: None), time_scale=60, launch_seconds=60)

    assert told[-1] == "terraform apply of envs/local"
    assert stopped == [tmp_path]
