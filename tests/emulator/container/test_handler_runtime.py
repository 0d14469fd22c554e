"""What a handler finds: the body, the context of the real model server, its code, and the limits of its server."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.emulator.container.container import CannotStart, ContainerDied, ContainerResponse, ContainerSpec, Workload
from async_endpoint.emulator.container.runtime import PythonRuntime
from async_endpoint.emulator.container.server_settings import ServerSettings
from support.common import until
from support.containers import ECHO, Watched, single
from support.sample_model import archive

ECR = "763104351884.dkr.ecr.eu-west-1.amazonaws.com"
HUGGING_FACE = f"{ECR}/huggingface-pytorch-inference:2.1-transformers4.37-cpu-py310"
PYTORCH = f"{ECR}/pytorch-inference:2.3-cpu-py311"
SKLEARN = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
OWN = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1"
CONTEXT = """
import json
def model_fn(d): return d
def transform_fn(model, data, content_type, accept, context):
    before = context.get_response_status(0)
    context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", "from the model")
    context.set_response_header(0, "X-Own", "line\\r\\nbreak")
    context.set_response_status(code=201, phrase="made", idx=0)
    context.metrics.add_counter("calls", 1)
    context.metrics.add_time("took", 2.5, None, "ms")
    context.metrics.add_size("size", 1, unit="kB")
    context.metrics.add_percent("share", 50)
    context.metrics.add_error("trouble", "none")
    context.metrics.add_metric("other", 3, unit="count")
    processor = context.request_processor[0]
    return json.dumps({
        "type": type(data).__name__, "before": before, "after": context.get_response_status(0),
        "id": context.get_request_id(0) == context.get_request_id() == context.request_ids[0] != "",
        "one": context.get_request_header(0, "X-One"), "all": sorted(context.get_all_request_header(0)),
        "processor": [processor.get_request_property("X-One"), processor.get_response_status_code(),
                      processor.get_response_header("X-Amzn-SageMaker-Custom-Attributes")],
        "headers": sorted(context.get_response_headers(0)), "model_name": context.model_name,
        "properties": sorted(context.system_properties), "model_dir": context.system_properties["model_dir"] == model,
        "manifest": context.manifest,
    }), accept
"""


def ask(watched: Watched, body: bytes = b"x", **headers: str) -> ContainerResponse:
    return watched.ready().invoke(body, {name.replace("_", "-"): value for name, value in headers.items()}, 60)


def spec(code: str = ECHO, image: str = "", source: bytes | None = None, **environment: str) -> Workload:
    return Workload((ContainerSpec(archive(code), environment, image, source=source),))


# --- body and context -----------------------------------------------------------------------------------------------------


def test_the_context_has_the_members_of_the_real_servers(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "folder", single(CONTEXT))
    answer = ask(watched, X_One="1", Accept="application/json")
    seen: dict[str, Any] = json.loads(answer.body)
    assert {"Host", "X-One", "Accept"} <= set(seen.pop("all"))
    assert seen == {
        "type": "bytearray",
        "before": [200, None],
        "after": [201, "made"],
        "id": True,
        "one": "1",
        "processor": ["1", 201, "from the model"],
        "headers": ["X-Amzn-SageMaker-Custom-Attributes", "X-Own"],
        "model_name": "model",
        "properties": ["batch_size", "gpu_id", "model_dir", "server_name", "server_version"],
        "model_dir": True,
        "manifest": {},
    }
    assert (answer.status, answer.content_type, answer.custom_attributes) == (201, "application/json", "from the model")
    watched.container.kill()


def test_one_response_leaves_nothing_to_the_next(tmp_path: Path) -> None:
    code = (
        "def model_fn(d): pass\ndef transform_fn(m, data, c, a, context):\n"
        "    if data == b'first':\n"
        "        context.set_response_header(0, 'X-Amzn-SageMaker-Custom-Attributes', 'mine')\n"
        "        context.set_response_status(400)\n    return data, a\n"
    )
    watched = Watched(tmp_path / "folder", single(code))
    first, second = ask(watched, b"first"), ask(watched, b"second")
    assert [(answer.status, answer.custom_attributes) for answer in (first, second)] == [(400, "mine"), (200, None)]
    watched.container.kill()


def test_a_handler_runs_in_the_main_thread(tmp_path: Path) -> None:
    code = (
        "import signal, threading\ndef model_fn(d): signal.signal(signal.SIGALRM, lambda *_: None)\n"
        "def transform_fn(m, data, c, a):\n"
        "    signal.signal(signal.SIGALRM, signal.SIG_DFL)\n    return threading.current_thread().name, a\n"
    )
    watched = Watched(tmp_path / "folder", single(code))
    assert ask(watched).body == b"MainThread"
    watched.container.kill()


# --- code -----------------------------------------------------------------------------------------------------------------


def packed(**files: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("__", "/") + ".py")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def test_a_source_archive_precedes_the_code_of_the_model(tmp_path: Path) -> None:
    """As SageMaker's SDK deploys SKLearnModel and XGBoostModel with an entry point."""
    code = (
        "from helper import VALUE\ndef model_fn(d): return open(d + '/weights.txt').read()\n"
        "def transform_fn(m, data, c, a): return f'{m} {VALUE} {__file__}', a\n"
    )
    workload = spec(
        "raise RuntimeError('the other one')",
        SKLEARN,
        packed(predict=code, helper="VALUE = 7\n"),
        SAGEMAKER_PROGRAM="predict.py",
        SAGEMAKER_SUBMIT_DIRECTORY="s3://bucket/sourcedir.tar.gz",
    )
    watched = Watched(tmp_path / "folder", workload)
    assert ask(watched).body.decode().split()[:2] == ["feather", "7"]
    watched.container.kill()


