"""Containers of a real engine by themselves: what an image sees, how it is reached, and how it ends."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.emulator.container.container import Container, ContainerSpec
from async_endpoint.emulator.container.engine_network import Network
from async_endpoint.emulator.container.runtime import EngineRuntime
from support.common import until
from support.containers import Watched
from support.engine_images import USER_ID
from support.engines import RealEngine, one_model, packed

pytestmark = pytest.mark.xdist_group("containers")

JSON = {"Content-Type": "application/json"}
ENDED_SECONDS = 8  # far below the ten that Podman waits between SIGTERM and SIGKILL
Launch = Callable[..., Watched]


def spec(image: str, **options: Any) -> ContainerSpec:
    environment = options.pop("environment", {})
    return ContainerSpec(packed(shirts="red"), environment, image, **options)


def ask(container: Container, order: dict[str, Any]) -> Any:
    answer = container.invoke(json.dumps(order).encode(), JSON, 30)
    assert answer.status == 200, answer
    return json.loads(answer.body)


def test_an_image_sees_what_sagemaker_gives_it(engine: RealEngine, launched: Launch) -> None:
    given = {"COLOUR": "deep red=1\nor so", "TOKEN": "secret = #1", "EMPTY": "", "QUOTED": "\"a\" 'b' $HOME"}
    watched = launched(spec(engine.images.probe, hostname="shirts", environment=given))
    seen = ask(watched.ready(), {"report": True})
    assert {name: seen["environment"].get(name) for name in given} == given
    assert not [name for name in seen["environment"] if name.startswith(("AWS_", "SAGEMAKER_")) or "proxy" in name.lower()]
    assert (seen["arguments"], seen["hostname"], seen["port"]) == (["serve"], "shirts", 8080)
    assert (seen["files"], seen["writable"]) == ({"weights/shirts": "red"}, False)
    until(lambda: "serving at port 8080" in watched.lines, "its output is forwarded")


def test_a_user_other_than_root_can_read_the_model(engine: RealEngine, launched: Launch) -> None:
    before = os.umask(0o077)
    try:
        watched = launched(spec(engine.images.probe_as_user))
    finally:
        os.umask(before)
    seen = ask(watched.ready(), {"report": True})
    assert (seen["user"], seen["files"]) == (USER_ID, {"weights/shirts": "red"})


def test_an_isolated_container_has_loopback_only(engine: RealEngine, launched: Launch, tmp_path: Path) -> None:
    watched = launched(spec(engine.images.probe, isolated=True))
    seen = ask(watched.ready(), {"report": True})
    if EngineRuntime(engine.program, tmp_path)._engine.isolated_network is Network.NONE:
        assert seen["network"] == ["lo"]
    else:
        assert [line for line in watched.lines if "cannot isolate" in line]
    connected = ask(launched(spec(engine.images.probe)).ready(), {"report": True})
    assert len(connected["network"]) > 1, "the control: other containers have a network"


def test_docker_isolates_for_a_user_other_than_root_too(
    engine: RealEngine, launched: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine.program != "docker":
        return  # Podman of another user is rootless
    monkeypatch.setattr(os, "geteuid", lambda: USER_ID)
    watched = launched(spec(engine.images.probe, isolated=True))
    watched.ready()
    assert ask(watched.container, {"append": "reached"})["append"].startswith("reached")
    [network] = engine.run("network", "ls", "--quiet", "--filter", f"name={watched.container._name}").split()  # type: ignore[attr-defined]
    assert engine.run("network", "inspect", "--format", "{{.Internal}}", network).strip() == "true"


def test_the_containers_of_a_pipeline_have_ports_of_their_own_and_end_together(engine: RealEngine, launched: Launch) -> None:
    stages = [spec(engine.images.probe, hostname=name) for name in ("clean", "count")]
    watched = launched(*stages)
    assert ask(watched.ready(), {"append": ""})["append"] == " clean:8081 count:8082"
    os.kill(watched.container.pids[0], 9)
    assert watched.is_gone()


def test_models_are_loaded_and_unloaded_by_the_contract(engine: RealEngine, launched: Launch) -> None:
    several = ContainerSpec(None, {}, engine.images.probe, models=lambda name: one_model(f"{name} feather"))
    container = launched(several).ready()
    for name in "abcab":  # with room for two: the container answers 507, and one has to go
        assert container.invoke(b"{}", JSON, 30, target=name).body == f"{name} feather".encode()


def test_an_image_without_a_command_fails_with_the_engines_own_error(engine: RealEngine, launched: Launch) -> None:
    watched = launched(spec(engine.images.unlabelled))
    assert watched.is_gone()
    (code,) = watched.exit_codes
    assert code == 127
    assert '"serve": executable file not found' in getattr(code, "reason", ""), watched.lines


def test_an_exit_code_of_the_model_is_passed_on(engine: RealEngine, launched: Launch) -> None:
    watched = launched(spec(engine.images.probe))
    with pytest.raises(Exception, match=r"."):
        watched.ready().invoke(b'{"exit": 7}', JSON, 30)
    assert watched.is_gone()
    assert watched.exit_codes == [7]
    assert "no weights in this model" in watched.lines


@pytest.mark.parametrize("how", ["kill", "its supervisor is killed"])
def test_a_container_ends_at_once(engine: RealEngine, launched: Launch, how: str) -> None:
    watched = launched(spec(engine.images.probe))  # as process 1 it ignores SIGTERM
    watched.ready()
    begun = time.monotonic()
    if how == "kill":
        watched.container.kill()
    else:
        os.kill(watched.container.pids[0], 9)
    assert watched.is_gone()
    assert time.monotonic() - begun < ENDED_SECONDS


def test_leftovers_are_swept_and_others_are_left(engine: RealEngine, launched: Launch, tmp_path: Path) -> None:
    kept = launched(spec(engine.images.probe)).ready()
    killed = EngineRuntime(engine.program, tmp_path / "killed")
    label = f"async-endpoint.local-aws={killed._engine.label}"
    network = f"left-{killed._engine.label}"
    engine.run("network", "create", "--label", label, network)
    engine.run("run", "--detach", "--label", label, "--network", network, engine.images.probe, "serve")
    begun = time.monotonic()
    killed.remove_leftovers()
    assert engine.leftovers(killed._engine.label) == []
    assert time.monotonic() - begun < ENDED_SECONDS
    assert kept.ping()
