"""The console command's first module: it loads nothing before Ctrl-C can end it in one line."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line; Ctrl-C ends it with 130 and without a traceback, while it loads and while it ends, too."""
    try:
        from async_endpoint.cli.app import main as run  # noqa: PLC0415 - loading takes a while, and may be interrupted

        run()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # an ignore that was inherited stays
            signal.signal(signal.SIGINT, signal.SIG_DFL)
