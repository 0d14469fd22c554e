"""What a person can get wrong on the command line, or a machine can: one sentence and an exit code, no traceback, no wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.cli.app import main
from async_endpoint.cli.console import reported_errors
from async_endpoint.core.errors import InvalidInput, NotReady
from async_endpoint.emulator import daemon
from async_endpoint.error_report import TRACEBACK_VARIABLE, as_reported

CHECKOUT = Path(__file__).resolve().parents[2]
SECONDS = 60
Refused = Callable[..., str]


def command(*arguments: str | bytes, cwd: Path = CHECKOUT, **variables: str | bytes) -> tuple[int, str]:
    """Exit code and standard error of `async-endpoint ...`; nothing it refuses may take long."""
    environment = {os.fsencode(name): os.fsencode(value) for name, value in (os.environ | variables).items()}
    done = subprocess.run(
        [sys.executable, "-m", "async_endpoint.cli", *arguments],
        capture_output=True,
        cwd=cwd,
        env=environment,
        timeout=SECONDS,
        check=False,
    )
    return done.returncode, done.stderr.decode("utf-8", "replace")


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The one sentence that a command was refused with, in this process: opening what blocks ends by an alarm."""

    def late(*_: Any) -> None:
        raise AssertionError(f"not refused within {SECONDS} seconds")

    def run(*arguments: str | bytes) -> str:
        monkeypatch.setattr(sys, "argv", ["async-endpoint", *map(os.fsdecode, arguments)])
        monkeypatch.chdir(CHECKOUT)
        before = signal.signal(signal.SIGALRM, late)
        signal.alarm(SECONDS)
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
        said = capsys.readouterr().err
        assert ended.value.code in (2, 3), said
        assert said.startswith("error: "), said
        assert said.count("\n") == 1, said
        return said

    return run


@pytest.fixture
def fifo(tmp_path: Path) -> str:
    os.mkfifo(tmp_path / "fifo")
    return str(tmp_path / "fifo")


def test_an_input_that_is_no_regular_file(refused: Refused, fifo: str, tmp_path: Path) -> None:
    for path, kind in ((fifo, "it is a FIFO"), ("/dev/zero", "it is a character device"), (str(tmp_path), "it is a folder")):
        assert kind in refused("invoke", "local", path)
        assert kind in refused("invoke", "local", path, "--top-k", "3", "--content-type", "image/png")
        if kind != "it is a folder":
            assert "Model folder" in refused("package", path, "--output", str(tmp_path / "model.tar.gz"))


def test_names_that_no_system_has_or_no_text(refused: Refused) -> None:
    assert "cannot be read" in refused("invoke", "local", "x" * 5_000)
    assert "cannot be read" in refused("invoke", "local", b"\xff.png")
    assert "no environment" in refused("outputs", b"\xff")


def test_a_model_folder_with_a_pipe_for_patterns(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "model" / "code").mkdir(parents=True)
    (tmp_path / "model" / "code" / "inference.py").write_text("def model_fn(d): ...\ndef predict_fn(d, m): ...\n")
    os.mkfifo(tmp_path / "model" / ".modelignore")
    assert "it is a FIFO" in refused("package", str(tmp_path / "model"), "--output", str(tmp_path / "out.tar.gz"))
    (tmp_path / "model" / ".modelignore").unlink()
    (tmp_path / "model" / "code" / "inference.py").write_text("(" * 10_000 + ")" * 10_000)
    assert "inference.py" in refused("package", str(tmp_path / "model"), "--output", str(tmp_path / "out.tar.gz"))


@pytest.fixture
def bare_checkout(tmp_path: Path) -> Path:
    """A checkout in which nothing can be written below .local: the root user may write into read-only folders."""
    (tmp_path / "modules" / "async-inference").mkdir(parents=True)
    (tmp_path / "envs" / "local").mkdir(parents=True)
    for name in ("main.tf", "backend.tf"):
        (tmp_path / "envs" / "local" / name).write_text("")
    (tmp_path / ".local").write_text("not a folder")
    return tmp_path


def test_a_checkout_that_cannot_be_written(bare_checkout: Path) -> None:
    for arguments in (["outputs", "local"], ["plan", "local"], ["local", "up", "--port", "0", "--detach"], ["local", "status"]):
        code, said = command(*arguments, cwd=bare_checkout, ASYNC_ENDPOINT_HOME=str(bare_checkout))
        assert code != 0
        assert "Traceback" not in said, said


def test_settings_that_are_not_text(bare_checkout: Path, tmp_path: Path) -> None:
    (bare_checkout / ".local").unlink()
    (bare_checkout / ".local" / "aws").mkdir(parents=True)
    (bare_checkout / ".local" / "aws" / "record.json").write_bytes(b"\xff\xfe")
    config = tmp_path / "config"
    config.write_bytes(b"[default]\nregion = \xff\xfe\n")
    for arguments in (["local", "status"], ["outputs", "local"]):
        code, said = command(
            *arguments,
            cwd=bare_checkout,
            ASYNC_ENDPOINT_HOME=str(bare_checkout),
            AWS_CONFIG_FILE=str(config),
            AWS_PROFILE=b"\xff",
        )
        assert code != 0
        assert "Traceback" not in said, said


@pytest.mark.parametrize(
    ("error", "kind", "code", "said"),
    [
        (PermissionError(13, "Permission denied", "/x/y"), InvalidInput, 2, "/x/y cannot be used (Permission denied)"),
        (OSError(28, "No space left on device"), InvalidInput, 2, "A file cannot be used (No space left"),
        (ConnectionRefusedError(111, "Connection refused"), NotReady, 3, "A connection failed"),
        ("\udcff", InvalidInput, 2, "is not UTF-8"),
        (ZeroDivisionError("a bug"), Exception, 1, "ZeroDivisionError: a bug. This is a defect"),
    ],
)
def test_every_error_is_one_sentence_and_a_code(error: Any, kind: type[Exception], code: int, said: str) -> None:
    if isinstance(error, str):
        with pytest.raises(UnicodeEncodeError) as caught:
            error.encode()
        error = caught.value
    reported = as_reported(error)
    assert isinstance(reported, kind)
    assert (reported.exit_code, said in str(reported)) == (code, True), str(reported)


def test_a_defect_keeps_its_traceback_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit), reported_errors():
        raise ZeroDivisionError
    monkeypatch.setenv(TRACEBACK_VARIABLE, "1")
    with pytest.raises(ZeroDivisionError), reported_errors():
        raise ZeroDivisionError


@pytest.mark.parametrize("option", ["--time-scale", "--instance-launch-seconds", "--filter-delay"])
@pytest.mark.parametrize("value", ["inf", "nan", "-1"])
def test_a_local_aws_starts_with_finite_times_only(
    option: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["async-endpoint", "local", "up", f"{option}={value}"])
    monkeypatch.setattr(daemon, "run", lambda *_, **__: pytest.fail("it started"))
    with pytest.raises(SystemExit, match="2"):
        main()
    assert f"Invalid value for '{option}'" in capsys.readouterr().err
