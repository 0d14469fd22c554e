"""The credentials of a local AWS: generated, private to the user who started it, found by all of that user's commands."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from async_endpoint.core.errors import InvalidInput, LocalAwsNotRunning
from async_endpoint.emulator import daemon
from async_endpoint.emulator.auth.credentials import load_secrets, new_access_key, parse_access_key, write_private
from async_endpoint.local_aws import (
    UNKNOWN,
    AccessKey,
    LocalCredentials,
    credentials_path,
    find_access_key,
    read_credentials,
    record_path,
    require_credentials,
)
from async_endpoint.workspace import Workspace
from support.emulator_process import command, empty_checkout
from support.in_process_aws import REGION

PYTHON = shlex.quote(sys.executable)
OPTIONS = ("--port", "0", "--detach", "--json")
GIVEN = AccessKey("AKIAGIVENBYAPERSON22", "a-secret-of-a-person's own")


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that other users can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="async-endpoint-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def running() -> Iterator[Workspace]:
    """A checkout that others can enter, whose local AWS runs."""
    with open_folder() as folder, pytest.MonkeyPatch.context() as patch:
        workspace = empty_checkout(folder)
        patch.setenv("ASYNC_ENDPOINT_HOME", str(folder))
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        before = os.umask(0)  # the most careless one
        try:
            daemon.start_detached(workspace, 0, 60.0, 6.0)
        finally:
            os.umask(before)
        yield workspace
        daemon.stop(workspace)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A checkout with no local AWS; one that a test starts is stopped."""
    workspace = empty_checkout(tmp_path / "checkout")
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(workspace.root))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield workspace
    daemon.stop(workspace)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def client(service: str, credentials: LocalCredentials) -> Any:
    key = credentials.access_key
    secrets = {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret_access_key}
    return boto3.client(service, REGION, endpoint_url=credentials.endpoint_url, **secrets)


def test_they_have_awss_format_and_are_unique(running: Workspace) -> None:
    credentials = require_credentials(running)
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", credentials.access_key_id)
    assert re.fullmatch(r"[A-Za-z0-9/+]{40}", credentials.secret_access_key)
    assert len(credentials.admin_token) >= 32
    assert len({new_access_key() for _ in range(100)}) == 100
    assert client("sts", credentials).get_caller_identity()["Account"] == "123456789012"


def test_only_their_file_has_them_readable_by_its_owner_only(running: Workspace) -> None:
    path, credentials = credentials_path(running), require_credentials(running)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    secrets = (credentials.secret_access_key, credentials.admin_token)
    for file in running.local.rglob("*"):
        if file.is_file() and file != path:
            text = file.read_text(errors="replace")
            assert not any(secret in text for secret in secrets), file
    assert not any(secret in repr(credentials) for secret in secrets)
    assert credentials.access_key_id not in record_path(running).read_text()


# What another user of this machine tries; prints what it achieved.
INTRUDER = """
import encodings.idna, http.client, json, os, sys
folder, port = sys.argv[1], int(sys.argv[2])
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
achieved = []
for path in ("credentials.json", "record.json", "log.txt"):
    try:
        open(f"{folder}/{path}").read()
        achieved.append(path)
    except PermissionError:
        pass
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        if b"AWS_SECRET" in open(f"/proc/{pid}/environ", "rb").read():
            achieved.append(f"environment of {pid}")
    except OSError:
        pass
for method, path, headers in (
    ("GET", "/_local/status", {}),
    ("POST", "/_local/stop", {}),
    ("POST", "/_local/stop", {"Authorization": "Bearer "}),
    ("POST", "/_local/faults", {"Content-Type": "application/json"}),
    ("POST", "/moto-api/reset", {}),
    ("GET", "/", {}),
    ("PUT", "/bucket", {}),
    ("POST", "/", {"X-Amz-Target": "SageMaker.CreateModel", "Content-Type": "application/x-amz-json-1.1"}),
    ("PUT", "/bucket", {"Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-1/s3/aws4_request, "
                                         "SignedHeaders=host, Signature=" + 64 * "0"}),
):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, "{}" if method == "POST" else None, headers)
    if connection.getresponse().status < 400:
        achieved.append(f"{method} {path}")
print(json.dumps([os.getuid(), achieved]))
"""


