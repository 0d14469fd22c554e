"""Fields of objects that a called module does not have, which Terraform drops, are refused with file, line and nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.terraform.module_literals import module_calls
from async_endpoint.terraform.unknown_fields import require_known_fields, unknown_fields
from support.documents import ROOT

VARIABLES = """
variable "endpoint" {
  type = object({
    instance_type     = string
    initial_instances = optional(number, 1)
    vpc               = optional(object({ subnet_ids = list(string) }))
  })
}

variable "containers" {
  type = list(object({
    archive = optional(object({ path = optional(string) }))
    tags    = optional(map(string), {})
  }))
}

variable "schedules" {
  type = map(object({ cron = string }))
}

variable "anything" {
  type = any
}

variable "untyped" {}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    module = tmp_path / "modules/shop"
    module.mkdir(parents=True)
    (module / "variables.tf").write_text(VARIABLES)
    folder = tmp_path / "envs/dev"
    folder.mkdir(parents=True)
    return folder


def found(root: Path, arguments: str, source: str = "../../modules/shop") -> list[tuple[int, str]]:
    (root / "main.tf").write_text(f'module "text" {{\n  source = "{source}"\n{arguments}\n}}\n')
    return [(one.line, one.path) for one in unknown_fields(root)]


def test_a_misspelt_field_is_refused_with_its_place_and_the_nearest_name(root: Path) -> None:
    found(root, '  endpoint = {\n    instance_typ = "ml.m5.large"\n    size = 3\n  }')
    with pytest.raises(InvalidInput) as refused:
        require_known_fields(root)
    assert str(refused.value) == (
        "envs/dev/main.tf line 4: module.text sets endpoint.instance_typ, which module shop does not have and Terraform would "
        "ignore; did you mean instance_type?; line 5: module.text sets endpoint.size, which module shop does not have and "
        "Terraform would ignore; its fields there are instance_type, initial_instances and vpc"
    )


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        pytest.param("  endpoint = { instance_typ = var.type }", ["endpoint.instance_typ"], id="beside a reference"),
        pytest.param("  endpoint = { vpc = { subnets = [] } }", ["endpoint.vpc.subnets"], id="nested"),
        pytest.param("  containers = [{ archiv = {} }, { tags = { any = 1 } }]", ["containers[0].archiv"], id="in a list"),
        pytest.param('  containers = [{\n archive = { pth = "x" }\n }]', ["containers[0].archive.pth"], id="deeper"),
        pytest.param('  schedules = { "day" = { cron = "x", tz = "y" } }', ["schedules.day.tz"], id="in a map"),
        pytest.param("  endpoint = { # tpye = 1\n /* x = { */ tpye : 2 // y\n }", ["endpoint.tpye"], id="comments and colons"),
        pytest.param(
            '  endpoint = { instance_type = "${{ for a in b : a => "}" }["x"]}", x = 1 }', ["endpoint.x"], id="strings"
        ),
        pytest.param('  endpoint = { "${var.name}" = 1 }', [], id="a key that Terraform alone knows"),
        pytest.param("  endpoint = {\n instance_type = <<-EOT\n   not = {\n EOT\n x = 1 }", ["endpoint.x"], id="a heredoc"),
        pytest.param("  endpoint = { vpc = var.on ? { a = 1 } : null, x = f({ y = 1 }) }", ["endpoint.x"], id="expressions"),
        pytest.param("  endpoint = merge({ x = 1 }, local.more)", [], id="a function is not read"),
        pytest.param("  schedules = { for name in var.names : name => { x = 1 } }", [], id="for is not read"),
        pytest.param("  containers = [for name in var.names : { x = 1 }]", [], id="for in a list"),
        pytest.param("  anything = { x = { y = 1 } }\n  untyped = { z = 1 }\n  unknown = { a = 1 }", [], id="any"),
        pytest.param("  providers = { aws = aws.other }\n  for_each = { a = { x = 1 } }", [], id="meta-arguments"),
        pytest.param("  endpoint = [{ x = 1 }]", [], id="Terraform refuses another type itself"),
    ],
)
def test_literals_are_compared_with_the_types_of_the_module(root: Path, arguments: str, paths: list[str]) -> None:
    assert [path for _, path in found(root, arguments)] == paths


def test_lines_are_counted_through_comments_and_heredocs(root: Path) -> None:
    arguments = "  untyped = <<EOT\na\nb\nEOT\n  /* two\n lines */\n  endpoint = {\n    x = 1\n  }"
    assert found(root, arguments) == [(10, "endpoint.x")]


def test_modules_from_elsewhere_are_not_compared(root: Path) -> None:
    assert found(root, "  endpoint = { x = 1 }", source="terraform-aws-modules/vpc/aws") == []
    assert found(root, "  endpoint = { x = 1 }", source="../../modules/absent") == []


def test_what_is_no_module_call_is_skipped() -> None:
    others = 'locals {\n  module = "x"\n}\nresource "a" "b" {\n  dynamic "module" { content { x = 1 } }\n}\n'
    text = others + 'module "c" {\n source = "./d"\n}'
    assert [(call.name, call.source) for call in module_calls(text)] == [("c", "./d")]
    for broken in ('module "a" {', 'module "a" { x = [', 'module "a" { x = "${', "module", 'module "a" { x = { y'):
        assert len(module_calls(broken)) <= 1


ROOTS = sorted({file.parent for part in ("envs", "examples", "modules") for file in (ROOT / part).rglob("*.tf")})


@pytest.mark.parametrize("folder", [folder for folder in ROOTS if ".terraform" not in folder.parts], ids=lambda path: path.name)
def test_no_call_of_this_repository_has_such_a_field(folder: Path) -> None:
    assert list(unknown_fields(folder)) == []


def test_the_calls_of_the_environments_are_read() -> None:
    for environment in ("local", "dev", "staging", "prod"):
        calls = [call for file in (ROOT / "envs" / environment).glob("*.tf") for call in module_calls(file.read_text())]
        assert [call for call in calls if any(value for _, _, value in call.arguments)]
