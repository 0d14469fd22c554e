"""The model's folder at /opt/ml, in a mount namespace of each container's process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from async_endpoint.emulator.container import opt_ml, private_mounts
from support.common import process_runs, until
from support.containers import Watched, pipeline, single

# Answers with what it sees of /opt/ml and /opt, and tries to write.
LOOKING = """
import json, os, subprocess, sys
def model_fn(model_dir):
    return {"model_dir": model_dir, "weights": open("/opt/ml/model/weights.txt").read()}
def transform_fn(model, data, content_type, accept):
    try:
        open("/opt/ml/model/written", "w")
        refused = ""
    except OSError as error:
        refused = error.strerror
    open("/opt/ml/scratch", "w").write(bytes(data).decode())
    child = subprocess.run([sys.executable, "-c", "print(open('/opt/ml/model/weights.txt').read(), end='')"],
                           capture_output=True, text=True, check=True).stdout
    return json.dumps({**model, "refused": refused, "child": child, "opt": sorted(os.listdir("/opt")), "user": os.getuid(),
                       "group": os.getgid(), "cwd": os.getcwd(), "code": __file__}), accept
"""
NOBODY = 65_534


@pytest.fixture(autouse=True)
def available(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("mount namespaces are Linux's")
    if not opt_ml.is_available(tmp_path):
        pytest.fail("this machine allows no mount namespace: the tests of /opt/ml need one on Linux")


def seen_by(watched: Watched, body: bytes = b"x") -> dict[str, object]:
    found: dict[str, object] = json.loads(watched.ready().invoke(body, {}, 30).body)
    return found


def test_a_handler_finds_its_archive_at_opt_ml(tmp_path: Path) -> None:
    before, mounts = sorted(path.name for path in Path("/opt").iterdir()), Path("/proc/self/mountinfo").read_text()
    watched = Watched(tmp_path / "folder", single(LOOKING))
    seen = seen_by(watched, b"mine")
    assert (seen["model_dir"], seen["weights"], seen["child"]) == ("/opt/ml/model", "feather", "feather")
    assert (seen["refused"], seen["cwd"]) == ("Read-only file system", "/opt/ml")
    assert seen["code"] == "/opt/ml/model/code/inference.py"
    assert seen["opt"] == sorted({*before, "ml"})
    assert (seen["user"], seen["group"]) == (os.getuid(), os.getgid())
    assert (tmp_path / "folder" / "scratch").read_text() == "mine"
    assert (sorted(path.name for path in Path("/opt").iterdir()), Path("/proc/self/mountinfo").read_text()) == (before, mounts)
    watched.container.kill()
    assert watched.is_gone()
    assert Path("/proc/self/mountinfo").read_text() == mounts


def test_each_container_of_a_pipeline_has_a_folder_of_its_own(tmp_path: Path) -> None:
    code = (
        "def model_fn(d): pass\ndef transform_fn(m, data, c, a):\n"
        "    open('/opt/ml/calls', 'a').write('x')\n    found = open('/opt/ml/calls').read()\n"
        "    return (data if isinstance(data, str) else data.decode()) + found, a\n"
    )
    watched = Watched(tmp_path / "folder", pipeline(code, code))
    assert watched.ready().invoke(b".", {"Content-Type": "image/x", "Accept": "image/x"}, 30).body == b".xx"
    watched.container.kill()
    assert watched.is_gone()


def test_children_of_a_killed_container_keep_no_mount(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys\ndef model_fn(d): pass\n"
        "def transform_fn(m, data, c, a):\n"
        "    return str(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid), a\n"
    )
    mounts = Path("/proc/self/mountinfo").read_text()
    watched = Watched(tmp_path / "folder", single(code))
    child = int(watched.ready().invoke(b"x", {}, 30).body)
    assert " /opt/ml " in Path(f"/proc/{child}/mountinfo").read_text()
    watched.container.kill()
    until(lambda: not process_runs(child), "its child is gone")
    assert watched.is_gone()
    assert Path("/proc/self/mountinfo").read_text() == mounts


# Writes to /tmp and /dev/shm under the name that it is called with, and answers with what was there before.
SHARING = """
import os, tempfile
def model_fn(d): pass
def transform_fn(model, data, content_type, accept):
    name, found = bytes(data).decode(), []
    for path in (os.path.join(tempfile.gettempdir(), name), os.path.join("/dev/shm", name)):
        found.append(os.path.exists(path))
        open(path, "w").close()
    return " ".join(map(str, found)), accept
"""


def test_instances_share_neither_temporary_files_nor_memory(tmp_path: Path) -> None:
    name = f"shared-{os.getpid()}-{tmp_path.name}"
    both = [Watched(tmp_path / str(number), single(SHARING)) for number in range(2)]
    assert [watched.ready().invoke(name.encode(), {}, 30).body for watched in both] == [b"False False"] * 2
    assert (tmp_path / "0" / "tmp" / name).exists()
    assert not any((Path(folder) / name).exists() for folder in ("/tmp", "/dev/shm", tempfile.gettempdir()))
    for watched in both:
        watched.container.kill()
        assert watched.is_gone()


def test_a_private_tmp_hides_nothing_that_the_process_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_mounts, "TMP", str(tmp_path))
    monkeypatch.setattr(sys, "path", ["", str(tmp_path.with_name("packages"))])
    assert opt_ml.has_private_tmp(tmp_path.with_name("instance"), tmp_path.with_name("cache"))
    assert not opt_ml.has_private_tmp(tmp_path / "instance")
    assert not opt_ml.has_private_tmp(tmp_path.with_name("instance"), tmp_path / "cache")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "packages")])
    assert not opt_ml.has_private_tmp(tmp_path.with_name("instance"))


def test_a_user_without_privileges_gets_the_same_mounts(tmp_path: Path) -> None:
    """Runs the mounts in a process of another user where this one is root, as that user on a machine would start them."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    script = folder / "mounts.py"
    script.write_bytes(
        Path(private_mounts.__file__).read_bytes()
        + b"\nimport json\nmount = os.listdir('/opt')\nfree = open('/opt/ml/scratch', 'w').write('x')\n"
        b"print(json.dumps([os.getuid(), os.getgid(), open('/opt/ml/model/weights.txt').read(), 'ml' in mount,"
        b" os.access('/opt/ml/model', os.W_OK), os.listdir('/tmp'), os.listdir('/dev/shm')]))\n"
    )
    (folder / "ml" / "model").mkdir(parents=True)
    (folder / "ml" / "model" / "weights.txt").write_text("feather")
    (folder / "ml" / "tmp").mkdir()
    (folder / "ml" / "tmp" / "mine").touch()
    python = opt_ml.Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    user = os.getuid() or NOBODY
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", f"{user}:{user}", folder], check=True)
    command = [str(python), "-I", "-S", str(script), str(folder / "ml"), "tmp"]
    options = {"user": user, "group": user, "extra_groups": []} if os.getuid() == 0 else {}
    if os.getuid() == 0 and not _readable_by(python, user):
        command[0] = "/usr/bin/python3"
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **options)  # type: ignore[call-overload]
    subprocess.run(["rm", "-rf", folder], check=True)
    assert json.loads(done.stdout) == [user, user, "feather", True, False, ["mine"], []], done.stderr


def _readable_by(path: Path, user: int) -> bool:
    return subprocess.run(["test", "-x", path], user=user, check=False).returncode == 0
