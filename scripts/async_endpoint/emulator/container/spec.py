"""What CreateModel says of the containers of one instance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ContainerSpec:
    """One container of a model.

    `archive` is the content of model.tar.gz, None where the model is `files` by their path, or where there is no model data;
    `hostname` the ContainerHostname, if one is given. `models` makes it a multi-model container: the archive of a TargetModel;
    what it raises passes through `invoke`. An `isolated` container reaches no network, so pip downloads nothing for it.
    """

    archive: bytes | None
    environment: Mapping[str, str]
    image: str = ""
    hostname: str = ""
    models: Callable[[str], bytes] | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    isolated: bool = False


@dataclass(frozen=True)
class Workload:
    """All containers of one instance.

    `direct` is InferenceExecutionConfig's mode: each is invoked by its hostname. Otherwise (Serial) the output of each is the
    input of the next.
    """

    containers: tuple[ContainerSpec, ...]
    direct: bool = False

    def names(self) -> tuple[str, ...]:
        """What each container is called in errors and logs: its hostname, else container-1, container-2, … in their order.

        The guide's page on logs of inference pipelines gives both. A container by itself is `primary`, as its errors have it.
        """
        if len(self.containers) == 1 and not self.direct:
            return ("primary",)
        return tuple(spec.hostname or f"container-{number}" for number, spec in enumerate(self.containers, 1))
