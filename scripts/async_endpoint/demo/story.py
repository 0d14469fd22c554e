"""What is told: one line an event, with the seconds since the story began."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

# Terraform's own line for a finished resource, wherever a module put it.
_DONE = re.compile(r"^(?P<address>\S+): (?P<verb>Creation|Destruction) complete after (?P<time>\w+)")

_STEPS = {
    "Initializing the backend...": "  terraform init",
    "Terraform has been successfully initialized!": "  terraform plan",
}


class Story:
    """Passes (elapsed seconds, text) to `line` and a result's recommendations to `table`."""

    def __init__(self, line: Callable[[float, str], None], table: Callable[[list[Any]], None]) -> None:
        self._line = line
        self._started = time.monotonic()
        self.table = table

    def tell(self, text: str) -> None:
        self._line(time.monotonic() - self._started, text)

    def terraform(self, line: str) -> None:
        """Tell of init, plan and each resource that is made or gone; the rest of Terraform's output is left out."""
        if line in _STEPS:
            self.tell(_STEPS[line])
        match = _DONE.match(line)
        if match:
            place = re.sub(r"\bmodule\.(?:async_inference\.)?", "", match["address"])
            self.tell(f"  {'+' if match['verb'] == 'Creation' else '-'} {place} ({match['time']})")
