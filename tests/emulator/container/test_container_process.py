"""A single container: archive, Python environment, /ping and /invocations, exit."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.container import python_environment
from async_endpoint.emulator.container.archive import ArchiveUnusable, unpack
from async_endpoint.emulator.container.container import ContainerDied, ContainerTimedOut
from async_endpoint.emulator.container.python_environment import RequirementsFailed, python_for
from async_endpoint.emulator.hosting.context import HostingContext
from async_endpoint.emulator.hosting.instance import Instance, InstanceState
from support.common import process_runs, until
from support.containers import Watched, single
from support.deployed_endpoint import Deployed
from support.in_process_aws import AwsHarness
from support.sample_model import archive

# --- archives -------------------------------------------------------------------------------------------------------------


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, target
    return found


@pytest.mark.parametrize(
    "outside",
    [
        member("../escaped"),
        member("code/../../escaped"),
        member("link", tarfile.SYMTYPE, "../../escaped"),
        member("link", tarfile.LNKTYPE, "../escaped"),
        member("device", tarfile.CHRTYPE),
    ],
    ids=lambda found: f"{found.name} {found.linkname}",
)
def test_a_member_outside_the_folder_is_refused_and_written_nowhere(tmp_path: Path, outside: tarfile.TarInfo) -> None:
    with pytest.raises(ArchiveUnusable):
        unpack(archive(extra=[outside]), tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_files_and_folders_are_extracted(tmp_path: Path) -> None:
    unpack(archive("", extra=[member("./latest"), member("empty", tarfile.DIRTYPE)]), tmp_path / "model")
    assert (tmp_path / "model" / "latest").is_file()
    assert (tmp_path / "model" / "empty").is_dir()
    assert (tmp_path / "model" / "code" / "inference.py").is_file()


# --- environments ---------------------------------------------------------------------------------------------------------


def wheel(folder: Path, value: str) -> None:
    """A wheel of package `tiny` with VALUE `value`, and a requirements file that installs it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("tiny.py", f"VALUE = {value!r}\n")
        packed.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        packed.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr("tiny-1.0.dist-info/RECORD", "")
    folder.mkdir(exist_ok=True)
    (folder / "tiny-1.0-py3-none-any.whl").write_bytes(buffer.getvalue())
    (folder / "requirements.txt").write_text("# bundled\n./tiny-1.0-py3-none-any.whl\n")


