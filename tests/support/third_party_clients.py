"""Scripts of third-party clients, run in the environment that `make clients` makes."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

CLIENTS = "CLIENTS_PYTHON"  # the Python of the environment that has the clients
CLIENTS_V3 = "CLIENTS_V3_PYTHON"  # that of version 3 of SageMaker's SDK, which excludes version 2
LONGEST_SECONDS = 180
SCRIPTS = Path(__file__).resolve().parents[1] / "clients" / "scripts"


@dataclass(frozen=True)
class Order:
    """What a client is asked to deploy and to send, and where outputs are to go."""

    name: str
    image: str
    role: str
    bucket: str
    model_data: str
    input: str
    output: str
    failure: str


@dataclass(frozen=True)
class Client:
    """Runs a script that knows nothing of this project, with the variables that `async-endpoint local env` exports."""

    python: Path
    settings: dict[str, str]
    folder: Path

    def run(self, script: str, order: Order) -> str:
        """What the script prints; a script of Python gets the order as JSON, one of the shell as variables."""
        path = SCRIPTS / script
        given = asdict(order)
        variables = {name.upper(): value for name, value in given.items()} if path.suffix == ".sh" else {}
        command = ["bash", path] if variables else [self.python, path, json.dumps(given)]
        done = subprocess.run(
            command,
            env={
                "PATH": f"{self.python.parent}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(self.folder),
                **self.settings,
                **variables,
            },
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{script} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout


def client_of(variable: str, settings: dict[str, str], folder: Path) -> Client:
    """The client of the environment whose Python a variable names; skips the test without it."""
    if variable not in os.environ:
        pytest.skip("other people's clients have environments of their own: make clients")
    return Client(Path(os.environ[variable]), settings, folder)
