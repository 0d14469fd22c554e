"""A local AWS in this process whose behaviour is changed: what the parity runner must find. At most one per process.

`Deviation` changes it through a pytest.MonkeyPatch; `answering` rewrites the responses to one action.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.emulator.api_calls import call_of
from async_endpoint.emulator.emulator import Emulator
from parity.account import Account
from parity.local import local_account
from parity.probe import Observation, Probe, Verdict
from parity.runner import run_probes

Change = Callable[[pytest.MonkeyPatch, Emulator], None]


@dataclass(frozen=True)
class Deviation:
    """One wrong behaviour, and the probe that must find it."""

    name: str
    probe: str
    apply: Change


@dataclass(frozen=True)
class Answer:
    """An HTTP response."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes

    def sub(self, pattern: str, replacement: str, count: int = 0) -> Answer:
        """With a regular expression replaced in the body."""
        return replace(self, body=re.sub(pattern.encode(), replacement.encode(), self.body, count=count, flags=re.DOTALL))

    def error(self, code: str, status: str = "") -> Answer:
        """An error of a JSON service with another code, if it is an error."""
        if self.status.startswith("2"):
            return self
        coded = self.header("x-amzn-ErrorType", lambda _: code).sub(r'"__type": *"[^"]*"', f'"__type": "{code}"')
        return replace(coded, status=status or self.status)

    def header(self, name: str, change: Callable[[str], str | None]) -> Answer:
        """With a header changed, or removed where `change` returns None."""
        changed = [(key, change(value) if key.lower() == name.lower() else value) for key, value in self.headers]
        return replace(self, headers=[(key, value) for key, value in changed if value is not None])


_registered: dict[str, Deviation] = {}


def deviation(probe: str) -> Callable[[Change], Change]:
    """Register a change of the emulator that this probe must find. Its docstring says what AWS would do wrong."""

    def register(apply: Change) -> Change:
        name = getattr(apply, "__name__", "")
        assert name not in _registered, f"two deviations are named {name}"
        _registered[name] = Deviation(name, probe, apply)
        return apply

    return register


def all_deviations() -> dict[str, Deviation]:
    """Every deviation of the folder tests/parity/deviations, by name."""
    for path in sorted((Path(__file__).parents[1] / "parity/deviations").glob("*.py")):
        importlib.import_module(f"parity.deviations.{path.stem}")
    return dict(sorted(_registered.items()))


def answering(
    patch: pytest.MonkeyPatch, aws: Emulator, service: str, action: str, change: Callable[[Answer, bytes], Answer]
) -> None:
    """Change the responses to an action; `change` gets the response and the body of the request."""
    inner: Any = aws._calls._application

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        call = call_of(environ)
        if call is None or (call.service, call.action) != (service, action):
            answer: Iterable[bytes] = inner(environ, start_response)
            return answer
        request = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(request)
        started: list[tuple[str, list[tuple[str, str]]]] = []
        chunks = inner(environ, lambda status, headers, *_: started.append((status, headers)))
        body = b"".join(chunks)
        changed = change(Answer(*started[0], body), request)
        headers = [item for item in changed.headers if item[0].lower() != "content-length"]
        if environ["REQUEST_METHOD"] != "HEAD":
            headers.append(("Content-Length", str(len(changed.body))))
        start_response(changed.status, headers)
        return [changed.body]

    patch.setattr(aws._calls, "_application", application)


def acting(
    patch: pytest.MonkeyPatch, aws: Emulator, action: str, change: Callable[[Callable[..., Any], str, dict[str, Any]], Any]
) -> None:
    """Replace an action of SageMaker's control plane; `change` gets what it does, the region and the request."""
    original = aws._control._actions[action]
    patch.setitem(aws._control._actions, action, lambda region, request: change(original, region, request))


class DeviatingAws:
    """Runs probes on a local AWS of this process, as it is or with deviations."""

    def __init__(self, aws: Emulator) -> None:
        self.aws = aws
        self._runs = 0

    def account(self) -> Account:
        self._runs += 1
        remote: Any = self.aws
        return local_account(remote, f"{self._runs:08x}", self.aws.clock.scale)

    def observe(self, probes: Sequence[Probe], deviations: Sequence[Deviation] = ()) -> dict[str, list[Observation]]:
        """Run probes under all of these deviations, on an empty account."""
        with pytest.MonkeyPatch.context() as patch:
            for deviation in deviations:
                deviation.apply(patch, self.aws)
            try:
                return run_probes(probes, self.account())
            finally:
                self.aws.reset()


def found(observations: Sequence[Observation]) -> bool:
    """Whether any observation deviates."""
    return any(item.verdict is Verdict.DEVIATES for item in observations)


@contextlib.contextmanager
def deviating_aws(time_scale: float) -> Iterator[DeviatingAws]:
    """A local AWS that ends with the block."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(Path(folder) / "cache"))
        aws = Emulator(Path(folder) / "aws", 0, time_scale, launch_seconds=6)
        aws.start()
        try:
            yield DeviatingAws(aws)
        finally:
            aws.stop()
