"""Generated tables of inputs and outputs: their rows, and detection of an outdated README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from module_tables import BEGIN, UnreadableType, main, parse_type, renewed, tables

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
    - with a list
  TEXT
  type = map(object({
    name = string
    # Said of the next field.
    sizes = optional(list(number), [1, 2]) # in cm, "at most" two
    deep = optional(object({               # how | what
      # Said inside.
      flag = optional(bool)
    }), {})
    tags = optional(map(string), { a = "b)" })
    rest = list(object({ # of each
      last = string      # the very end
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
        "| `nested` | map of object | required | Several lines: <br>- with a list |",
        "| `nested.*.name` | string | required | |",
        '| `nested.*.sizes` | list of number | `[1, 2]` | in cm, "at most" two |',
        "| `nested.*.deep` | object | `{}` | how \\| what |",
        "| `nested.*.deep.flag` | bool | `null` | |",
        '| `nested.*.tags` | map of string | `{ a = "b)" }` | |',
        "| `nested.*.rest` | list of object | required | of each |",
        "| `nested.*.rest[*].last` | string | required | the very end |",
        "| `arn` | Its ARN. |",
    ]


def test_what_was_generated_is_replaced_and_prose_stays() -> None:
    prose = "# module\n\nWhat it does.\n"
    once = renewed(prose, tables(VARIABLES, OUTPUTS))
    again = renewed(once, tables("", OUTPUTS))

    assert once.startswith(prose) and again.startswith(prose)
    assert again.count(BEGIN) == 1
    assert "nested" in once and "nested" not in again


@pytest.mark.parametrize("text", ["strang", "list(string", "object({ a = string )", "string)", ""])
def test_a_type_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UnreadableType):
        parse_type(text)


def test_a_readme_that_differs_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = tmp_path / "modules" / "thing"
    module.mkdir(parents=True)
    (module / "variables.tf").write_text(VARIABLES)
    (module / "outputs.tf").write_text(OUTPUTS)
    (module / "README.md").write_text("# thing\n")
    monkeypatch.setattr("module_tables.MODULES", tmp_path / "modules")

    assert main(["--check"]) == 1
    assert "modules/thing/README.md; write them with: make docs" in capsys.readouterr().err
    assert (module / "README.md").read_text() == "# thing\n"
    assert main([]) == 0
    assert main(["--check"]) == 0