@pytest.fixture
def installs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The arguments of every pip run."""
    ran: list[Any] = []
    run = python_environment._run

    def counted(*arguments: Any) -> Any:
        ran.append(arguments)
        return run(*arguments)

    monkeypatch.setattr(python_environment, "_run", counted)
    return ran


def says(python: Path, code: str) -> str:
    return subprocess.Popen([str(python), "-c", code], stdout=subprocess.PIPE, text=True).communicate()[0].strip()


@pytest.mark.parametrize("text", [None, "", "\n  \n# nothing\n"])
def test_without_requirements_only_the_packages_of_the_image_are_there(
    tmp_path: Path, installs: list[Any], text: str | None
) -> None:
    requirements = tmp_path / "requirements.txt"
    if text is not None:
        requirements.write_text(text)
    python = python_for(requirements, tmp_path / "cache")
    assert python_for(requirements, tmp_path / "cache") == python
    assert installs == []
    names = ("sagemaker_inference", "numpy", "boto3", "pip", "PIL", "async_endpoint", "moto", "typer", "flask", "pytest")
    found = says(python, f"import importlib.util; print(*(n for n in {names!r} if importlib.util.find_spec(n)))")
    assert found.split() == ["sagemaker_inference", "numpy", "boto3", "pip", "PIL"]


def test_an_environment_is_created_once_for_concurrent_requests_on_top_of_the_base(tmp_path: Path, installs: list[Any]) -> None:
    wheel(tmp_path / "code", "red")
    requirements, cache = tmp_path / "code" / "requirements.txt", tmp_path / "cache"
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: python_for(requirements, cache), range(4)))
    assert (len(found), len(installs)) == (1, 1)
    (python,) = found
    assert says(python, "import tiny, sagemaker_inference; print(tiny.VALUE)") == "red"
    assert says(Path(sys.executable), "import importlib.util; print(importlib.util.find_spec('tiny'))") == "None"
    assert (python_for(requirements, cache), len(installs)) == (python, 1)
    wheel(tmp_path / "code", "blue")  # under the same name
    assert says(python_for(requirements, cache), "import tiny; print(tiny.VALUE)") == "blue"
    assert says(python, "import tiny; print(tiny.VALUE)") == "red"


def test_a_failed_environment_is_created_again(tmp_path: Path) -> None:
    code, cache = tmp_path / "code", tmp_path / "cache"
    wheel(code, "red")
    good = (code / "tiny-1.0-py3-none-any.whl").read_bytes()
    (code / "tiny-1.0-py3-none-any.whl").unlink()
    with pytest.raises(RequirementsFailed, match="tiny-1"):
        python_for(code / "requirements.txt", cache)
    (code / "tiny-1.0-py3-none-any.whl").write_bytes(good)
    assert says(python_for(code / "requirements.txt", cache), "import tiny; print(tiny.VALUE)") == "red"


def test_binary_requirements_are_refused_by_pip(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(RequirementsFailed, match=r"^UnicodeDecodeError: "):
        python_for(tmp_path / "requirements.txt", tmp_path / "cache")


def test_a_model_imports_its_requirements(deploy: Any, tmp_path: Path) -> None:
    wheel(tmp_path / "code", "red")
    code = "import tiny\ndef model_fn(d): pass\ndef transform_fn(m, data, c, a): return tiny.VALUE, 'text/plain'\n"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        (tmp_path / "code" / "inference.py").write_text(code)
        tar.add(tmp_path / "code", "code")
    deployed: Deployed = deploy(buffer.getvalue())
    outcome = deployed.ask(Body=b"any")
    assert (outcome.body, outcome.content_type) == (b"red", "text/plain")


def test_two_environments_are_created_concurrently(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2, timeout=60)

    def meet(folder: Path, *_: Any) -> None:
        folder.mkdir()
        both.wait()  # breaks when only one gets here

    monkeypatch.setattr(python_environment, "_create", meet)
    for colour in ("red", "blue"):
        wheel(tmp_path / colour, colour)
    with ThreadPoolExecutor(2) as pool:
        made = pool.map(lambda name: python_for(tmp_path / name / "requirements.txt", tmp_path / "cache"), ("red", "blue"))
    assert len(set(made)) == 2


# --- the process ----------------------------------------------------------------------------------------------------------


def test_ping_answers_once_the_model_is_loaded(tmp_path: Path) -> None:
    gate = tmp_path / "open"
    code = f"import os, time\ndef model_fn(d):\n    while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
    watched = Watched(tmp_path / "folder", single(code))
    until(lambda: watched.container.invoke(b"", {}, 60).status == 503, "the server answers")
    assert not watched.container.ping()
    gate.touch()
    watched.ready()
    watched.container.kill()


def test_a_container_echoes_prints_and_ends_when_killed(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "folder", single())
    answer = watched.ready().invoke(b"\x00shirt", {"Content-Type": "image/png", "Accept": "image/x"}, 5)
    assert (answer.status, answer.body, answer.content_type) == (200, b"\x00shirt", "image/x")
    until(lambda: "loaded" in watched.lines, "its output is there")
    watched.container.kill()
    assert watched.is_gone()
    assert watched.exit_codes == [-9]
    watched.container.kill()
    with pytest.raises(ContainerDied):
        watched.container.invoke(b"", {}, 1)


def test_a_container_that_exceeds_the_startup_timeout_fails_its_instance(tmp_path: Path) -> None:
    site = HostingContext(ScaledClock(600), tmp_path, launch_seconds=0)
    workload = single("import time\ndef model_fn(d): time.sleep(600)\n")
    changed = threading.Condition()

    def change(do: Callable[[], None]) -> None:
        with changed:
            do()
            changed.notify_all()

    instance = Instance(site, lambda _: workload, 0.2, lambda *_: None, change)
    with changed:
        assert changed.wait_for(lambda: instance.state is InstanceState.FAILED, 20)
    assert instance.reason.startswith("/ping did not answer within")
    until(lambda: instance.pid is not None and not process_runs(instance.pid), "its container is gone")


def test_a_late_response_is_a_timeout(tmp_path: Path) -> None:
    code = "import time\ndef model_fn(d): pass\ndef transform_fn(m, data, c, a): time.sleep(float(data)); return data, a\n"
    container = Watched(tmp_path / "folder", single(code)).ready()
    with pytest.raises(ContainerTimedOut):
        container.invoke(b"30", {}, 0.1)
    container.kill()


def test_a_handler_finds_standard_input_empty(tmp_path: Path) -> None:
    code = "import sys\ndef model_fn(d): pass\ndef transform_fn(m, data, c, a): return repr(sys.stdin.read()), a\n"
    container = Watched(tmp_path / "folder", single(code)).ready()
    assert container.invoke(b"x", {}, 5).body == b"''"
    container.kill()


def test_an_invalid_status_or_content_type_does_not_break_the_connection(tmp_path: Path) -> None:
    code = "def model_fn(d): pass\ndef transform_fn(m, data, c, a): return data, 'text/plain\\r\\nX-Evil: →'\n"
    container = Watched(tmp_path / "folder", single(code)).ready()
    answer = container.invoke(b"x", {}, 5)
    assert (answer.status, answer.body) == (200, b"x")
    assert answer.content_type.startswith("text/plain X-Evil")
    container.kill()


def test_descendants_of_a_container_end_with_it(local_aws: AwsHarness, tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\ndef model_fn(d): pass\n"
        "def transform_fn(m, data, c, a):\n"
        "    return str(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid), a\n"
    )
    watched = Watched(tmp_path / "folder", single(code))
    child = int(watched.ready().invoke(b"x", {}, 10).body)
    assert process_runs(child)
    watched.container.kill()
    until(lambda: not process_runs(child), "its child is gone")
    assert watched.is_gone()