@pytest.mark.parametrize("given", ["", "/opt/ml/model/code", "file:///opt/ml/model/code"])
def test_empty_and_local_settings_of_the_code_mean_the_archives(tmp_path: Path, given: str) -> None:
    """SageMaker's SDK sends both variables empty without an entry point."""
    watched = Watched(tmp_path / "folder", single(ECHO, SAGEMAKER_PROGRAM="", SAGEMAKER_SUBMIT_DIRECTORY=given))
    assert ask(watched).body == b"x"
    watched.container.kill()


def test_another_folder_of_the_archive_can_hold_the_code(tmp_path: Path) -> None:
    packed_model = packed(src__serve=ECHO)
    environment = {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/src"}
    watched = Watched(tmp_path / "folder", Workload((ContainerSpec(packed_model, environment),)))
    assert ask(watched).body == b"x"
    watched.container.kill()


@pytest.mark.parametrize(("name", "said"), [("none.txt", "no such file"), ("../../../none.txt", "outside the code's folder")])
def test_a_wrong_name_of_the_requirements_is_an_error(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(CannotStart, match=said):
        Watched(tmp_path / "folder", single(ECHO, SAGEMAKER_REQUIREMENTS=name))
    assert not (tmp_path / "folder").exists()


def test_packages_of_the_local_aws_are_not_importable_and_the_log_says_what_to_do(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "folder", spec(f"import moto\n{ECHO}", PYTORCH))
    assert watched.ended.wait(60)
    text = "\n".join(watched.lines)
    assert "cannot import moto" in text
    assert "pytorch-inference:2.3-cpu-py311" in text
    assert "list it in code/requirements.txt" in text
    assert "ModuleNotFoundError: No module named 'moto'" in text


def test_programs_that_a_handler_starts_see_the_same_packages(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\ndef model_fn(d): pass\ndef transform_fn(m, data, c, a):\n"
        '    find = \'import importlib.util as u; print(u.find_spec("numpy") is not None, u.find_spec("moto"))\'\n'
        "    return subprocess.run([sys.executable, '-c', find], capture_output=True, text=True).stdout.strip(), a\n"
    )
    watched = Watched(tmp_path / "folder", single(code))
    assert ask(watched).body == b"True None"
    watched.container.kill()


def test_an_image_without_code_is_refused_with_the_remedy() -> None:
    with pytest.raises(CannotStart, match=r"own:1 has no model data.*--containers docker"):
        PythonRuntime().check(ContainerSpec(None, {}, OWN), "ml.m5.large")
    PythonRuntime().check(ContainerSpec(b"", {}, OWN), "ml.m5.large")


# --- the server's limits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "environment", "expected"),
    [
        (HUGGING_FACE, {}, (1, 6_553_500, 6_553_500, 60)),
        (PYTORCH, {"TS_MAX_REQUEST_SIZE": "7", "TS_MAX_RESPONSE_SIZE": "8", "MMS_MAX_REQUEST_SIZE": "1"}, (1, 7, 8, 60)),
        (HUGGING_FACE, {"TS_MAX_REQUEST_SIZE": "7", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "2"}, (1, 2 << 20, 6_553_500, 60)),
        (
            HUGGING_FACE,
            {"MMS_DEFAULT_RESPONSE_TIMEOUT": "9", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "8"},
            (1, 6_553_500, 6_553_500, 9),
        ),
        (SKLEARN, {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "8", "MODEL_SERVER_WORKERS": "3"}, (3, None, None, 8)),
        (OWN, {}, (1, None, None, None)),
        # an image of one's own whose repository's name has the one of an image of AWS as a part
        (f"{ECR}/my-pytorch-service:1", {}, (1, None, None, None)),
        (f"{ECR}/team/pytorch-inference:1", {}, (1, None, None, None)),
        (f"{ECR}/my-xgboost:pytorch-inference", {}, (1, None, None, None)),
        (f"{ECR}/pytorch-inference@sha256:{'0' * 64}", {}, (1, 6_553_500, 6_553_500, 60)),
        ("public.ecr.aws/deep-learning-containers/pytorch-inference:2.6", {}, (1, 6_553_500, 6_553_500, 60)),
        (
            OWN,
            {"MODEL_SERVER_TIMEOUT": "5", "TS_DEFAULT_WORKERS_PER_MODEL": "2", "MMS_MAX_REQUEST_SIZE": ""},
            (2, None, None, 5),
        ),
    ],
)
def test_settings_are_those_of_the_images_server(
    image: str, environment: dict[str, str], expected: tuple[int | None, ...]
) -> None:
    found = ServerSettings.read(image, environment)
    assert (found.workers, found.max_request_bytes, found.max_response_bytes, found.response_seconds) == expected


@pytest.mark.parametrize("value", ["many", "0", "-1", "1.5"])
def test_a_setting_that_is_no_number_fails_the_start_by_name(value: str) -> None:
    with pytest.raises(CannotStart, match=f"MMS_MAX_REQUEST_SIZE is '{value}'"):
        ServerSettings.read(HUGGING_FACE, {"MMS_MAX_REQUEST_SIZE": value})


def test_a_request_above_the_limit_is_answered_413_and_the_connection_kept(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "folder", spec(ECHO, HUGGING_FACE, MMS_MAX_REQUEST_SIZE="3000000"))
    refused, accepted = ask(watched, b"x" * 3_000_001), ask(watched, b"x" * 3_000_000)
    assert (refused.status, refused.body) == (413, b"")
    assert (accepted.status, len(accepted.body)) == (200, 3_000_000)
    watched.container.kill()


def test_a_response_above_the_limit_is_a_dead_worker(tmp_path: Path) -> None:
    code = "def model_fn(d): pass\ndef transform_fn(m, data, c, a): return 'x' * int(data), a\n"
    watched = Watched(tmp_path / "folder", spec(code, HUGGING_FACE, MMS_MAX_RESPONSE_SIZE="1000"))
    refused, accepted = ask(watched, b"1001"), ask(watched, b"1000")
    assert (refused.status, json.loads(refused.body)["message"]) == (500, "Worker died.")
    assert (accepted.status, len(accepted.body)) == (200, 1000)
    until(lambda: any("Message size exceed limit" in line for line in watched.lines), "the reason is in the log")
    watched.container.kill()


def test_a_handler_that_takes_too_long_is_a_dead_worker_and_the_next_request_runs(tmp_path: Path) -> None:
    gate = tmp_path / "open"
    code = (
        "import os, time\ndef model_fn(d): pass\ndef transform_fn(m, data, c, a):\n"
        f"    while data == b'slow' and not os.path.exists({str(gate)!r}): time.sleep(0.01)\n    return data, a\n"
    )
    watched = Watched(tmp_path / "folder", spec(code, HUGGING_FACE, MMS_DEFAULT_RESPONSE_TIMEOUT="1"))
    slow, next_one = ask(watched, b"slow"), ask(watched, b"quick")
    assert (slow.status, json.loads(slow.body)["message"]) == (500, "Worker died.")
    assert (next_one.status, next_one.body) == (200, b"quick")
    gate.touch()
    assert ask(watched, b"another").body == b"another"
    watched.container.kill()


# --- the end of a handler -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("sys.exit(3)", "the container ended with exit code 3"),
        ("sys.exit('no weights')", "the container ended with exit code 1"),
        ("os._exit(4)", "the container ended with exit code 4"),
        ("ctypes.string_at(0)", "the container was killed by signal 11 (SIGSEGV)"),
        ("os.kill(os.getpid(), 9)", "the container was killed by signal 9 (SIGKILL)"),
    ],
)
def test_the_end_of_a_handler_is_explained(tmp_path: Path, ending: str, said: str) -> None:
    code = f"import ctypes, os, sys\ndef model_fn(d): pass\ndef transform_fn(m, data, c, a): {ending}\n"
    watched = Watched(tmp_path / "folder", single(code))
    with pytest.raises(ContainerDied) as death:
        ask(watched)
    assert str(death.value) == said
    assert watched.is_gone()


def test_running_out_of_memory_is_an_error_response(tmp_path: Path) -> None:
    code = "def model_fn(d): pass\ndef transform_fn(m, data, c, a): return bytearray(1 << 60), a\n"
    watched = Watched(tmp_path / "folder", single(code))
    answer = ask(watched)
    assert (answer.status, b"MemoryError" in answer.body) == (500, True)
    assert ask(watched).status == 500
    watched.container.kill()
