"""Isolation of containers: only the local AWS reaches one, and it inherits almost nothing of the user's environment."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.emulator.container import opt_ml
from async_endpoint.emulator.container.container import ContainerSpec, Workload
from async_endpoint.emulator.container.python_environment import (
    RequirementsFailed,
    container_environment,
    pip_environment,
    python_for,
)
from support import other_user
from support.containers import Watched, multi_model, pipeline, single
from support.deployed_endpoint import Deployed
from support.in_process_aws import AwsHarness
from support.sample_model import archive

COUNTING = """
import os
def model_fn(d): return os.path.join(os.path.dirname(d), "calls")
def transform_fn(calls, data, content_type, accept):
    open(calls, "a").write("x")
    return data, accept
"""
# Answers with its environment, and with what it found when it was imported.
REPORTING = """
import json, os
FOUND = sorted(os.listdir(os.environ["WATCHED"]))
def model_fn(d): pass
def transform_fn(model, data, content_type, accept):
    return json.dumps({"found": FOUND, "environment": dict(os.environ)}), "application/json"
"""


def listening_ports(pid: int) -> list[int]:
    """The TCP ports that a process listens on."""
    if not Path("/proc/net/tcp").exists():
        command = ["lsof", "-nP", "-a", "-p", str(pid), "-iTCP", "-sTCP:LISTEN"]
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return [int(port) for port in re.findall(r":(\d+) \(LISTEN\)", listed)]
    own = {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
    ports = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in own:
                ports.append(int(fields[1].rpartition(":")[2], 16))
    return ports


def unix_names(pid: int) -> list[str]:
    """The paths of a process's named Unix sockets."""
    own = {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
    lines = [line.split() for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]]
    return [fields[7] for fields in lines if len(fields) > 7 and f"socket:[{fields[6]}]" in own]


# --- who reaches it -------------------------------------------------------------------------------------------------------


def test_nothing_but_the_local_aws_reaches_a_container(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "folder", single(COUNTING))
    (pid,) = watched.ready().pids
    ports = listening_ports(pid)
    command = [sys.executable, other_user.__file__, str(pid), str(watched.folder), json.dumps(ports)]
    tried: dict[str, bool] = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert len(tried) >= 20
    assert [way for way, succeeded in tried.items() if succeeded] == []
    assert not (watched.folder / "calls").exists()
    assert watched.container.invoke(b"x", {}, 30).body == b"x"
    assert (watched.folder / "calls").read_text() == "x"
    watched.container.kill()


def test_the_probe_reaches_a_container_with_a_port() -> None:
    """Control: the same attempts do reach a server that listens."""
    code = (
        "import http.server\n"
        "class Open(http.server.BaseHTTPRequestHandler):\n"
        "    protocol_version = 'HTTP/1.1'\n"
        "    def do_POST(self): self.send_response(200); self.send_header('Content-Length', '0'); self.end_headers()\n"
        "server = http.server.HTTPServer(('127.0.0.1', 0), Open)\n"
        "print(server.server_port, flush=True)\nserver.serve_forever()\n"
    )
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdout is not None
    port = int(server.stdout.readline())
    assert listening_ports(server.pid) == [port]
    command = [sys.executable, other_user.__file__, str(server.pid), "/nowhere", json.dumps([port])]
    tried = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert [way for way, succeeded in tried.items() if succeeded] == [f"127.0.0.1 port {port}"]
    server.kill()
    server.wait()


@pytest.mark.parametrize("kind", ["single", "pipeline", "multi-model"])
def test_no_container_listens_on_a_port(tmp_path: Path, kind: str) -> None:
    echo = "def model_fn(d): pass\ndef transform_fn(m, data, c, a): return data, 'text/plain'\n"
    workload = {
        "single": single(echo),
        "pipeline": pipeline(echo, echo),
        "multi-model": multi_model(lambda _: archive(echo)),
    }[kind]
    watched = Watched(tmp_path / "folder", workload)
    assert watched.ready().invoke(b"x", {"Content-Type": "text/plain"}, 30, "a" if kind == "multi-model" else "").body == b"x"
    pids = watched.container.pids
    assert len(pids) == (2 if kind == "pipeline" else 1)
    for pid in pids:
        assert listening_ports(pid) == []
        assert not Path("/proc/net/unix").exists() or unix_names(pid) == []
    watched.container.kill()
    assert watched.is_gone()


