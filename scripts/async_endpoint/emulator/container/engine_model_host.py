"""Multi-model host on a container engine: models are loaded through the container contract of multi-model endpoints.

Source: developer guide, build your own container for multi-model endpoints: POST /models loads, POST /models/<name>/invoke
invokes, DELETE /models/<name> unloads; 507 means insufficient memory.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from async_endpoint.emulator.container.archive import ArchiveUnusable, unpack
from async_endpoint.emulator.container.container import ContainerDied, ContainerResponse, ContainerSpec, ContainerTimedOut
from async_endpoint.emulator.container.engine import ContainerEngine, EngineContainer, make_readable
from async_endpoint.emulator.container.multi_model import LOAD_SECONDS, CannotLoad
from async_endpoint.emulator.container.payload import Body

MODELS = "/opt/ml/models"
UNLOAD_SECONDS = 60.0


class EngineModelHost(EngineContainer):
    """A container that loads and unloads models while it runs."""

    def __init__(
        self,
        engine: ContainerEngine,
        folder: Path,
        spec: ContainerSpec,
        on_output: Callable[[str], None],
        on_exit: Callable[[int], None],
    ) -> None:
        self._models = folder / "models"
        self._models.mkdir(parents=True)
        make_readable(self._models)
        spec = replace(spec, environment={**spec.environment, "SAGEMAKER_MULTI_MODEL": "true"})
        super().__init__(engine, folder, spec, (self._models, MODELS), on_output, on_exit)

    def load(self, target: str, archive: Body) -> EngineModel:
        name = uuid.uuid4().hex  # opaque, as SageMaker's; unique, because an old one may still be unloading
        folder = self._models / name
        try:
            unpack(archive, folder / "model")
            make_readable(folder)
            order = json.dumps({"model_name": name, "url": f"{MODELS}/{name}/model"}).encode()
            headers = {"Content-Type": "application/json", "X-Amzn-SageMaker-Target-Model": target}
            answer = self.request("POST", "/models", order, headers, LOAD_SECONDS)
            if answer.status >= 400:
                raise CannotLoad(answer.status, f"Failed to load model {target}: {answer.body.decode(errors='replace')}")
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, ArchiveUnusable | ContainerTimedOut):
                raise CannotLoad(500, f"Failed to load model {target}: {error}") from error
            raise
        return EngineModel(self, name, folder)


class EngineModel:
    """One model in such a container."""

    def __init__(self, container: EngineModelHost, name: str, folder: Path) -> None:
        self._container = container
        self._path = f"/models/{name}"
        self._folder = folder

    @property
    def alive(self) -> bool:
        return self._container.alive

    def invoke(self, body: Body, headers: Mapping[str, str], timeout: float) -> ContainerResponse:
        return self._container.request("POST", f"{self._path}/invoke", body, headers, timeout)

    def unload(self) -> None:
        with contextlib.suppress(ContainerDied, ContainerTimedOut):  # the container has ended, or no longer answers
            self._container.request("DELETE", self._path, b"", {}, UNLOAD_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)
