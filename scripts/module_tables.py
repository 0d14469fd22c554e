"""`python scripts/module_tables.py` writes the tables of inputs and outputs into module READMEs; --check lists what differs.

The tables are read from variables.tf and outputs.tf as `terraform fmt` leaves them: a block begins and ends at the margin, an
attribute two columns in. The description of a variable with fields is a heredoc: sentences about the variable, then one bullet
a field, "- `path.to.field`: …", where `[*]` is an element of a list or set and `*` a value of a map. Editors and registries
show that text; here each bullet becomes the row of its field. A field without a bullet is an error, and so is a bullet without
a field.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from async_endpoint.core.terraform_types import BLOCK, Field, UnreadableType, attributes_of, parse_type

MODULES = Path(__file__).resolve().parents[1] / "modules"
BEGIN = "<!-- From here on written by `make docs`, from variables.tf and outputs.tf. -->"

_BULLET = re.compile(r"- `([^`]+)`: (.+)")


class UndescribedField(ValueError):
    """Fields of a variable and bullets of its description that do not match."""


@dataclass(frozen=True)
class Description:
    """The sentences about a variable or output, and those about each field by path, as the bullets write it."""

    text: str
    fields: dict[str, str]


def tables(variables: str, outputs: str) -> str:
    """The generated part of a README, for the texts of variables.tf and outputs.tf. Raises UndescribedField, UnreadableType."""
    inputs = [
        row for kind, name, body in BLOCK.findall(variables) if kind == "variable" for row in _rows(name, attributes_of(body))
    ]
    results = [(name, attributes_of(body)) for kind, name, body in BLOCK.findall(outputs) if kind == "output"]
    lines = [BEGIN, "", "## Inputs", "", "| Name | Type | Default | Description |", "|---|---|---|---|", *inputs]
    lines += ["", "## Outputs", "", "| Name | Description |", "|---|---|"]
    lines += [f"| `{name}` | {_cell(_description(attributes).text)} |" for name, attributes in results]
    return "\n".join(lines) + "\n"


def renewed(readme: str, generated: str) -> str:
    """`readme` with its generated part replaced by `generated`, which is appended where there is none."""
    return f"{readme.split(BEGIN, maxsplit=1)[0].rstrip()}\n\n{generated}"


def _rows(name: str, attributes: dict[str, str]) -> Iterator[str]:
    kind, description = parse_type(attributes["type"]), _description(attributes)
    fields = {path.removeprefix("."): inner for path, inner in kind.fields.items()}
    if missing := [path for path in fields if path not in description.fields]:
        raise UndescribedField(f"variable {name}: describe {', '.join(missing)} in a bullet, as - `{missing[0]}`: …")
    if unknown := [path for path in description.fields if path not in fields]:
        raise UndescribedField(f"variable {name}: remove the bullet of {', '.join(unknown)}: its type has no such field.")
    yield _row(name, Field(kind, attributes.get("default")), description.text)
    for path, inner in fields.items():
        separator = "" if path.startswith("[") else "."
        yield _row(f"{name}{separator}{path}", inner, description.fields[path])


def _row(name: str, shown: Field, description: str) -> str:
    default = "required" if shown.default is None else f"`{' '.join(shown.default.split())}`"
    return f"| `{name}` | {shown.type.name} | {_cell(default)} | {_cell(description)} |"


def _description(attributes: dict[str, str]) -> Description:
    """Read one line, or a heredoc whose bullets may continue on further lines."""
    written = attributes["description"]
    if not written.startswith("<<"):
        return Description(re.sub(r"\\(.)", r"\1", written.strip('"')), {})
    text: list[str] = []
    fields: dict[str, str] = {}
    path = None
    for line in (line.strip() for line in written.splitlines()[1:]):
        if bullet := _BULLET.fullmatch(line):
            path = bullet[1]
            fields[path] = bullet[2]
        elif path is None:
            text.append(line)
        else:
            fields[path] += f" {line}"
    return Description(" ".join(text), fields)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<")


def _modules() -> list[Path]:
    """Folders of modules and submodules; their tests link to the same variables.tf."""
    found = (path.parent for path in MODULES.rglob("variables.tf"))
    return sorted(module for module in found if not {"tests", ".terraform"} & set(module.relative_to(MODULES).parts))


def main(arguments: list[str]) -> int:
    check = arguments == ["--check"]
    stale, failed = [], False
    for module in _modules():
        readme = module / "README.md"
        text = readme.read_text(encoding="utf-8")
        try:
            generated = tables((module / "variables.tf").read_text("utf-8"), (module / "outputs.tf").read_text("utf-8"))
        except (UndescribedField, UnreadableType) as error:
            print(f"error: {module.relative_to(MODULES.parent).as_posix()}/variables.tf, {error}", file=sys.stderr)
            failed = True
            continue
        if (fresh := renewed(text, generated)) != text:
            stale.append(readme.relative_to(MODULES.parent).as_posix())
            if not check:
                readme.write_text(fresh, encoding="utf-8")
    if check and stale:
        print(f"error: {', '.join(stale)} differ from variables.tf or outputs.tf; write them with: make docs", file=sys.stderr)
    return 1 if failed or (check and stale) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
