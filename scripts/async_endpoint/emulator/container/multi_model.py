"""Multi-model containers: models are loaded on first use, and evicted (least recently used) when others need the capacity.

The capacity is a number of models, SAGEMAKER_MULTI_MODEL_MAX_LOADED in the container's environment. That is A147:
SageMaker uses the instance's memory and documents no number. Also A147: idle models are evicted before busy ones, and a
busy one finishes its requests first. A model that fails to load, or dies, is an error response and not an instance failure.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Protocol

from async_endpoint.emulator.container.container import ContainerDied, ContainerResponse, ContainerSpec, ContainerTimedOut
from async_endpoint.emulator.container.payload import Body, Payload

LOAD_SECONDS = 600.0  # for one model, in real seconds


class CannotLoad(Exception):
    """A model cannot be loaded; has the status and text of the container's response."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class LoadedModel(Protocol):
    """One model in memory."""

    @property
    def alive(self) -> bool: ...

    def invoke(self, body: Body, headers: Mapping[str, str], timeout: float) -> ContainerResponse: ...

    def unload(self) -> None:
        """Returns once it is unloaded."""


class ModelHost(Protocol):
    """What loads the models of one container: processes, or a container of an engine."""

    @property
    def pids(self) -> tuple[int, ...]: ...

    @property
    def alive(self) -> bool: ...

    def ping(self, timeout: float) -> bool: ...

    def load(self, target: str, archive: Body) -> LoadedModel:
        """Returns once it is loaded; raises CannotLoad, after LOAD_SECONDS at the latest."""

    def kill(self) -> None: ...


MAX_LOADED = "SAGEMAKER_MULTI_MODEL_MAX_LOADED"
DEFAULT_MAX_LOADED = 8
INSUFFICIENT_MEMORY = 507  # the status of a container without memory for another model
CAPACITY_POLL_SECONDS = 0.5  # between two checks whether the container is alive, while waiting for capacity


class _Slot:
    """One model: loading until `settled` is set, then loaded, or `failure` is the reason why not."""

    def __init__(self) -> None:
        self.settled = threading.Event()
        self.unloaded = threading.Event()
        self.model: LoadedModel | None = None
        self.failure: Exception | None = None
        self.in_flight = 0
        self.used_at = 0.0