def test_a_folder_path_of_any_length_works(tmp_path: Path) -> None:
    """The path of a Unix socket may have 108 characters, on macOS 104; a container needs none."""
    watched = Watched(tmp_path / ("deep" * 30) / "folder", single(COUNTING))
    assert watched.ready().invoke(b"x", {}, 30).body == b"x"
    watched.container.kill()
    assert watched.is_gone()


def test_instance_files_are_private_to_their_owner(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    assert shared_endpoint.status()["instances"]
    assert local_aws.folder.stat().st_mode & 0o077 == 0


# --- what reaches it ------------------------------------------------------------------------------------------------------

SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "canary-secret",
    "AWS_SESSION_TOKEN": "canary-token",
    "AWS_PROFILE": "canary-profile",
    "GITHUB_TOKEN": "canary-github",
    "CANARY": "canary-of-the-shell",
    "PYTHONPATH": "/canary/path",
    "LD_LIBRARY_PATH": "/canary/libraries",
    "SSH_AUTH_SOCK": "/canary/agent",
}


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("secrets")
def test_a_handler_sees_model_variables_but_not_the_users(tmp_path: Path) -> None:
    (tmp_path / "watched").mkdir()
    own = {"WATCHED": str(tmp_path / "watched"), "COLOUR": "deep red=1\nor so", "HF_HOME": "/opt/ml/model/cache"}
    watched = Watched(tmp_path / "folder", single(REPORTING, **own))
    seen = json.loads(watched.ready().invoke(b"x", {}, 30).body)["environment"]
    here = str(watched.folder)
    expected = {**own, "HOME": f"{here}/home"}
    if not opt_ml.is_available(watched.folder):
        expected |= {"HF_HOME": f"{here}/model/cache", "SAGEMAKER_BASE_DIR": here}
    assert {name: seen.get(name) for name in expected} == expected
    assert seen.keys() <= {*expected, "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "PYTHONUNBUFFERED", "PYTHONPATH"}
    assert "canary" not in seen["PYTHONPATH"]  # which AWS's own code makes
    begun_with = Path(f"/proc/{watched.container.pid}/environ")
    if begun_with.exists():
        names = {entry.partition(b"=")[0].decode() for entry in begun_with.read_bytes().split(b"\0") if entry}
        assert names <= {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "PYTHONUNBUFFERED"}
    watched.container.kill()


def buildable(folder: Path, seen: Path) -> Path:
    """Requirements with a local package whose build writes its environment into `seen`; returns the file."""
    package = folder / "package"
    package.mkdir(parents=True)
    (package / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n')
    (package / "backend.py").write_text(
        f"import json, os\nopen({str(seen)!r}, 'w').write(json.dumps(dict(os.environ)))\n"
        "def build_wheel(*_, **__): raise SystemExit('seen')\n"
    )
    (folder / "requirements.txt").write_text("./package\n")
    return folder / "requirements.txt"


@pytest.mark.usefixtures("secrets")
def test_pip_inherits_its_settings_but_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "PIP_INDEX_URL": "https://packages.example/simple",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "NO_PROXY": "localhost",
        "SSL_CERT_FILE": os.environ.get("SSL_CERT_FILE", ""),
        "REQUESTS_CA_BUNDLE": os.environ.get("REQUESTS_CA_BUNDLE", ""),
        "CURL_CA_BUNDLE": os.environ.get("CURL_CA_BUNDLE", ""),
    }
    settings = {name: value for name, value in settings.items() if value}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    seen = tmp_path / "seen.json"
    with pytest.raises(RequirementsFailed):
        python_for(buildable(tmp_path / "code", seen), tmp_path / "cache")
    environment = json.loads(seen.read_text())
    assert {name: environment.get(name) for name in settings} == settings
    assert SECRETS.keys() & environment.keys() <= {"PYTHONPATH"}  # pip sets its own for a build
    assert not [value for value in environment.values() if "canary" in value]


def test_containers_and_pip_inherit_only_allowed_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_CERT", "PIP_FIND_LINKS", "https_proxy", "XDG_CACHE_HOME", "ANYTHING", "PIPX_HOME"):
        monkeypatch.setenv(name, "/given")
    assert {"PIP_CERT", "PIP_FIND_LINKS", "https_proxy", "XDG_CACHE_HOME", "PATH"} <= pip_environment().keys()
    assert {"ANYTHING", "PIPX_HOME"}.isdisjoint(pip_environment())
    assert container_environment(tmp_path).keys() <= {
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TMPDIR",
        "PYTHONUNBUFFERED",
    }


# --- what a model's variables do not do -----------------------------------------------------------------------------------

# Each makes some process do something as it starts; {marker} is the file it would leave, {folder} holds Python files that do.
ATTACKS: dict[str, dict[str, str]] = {
    "a browser for a warning": {
        "PYTHONWARNINGS": "all:0:antigravity.x:0:0",
        "BROWSER": '/bin/sh -c "touch {marker}" %s',
    },
    "a module of site": {"PYTHONPATH": "{folder}"},
    "a module of the user's site": {"PYTHONUSERBASE": "{folder}/base"},
    "another standard library": {"PYTHONHOME": "{folder}"},
    "a trace of the loader": {"LD_DEBUG": "libs", "LD_DEBUG_OUTPUT": "{marker}"},
    "a library of one's own": {"LD_PRELOAD": "{folder}/evil.so"},
    "a startup file": {"PYTHONSTARTUP": "{folder}/startup.py", "PYTHONINSPECT": "1"},
    "what is imported": {"PYTHONVERBOSE": "1"},
    "how long imports take": {"PYTHONPROFILEIMPORTTIME": "1"},
    "another allocator": {"PYTHONMALLOC": "nonsense"},
}
SPOKEN = ("import ", "import time:")  # what a line begins with
COMPLAINED = ("cannot be preloaded", "unknown allocator", "Fatal Python error", "Could not find platform")


def prepared(attack: dict[str, str], folder: Path) -> dict[str, str]:
    """The variables of an attack, with its files in `folder`; the marker is in the folder `watched`."""
    marker = folder / "watched" / "marker"
    marker.parent.mkdir(parents=True)
    user_site = folder / "base" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    user_site.mkdir(parents=True)
    for path in (folder / "sitecustomize.py", folder / "startup.py", user_site / "usercustomize.py"):
        path.write_text(f"open({str(marker)!r}, 'w')\n")
    (folder / "evil.so").write_bytes(b"no library")
    return {name: value.format(marker=marker, folder=folder) for name, value in attack.items()}


@pytest.mark.parametrize("name", ATTACKS)
def test_model_variables_take_effect_in_the_handler_only(tmp_path: Path, name: str) -> None:
    given = prepared(ATTACKS[name], tmp_path / "evil")
    watched = Watched(tmp_path / "folder", single(REPORTING, WATCHED=str(tmp_path / "evil" / "watched"), **given))
    answer: dict[str, Any] = json.loads(watched.ready().invoke(b"x", {}, 30).body)
    assert answer["found"] == [], "something ran before the handler"
    reached = answer["environment"]
    assert all(reached[variable].endswith(value) for variable, value in given.items())  # AWS's code adds to PYTHONPATH
    assert list((tmp_path / "evil" / "watched").iterdir()) == []
    assert not [line for line in watched.lines if line.startswith(SPOKEN) or any(word in line for word in COMPLAINED)]
    watched.container.kill()


@pytest.mark.parametrize("name", ["a browser for a warning", "a module of site", "a trace of the loader", "what is imported"])
def test_the_same_variables_affect_a_plain_interpreter(tmp_path: Path, name: str) -> None:
    if name == "a trace of the loader" and sys.platform != "linux":
        return  # the loader of macOS has other variables
    given = prepared(ATTACKS[name], tmp_path / "evil")
    ran = subprocess.run([sys.executable, "-c", ""], env={**os.environ, **given}, capture_output=True, text=True, check=False)
    assert list((tmp_path / "evil" / "watched").iterdir()) or ran.stderr.startswith(SPOKEN)


def test_model_variables_do_not_reach_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    seen = tmp_path / "seen.json"
    package = buildable(tmp_path / "code", seen).with_name("package")
    given = {"PIP_INDEX_URL": "https://evil.example", "PIP_CONFIG_FILE": "/evil", "LD_PRELOAD": "/evil.so", "CANARY": "evil"}
    with pytest.raises(RequirementsFailed):
        Watched(tmp_path / "folder", Workload((ContainerSpec(archive(REPORTING, f"{package}\n"), given),)))
    assert not [value for value in json.loads(seen.read_text()).values() if "evil" in value]


def test_modules_on_a_models_own_python_path_are_found(tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "colours.py").write_text("RED = 'red'\n")
    code = "import colours\ndef model_fn(d): pass\ndef transform_fn(m, data, c, a): return colours.RED, 'text/plain'\n"
    watched = Watched(tmp_path / "folder", single(code, PYTHONPATH=str(tmp_path / "modules")))
    assert watched.ready().invoke(b"x", {}, 30).body == b"red"
    watched.container.kill()