def test_another_user_of_the_machine_achieves_nothing(running: Workspace) -> None:
    credentials = require_credentials(running)
    port = credentials.endpoint_url.rpartition(":")[2]
    folder = credentials_path(running).parent
    line = [sys.executable, "-I", "-c", INTRUDER, folder, port]
    done = subprocess.run(line, capture_output=True, text=True, check=True, cwd="/", timeout=60)
    user, achieved = json.loads(done.stdout)
    if os.getuid() == 0:
        assert (user, achieved) == (65534, [])
    else:  # only root can become another user: this user reads its own files, and still calls nothing without them
        assert not [item for item in achieved if " " in item]
    assert daemon.status(running)["endpoint_url"] == credentials.endpoint_url


def test_a_wrong_token_is_reported_and_the_record_stays(running: Workspace) -> None:
    path = credentials_path(running)
    text = path.read_text()
    write_private(path, json.loads(text) | {"admin_token": "another"})
    try:
        for ask in (daemon.status, daemon.stop, daemon.refuse_second):
            with pytest.raises(LocalAwsNotRunning, match=r"rejects the token in .*credentials\.json; run this as the user"):
                ask(running)
        path.unlink()
        with pytest.raises(LocalAwsNotRunning, match="rejects the token"):
            daemon.status(running)
        with pytest.raises(LocalAwsNotRunning, match=r"cannot be read from .*credentials.json"):
            require_credentials(running)
    finally:
        write_private(path, json.loads(text))
    assert daemon.status(running)["endpoints"] == []


# --- local env -------------------------------------------------------------------------------------------------------


def shell(running: Workspace, script: str, **settings: str) -> str:
    """What a shell prints that has evaluated `local env` before."""
    environment = os.environ | settings | {"ASYNC_ENDPOINT_HOME": str(running.root)}
    line = f'eval "$({PYTHON} -m async_endpoint.cli local env)" && {script}'
    done = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def test_env_configures_any_client_of_a_shell_whatever_was_set(running: Workspace) -> None:
    settings = {
        "AWS_PROFILE": "a-profile-that-is-not-there",
        "AWS_SESSION_TOKEN": "of other credentials",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_REGION": "us-east-1",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "example.org",
    }
    code = "import boto3; c = boto3.client('sts'); print(c.get_caller_identity()['Arn'], c.meta.region_name)"
    said = shell(running, f'{PYTHON} -c "{code}"', **settings)
    assert said.split() == ["arn:aws:iam::123456789012:user/local", REGION]
    assert "example.org,127.0.0.1,localhost" in shell(running, "echo $NO_PROXY", **settings)


def test_env_prints_json_and_another_region(running: Workspace) -> None:
    code, out, _ = in_checkout(running, "env", "--json", "--region", "us-west-2")
    assert (code, json.loads(out)) == (0, require_credentials(running).environment("us-west-2"))


def test_env_without_a_local_aws_prints_nothing_to_evaluate(checkout: Workspace) -> None:
    code, out, err = command("env")
    assert (code, out) == (3, "")
    assert "start it with: async-endpoint local up" in err[-1]


