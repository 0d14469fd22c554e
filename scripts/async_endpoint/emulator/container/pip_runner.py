"""Runs pip so that it ends with its parent: a script with pip's arguments, started in a session of its own.

When standard input closes, pip and its descendants are killed.
"""

from __future__ import annotations

import runpy

from async_endpoint.emulator.container.model_server import exit_with_parent

if __name__ == "__main__":
    exit_with_parent()
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
