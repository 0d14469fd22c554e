"""Multi-model containers: models are loaded on demand, evicted for others, and fail independently."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from async_endpoint.emulator.container import python_model_host
from async_endpoint.emulator.container.container import ContainerDied, ContainerSpec, ContainerTimedOut, Workload
from support.common import process_runs, until
from support.containers import ECHO, Watched, multi_model, pipeline
from support.sample_model import archive

# Answers with its own process id; does what the body says before: leave at once, or wait for a file.
MODEL = """
import os, time
def model_fn(model_dir): return open(os.path.join(model_dir, "weights.txt")).read()
def transform_fn(model, data, content_type, accept):
    order, _, value = (data if isinstance(data, str) else data.decode()).partition(" ")
    if order == "exit":
        os._exit(int(value))
    if order == "until":
        open(value + ".begun", "w").close()
    while order == "until" and not os.path.exists(value):
        time.sleep(0.01)
    return str(os.getpid()), "text/plain"
"""


class ModelStore:
    """Archives by model name, with the number of reads of each."""

    def __init__(self) -> None:
        self.archives = {name: archive(MODEL) for name in "abcd"}
        self.reads: Counter[str] = Counter()

    def __call__(self, name: str) -> bytes:
        self.reads[name] += 1
        if name not in self.archives:
            raise LookupError(f"no model {name}")
        return self.archives[name]


@pytest.fixture
def model_store() -> ModelStore:
    return ModelStore()


@pytest.fixture
def watched(tmp_path: Path, model_store: ModelStore) -> Watched:
    return Watched(tmp_path / "instance", multi_model(model_store, SAGEMAKER_MULTI_MODEL_MAX_LOADED="2"))


def process_of(watched: Watched, name: str) -> int:
    """Invoke a model; returns the id of the process that answered."""
    answer = watched.container.invoke(b"", {}, 60, target=name)
    assert answer.status == 200, answer
    return int(answer.body)


def test_it_is_ready_without_a_model_and_concurrent_requests_load_a_model_once(
    watched: Watched, model_store: ModelStore
) -> None:
    assert (watched.container.ping(), watched.container.pids, watched.container.pid) == (True, (), None)
    with ThreadPoolExecutor(8) as pool:
        found = dict(zip("abababab", pool.map(lambda name: process_of(watched, name), "abababab"), strict=True))
    assert model_store.reads == {"a": 1, "b": 1}
    assert set(watched.container.pids) == set(found.values())
    assert found == {name: process_of(watched, name) for name in "ab"}
    watched.container.kill()
    assert watched.is_gone()


def test_the_least_recently_used_model_is_evicted(watched: Watched, model_store: ModelStore) -> None:
    first, second = process_of(watched, "a"), process_of(watched, "b")
    assert process_of(watched, "a") == first
    third = process_of(watched, "c")
    until(lambda: set(watched.container.pids) == {first, third}, "b is unloaded")
    assert not process_runs(second)
    assert process_of(watched, "a") == first
    assert process_of(watched, "b") != second
    assert model_store.reads == {"a": 1, "b": 2, "c": 1}
    watched.container.kill()


def test_a_model_drains_before_it_is_unloaded(tmp_path: Path, model_store: ModelStore) -> None:
    watched = Watched(tmp_path / "instance", multi_model(model_store, SAGEMAKER_MULTI_MODEL_MAX_LOADED="1"))
    gate = tmp_path / "gate"
    with ThreadPoolExecutor(2) as pool:
        busy = pool.submit(watched.container.invoke, f"until {gate}".encode(), {}, 60, "a")
        until(lambda: Path(f"{gate}.begun").exists(), "a is busy")
        other = pool.submit(process_of, watched, "b")
        until(lambda: model_store.reads["b"], "b is asked for")
        with pytest.raises(ContainerTimedOut):
            watched.container.invoke(b"", {}, 0.3, target="b")
        assert not busy.done()
        assert len(watched.container.pids) == 1
        gate.touch()
        assert busy.result(60).status == 200
        other.result(60)
    watched.container.kill()
    assert watched.is_gone()


def test_an_error_reading_a_model_propagates_and_uses_no_capacity(watched: Watched, model_store: ModelStore) -> None:
    first, second = process_of(watched, "a"), process_of(watched, "b")
    for _ in range(2):
        with pytest.raises(LookupError, match="no model missing"):
            watched.container.invoke(b"", {}, 60, target="missing")
    assert model_store.reads["missing"] == 2
    assert (process_of(watched, "a"), process_of(watched, "b")) == (first, second)
    watched.container.kill()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"no archive", "not a gzip-compressed tar"),
        (archive("def model_fn(d): raise RuntimeError('out of memory')\n"), "its process ended during loading"),
    ],
    ids=["no archive", "not loadable"],
)
def test_a_model_that_fails_to_load_is_an_error_response_and_can_be_fixed(
    watched: Watched, model_store: ModelStore, content: bytes, says: str
) -> None:
    model_store.archives["bad"] = content
    for _ in range(3):  # more often than there is room
        answer = watched.container.invoke(b"", {}, 60, target="bad")
        assert answer.status == 500
        reported = json.loads(answer.body)
        assert (reported["code"], reported["type"]) == (500, "InternalServerException")
        assert reported["message"].startswith("Failed to load model bad: ")
        assert says in reported["message"]
    model_store.archives["bad"] = archive(MODEL)
    assert process_of(watched, "bad") in watched.container.pids
    assert watched.container.alive
    watched.container.kill()


def test_a_model_that_exceeds_the_load_timeout_is_killed_and_frees_its_capacity(
    tmp_path: Path, model_store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python_model_host, "LOAD_SECONDS", 0.3)
    reported = tmp_path / "pids"
    code = (
        f"import os, time\ndef model_fn(d):\n    print(os.getpid(), file=open({str(reported)!r}, 'a'))\n    time.sleep(600)\n"
    )
    model_store.archives["slow"] = archive(code)
    watched = Watched(tmp_path / "instance", multi_model(model_store, SAGEMAKER_MULTI_MODEL_MAX_LOADED="1"))
    answer = watched.container.invoke(b"", {}, 60, target="slow")
    message = json.loads(answer.body)["message"]
    assert (answer.status, message) == (500, "Failed to load model slow: it was not loaded within 0.3 seconds.")
    assert watched.container.pids == ()
    assert not reported.exists() or not any(process_runs(int(pid)) for pid in reported.read_text().split())
    monkeypatch.setattr(python_model_host, "LOAD_SECONDS", 600.0)
    assert process_of(watched, "a") in watched.container.pids
    watched.container.kill()
    assert watched.is_gone()


def test_a_model_that_dies_is_reloaded_by_the_next_request(watched: Watched, model_store: ModelStore) -> None:
    other, first = process_of(watched, "b"), process_of(watched, "a")
    answer = watched.container.invoke(b"exit 3", {}, 60, target="a")
    assert (answer.status, json.loads(answer.body)["message"]) == (500, "Worker died.")
    until(lambda: not process_runs(first), "its process is gone")
    os.kill(process_of(watched, "a"), 9)
    until(lambda: watched.container.pids == (other,), "it is gone again")
    assert process_of(watched, "a") != first
    assert (process_of(watched, "b"), model_store.reads) == (other, {"a": 3, "b": 1})
    assert not watched.ended.is_set()
    watched.container.kill()


def test_killing_an_instance_ends_all_its_models(watched: Watched, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(watched.container.invoke, f"until {gate}".encode(), {}, 60, name) for name in "abc"]
        until(lambda: Path(f"{gate}.begun").exists(), "one is busy")
        watched.container.kill()
        for one in asked:
            with pytest.raises(ContainerDied):
                one.result(60)
    assert watched.is_gone()
    assert (watched.container.alive, watched.container.ping(), watched.exit_codes) == (False, False, [-9])
    with pytest.raises(ContainerDied):
        watched.container.invoke(b"", {}, 60, target="a")


def test_many_models_with_little_capacity_are_all_served(watched: Watched) -> None:
    most, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.01):
            most[0] = max(most[0], len(watched.container.pids))

    with ThreadPoolExecutor(9) as pool:
        watching = pool.submit(watch)
        asked = [pool.submit(process_of, watched, name) for name in "abcdabcd"]
        found = [one.result(120) for one in asked]
        stop.set()
        watching.result(60)
    assert all(found)
    assert 1 <= most[0] <= 2
    watched.container.kill()
    assert watched.is_gone()


def test_a_multi_model_container_can_be_a_stage_of_a_pipeline(tmp_path: Path, model_store: ModelStore) -> None:
    stages = (pipeline(ECHO).containers[0], ContainerSpec(None, {}, models=model_store, hostname="models"))
    watched = Watched(tmp_path / "instance", Workload(stages))
    answer = watched.ready().invoke(b"", {}, 60, target="a")
    assert (answer.status, answer.container) == (200, "models")
    watched.container.kill()
    assert watched.is_gone()
