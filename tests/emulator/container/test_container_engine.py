"""Images on Docker or Podman, without an engine: `fake_engine.py` replaces it. tests/engines has the tests with real ones."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.core.errors import ToolMissing
from async_endpoint.emulator import daemon
from async_endpoint.emulator.container import model_server
from async_endpoint.emulator.container.container import CannotStart, ContainerSpec, Workload
from async_endpoint.emulator.container.engine import LABEL, engine_environment, error_of
from async_endpoint.emulator.container.runtime import EngineRuntime, PythonRuntime, runtime_named
from async_endpoint.workspace import Workspace
from support import fake_engine as stand_in_module
from support.common import process_runs, until
from support.containers import ECHO, Watched
from support.sample_model import archive

IMAGE = "shop/shirts:1"


class StandIn:
    """The fake engine, installed as `docker`."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.state = folder / "engine"
        programs = folder / "bin"
        for path in (self.state, programs):
            path.mkdir()
        (self.state / "images").write_text(IMAGE)
        # Through a shell: the path of an interpreter after #! may have no spaces in it.
        source = Path(str(stand_in_module.__file__))
        (programs / "docker").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{source}" "$@"\n')
        (programs / "docker").chmod(0o755)
        patch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("STAND_IN", str(self.state))
        patch.setenv("STAND_IN_SERVE", model_server.__file__)
        self.runtime = EngineRuntime("docker", folder / "aws")

    def networks(self) -> set[str]:
        return {path.stem for path in self.state.glob("*.network")}

    def containers(self) -> dict[str, dict[str, Any]]:
        found = {}
        for path in self.state.glob("*.json"):
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                found[path.stem] = json.loads(path.read_text())
        return found


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    return StandIn(tmp_path, monkeypatch)


def image(code: str = ECHO, hostname: str = "", **environment: str) -> ContainerSpec:
    return ContainerSpec(archive(code), environment, IMAGE, hostname)


def test_an_image_is_run_as_sagemaker_runs_it(engine: StandIn, tmp_path: Path) -> None:
    spec = image(hostname="shirts", COLOUR="deep red=1\nor so", TOKEN="secret = #1")
    watched = Watched(tmp_path / "instance", Workload((spec,)), engine.runtime)
    answer = watched.ready().invoke(b"\x00shirt", {"Content-Type": "image/png", "Accept": "image/x"}, 30)
    assert (answer.status, answer.body, answer.content_type, answer.container) == (200, b"\x00shirt", "image/x", "primary")
    until(lambda: "loaded" in watched.lines, "its output is there")
    ((name, container),) = engine.containers().items()
    given, rest = stand_in_module.options(container["arguments"])
    assert rest == [IMAGE, "serve"]
    assert given.pop("--label")[0].startswith("async-endpoint.local-aws=")
    assert re.fullmatch(r"127\.\d+\.\d+\.\d+:\d*:8080", given.pop("--publish")[0])
    assert engine.networks() == {name}
    variables = Path(given.pop("--env-file")[0])
    assert given == {
        "--name": [name],
        "--pull": ["never"],
        "--network": [name],
        "--volume": [f"{tmp_path / 'instance' / 'model'}:/opt/ml/model:ro,z"],
        "--hostname": ["shirts"],
        "--env": ["COLOUR=deep red=1\nor so"],
    }
    assert (container["environment"]["COLOUR"], container["environment"]["TOKEN"]) == ("deep red=1\nor so", "secret = #1")
    assert variables.stat().st_mode & 0o077 == 0
    watched.container.kill()
    watched.container.kill()
    assert watched.is_gone()
    assert (engine.containers(), engine.networks()) == ({}, set())
    assert not process_runs(container["pid"])


