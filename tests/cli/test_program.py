"""What the program itself prints: its version, and its own errors as other tools print them."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from async_endpoint.cli.app import main
from async_endpoint.core.errors import UsageError


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["async-endpoint", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(str(ended.value.code or 0))


def test_the_version_is_that_of_the_installed_distribution(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"async-endpoint {version('async-endpoint')}\n"


def test_a_command_outside_a_checkout_says_so_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Also before it asks for the extra [deploy], which could not help."""
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(tmp_path))
    for module in [name for name in sys.modules if name.split(".")[:2] == ["async_endpoint", "deploy"]]:
        monkeypatch.delitem(sys.modules, module)
    for command in ("plan", "verify", "invoke"):
        assert run(monkeypatch, command, "dev", *(["x"] if command == "invoke" else [])) == UsageError.exit_code
        assert capsys.readouterr().err.startswith(f"error: {tmp_path} is not inside a checkout")
    assert not any(name.startswith("async_endpoint.deploy.") for name in sys.modules)
