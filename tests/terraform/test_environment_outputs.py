"""What the last apply of an environment with several endpoints says about each."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.core.errors import (
    AmbiguousEndpoint,
    InvalidInput,
    NotReady,
    TerraformFailed,
    UnknownEndpoint,
    UnknownEnvironment,
)
from async_endpoint.core.outputs import OUTPUT_NAME
from async_endpoint.terraform import outputs
from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.working_copy import prepare
from async_endpoint.workspace import Workspace
from support.deployment_fixtures import endpoint_document

ROOT = 'resource "terraform_data" "text" {{ input = "words" }}\noutput "async_endpoints" {{ value = {{ {calls} }} }}\n'
IMAGES = """
resource "terraform_data" "images" {
  input = timestamp()
  lifecycle {
    postcondition {
      condition     = self.output == ""
      error_message = "Images are broken."
    }
  }
}
"""


class Outputs:
    """In the place of the adapter: it knows `values`, and nothing else."""

    values: dict[str, Any]

    def __call__(self, *_: Any, **__: Any) -> Outputs:
        return self

    def silent(self) -> Outputs:
        return self

    def output(self) -> dict[str, Any]:
        return self.values


@pytest.fixture
def applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The value of output `async_endpoints` of environment dev."""
    for folder in ("envs/dev", "modules/async-inference"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "envs/dev/main.tf").touch()
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(tmp_path))
    fake, endpoints = Outputs(), {name: endpoint_document(name) for name in ("text", "images")}
    fake.values = {OUTPUT_NAME: endpoints}
    monkeypatch.setattr(outputs, "Terraform", fake)
    return endpoints


def test_an_environment_has_the_outputs_of_each_endpoint(applied: dict[str, Any]) -> None:
    found = outputs.read_outputs("dev")
    assert {name: values.as_dict() for name, values in found.endpoints.items()} == applied
    assert (found.environment, found.access) == ("dev", outputs.AwsAccess())


def test_an_address_has_the_outputs_of_its_endpoint(applied: dict[str, Any]) -> None:
    assert list(outputs.read_outputs("dev/text").endpoints) == ["text"]
    assert outputs.read_endpoint("dev/text")[0].as_dict() == applied["text"]


def test_an_address_that_is_not_applied_or_ambiguous_is_refused(applied: dict[str, Any]) -> None:
    with pytest.raises(AmbiguousEndpoint, match="choose one of dev/images, dev/text"):
        outputs.read_endpoint("dev")
    with pytest.raises(UnknownEndpoint, match="'prices' is not in output async_endpoints of dev; it has images and text"):
        outputs.read_outputs("dev/prices")
    with pytest.raises(UnknownEnvironment):
        outputs.read_outputs("production/text")


def test_an_endpoint_with_wrong_outputs_does_not_hide_the_others(applied: dict[str, Any]) -> None:
    broken = copy.deepcopy(applied["images"])
    del broken["scaling"]["resource_id"]
    applied["images"] = broken
    assert outputs.read_endpoint("dev/text")[0].as_dict() == applied["text"]
    assert list(outputs.known_endpoints(prepare(Workspace.find(), "dev", local=False))) == ["text"]
    with pytest.raises(InvalidInput, match=r"Terraform output async_endpoints\.images\.scaling\.resource_id is missing"):
        outputs.read_outputs("dev")


def test_an_environment_without_endpoints_is_applied_all_the_same(applied: dict[str, Any]) -> None:
    applied.clear()
    assert outputs.read_outputs("dev").endpoints == {}
    with pytest.raises(UnknownEndpoint, match="dev has no endpoint; add one"):
        outputs.read_endpoint("dev")


def test_outputs_of_nothing_name_the_command_that_applies(applied: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Outputs()
    fake.values = {}
    monkeypatch.setattr(outputs, "Terraform", fake)
    with pytest.raises(NotReady, match="dev has not been applied on AWS; apply it with: async-endpoint apply dev"):
        outputs.read_outputs("dev/text")


def test_an_output_of_another_shape_is_refused(applied: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Outputs()
    fake.values = {OUTPUT_NAME: ["text"]}
    monkeypatch.setattr(outputs, "Terraform", fake)
    with pytest.raises(InvalidInput, match="Terraform output async_endpoints is a list; expected a map"):
        outputs.read_outputs("dev")


@pytest.mark.terraform
def test_an_apply_that_fails_half_way_keeps_the_outputs_of_the_one_before(tmp_path: Path) -> None:
    """Terraform evaluates an output once all it depends on is there, and leaves it as it was otherwise."""
    root = tmp_path / "main.tf"
    root.write_text(ROOT.format(calls="text = terraform_data.text.output"))
    terraform = Terraform(tmp_path, os.environ | {"TF_CLI_CONFIG_FILE": os.devnull}, lambda line: None)
    terraform.init()
    terraform.plan(tmp_path / "plan")
    terraform.apply(tmp_path / "plan")
    root.write_text(ROOT.format(calls="text = terraform_data.text.output, images = terraform_data.images.output") + IMAGES)
    terraform.plan(tmp_path / "plan")
    with pytest.raises(TerraformFailed, match="Images are broken"):
        terraform.apply(tmp_path / "plan")
    assert terraform.output() == {OUTPUT_NAME: {"text": "words"}}
