"""The files of an environment around an adopted endpoint: what its root says, and what adoption adds to it.

Nothing that is there is replaced: an endpoint gets files of its own, and output `async_endpoints` one more line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.outputs import OUTPUT_NAME
from async_endpoint.core.text import joined
from async_endpoint.deploy.live_adoption.described import Described
from async_endpoint.deploy.live_adoption.hcl import Expression, block
from async_endpoint.deploy.live_adoption.inventory import Inventory
from async_endpoint.deploy.live_adoption.module_settings import Naming
from async_endpoint.terraform.module_literals import module_calls

OUTPUTS_FILE: Final = "outputs.tf"

_LOCAL: Final = re.compile(r'^\s+(\w+)\s*=\s*"([^"$%]*)"', re.MULTILINE)
_LOCALS: Final = re.compile(r"^locals \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_DEFAULT_TAGS: Final = re.compile(r"\bdefault_tags \{\s*tags = \{\n(.*?)^\s*\}", re.MULTILINE | re.DOTALL)
_TAG: Final = re.compile(r'^\s*"?([\w.:/+@-]+?)"?\s*=\s*(?:"([^"]*)"|(\S+))', re.MULTILINE)
_OUTPUT: Final = re.compile(
    rf'(^output "{OUTPUT_NAME}" \{{\n(?:(?!^\}}).*\n)*?  value\s*= \{{\n)(.*?)(^  \}}\n)', re.MULTILINE | re.DOTALL
)
_EMPTY_OUTPUT: Final = re.compile(rf'(^output "{OUTPUT_NAME}" \{{\n(?:(?!^\}}).*\n)*?  value)\s*= \{{\}}\n', re.MULTILINE)
_OUTPUT_LINE: Final = re.compile(r"^    ([\w-]+)\s*= (\S.*)$")
_VARIABLE: Final = re.compile(r'^variable "(\w+)"', re.MULTILINE)
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,20}[a-z0-9]")
_LONGEST_NAME: Final = 22  # of module async-inference


@dataclass(frozen=True)
class Root:
    """An environment's root: its folder, its name, and the region that commands work in."""

    folder: Path
    name: str
    region: str

    @property
    def text(self) -> str:
        return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in sorted(self.folder.glob("*.tf")))

    @property
    def local_values(self) -> dict[str, str]:
        """Local values that are plain texts."""
        return {name: value for body in _LOCALS.findall(self.text) for name, value in _LOCAL.findall(body)}

    @property
    def default_tags(self) -> dict[str, str]:
        """Tags of provider.tf's default_tags, as far as they are texts, local values or the region."""
        found = _DEFAULT_TAGS.search(self.text)
        pairs = _TAG.findall(found[1]) if found else []
        return {name: self._evaluated(quoted or f"${{{expression}}}") for name, quoted, expression in pairs}

    def _evaluated(self, template: str) -> str:
        known = {f"local.{name}": value for name, value in self.local_values.items()} | {"var.region": self.region}
        return re.sub(r"\$\{([^}]*)\}", lambda found: known.get(found[1], found[0]), template)

    def naming(self, inventory: Inventory, name: str | None) -> Naming:
        """Names for the endpoint; raises InvalidInput for a `name` that the module does not take, or that is taken here."""
        stated = self.local_values.get("environment")
        environment = stated or self.name
        chosen = name or _derived_name(inventory.name, environment)
        if not _NAME.fullmatch(chosen):
            raise InvalidInput(
                f"{chosen!r} is no name for an endpoint of an environment; give --name with 2 to {_LONGEST_NAME} lowercase "
                "letters, digits and hyphens that begin with a letter."
            )
        naming = Naming(chosen, environment, Expression("local.environment") if stated else environment)
        self._require_free(naming)
        return naming

    def _require_free(self, naming: Naming) -> None:
        taken = [path.name for path in (self.file(naming), self.imports_file(naming)) if path.exists()]
        if taken:
            raise InvalidInput(
                f"envs/{self.name} has {joined(taken)} already, and adoption replaces no file; remove that, or give another "
                "--name."
            )

    def file(self, naming: Naming) -> Path:
        return self.folder / f"{naming.name}.tf"

    def imports_file(self, naming: Naming) -> Path:
        return self.folder / f"{naming.name}_imports.tf"

    def files(self, inventory: Inventory, naming: Naming, described: Described) -> dict[Path, str]:
        """What to write, by file: the endpoint, its imports, and outputs.tf with one more line where that is possible.

        Raises InvalidInput where the root has a module call or a variable of one of the names.
        """
        if clash := sorted({call.name for call in module_calls(self.text)} & set(described.calls)):
            raise InvalidInput(f"envs/{self.name} has a module call {clash[0]} already; give another --name.")
        if clash := sorted(set(_VARIABLE.findall(self.text)) & set(described.secrets)):
            raise InvalidInput(f"envs/{self.name} has a variable {clash[0]} already; give another --name.")
        readme = "async-inference" if described.output else "endpoint"
        head = f"# Endpoint {inventory.name}, adopted as it was live. Settings: modules/{readme}/README.md.\n"
        files = {
            self.file(naming): head + described.text + "".join(f"\n{text}" for text in _variables(described)),
            self.imports_file(naming): (
                f"# What {self.file(naming).name} describes exists: imported by the next apply. Delete this file afterwards.\n"
                + "\n".join(
                    block("import", arguments=[{"to": Expression(one.address), "id": one.resource.id}])
                    for one in described.imports
                )
            ),
        }
        outputs = self.folder / OUTPUTS_FILE
        if described.output and (text := _with_line(outputs, described.output)):
            files[outputs] = text
        return files

    def output_note(self, files: Mapping[Path, str], described: Described) -> str | None:
        """What is to be added by hand; None where `files` have it."""
        if described.output is None or self.folder / OUTPUTS_FILE in files:
            return None
        return f"Add to the value of output {OUTPUT_NAME} of envs/{self.name}: {described.output}"


def _variables(described: Described) -> Iterator[str]:
    for name in sorted(described.secrets):
        holders = joined(described.secrets[name].holders)
        arguments = {
            "description": f"Value of environment variable {holders}, kept out of files: set TF_VAR_{name}.",
            "type": Expression("string"),
            "sensitive": True,  # plans hide it
        }
        yield block("variable", name, arguments=[arguments])


def _derived_name(endpoint: str, environment: str) -> str:
    """The endpoint's name as the module takes it, without the environment's at its end."""
    name = re.sub(r"[^a-z0-9]+", "-", endpoint.lower()).strip("-").removesuffix(f"-{environment}")
    name = re.sub(r"^[^a-z]+", "", name)
    return name[:_LONGEST_NAME].strip("-")


def _with_line(outputs: Path, line: str) -> str | None:
    """outputs.tf with `line` in the map of output async_endpoints; None where it is not a literal map of one line each."""
    text = outputs.read_text(encoding="utf-8") if outputs.is_file() else ""
    found = _OUTPUT.search(_EMPTY_OUTPUT.sub(r"\1 = {\n  }\n", text))
    if found is None:
        return None
    text = found.string
    lines = [_OUTPUT_LINE.match(one) for one in found[2].splitlines()]
    if not all(lines):
        return None
    key, _, value = line.partition(" = ")
    pairs = sorted([*((one[1], one[2]) for one in lines if one), (key, value)])
    width = max(len(name) for name, _ in pairs)
    body = "".join(f"    {name.ljust(width)} = {value}\n" for name, value in pairs)
    return text[: found.start(2)] + body + text[found.end(2) :]
