"""Generated tables of inputs and outputs: their rows, and detection of an outdated README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from module_tables import BEGIN, UndescribedField, UnreadableType, main, parse_type, renewed, tables

VARIABLES = """
variable "plain" {
  description = "What is plain, \\"so to say\\" | a bar."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = var.plain == false
    error_message = "A sentence."
  }
}

variable "nested" {
  description = <<-TEXT
    Several lines:
    about the variable.
    - `*.name`: Its name.
    - `*.sizes`: Sizes in cm,
      "at most" two.
    - `*.deep`: How | what, <here>.
    - `*.deep.flag`: A flag.
    - `*.tags`: Its tags.
    - `*.rest`: The rest.
    - `*.rest[*].last`: The last one.
  TEXT
  type = map(object({
    name = string
    # A comment is for readers of the type.
    sizes = optional(list(number), [1, 2]) # and so is this one
    deep = optional(object({
      flag = optional(bool)
    }), {})
    tags = optional(map(string), { a = "b)" })
    rest = list(object({
      last = string
    }))
  }))
  nullable = false
}
"""
OUTPUTS = 'output "arn" {\n  description = "Its ARN."\n  value       = 1\n}\n'


def test_every_field_of_an_object_is_a_row() -> None:
    rows = [re.sub(r" +", " ", line) for line in tables(VARIABLES, OUTPUTS).splitlines() if line.startswith("| `")]

    assert rows == [
        '| `plain` | bool | `false` | What is plain, "so to say" \\| a bar. |',
        "| `nested` | map of object | required | Several lines: about the variable. |",
        "| `nested.*.name` | string | required | Its name. |",
        '| `nested.*.sizes` | list of number | `[1, 2]` | Sizes in cm, "at most" two. |',
        "| `nested.*.deep` | object | `{}` | How \\| what, \\<here>. |",
        "| `nested.*.deep.flag` | bool | `null` | A flag. |",
        '| `nested.*.tags` | map of string | `{ a = "b)" }` | Its tags. |',
        "| `nested.*.rest` | list of object | required | The rest. |",
        "| `nested.*.rest[*].last` | string | required | The last one. |",
        "| `arn` | Its ARN. |",
    ]


def test_the_generated_part_is_replaced_and_prose_stays() -> None:
    prose = "# module\n\nWhat it does.\n"
    once = renewed(prose, tables(VARIABLES, OUTPUTS))
    again = renewed(once, tables("", OUTPUTS))

    assert once.startswith(prose) and again.startswith(prose)
    assert again.count(BEGIN) == 1
    assert "nested" in once and "nested" not in again


@pytest.mark.parametrize(
    ("removed", "added", "message"),
    [
        ("    - `*.deep.flag`: A flag.\n", "", "variable nested: describe *.deep.flag in a bullet"),
        ("", "    - `*.deep.flags`: Flags.\n", "variable nested: remove the bullet of *.deep.flags"),
    ],
)
def test_fields_and_bullets_must_match(removed: str, added: str, message: str) -> None:
    variables = VARIABLES.replace(removed, "").replace("  TEXT\n  type", f"{added}  TEXT\n  type")

    with pytest.raises(UndescribedField, match=re.escape(message)):
        tables(variables, OUTPUTS)


@pytest.mark.parametrize("text", ["strang", "list(string", "object({ a = string )", "string)", ""])
def test_a_type_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UnreadableType):
        parse_type(text)


def test_an_outdated_readme_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = tmp_path / "modules" / "thing"
    module.mkdir(parents=True)
    (module / "variables.tf").write_text(VARIABLES)
    (module / "outputs.tf").write_text(OUTPUTS)
    (module / "README.md").write_text("# thing\n")
    monkeypatch.setattr("module_tables.MODULES", tmp_path / "modules")

    assert main(["--check"]) == 1
    assert (
        "modules/thing/README.md differ from variables.tf or outputs.tf; write them with: make docs" in capsys.readouterr().err
    )
    assert (module / "README.md").read_text() == "# thing\n"
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_an_undescribed_field_fails_the_check_and_names_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = tmp_path / "modules" / "thing" / "part"
    module.mkdir(parents=True)
    (module / "variables.tf").write_text(VARIABLES.replace("    - `*.name`: Its name.\n", ""))
    (module / "outputs.tf").write_text(OUTPUTS)
    (module / "README.md").write_text("# part\n")
    monkeypatch.setattr("module_tables.MODULES", tmp_path / "modules")

    assert main([]) == 1
    assert "modules/thing/part/variables.tf, variable nested: describe *.name in a bullet" in capsys.readouterr().err
