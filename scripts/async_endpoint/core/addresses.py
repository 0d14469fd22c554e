"""Addresses of what is deployed, as users write them: ENV for an environment, ENV/NAME for one of its endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from async_endpoint.core.errors import AmbiguousEndpoint, InvalidInput, UnknownEndpoint, UsageError
from async_endpoint.core.outputs import OUTPUT_NAME
from async_endpoint.core.text import joined, with_article


@dataclass(frozen=True)
class Address:
    """A whole environment, or with `endpoint` one of its endpoints, by the name that output `async_endpoints` has for it."""

    environment: str
    endpoint: str | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises UsageError for an address without an environment or with an empty name, InvalidInput for what is no str."""
        if not isinstance(text, str):
            raise InvalidInput(
                f"The address is {with_article(type(text).__name__)}; give a str: ENV for an environment, or ENV/NAME for one "
                "of its endpoints."
            )
        environment, slash, endpoint = text.partition("/")
        if not environment or (slash and not endpoint):
            raise UsageError(
                f"{text!r} is not a valid address; write ENV for an environment, or ENV/NAME for one of its endpoints."
            )
        return cls(environment, endpoint or None)

    def __str__(self) -> str:
        return self.environment if self.endpoint is None else f"{self.environment}/{self.endpoint}"

    def select(self, names: Iterable[str]) -> list[str]:
        """Those of an environment's endpoint `names` that are addressed; raises UnknownEndpoint listing them."""
        there = sorted(names)
        if self.endpoint is None:
            return there
        if self.endpoint not in there:
            raise UnknownEndpoint(
                f"{self.endpoint!r} is not in output {OUTPUT_NAME} of {self.environment}; it has {joined(there) or 'none'}."
            )
        return [self.endpoint]

    def select_one(self, names: Iterable[str]) -> str:
        """The endpoint that is addressed, for what takes exactly one.

        Raises UnknownEndpoint, and AmbiguousEndpoint listing the endpoints when there are several to choose from.
        """
        selected = self.select(names)
        if not selected:
            raise self.nothing_there()
        if len(selected) > 1:
            raise AmbiguousEndpoint(
                f"{self.environment} has {len(selected)} endpoints; choose one of {self._listed(selected)}."
            )
        return selected[0]

    def nothing_there(self) -> UnknownEndpoint:
        """What to raise where the environment has no endpoints at all."""
        return UnknownEndpoint(f"{self.environment} has no endpoint; add one to envs/{self.environment}/main.tf and apply.")

    def _listed(self, names: Iterable[str]) -> str:
        return ", ".join(f"{self.environment}/{name}" for name in names)


def whole_environment(text: str) -> str:
    """The environment of an address, for what covers all of it; raises UsageError for one endpoint's address."""
    address = Address.parse(text)
    if address.endpoint is not None:
        raise UsageError(
            f"{text} is one endpoint, and this command always covers all of {address.environment}; "
            f"name the environment alone: {address.environment}"
        )
    return address.environment