def test_container_addresses_are_unpredictable(engine: StandIn, tmp_path: Path) -> None:
    watched = [Watched(tmp_path / str(number), Workload((image(),)), engine.runtime) for number in range(3)]
    for one in watched:
        one.ready()
    addresses = {tuple(container["address"]) for container in engine.containers().values()}
    subnets = {json.loads(path.read_text())["--subnet"][0] for path in engine.state.glob("*.network")}
    assert (len(addresses), len(subnets)) == (3, 3)
    assert all(ipaddress.ip_network(subnet).subnet_of(ipaddress.ip_network("10.0.0.0/8")) for subnet in subnets)
    assert sys.platform != "linux" or not any(address[0] == "127.0.0.1" for address in addresses)
    for one in watched:
        one.container.kill()
        assert one.is_gone()
    assert engine.networks() == set()


def test_model_variables_and_proxies_do_not_reach_the_engines_program(
    engine: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy:8080")
    assert "HTTPS_PROXY" in engine_environment("docker")
    assert "HTTPS_PROXY" not in engine_environment("podman")
    spec = image(LD_PRELOAD="/opt/ml/model/evil.so", STAND_IN="/nowhere")  # which would lead the stand-in astray
    watched = Watched(tmp_path / "instance", Workload((spec,)), engine.runtime)
    until(engine.containers, "the container is there")
    watched.container.kill()
    assert watched.is_gone()


def test_a_container_that_exits_is_reported_and_removed(engine: StandIn, tmp_path: Path) -> None:
    failing = image("def model_fn(d): print('no weights'); raise SystemExit(7)\n")
    watched = Watched(tmp_path / "instance", Workload((failing,)), engine.runtime)
    assert watched.is_gone()
    assert (watched.exit_codes, "no weights" in watched.lines, engine.containers()) == ([7], True, {})


def test_the_engines_error_is_the_reason_of_a_container_that_was_not_started(
    engine: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_REFUSES", "driver failed programming external connectivity")
    watched = Watched(tmp_path / "instance", Workload((image(),)), engine.runtime)
    assert watched.is_gone()
    (code,) = watched.exit_codes
    assert (code, getattr(code, "reason", "")) == (125, "Error: driver failed programming external connectivity")
    assert engine.networks() == set()


@pytest.mark.parametrize(
    ("printed", "error"),
    [
        (
            [
                "serving",
                "docker: Error response from daemon: no such mount",
                "",
                "Run 'docker run --help' for more information",
            ],
            "docker: Error response from daemon: no such mount",
        ),
        (["serve: line 3: gunicorn: not found", ""], "serve: line 3: gunicorn: not found"),
        (["Error: a", "WARN[0000] b"], "Error: a"),
        ([], ""),
    ],
)
def test_an_engines_error_is_found_in_its_output(printed: list[str], error: str) -> None:
    assert error_of(printed) == error


def test_a_network_that_cannot_be_isolated_is_reported_in_the_log(engine: StandIn, tmp_path: Path) -> None:
    watched = Watched(tmp_path / "instance", Workload((replace(image(), isolated=True),)), engine.runtime)
    watched.ready()
    assert [line for line in watched.lines if "docker cannot isolate this container here" in line]
    watched.container.kill()
    assert watched.is_gone()


def test_every_user_of_an_image_may_read_the_folders_of_the_model(engine: StandIn, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        watched = Watched(tmp_path / "instance", Workload((image(),)), engine.runtime)
        watched.ready()
    finally:
        os.umask(before)
    mounted = tmp_path / "instance" / "model"
    assert {path.name: oct(path.stat().st_mode & 0o005) for path in (mounted, mounted / "code")} == {
        "model": "0o5",
        "code": "0o5",
    }
    watched.container.kill()
    assert watched.is_gone()


def test_a_container_killed_during_creation_leaves_nothing(
    engine: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_SLOW", "1")
    watched = Watched(tmp_path / "instance", Workload((image(),)), engine.runtime)
    assert not watched.container.ping()
    watched.container.kill()
    assert watched.is_gone()
    assert engine.containers() == {}


def test_killing_the_supervisor_removes_the_container(engine: StandIn, tmp_path: Path) -> None:
    watched = Watched(tmp_path / "instance", Workload((image(),)), engine.runtime)
    (supervisor,) = watched.ready().pids
    ((_, container),) = engine.containers().items()
    os.kill(supervisor, 9)
    assert watched.is_gone()
    assert engine.containers() == {}
    until(lambda: not process_runs(container["pid"]), "the container's process is gone")


def test_containers_exit_when_the_local_aws_is_killed(engine: StandIn, tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(archive(ECHO))
    starts = (
        "import sys, time\nfrom pathlib import Path\n"
        "from async_endpoint.emulator.container.runtime import launch\n"
        "from async_endpoint.emulator.container.runtime import EngineRuntime\n"
        "from async_endpoint.emulator.container.container import ContainerSpec, Workload\n"
        "folder = Path(sys.argv[1])\n"
        f"spec = ContainerSpec((folder / 'model.tar.gz').read_bytes(), {{}}, {IMAGE!r})\n"
        "runtime = EngineRuntime('docker', folder)\n"
        "container = launch(folder / 'instance', Workload((spec,)), print, print, runtime)\n"
        "while not container.ping(): time.sleep(0.05)\n"
        "print('serves', flush=True)\ntime.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", starts, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    until(lambda: process.stdout and process.stdout.readline() == "serves\n", "it serves")
    ((_, container),) = engine.containers().items()
    process.kill()
    process.wait()
    until(lambda: engine.containers() == {} and not process_runs(container["pid"]), "the container is gone")


def test_remove_leftovers_removes_only_containers_of_this_checkout(engine: StandIn, tmp_path: Path) -> None:
    other = EngineRuntime("docker", tmp_path / "another")
    mine = Watched(tmp_path / "mine", Workload((image(),)), engine.runtime)
    theirs = Watched(tmp_path / "theirs", Workload((image(),)), other)
    mine.ready(), theirs.ready()
    left = engine.state / "left.network"  # by a supervisor that was killed before it ran a container
    left.write_text(json.dumps({"--label": [f"{LABEL}={engine.runtime._engine.label}"]}))
    engine.runtime.remove_leftovers()
    assert mine.is_gone()
    assert engine.networks() == set(engine.containers())
    assert theirs.container.ping()
    assert len(engine.containers()) == 1
    theirs.container.kill()
    assert theirs.is_gone()


def test_a_missing_image_is_reported(engine: StandIn, tmp_path: Path) -> None:
    spec = ContainerSpec(archive(ECHO), {}, "shop/missing:2")
    with pytest.raises(CannotStart) as refused:
        Watched(tmp_path / "instance", Workload((spec,)), engine.runtime)
    assert str(refused.value) == (
        "The image shop/missing:2 is not on this machine (docker image: Error: No such image: shop/missing:2); "
        "get it with: docker pull shop/missing:2, or build it with: docker build --tag shop/missing:2 FOLDER"
    )
    assert not (tmp_path / "instance").exists()


@pytest.mark.parametrize(
    ("architecture", "instance_type", "wanted"),
    [
        ("arm64", "ml.m5.large", "amd64"),
        ("arm64", "", "amd64"),
        ("amd64", "ml.c7g.large", "arm64"),
        ("amd64", "ml.g4dn.xlarge", ""),
        ("arm64", "ml.m6gd.large", ""),
    ],
)
def test_an_image_for_other_processors_is_refused_with_the_remedy(
    engine: StandIn, monkeypatch: pytest.MonkeyPatch, architecture: str, instance_type: str, wanted: str
) -> None:
    monkeypatch.setenv("STAND_IN_ARCHITECTURE", architecture)
    if not wanted:
        engine.runtime.check(image(), instance_type)
        return
    with pytest.raises(CannotStart, match=rf"^The image {IMAGE} is for {architecture}, and .* has {wanted}; .*linux/{wanted}"):
        engine.runtime.check(image(), instance_type)


def test_a_missing_or_unresponsive_engine_is_reported(engine: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(runtime_named("python", tmp_path), PythonRuntime)
    (engine.state / "broken").touch()
    for refused in (lambda: runtime_named("docker", tmp_path), engine.runtime.remove_leftovers):
        with pytest.raises(ToolMissing, match=r"docker is installed but does not work \(.*Cannot connect.*--containers python"):
            refused()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match=r"podman is not on the PATH; .*--containers python"):
        daemon.start_detached(Workspace(tmp_path), 0, 60, 60, "podman")
    assert not (tmp_path / ".local").exists()


def test_an_engine_that_the_user_may_not_use_is_reported_with_the_remedy(
    engine: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "permission denied while trying to connect to the Docker daemon socket"
    (engine.state / "broken").write_text(said)
    with pytest.raises(ToolMissing, match=rf"\({'docker ps: Error: ' + said}\); give your user access to it"):
        runtime_named("docker", tmp_path)


def test_auto_takes_the_engine_that_works(engine: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "bin"
    (programs / "podman").symlink_to(programs / "docker")
    runtime = runtime_named("auto", tmp_path)
    assert isinstance(runtime, EngineRuntime)
    assert runtime._engine.program == "docker"
    (programs / "docker").rename(programs / "podman")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/bin")  # /bin has the shell of the stand-in
    monkeypatch.setattr("shutil.which", lambda name: str(path) if (path := programs / name).exists() else None)
    runtime = runtime_named("auto", tmp_path)
    assert isinstance(runtime, EngineRuntime)
    assert runtime._engine.program == "podman"
    (engine.state / "broken").touch()
    with pytest.raises(ToolMissing, match=r"^No container engine works: docker is not on the PATH, and podman is "):
        runtime_named("auto", tmp_path)


def test_images_make_a_pipeline(engine: StandIn, tmp_path: Path) -> None:
    stage = "def model_fn(d): pass\ndef transform_fn(m, data, c, a): return data + b'!', 'text/x'\n"
    watched = Watched(tmp_path / "instance", Workload((image(stage), image(stage))), engine.runtime)
    answer = watched.ready().invoke(b"shirt", {"Content-Type": "text/x"}, 30)
    assert (answer.body, answer.container) == (b"shirt!!", "container-2")
    ports = {container["environment"]["SAGEMAKER_BIND_TO_PORT"] for container in engine.containers().values()}
    published = {
        stand_in_module.options(container["arguments"])[0]["--publish"][0] for container in engine.containers().values()
    }
    assert ports == {address.rpartition(":")[2] for address in published} == {"8081", "8082"}
    os.kill(watched.container.pids[0], 9)
    assert watched.is_gone()
    assert engine.containers() == {}


def test_a_multi_model_image_is_called_by_its_contract(engine: StandIn, tmp_path: Path) -> None:
    spec = ContainerSpec(None, {}, IMAGE, models=lambda name: b"no archive" if name == "bad" else archive(ECHO))
    watched = Watched(tmp_path / "instance", Workload((spec,)), engine.runtime)
    container = watched.ready()
    for name in "abcab":  # with room for two: the container says so, and one has to go
        answer = container.invoke(b"order", {}, 30, target=name)
        assert (answer.status, answer.body) == (200, f"{name} feather order".encode())
    answer = container.invoke(b"order", {}, 30, target="bad")
    assert (answer.status, b"not a gzip-compressed tar" in answer.body) == (500, True)
    ((_, running),) = engine.containers().items()
    assert running["environment"] == {"SAGEMAKER_MULTI_MODEL": "true"}
    until(lambda: len(list((tmp_path / "instance" / "models").iterdir())) == 2, "files go with their models")
    container.kill()
    assert watched.is_gone()
    assert engine.containers() == {}
