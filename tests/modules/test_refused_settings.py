"""A setting that a submodule refuses is named as the environment wrote it."""

from __future__ import annotations

from typing import Any

import pytest

RUN = """
run "{name}" {{
  command = plan

  variables {{
    {values}
  }}
}}
"""
PYTORCH = '{ image = { framework = "pytorch", version = "2.6.0" } }'
REFUSED = {
    "framework": (
        f'model = {{ containers = [{PYTORCH}, {{ image = {{ framework = "caffe", version = "1.0.0" }} }}] }}',
        "Field model.containers[1].image.framework must be pytorch or tensorflow",
    ),
    "image": (
        "model = { containers = [{}] }",
        "Give either model.containers[0].image or model.containers[0].model_package",
    ),
    "region": (
        'model = { containers = [{ image = { uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/serve:1" } }] }',
        "The image of model.containers[0] must be in eu-west-1",
    ),
    "role": (
        f'model = {{ containers = [{PYTORCH}], role = {{ existing = {{ arn = "shop" }} }} }}',
        "Field model.role.existing.arn must be the ARN of an IAM role",
    ),
    "alarm": ('guardrails = { rollback_on = ["gpu", "server_errors"] }', "Remove gpu from guardrails.rollback_on"),
    "scaling": (
        "scaling = { max_instances = 1, min_instances = 2 }",
        "Each max_instances in scaling must be at least its min_instances",
    ),
    "statistic": (
        'monitoring = { alarms = { backlog = { statistic = "Median" } } }',
        "Field statistic in monitoring.alarms must be Average",
    ),
    "subject": (
        'access = { github = { planner = { subjects = ["shop"] } } }',
        "Every subject in access.github must name one repository",
    ),
    "retention": ("logs = { retention_days = 8 }", "Field logs.retention_days must be a period that CloudWatch Logs offers"),
}


@pytest.mark.terraform
def test_refusals_of_submodules_name_the_field(copy: Any) -> None:
    folder = copy.folder / "modules/async-inference"
    preamble = (folder / "tests/async_inference.tftest.hcl").read_text().split("\nrun ")[0]
    for name, (values, _) in REFUSED.items():  # a file each: the runs after one that fails are skipped
        (folder / f"tests/refused_{name}.tftest.hcl").write_text(preamble + "\n" + RUN.format(name=name, values=values))
    copy.succeed("modules/async-inference", "init", "-input=false")

    done = copy.test("modules/async-inference", *(f"-filter=tests/refused_{name}.tftest.hcl" for name in REFUSED))

    said = {message["@testrun"]: message["diagnostic"]["detail"] for message in reversed(done.messages["diagnostic"])}
    assert {name: detail for name, detail in said.items() if REFUSED[name][1] not in detail} == {}
    assert said.keys() == REFUSED.keys()
