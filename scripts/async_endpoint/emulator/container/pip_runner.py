"""pip, ending with whoever started it: run as a script with pip's own arguments, in a session of its own.

Standard input is never written to: when it closes, pip and whatever it started are killed.
"""

from __future__ import annotations

import runpy

from async_endpoint.emulator.container.model_server import end_with_starter

if __name__ == "__main__":
    end_with_starter()
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
