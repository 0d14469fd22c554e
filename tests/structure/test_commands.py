"""The console command starts quickly, because a command loads only its own file."""

from __future__ import annotations

import subprocess
import sys

from async_endpoint.cli.app import FILES

PROGRAM = """
import sys
from async_endpoint.cli.app import main
try:
    main()
except SystemExit as ended:
    print(ended.code, *sorted(name for name in sys.modules if name.startswith("async_endpoint.cli.") or name == "botocore"))
"""


def loaded(*arguments: str) -> list[str]:
    """The exit code, and what was loaded of the command line and of boto3."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()


def test_a_command_loads_its_own_file_only() -> None:
    assert loaded("package", "--help") == [
        "0",
        "async_endpoint.cli.app",
        "async_endpoint.cli.console",
        "async_endpoint.cli.package",
    ]


def test_an_unknown_command_loads_no_command() -> None:
    assert loaded("pakcage") == ["2", "async_endpoint.cli.app", "async_endpoint.cli.console"]


def test_the_list_of_commands_is_complete() -> None:
    done = subprocess.run([sys.executable, "-m", "async_endpoint.cli", "--help"], capture_output=True, text=True, check=True)
    assert [name for name in FILES if f" {name} " not in done.stdout] == []
