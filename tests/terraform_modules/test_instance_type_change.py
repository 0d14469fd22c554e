"""SageMaker refuses another instance type while a scalable target is registered: deregister, update, register again."""

from __future__ import annotations

from typing import Any

import pytest

RUNS = """
run "before" {
  variables {
    configuration = { kind = "async", name = "before", variants = { primary = { instance_type = "ml.m5.xlarge" } } }
  }
}

run "after" {
  command = plan

  variables {
    configuration = { kind = "async", name = "after", variants = { primary = { instance_type = "ml.m5.2xlarge" } } }
  }
}
"""


@pytest.mark.terraform
def test_what_scales_makes_way_for_another_instance_type(copy: Any) -> None:
    folder = copy.folder / "modules/endpoint"
    preamble = (folder / "tests/endpoint.tftest.hcl").read_text().split('\nrun "')[0]
    (folder / "tests/change.tftest.hcl").write_text(preamble + RUNS)
    copy.succeed("modules/endpoint", "init", "-input=false")

    done = copy.test("modules/endpoint", "-verbose", "-filter=tests/change.tftest.hcl")

    assert done.code == 0, done.text
    changes = done.messages["test_plan"][0]["test_plan"]["resource_changes"]
    assert {item["address"] for item in changes if item["change"]["actions"] == ["delete", "create"]} == {
        "aws_appautoscaling_policy.tracking",
        "aws_appautoscaling_policy.wake",
        "aws_appautoscaling_target.this",
        "terraform_data.instance_type",
    }
    # The marker is deleted after what scales, because that depends on it, and made before the endpoint, which does too.
    edges = copy.succeed("modules/endpoint", "graph")
    assert '"aws_sagemaker_endpoint.this" -> "terraform_data.instance_type"' in edges
    assert '"aws_appautoscaling_target.this" -> "aws_sagemaker_endpoint.this"' in edges
