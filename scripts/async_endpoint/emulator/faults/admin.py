"""Faults as people and tests set them: `/_local/faults` of the local AWS."""

from __future__ import annotations

import dataclasses
from random import Random
from typing import Any

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.faults.faults import Faults
from async_endpoint.emulator.faults.kinds import ClockJump, Fault, InstanceKill
from async_endpoint.emulator.faults.parsing import read
from async_endpoint.emulator.hosting.service import Hosting


class FaultsAdmin:
    """POST /_local/faults sets one, or does what happens at once; GET lists; DELETE /_local/faults[/ID or KIND] clears."""

    def __init__(self, faults: Faults, hosting: Hosting) -> None:
        self._faults = faults
        self._hosting = hosting

    def answer(self, method: str, name: str, document: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to a request for `name`, which may be empty; None if there is no such thing. Raises InvalidInput."""
        if (method, name) == ("POST", ""):
            return self._set(document)
        if (method, name) == ("GET", ""):
            return {"faults": self._faults.all()}
        if method == "DELETE":
            return {"cleared": self._faults.clear(name or None)}
        return None

    def _set(self, document: dict[str, Any]) -> dict[str, Any]:
        asked = read(document)
        if isinstance(asked, Fault):
            return self._faults.add(asked)
        done = {"kind": asked.name, **dataclasses.asdict(asked)}
        if isinstance(asked, InstanceKill):
            done["killed"] = self._kill(asked)
        elif isinstance(asked, ClockJump):
            self._hosting.clock.jump(asked.seconds)
            self._hosting.notify()
            done["now"] = self._hosting.clock.now()
        return done

    def _kill(self, asked: InstanceKill) -> list[str]:
        """SIGKILL containers that run, and say whose. Which ones, the seed decides, in the order they were launched."""
        endpoints = [endpoint for endpoint in self._hosting.all() if endpoint.name == asked.endpoint]
        if not endpoints:
            known = ", ".join(sorted(endpoint.name for endpoint in self._hosting.all())) or "none"
            raise InvalidInput(f"There is no endpoint {asked.endpoint!r}; those there are: {known}.")
        running = [item for endpoint in endpoints for item in endpoint.instances if item.pid is not None and not item.ended]
        chosen = [item for item in running if asked.instance in (None, item.id)]
        if not chosen:
            named = f"{asked.instance!r} that runs" if asked.instance else "that runs"
            known = ", ".join(item.id for item in running) or "none"
            raise InvalidInput(f"Endpoint {asked.endpoint} has no instance {named}; those that do: {known}.")
        chosen = chosen if asked.instance else Random(asked.seed).sample(chosen, min(asked.count, len(chosen)))
        for item in chosen:
            item.kill()
        return [item.id for item in chosen]
