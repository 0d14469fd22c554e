"""What importing loads: nothing of an extra for the client and the commands' options, nothing at all for the package itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from async_endpoint.core.extras import EXTRAS

OF_EXTRAS = {*(name for names in EXTRAS.values() for name in names), "numpy", "PIL", "werkzeug"}
COMMANDS = """
from importlib import import_module
from async_endpoint.cli.app import FILES
for file in FILES.values():
    import_module(f"async_endpoint.cli.{file}")
"""


def loaded(program: str) -> set[str]:
    """The top-level modules that a program has loaded at its end."""
    shown = "\nimport sys\nprint(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program + shown], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("program", ["from async_endpoint import AsyncEndpoint", "import async_endpoint.batch.batch", COMMANDS])
def test_the_base_loads_nothing_of_an_extra(program: str) -> None:
    assert not loaded(program) & OF_EXTRAS


def test_the_client_loads_no_command_line() -> None:
    assert not loaded("from async_endpoint import AsyncEndpoint") & {"typer", "rich", "click"}


def test_the_package_alone_loads_no_boto3() -> None:
    assert not loaded("import async_endpoint") & {"boto3", "botocore"}


def test_the_check_sees_what_is_loaded() -> None:
    assert {"boto3", "werkzeug"} <= loaded("import boto3, werkzeug")
