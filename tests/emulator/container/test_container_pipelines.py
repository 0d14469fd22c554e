"""Several containers on one instance: pipelines and direct invocation; they start and end together."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.container.archive import ArchiveUnusable
from async_endpoint.emulator.container.container import ContainerDied, ContainerSpec, ContainerTimedOut, Workload
from async_endpoint.emulator.container.process import ContainerProcess
from async_endpoint.emulator.container.runtime import PythonRuntime, launch
from support.common import process_runs, until
from support.containers import ECHO, Watched, pipeline, single
from support.sample_model import archive

# Appends what it was asked, and with what: "<body>|<name>(<content type> as <accept>)".
STAGE = """
from sagemaker_inference.errors import BaseInferenceToolkitError
def model_fn(model_dir): print("this is NAME")
def transform_fn(model, data, content_type, accept):
    data = data.encode() if isinstance(data, str) else data
    if data.startswith(b"refuse in NAME"):
        raise BaseInferenceToolkitError(422, "not NAME's taste", "refused")
    return data + f"|NAME({content_type} as {accept})".encode(), "text/NAME"
"""
SLOW = "import time\ndef model_fn(d): pass\ndef transform_fn(m, data, c, a): time.sleep(float(data)); return data, c\n"


def stages(*names: str) -> list[str]:
    return [STAGE.replace("NAME", name) for name in names]


def test_each_output_is_the_next_input_and_only_the_last_container_gets_accept(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "instance", pipeline(*stages("a", "b", "c")))
    container = watched.ready()
    answer = container.invoke(b"shirt", {"content-type": "image/png", "Accept": "text/csv"}, 30)
    assert answer.body == b"shirt|a(image/png as application/json)|b(text/a as application/json)|c(text/b as text/csv)"
    assert (answer.status, answer.content_type, answer.container) == (200, "text/c", "container-3")
    until(lambda: len(watched.lines) >= 3, "its output is there")
    assert {(line, line.container) for line in watched.lines} >= {
        (f"this is {n}", f"container-{i}") for i, n in enumerate("abc", 1)
    }
    container.kill()
    assert watched.is_gone()


def test_an_error_ends_the_pipeline_and_names_its_container(tmp_path: Path) -> None:
    names = ("first", "second", "third")
    container = Watched(tmp_path / "instance", pipeline(*stages(*names), hostnames=names)).ready()
    assert container.invoke(b"shirt", {}, 30).container == "third"
    for name in ("first", "second"):
        answer = container.invoke(f"refuse in {name}".encode(), {}, 30)
        assert (answer.status, answer.container) == (422, name)
        assert f"not {name}'s taste".encode() in answer.body
    container.kill()


def test_a_direct_container_is_invoked_by_its_hostname(tmp_path: Path) -> None:
    container = Watched(tmp_path / "instance", pipeline(*stages("a", "b"), direct=True, hostnames=("a", "b"))).ready()
    answer = container.invoke(b"shirt", {"Content-Type": "image/png", "Accept": "text/x"}, 30, target="b")
    assert (answer.body, answer.container) == (b"shirt|b(image/png as text/x)", "b")
    for unknown in ("c", ""):
        with pytest.raises(InvalidInput, match="name one of: a, b"):
            container.invoke(b"shirt", {}, 30, target=unknown)
    container.kill()


def test_ping_answers_once_every_model_is_loaded(tmp_path: Path) -> None:
    gate = tmp_path / "open"
    slow = f"import os, time\ndef model_fn(d):\n    while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
    watched = Watched(tmp_path / "instance", pipeline(ECHO, slow))
    until(lambda: "loaded" in watched.lines, "the first has loaded")
    assert not watched.container.ping()
    gate.touch()
    watched.ready().kill()


def test_the_containers_share_one_timeout(tmp_path: Path) -> None:
    container = Watched(tmp_path / "instance", pipeline(SLOW, SLOW)).ready()
    with pytest.raises(ContainerTimedOut):
        container.invoke(b"1.2", {}, 2)  # enough for each, too little for both
    container.kill()


def test_the_death_of_one_container_ends_the_instance(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "instance", pipeline(ECHO, ECHO, ECHO))
    container = watched.ready()
    pids = container.pids
    assert len(set(pids)) == 3
    os.kill(pids[1], signal.SIGTERM)
    assert watched.is_gone()
    assert watched.exit_codes == [-signal.SIGTERM]
    assert not any(process_runs(pid) for pid in pids)
    assert (container.alive, container.ping()) == (False, False)
    with pytest.raises(ContainerDied):
        container.invoke(b"x", {}, 5)
    container.kill()


def test_a_model_that_fails_to_load_ends_its_pipeline(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "instance", pipeline(ECHO, "def model_fn(d): raise SystemExit(7)\n"))
    assert watched.is_gone()
    assert watched.exit_codes == [7]


def test_a_pipeline_that_fails_to_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[ContainerProcess] = []
    start = PythonRuntime.start
    monkeypatch.setattr(PythonRuntime, "start", lambda *all_: started.append(start(*all_)) or started[-1])
    workload = Workload((ContainerSpec(archive(ECHO), {}), ContainerSpec(b"no archive", {})))
    with pytest.raises(ArchiveUnusable):
        launch(
            tmp_path / "instance",
            workload,
            print,
            lambda code: pytest.fail(f"it was never there to end: {code}"),
            PythonRuntime(),
        )
    (first,) = started
    until(lambda: not process_runs(first.pid) and not (tmp_path / "instance").exists(), "nothing is left")


def test_a_single_container_has_no_name_in_its_output(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "instance", single())
    assert watched.ready().invoke(b"x", {}, 30).container == "primary"
    until(lambda: watched.lines, "its output is there")
    assert {line.container for line in watched.lines} == {""}
    watched.container.kill()
    assert watched.is_gone()
