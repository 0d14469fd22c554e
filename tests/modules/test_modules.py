"""Each module's own tests, run on a copy, and what holds for all modules."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

MODULES = [
    "async-inference",
    "endpoint",
    "endpoint-config",
    "http-api",
    "iam",
    "model",
    "model/container",
    "monitoring",
    "network",
    "notifications",
    "state-backend",
    "storage",
    "webhooks",
]

_VARIABLE = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_OUTPUT = re.compile(r'^output "(\w+)"', re.MULTILINE)
_RULE = re.compile(r"^  validation \{", re.MULTILINE)
_REFUSAL = re.compile(r"^  expect_failures = \[var\.(\w+)\]", re.MULTILINE)
# Resources that an account has once for all regions, and whose names are free.
_GLOBAL = re.compile(
    r'^resource "(aws_iam_(?:group|instance_profile|policy|role|user)|aws_cloudwatch_dashboard)" "\w+" \{\n(.*?)^\}',
    re.MULTILINE | re.DOTALL,
)
_GLOBAL_NAME = re.compile(r"^  (?:name|dashboard_name) += (.*)$", re.MULTILINE)
_MESSAGE = re.compile(r'^\s+error_message = "(.*)"$', re.MULTILINE)


def test_every_module_is_tested_here(checkout: Path) -> None:
    folders = {path.parent for path in (checkout / "modules").rglob("versions.tf")}
    assert sorted(folder.relative_to(checkout / "modules").as_posix() for folder in folders) == MODULES


@pytest.mark.terraform
@pytest.mark.parametrize("module", MODULES)
def test_terraform_test(copy: Any, module: str) -> None:
    copy.succeed(f"modules/{module}", "init", "-input=false")

    done = copy.test(f"modules/{module}")

    assert done.code == 0, done.text
    runs = done.messages["test_summary"][0]["test_summary"]
    assert runs["passed"] > 0
    assert runs["passed"] == sum(len(names) for names in done.messages["test_abstract"][0]["test_abstract"].values())


@pytest.mark.parametrize("module", MODULES)
def test_every_rule_has_a_negative_test(checkout: Path, module: str) -> None:
    folder = checkout / "modules" / module
    variables = _VARIABLE.findall((folder / "variables.tf").read_text())
    rules = Counter({name: len(_RULE.findall(body)) for name, body in variables if _RULE.search(body)})

    refusals = Counter(_REFUSAL.findall((folder / "tests" / "rules.tftest.hcl").read_text()))
    assert refusals.keys() == rules.keys()
    assert refusals >= rules


@pytest.mark.parametrize("module", MODULES)
def test_variables_and_outputs_are_alphabetical(checkout: Path, module: str) -> None:
    folder = checkout / "modules" / module
    for names in (
        [name for name, _ in _VARIABLE.findall((folder / "variables.tf").read_text())],
        _OUTPUT.findall((folder / "outputs.tf").read_text()),
    ):
        assert names == sorted(names)


@pytest.mark.parametrize("module", MODULES)
def test_variables_are_typed_and_described(checkout: Path, module: str) -> None:
    for name, body in _VARIABLE.findall((checkout / "modules" / module / "variables.tf").read_text()):
        assert "  description = " in body, name
        assert re.search(r"^  nullable +=", body, re.MULTILINE), name
        assert not re.search(r"\bany\b", body.split("validation")[0].split("type ", 1)[1]), name


@pytest.mark.parametrize("module", MODULES)
def test_messages_of_rules_are_sentences(checkout: Path, module: str) -> None:
    for path in (checkout / "modules" / module).glob("*.tf"):
        for message in _MESSAGE.findall(path.read_text()):
            assert message[0].isupper(), message
            assert message.endswith("."), message


def test_no_module_declares_a_provider(checkout: Path) -> None:
    declaring = [
        path for path in (checkout / "modules").glob("*/*.tf") if re.search(r"^provider ", path.read_text(), re.MULTILINE)
    ]
    assert declaring == []


def test_names_that_are_global_to_an_account_include_the_region(checkout: Path) -> None:
    """Roles, policies and dashboards: another region of the account may have a deployment of the same name."""
    found = {}
    for path in (checkout / "modules").rglob("*.tf"):
        module = "".join(file.read_text() for file in path.parent.glob("*.tf"))
        for kind, body in _GLOBAL.findall(path.read_text()):
            [name] = _GLOBAL_NAME.findall(body)
            if name.startswith("var.names."):  # of a resource that exists
                continue
            for local in re.findall(r"local\.(\w+)", name):
                name += "".join(re.findall(rf"^  {local} += (.*)$", module, re.MULTILINE))
            found[path.parent.name, kind] = name
    assert {kind for _, kind in found} == {"aws_iam_role", "aws_iam_policy", "aws_cloudwatch_dashboard"}
    assert {place: name for place, name in found.items() if not re.search(r"local\._region|data\.aws_region", name)} == {}


@pytest.mark.terraform
def test_everything_is_formatted(copy: Any) -> None:
    assert copy.run(".", "fmt", "-check", "-recursive").stdout == ""
