"""What adoption writes: files of an environment, imports, and what a person has to know or do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from async_endpoint.deploy.live_adoption.resources import LiveResource
from async_endpoint.deploy.live_adoption.secret_values import Secret


@dataclass(frozen=True)
class Import:
    """A resource that exists, and the address that it gets."""

    address: str
    resource: LiveResource


@dataclass(frozen=True)
class Described:
    """An endpoint in terms of this project's modules.

    `text` are the blocks, `calls` the names of the module calls in it. `output` is the line for output `async_endpoints`, None
    for an endpoint that is not asynchronous. `changes` are sentences on what is different after an apply, `kept` on what stays
    as it is and is not described. `secrets` are what the text refers to as variables of the root, by the name of the variable.
    """

    text: str
    calls: Sequence[str]
    imports: Sequence[Import]
    output: str | None
    changes: Sequence[str]
    kept: Sequence[str]
    secrets: Mapping[str, Secret] = field(default_factory=dict)
