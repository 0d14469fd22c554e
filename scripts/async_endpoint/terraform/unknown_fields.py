"""Fields of object arguments that the called module does not have: Terraform drops them without an error, and defaults apply.

Literals are compared, in the calls of modules that lie in the same checkout (`source = "../…"`). Terraform itself refuses an
argument that is no variable.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.terraform_types import Type, UnreadableType, variable_types
from async_endpoint.core.text import joined
from async_endpoint.terraform.module_literals import Literal, module_calls


@dataclass(frozen=True)
class UnknownField:
    """A field that is dropped: where it is written, its path, the call and the module, and the names that are valid there."""

    file: Path
    line: int
    path: str
    call: str
    module: str
    valid: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"line {self.line}: module.{self.call} sets {self.path}, which module {self.module} does not have and Terraform "
            f"would ignore; {self._remedy}"
        )

    @property
    def _remedy(self) -> str:
        near = difflib.get_close_matches(self.path.rpartition(".")[2], self.valid, n=1)
        return f"did you mean {near[0]}?" if near else f"its fields there are {joined(self.valid)}"


def require_known_fields(root: Path) -> None:
    """Raise InvalidInput naming each field of an object in the root's module calls that the module's variables do not have."""
    found = list(unknown_fields(root))
    if found:
        file = found[0].file
        shown = file.relative_to(root.parents[1]) if root.parent.name == "envs" else file
        raise InvalidInput(f"{shown} {'; '.join(str(one) for one in found if one.file == file)}")


def unknown_fields(folder: Path) -> Iterator[UnknownField]:
    """The fields that Terraform would drop in the module calls of the .tf files in `folder`."""
    for file in sorted(folder.glob("*.tf")):
        for call in module_calls(file.read_text(encoding="utf-8", errors="replace")):
            if not call.source.startswith(("./", "../")):
                continue
            module = (folder / call.source).resolve()
            types = _types(module)
            for name, _, value in call.arguments:
                if isinstance(value, Literal) and name in types:
                    for line, path, valid in _unknown(types[name], value, name):
                        yield UnknownField(file, line, path, call.name, module.name, valid)


def _types(module: Path) -> Mapping[str, Type]:
    """The types of a module's variables that can be read."""
    types: dict[str, Type] = {}
    for file in sorted(module.glob("*.tf")):
        try:
            types |= variable_types(file.read_text(encoding="utf-8", errors="replace"))
        except UnreadableType:  # such as a tuple: nothing of that file is compared
            continue
    return types


def _unknown(kind: Type, value: Literal, path: str) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Line, path and valid names of each field of `value` that type `kind` does not have."""
    of_object = kind.name == "object"
    valid = tuple(name for name in (key.removeprefix(".") for key in kind.fields) if "." not in name and "[" not in name)
    for key, line, inner in value.fields:
        if "${" in key:  # known to Terraform only
            continue
        below = f"{path}.{key}" if value.is_object else f"{path}[{key}]"
        if of_object and value.is_object and key not in valid:
            yield line, below, valid
        elif isinstance(inner, Literal) and (member := _member(kind, key if of_object else None, value.is_object)):
            yield from _unknown(member, inner, below)


def _member(kind: Type, key: str | None, in_object: bool) -> Type | None:
    """The type of a field, or of the elements of a map, list or set; None where it does not match the literal, or is any."""
    if key is not None:
        return kind.fields[f".{key}"].type if in_object else None
    collection, _, inner = kind.name.partition(" of ")
    if not inner or in_object is not (collection == "map"):
        return None
    prefix = ".*" if collection == "map" else "[*]"
    return Type(inner, {path.removeprefix(prefix): one for path, one in kind.fields.items()})
