"""Multi-model host with one process per model, as the real multi-model server has one worker per model."""

from __future__ import annotations

import itertools
import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from async_endpoint.emulator.container.container import CannotStart, ContainerDied, ContainerSpec
from async_endpoint.emulator.container.deadline import Deadline
from async_endpoint.emulator.container.multi_model import LOAD_SECONDS, CannotLoad
from async_endpoint.emulator.container.payload import Body
from async_endpoint.emulator.container.process import ContainerProcess

PING_PAUSE_SECONDS = 0.05


class PythonModel(ContainerProcess):
    """The process of one model."""

    def unload(self) -> None:
        self.kill()
        self.wait()


class PythonModelHost:
    """Starts and stops model processes; `on_exit` is called once, after `kill`. Without a model there is no process."""

    def __init__(
        self, folder: Path, spec: ContainerSpec, on_output: Callable[[str], None], on_exit: Callable[[int], None]
    ) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._spec = replace(spec, models=None, environment={**spec.environment, "SAGEMAKER_MULTI_MODEL": "true"})
        self._on_output = on_output
        self._on_exit = on_exit
        self._numbers = itertools.count(1)
        self._models: dict[int, PythonModel | None] = {}  # None: starting
        self._changed = threading.Condition()
        self._killed = threading.Event()

    @property
    def pids(self) -> tuple[int, ...]:
        with self._changed:
            return tuple(model.pid for model in self._models.values() if model is not None and model.alive)

    @property
    def alive(self) -> bool:
        return not self._killed.is_set()

    def ping(self, timeout: float) -> bool:
        return self.alive

    def load(self, target: str, archive: Body) -> PythonModel:
        number = next(self._numbers)
        self._register(number, None)
        folder = self._folder / str(number)
        spec = replace(self._spec, archive=archive)
        deadline = Deadline(LOAD_SECONDS, self._killed)
        try:
            model = PythonModel(folder, spec, self._on_output, partial(self._unregister, number), deadline)
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            self._unregister(number)
            if isinstance(error, CannotStart | OSError):
                raise CannotLoad(500, f"Failed to load model {target}: {error}") from error
            raise
        self._register(number, model)
        while not model.ping():
            if not model.alive:
                raise CannotLoad(500, f"Failed to load model {target}: its process ended during loading.")
            if deadline.expired:
                model.unload()
                raise CannotLoad(500, f"Failed to load model {target}: it was not loaded within {LOAD_SECONDS:g} seconds.")
            time.sleep(PING_PAUSE_SECONDS)
        return model

    def kill(self) -> None:
        with self._changed:
            first = self.alive
            self._killed.set()
            models = list(self._models.values())
        for model in models:
            if model is not None:
                model.kill()
        if first:
            threading.Thread(target=self._wait_until_empty, name=f"end-{self._folder.name}", daemon=True).start()

    def _register(self, number: int, model: PythonModel | None) -> None:
        with self._changed:
            gone = not self.alive
            if model is None or number in self._models:  # a process that already ended is already unregistered
                self._models[number] = model
        if gone and model is None:
            self._unregister(number)
            raise ContainerDied("the container is gone")
        if gone and model is not None:
            model.kill()

    def _unregister(self, number: int, _exit_code: int = 0) -> None:
        with self._changed:
            self._models.pop(number, None)
            self._changed.notify_all()

    def _wait_until_empty(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._models)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._on_exit(-signal.SIGKILL)