def in_checkout(workspace: Workspace, *arguments: str) -> tuple[int, str, list[str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASYNC_ENDPOINT_HOME", str(workspace.root))
        return command(*arguments)


# --- given and kept --------------------------------------------------------------------------------------------------


def test_a_state_directory_keeps_them_and_those_of_iam_and_sts(checkout: Workspace, tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert command("up", "--state-dir", str(state), *OPTIONS)[0] == 0
    first = require_credentials(checkout)
    assert mode(state / "credentials.json") == 0o600
    iam, sts = client("iam", first), client("sts", first)
    iam.create_user(UserName="ann")
    issued = [iam.create_access_key(UserName="ann")["AccessKey"], sts.get_session_token()["Credentials"]]
    callers = [identity(first.endpoint_url, one) for one in issued]
    assert [caller.rpartition("/")[2] for caller in callers] == ["ann", "local"]
    assert command("down")[0] == 0
    assert not credentials_path(checkout).exists()

    assert command("up", "--state-dir", str(state), *OPTIONS)[0] == 0

    again = require_credentials(checkout)
    assert (again.access_key, again.admin_token) == (first.access_key, first.admin_token)
    assert [identity(again.endpoint_url, one) for one in issued] == callers
    assert client("sts", again).get_caller_identity()["Arn"].endswith(":user/local")


def identity(url: str, credentials: dict[str, Any]) -> str:
    sts = boto3.client(
        "sts",
        REGION,
        endpoint_url=url,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials.get("SessionToken"),
    )
    return str(sts.get_caller_identity()["Arn"])


def test_given_credentials_are_used_and_no_command_line_shows_the_secret(
    checkout: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--access-key", GIVEN.access_key_id, "--secret-key", "-"]
    line = [sys.executable, "-m", "async_endpoint.cli", "local", "up", *options, *OPTIONS]
    subprocess.run(line, input=GIVEN.secret_access_key.replace(" ", "") + "\n", text=True, check=True, capture_output=True)
    found = require_credentials(checkout)
    assert found.access_key == AccessKey(GIVEN.access_key_id, GIVEN.secret_access_key.replace(" ", ""))
    assert client("sts", found).get_caller_identity()["Arn"].endswith(":user/local")
    pid = json.loads(record_path(checkout).read_text())["pid"]
    shown = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
    assert "async_endpoint.emulator" in shown and found.secret_access_key not in shown


@pytest.mark.parametrize(
    ("key", "secret", "text"),
    [
        ("AKIAGIVENBYAPERSON22", None, "Only one of --access-key and --secret-key"),
        (None, "a-long-secret", "Only one of --access-key and --secret-key"),
        ("short", "a-long-secret", "'short' is no access key id"),
        ("AKIA/WITH/SLASHES/22", "a-long-secret", "is no access key id"),
        ("AKIAGIVENBYAPERSON22", "short", "--secret-key is not"),
        ("AKIAGIVENBYAPERSON22", "with a space", "--secret-key is not"),
    ],
)
def test_invalid_given_credentials_are_refused(key: str | None, secret: str | None, text: str) -> None:
    with pytest.raises(InvalidInput, match=text) as refused:
        parse_access_key(key, secret)
    assert not secret or secret not in str(refused.value)


def test_none_given_is_none() -> None:
    assert parse_access_key(None, None) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"access_key_id": "x"}'])
def test_a_damaged_file_in_a_state_directory_is_reported(tmp_path: Path, text: str) -> None:
    (tmp_path / "credentials.json").write_text(text)
    with pytest.raises(InvalidInput, match=r"credentials.json holds no credentials of a local AWS; delete it"):
        load_secrets(tmp_path, None)


def test_a_given_access_key_replaces_the_stored_one(tmp_path: Path) -> None:
    first, given = load_secrets(tmp_path, None), AccessKey("AKIAGIVENBYAPERSON22", "a-secret-of-a-person")
    assert load_secrets(tmp_path, None) == first
    assert load_secrets(tmp_path, given) == load_secrets(tmp_path, None) == (given, first.admin_token)
    assert load_secrets(None, given).access_key == given
    assert mode(tmp_path / "credentials.json") == 0o600


# --- what clients are given by the URL alone -------------------------------------------------------------------------


def test_a_client_finds_them_by_url_and_never_uses_those_of_aws_elsewhere(
    running: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = require_credentials(running)
    aws = {"AWS_ACCESS_KEY_ID": "of AWS", "AWS_SECRET_ACCESS_KEY": "of AWS", "AWS_SESSION_TOKEN": "of AWS"}
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(running.root))
    url = credentials.endpoint_url
    assert find_access_key(url, aws) == find_access_key(url + "/", aws) == credentials.access_key
    assert find_access_key("http://127.0.0.1:9", aws) == UNKNOWN
    here = aws | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9/"}
    assert find_access_key("http://127.0.0.1:9", here) == AccessKey("of AWS", "of AWS", "of AWS")
    role = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "ASIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
    assert find_access_key(url, role) == AccessKey("ASIA", "s", "t"), "a role that was assumed"
    del role["AWS_SESSION_TOKEN"]
    assert find_access_key(url, role) == credentials.access_key, "such as of an earlier local AWS at this URL"
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(running.root / "cache"))  # no checkout
    assert find_access_key(url, aws) == UNKNOWN


def test_unknown_credentials_are_rejected(running: Workspace) -> None:
    url = require_credentials(running).endpoint_url
    sts = boto3.client(
        "sts",
        REGION,
        endpoint_url=url,
        aws_access_key_id=UNKNOWN.access_key_id,
        aws_secret_access_key=UNKNOWN.secret_access_key,
    )
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        sts.get_caller_identity()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"endpoint_url": 1}'])
def test_an_invalid_credentials_file_is_ignored(tmp_path: Path, text: str) -> None:
    workspace = Workspace(tmp_path)
    credentials_path(workspace).parent.mkdir(parents=True)
    credentials_path(workspace).write_text(text)
    assert read_credentials(workspace) is None
