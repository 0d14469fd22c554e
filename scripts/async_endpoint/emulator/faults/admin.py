"""The HTTP API of faults: `/_local/faults` of the emulator."""

from __future__ import annotations

import dataclasses
from random import Random
from typing import Any

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.faults.faults import Faults
from async_endpoint.emulator.faults.kinds import ClockJump, Fault, InstanceKill, parse_fault
from async_endpoint.emulator.hosting.service import Hosting


class FaultsAdmin:
    """POST /_local/faults sets a fault or executes an immediate one, GET lists, DELETE /_local/faults[/ID or KIND] clears."""

    def __init__(self, faults: Faults, hosting: Hosting) -> None:
        self._faults = faults
        self._hosting = hosting

    def answer(self, method: str, name: str, document: dict[str, Any]) -> dict[str, Any] | None:
        """The response to a request for `name`, an id, a kind or empty; None for an unknown method. Raises InvalidInput."""
        if (method, name) == ("POST", ""):
            return self._set(document)
        if (method, name) == ("GET", ""):
            return {"faults": self._faults.all()}
        if method == "DELETE":
            return {"cleared": self._faults.clear(name or None)}
        return None

    def _set(self, document: dict[str, Any]) -> dict[str, Any]:
        fault = parse_fault(document)
        if isinstance(fault, Fault):
            return self._faults.add(fault)
        done = {"kind": fault.name, **dataclasses.asdict(fault)}
        if isinstance(fault, InstanceKill):
            done["killed"] = self._kill(fault)
        elif isinstance(fault, ClockJump):
            self._hosting.clock.jump(fault.seconds)
            self._hosting.notify()
            done["now"] = self._hosting.clock.now()
        return done

    def _kill(self, fault: InstanceKill) -> list[str]:
        """SIGKILL containers, chosen by the seed from those running, in launch order; returns the instances' ids."""
        endpoints = [endpoint for endpoint in self._hosting.all() if endpoint.name == fault.endpoint]
        if not endpoints:
            known = ", ".join(sorted(endpoint.name for endpoint in self._hosting.all())) or "none"
            raise InvalidInput(f"There is no endpoint {fault.endpoint!r}; existing endpoints: {known}.")
        running = [item for endpoint in endpoints for item in endpoint.instances if item.pid is not None and not item.ended]
        chosen = [item for item in running if fault.instance in (None, item.id)]
        if not chosen:
            named = f"{fault.instance!r} that is running" if fault.instance else "that is running"
            known = ", ".join(item.id for item in running) or "none"
            raise InvalidInput(f"Endpoint {fault.endpoint} has no instance {named}; running: {known}.")
        chosen = chosen if fault.instance else Random(fault.seed).sample(chosen, min(fault.count, len(chosen)))
        for item in chosen:
            item.kill()
        return [item.id for item in chosen]
