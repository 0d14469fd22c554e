"""The process of a detached local AWS: `python -m async_endpoint.emulator SETTINGS`, as `daemon.start_detached` runs it.

SETTINGS is a JSON object of the arguments of `daemon.run`, and `root`, the checkout's folder. The access key is in the
environment: other users can read command lines.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from async_endpoint import signals
from async_endpoint.core.errors import AsyncEndpointError
from async_endpoint.emulator import daemon
from async_endpoint.emulator.auth.credentials import parse_access_key
from async_endpoint.error_report import TRACEBACK_VARIABLE, as_reported
from async_endpoint.local_aws import LocalAwsRecord, time_scale_text
from async_endpoint.workspace import Workspace


def main() -> None:
    """Serve until stopped; an error is one sentence after `error`, and its class's exit code."""
    settings = json.loads(sys.argv[1])
    workspace, state_dir = Workspace(Path(settings.pop("root"))), settings.pop("state_dir")
    key = parse_access_key(os.environ.get(daemon.ACCESS_KEY_VARIABLE), os.environ.get(daemon.SECRET_KEY_VARIABLE))
    try:
        with signals.terminating():
            daemon.run(workspace, **settings, state_dir=Path(state_dir) if state_dir else None, access_key=key, ready=_announce)
    except KeyboardInterrupt:
        sys.exit(128 + (signals.received() or 2))
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE) and not isinstance(error, AsyncEndpointError):
            raise
        reported = as_reported(error)
        sys.stderr.write(f"error: {reported}\n")
        sys.exit(reported.exit_code)


def _announce(record: LocalAwsRecord) -> None:
    sys.stderr.write(f"local AWS at {record.endpoint_url} (process {record.pid}); {time_scale_text(record.time_scale)}\n")


if __name__ == "__main__":
    main()
