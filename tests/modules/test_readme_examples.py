"""Examples in module READMEs: each ```hcl block is planned with a mocked provider, the modules it refers to included."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from support.module_copies import CHECKOUT

MODULES = CHECKOUT / "modules"
READMES = {
    path.parent.relative_to(MODULES).as_posix(): re.findall(r"^```hcl\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)
    for path in sorted(MODULES.rglob("README.md"))
    if path.with_name("versions.tf").exists()
}
# What an example may refer to without declaring it: the first example of that module's README.
CONTEXT = {name.replace("-", "_").rpartition("/")[2]: blocks[0] for name, blocks in READMES.items() if blocks}

_CALL = re.compile(r'^module "(\w+)" \{\n.*?^\}\n', re.MULTILINE | re.DOTALL)
_REFERENCE = re.compile(r"\bmodule\.(\w+)")
_PLAN = """
run "{name}" {{
  command = plan

  module {{
    source = "./{name}"
  }}
}}
"""


def test_every_readme_has_an_example() -> None:
    assert [name for name, blocks in READMES.items() if not blocks] == []


@pytest.mark.parametrize("name", READMES)
def test_an_example_is_made_of_module_calls(name: str) -> None:
    for block in READMES[name]:
        assert not _CALL.sub("", block).strip(), f"modules/{name}/README.md: only whole calls can be planned"


@pytest.mark.terraform
def test_every_example_can_be_planned(copy: Any) -> None:
    root = copy.folder / "examples/readmes"
    examples = {
        f"{name.replace('/', '_')}_{number}": block
        for name, blocks in READMES.items()
        for number, block in enumerate(blocks, 1)
    }
    examples = dict(
        sorted(examples.items(), key=lambda item: len(_missing(item[1])))
    )  # a wrong example before those that refer to it
    for name, block in examples.items():
        _write(root / name, block)
    (copy.folder / "build").mkdir(exist_ok=True)
    for archive in ("fashion-recommender.tar.gz", "http-api.zip"):
        (copy.folder / "build" / archive).write_bytes(b"its bytes are hashed, not read")
    mocks = (copy.folder / "modules/async-inference/tests/async_inference.tftest.hcl").read_text().split("\nvariables {")[0]
    mocks = mocks.replace('mock_provider "aws" {\n', 'mock_provider "aws" {\n' + ZONES, 1)
    (root / "readmes.tftest.hcl").write_text(mocks + "".join(_PLAN.format(name=name) for name in examples))
    (root / "versions.tf").write_text((MODULES / "storage/versions.tf").read_text())  # without any file, init installs nothing
    copy.succeed("examples/readmes", "init", "-input=false")

    done = copy.test("examples/readmes")

    assert done.code == 0, f"the run is named after the README and the number of the example in it:\n{done.text}"
    assert done.messages["test_summary"][0]["test_summary"]["passed"] == len(examples)


ZONES = """  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-west-1a", "eu-west-1b"] }
  }

"""


def _write(folder: Path, example: str) -> None:
    """A module with the example as main.tf, and context.tf with the calls it refers to; one folder further down than a root."""
    folder.mkdir(parents=True)
    (folder / "main.tf").write_text(_deeper(example))
    (folder / "versions.tf").write_text((MODULES / "storage/versions.tf").read_text())
    (folder / "context.tf").write_text("\n".join(_deeper(call) for call in _missing(example).values()))


def _missing(example: str) -> dict[str, str]:
    calls: dict[str, str] = {}
    declared = {match[1] for match in _CALL.finditer(example)}
    wanted = set(_REFERENCE.findall(example)) - declared
    while wanted:
        name = wanted.pop()
        for call in _CALL.finditer(CONTEXT[name]):
            if call[1] not in declared | calls.keys():
                calls[call[1]] = call[0]
                wanted |= set(_REFERENCE.findall(call[0])) - declared - calls.keys()
    return calls


def _deeper(text: str) -> str:
    return text.replace('"../../modules/', '"../../../modules/')