class MultiModel:
    """A multi-model container on `host`."""

    def __init__(self, host: ModelHost, spec: ContainerSpec) -> None:
        assert spec.models is not None
        self._host = host
        self._read_archive = spec.models
        self._capacity = _capacity(spec.environment)
        self._used = 0  # models that are loading, loaded or unloading
        self._unloading = 0
        self._waiting = 0  # loads waiting for capacity
        self._slots: dict[str, _Slot] = {}
        self._changed = threading.Condition()

    @property
    def pid(self) -> int | None:
        return next(iter(self.pids), None)

    @property
    def pids(self) -> tuple[int, ...]:
        return self._host.pids

    @property
    def alive(self) -> bool:
        return self._host.alive

    def ping(self, timeout: float = 2.0) -> bool:
        return self._host.ping(timeout)

    def invoke(self, body: Body, headers: Mapping[str, str], timeout: float, target: str = "") -> ContainerResponse:
        """Loading is part of the request's time; after a time-out it continues for the next request."""
        deadline = time.monotonic() + timeout
        slot = self._acquire(target)
        try:
            if not slot.settled.wait(timeout):
                raise ContainerTimedOut(f"model {target} was not loaded within {timeout:g} seconds")
            if isinstance(slot.failure, CannotLoad) and self.alive:
                return _error(slot.failure.status, str(slot.failure))
            if slot.failure is not None and self.alive:
                raise slot.failure
            if slot.model is None:
                raise ContainerDied("the container is gone")
            given = {**headers, "X-Amzn-SageMaker-Target-Model": target}
            return slot.model.invoke(body, given, max(deadline - time.monotonic(), 0.001))
        except ContainerDied:
            if not self.alive:
                raise
            with self._changed:
                if self._slots.get(target) is slot:
                    self._evict(target)
            return _error(500, "Worker died.")
        finally:
            with self._changed:
                slot.in_flight -= 1
                self._changed.notify_all()

    def kill(self) -> None:
        self._host.kill()

    def _acquire(self, target: str) -> _Slot:
        """Take a reference to the model's slot; creates it and starts loading if there is none."""
        if not self.alive:
            raise ContainerDied("the container is gone")
        with self._changed:
            slot = self._slots.get(target)
            if slot is not None and slot.model is not None and not slot.model.alive:
                self._evict(target)
                slot = None
            if slot is None:
                slot = self._slots[target] = _Slot()
                threading.Thread(target=self._load, args=(target, slot), name=f"load-{target}", daemon=True).start()
            slot.in_flight += 1
            slot.used_at = time.monotonic()
            return slot

    def _load(self, target: str, slot: _Slot) -> None:
        try:
            archive = self._read_archive(target)
            self._reserve_capacity()
            try:
                slot.model = self._load_evicting(target, archive)
            except BaseException:
                self._release_capacity()
                raise
        except Exception as error:  # raised in every waiting request; the next request loads again
            slot.failure = error
        with self._changed:
            if slot.model is None and self._slots.get(target) is slot:
                del self._slots[target]
            slot.settled.set()
            self._changed.notify_all()

    def _load_evicting(self, target: str, archive: Body) -> LoadedModel:
        """Load a model, evicting others while the container reports insufficient memory (documented)."""
        while True:
            try:
                return self._host.load(target, archive)
            except CannotLoad as error:
                with self._changed:
                    victim = self._least_recently_used()
                    if error.status != INSUFFICIENT_MEMORY or victim is None:
                        raise
                    evicted = self._evict(victim)
                evicted.unloaded.wait()

    def _reserve_capacity(self) -> None:
        """Wait for capacity, evicting models if needed; raises ContainerDied when the container ends before."""
        with self._changed:
            self._waiting += 1
            try:
                while self._used >= self._capacity:
                    if not self.alive:
                        raise ContainerDied("the container is gone")
                    victim = self._least_recently_used()
                    if self._unloading < self._waiting and victim is not None:
                        self._evict(victim)
                    else:
                        self._changed.wait(CAPACITY_POLL_SECONDS)
                self._used += 1
            finally:
                self._waiting -= 1

    def _release_capacity(self) -> None:
        with self._changed:
            self._used -= 1
            self._changed.notify_all()

    def _least_recently_used(self) -> str | None:
        """The least recently used idle model, or else the least recently used busy one. Called with the lock held."""
        loaded = [(slot.in_flight > 0, slot.used_at, name) for name, slot in self._slots.items() if slot.model is not None]
        return min(loaded)[2] if loaded else None

    def _evict(self, target: str) -> _Slot:
        """Give a loaded model no new requests, and unload it once it is idle. Called with the lock held."""
        slot = self._slots.pop(target)
        self._unloading += 1
        threading.Thread(target=self._unload, args=(slot,), name=f"unload-{target}", daemon=True).start()
        return slot

    def _unload(self, slot: _Slot) -> None:
        assert slot.model is not None
        with self._changed:
            self._changed.wait_for(lambda: slot.in_flight == 0)
        slot.model.unload()
        with self._changed:
            self._unloading -= 1
            self._release_capacity()
        slot.unloaded.set()


def _capacity(environment: Mapping[str, str]) -> int:
    given = environment.get(MAX_LOADED, "")
    return max(int(given), 1) if given.isdecimal() else DEFAULT_MAX_LOADED


def _error(status: int, text: str) -> ContainerResponse:
    """An error response in the multi-model server's format."""
    kind = "InsufficientMemory" if status == INSUFFICIENT_MEMORY else "InternalServerException"
    body = json.dumps({"code": status, "type": kind, "message": text})
    return ContainerResponse(status, "application/json", None, Payload(body.encode()))
