"""An environment of this checkout, asked for through the console command: the client knows nothing of Terraform."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from async_endpoint.core.errors import AsyncEndpointError, NotReady, UsageError

_KINDS: dict[int, type[AsyncEndpointError]] = {2: UsageError, 3: NotReady}


def outputs_of(name: str, *, local: bool = False) -> dict[str, Any]:
    """The document of `async-endpoint outputs NAME --json`; raises what the command ended with, in its words."""
    command = [sys.executable, "-m", "async_endpoint.cli", "outputs", name, "--json", *(["--local"] if local else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = " ".join(done.stderr.split()).removeprefix("error ")
        raise _KINDS.get(done.returncode, AsyncEndpointError)(said or f"The outputs of {name} cannot be read.")
    document: dict[str, Any] = json.loads(done.stdout)
    return document
