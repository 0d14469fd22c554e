"""What a root says of its endpoints before the first apply, as far as its calls of module async-inference are literals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from async_endpoint.core.terraform_types import UnreadableType, variable_types
from async_endpoint.terraform.module_literals import Literal, ModuleCall, Value, module_calls

MODULE: Final = "async-inference"


class Expression:
    """A value that is no literal; only Terraform can evaluate it."""


EXPRESSION: Final = Expression()

Setting = Mapping[str, "Setting"] | Sequence["Setting"] | str | int | float | bool | Expression | None


@dataclass(frozen=True)
class ConfiguredEndpoint:
    """One call of the module: its name in the root, and its arguments by name. A missing field has its default."""

    call: str
    arguments: Mapping[str, Setting]
    defaults: Mapping[str, str]

    def get(self, path: str) -> Setting:
        """The value at a path such as `endpoint.instance_type`: written, its default, None without one, or EXPRESSION."""
        value: Setting = self.arguments
        for key in path.split("."):
            if isinstance(value, Expression):
                return EXPRESSION
            if not isinstance(value, Mapping) or key not in value:
                return self._default(path)
            value = value[key]
        return value

    @property
    def containers(self) -> list[Mapping[str, Setting]]:
        """The containers that are written as objects."""
        value = self.get("model.containers")
        return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []

    @property
    def name(self) -> str:
        """The endpoint's name without the environment, or of the module call where that is an expression."""
        name = self.get("name")
        return name if isinstance(name, str) else self.call

    def _default(self, path: str) -> Setting:
        written = self.defaults.get(path, "null")
        if written.startswith('"'):
            return written.strip('"')
        return int(written) if written.isdigit() else None


def configured_endpoints(root: Path) -> list[ConfiguredEndpoint]:
    """The calls of module async-inference in the .tf files of `root`."""
    return [
        ConfiguredEndpoint(call.name, dict(_arguments(call)), _defaults((root / call.source).resolve()))
        for file in sorted(root.glob("*.tf"))
        for call in module_calls(file.read_text(encoding="utf-8", errors="replace"))
        if call.source.startswith(("./", "../")) and (root / call.source).resolve().name == MODULE
    ]


def _arguments(call: ModuleCall) -> Iterator[tuple[str, Setting]]:
    return ((name, _setting(value)) for name, _, value in call.arguments)


def _setting(value: Value) -> Setting:
    if not isinstance(value, Literal):
        return EXPRESSION if value is None else value
    if value.is_object:
        return {key: _setting(inner) for key, _, inner in value.fields}
    return [_setting(inner) for _, _, inner in value.fields]


def _defaults(module: Path) -> dict[str, str]:
    """The defaults of the module's fields as written, by path; those of a file that cannot be read are missing."""
    found: dict[str, str] = {}
    for file in sorted(module.glob("*.tf")):
        try:
            types = variable_types(file.read_text(encoding="utf-8", errors="replace"))
        except UnreadableType:
            continue
        found |= {
            f"{name}{path}": one.default for name, kind in types.items() for path, one in kind.fields.items() if one.default
        }
    return found
