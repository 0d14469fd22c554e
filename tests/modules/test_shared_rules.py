"""Rules that modules and the local AWS share: the modules' HCL against async_endpoint.core.hosting_rules."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from async_endpoint.core.hosting_rules import (
    BURSTABLE_PATTERN,
    ECR_IMAGE_PATTERN,
    LOCAL_STORAGE_PATTERN,
    MARKETPLACE_ACCOUNTS,
    REGIONAL_BUCKET_PATTERN,
    STANDARD_TOPIC_PATTERN,
    CapacitySize,
    TrafficRouting,
    has_local_storage,
    traffic_stages,
    waiting_seconds,
)

# SageMaker's families by Amazon EC2's "Instance store specifications"; a new one must be added to one of the two.
WITH_LOCAL_STORAGE = [
    "c5d", "c6gd", "dl1", "g4dn", "g5", "g6", "g6e", "g7", "g7e", "m5d", "m6gd", "p4d", "p4de", "p5", "p5e", "p5en",
    "p6-b200", "p6-b300", "p6e-gb200", "r5d", "r6gd", "r7gd", "trn1", "trn1n", "trn2",
]  # fmt: skip
WITHOUT = [
    "c4", "c5", "c6g", "c6gn", "c6i", "c6in", "c7g", "c7i", "c8g", "inf1", "inf2", "m4", "m5", "m6g", "m6i", "m7i", "m8g",
    "p2", "p3", "r5", "r6g", "r6i", "r7i", "r8g", "t2",
]  # fmt: skip

RUN = """
run "{name}" {{
  command = plan

  module {{
    source = "./tests/waits"
  }}

  variables {{
    endpoint_config = {{ kind = "real_time", name = "shop", variants = {variants} }}
    guardrails      = {guardrails}
  }}
}}
"""
# By name: how traffic shifts, the size of a step (a number of instances, or percent), and the instances of each variant.
WAITS: dict[str, tuple[TrafficRouting, CapacitySize | None, list[int]]] = {
    "all_at_once": (TrafficRouting.ALL_AT_ONCE, None, [4]),
    "canary": (TrafficRouting.CANARY, CapacitySize(1, percent=False), [4]),
    "canary_percent": (TrafficRouting.CANARY, CapacitySize(30, percent=True), [7, 4]),
    "linear": (TrafficRouting.LINEAR, CapacitySize(2, percent=False), [5]),
    "linear_percent": (TrafficRouting.LINEAR, CapacitySize(33, percent=True), [9]),
    "linear_of_two_variants": (TrafficRouting.LINEAR, CapacitySize(25, percent=True), [4, 10]),
    "rolling": (TrafficRouting.ROLLING, CapacitySize(1, percent=False), [3]),
    "rolling_percent": (TrafficRouting.ROLLING, CapacitySize(15, percent=True), [13]),
}
WAIT, TERMINATION_WAIT = 50, 7


def _guardrails(mode: TrafficRouting, step: CapacitySize | None) -> str:
    values: dict[str, Any] = {"termination_wait_seconds": TERMINATION_WAIT}
    if step is not None:
        values[mode.value.lower()] = {"percent" if step.percent else "instances": step.value, "wait_seconds": WAIT}
    return json.dumps(values)


@pytest.mark.terraform
def test_the_waits_of_an_update_are_those_of_the_local_aws(copy: Any) -> None:
    folder = copy.folder / "modules/endpoint"
    runs = "".join(
        RUN.format(
            name=name,
            guardrails=_guardrails(mode, step),
            variants=json.dumps({f"v{number}": {"initial_instances": total} for number, total in enumerate(totals)}),
        )
        for name, (mode, step, totals) in WAITS.items()
    )
    (folder / "tests/waits.tftest.hcl").write_text('variables {\n  name = "shop"\n}\n' + runs)
    copy.succeed("modules/endpoint", "init", "-input=false")

    done = copy.test("modules/endpoint", "-verbose", "-filter=tests/waits.tftest.hcl")

    assert done.code == 0, done.text
    planned = {
        message["@testrun"]: {name: output["after"] for name, output in message["test_plan"]["output_changes"].items()}
        for message in done.messages["test_plan"]
    }
    assert planned == {
        name: {
            "steps": max(len(traffic_stages(mode, step, total)) for total in totals),
            "waiting_seconds": waiting_seconds(
                mode, step, totals, 0 if mode is TrafficRouting.ALL_AT_ONCE else WAIT, TERMINATION_WAIT
            ),
        }
        for name, (mode, step, totals) in WAITS.items()
    }


def test_every_instance_family_of_sagemaker_is_known_to_have_local_storage_or_not() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    types = model.shape_for("ProductionVariantInstanceType").enum

    assert sorted({name.split(".")[1] for name in types}) == sorted(WITH_LOCAL_STORAGE + WITHOUT)
    assert sorted({name.split(".")[1] for name in types if has_local_storage(name)}) == WITH_LOCAL_STORAGE


def test_modules_use_the_same_lists(checkout: Path) -> None:
    instance_types = (checkout / "modules/endpoint-config/instance_types.tf").read_text()
    [pattern] = re.findall(r'_nvme_pattern = (".*")$', instance_types, re.MULTILINE)
    assert json.loads(pattern) == LOCAL_STORAGE_PATTERN

    for module in ("model/container", "endpoint-config"):
        main = (checkout / f"modules/{module}/main.tf").read_text()
        [pattern] = re.findall(r'_regional_bucket = (".*")$', main, re.MULTILINE)
        assert json.loads(pattern) == REGIONAL_BUCKET_PATTERN

    images = (checkout / "modules/model/container/variables.tf").read_text()
    assert f"regex({json.dumps(ECR_IMAGE_PATTERN)}, var.container.image.uri)" in images

    configuration = (checkout / "modules/endpoint-config/variables.tf").read_text()
    assert f"regex({json.dumps(STANDARD_TOPIC_PATTERN)}, arn)" in configuration

    scaling = (checkout / "modules/endpoint/variables.tf").read_text()
    assert f"regex({json.dumps(BURSTABLE_PATTERN)}, var.endpoint_config.variants[name].instance_type)" in scaling

    marketplace = (checkout / "modules/async-inference/marketplace.tf").read_text()
    assert frozenset(re.findall(r'"(\d{12})"', marketplace)) == MARKETPLACE_ACCOUNTS


# Fields of variables `names`, and the shape of AWS's service model that limits each.
NAMES = {
    "async-inference": [("endpoint", "sagemaker", "EndpointName"), ("endpoint", "sagemaker", "VariantName")],
    "endpoint": [
        ("wake_policy", "application-autoscaling", "PolicyName"),
        ("scheduled_actions", "application-autoscaling", "ScheduledActionName"),
        ("wake_alarm", "cloudwatch", "AlarmName"),
    ],
    "model": [("role", "iam", "roleNameType")],
}
CANDIDATES = [
    "a", "A1-b", "Team (1)", "Wake: up", "up/down", "a|b", " a", "a ", "a_b", "a+b=c,d.e@f", "-a", "a-", "a--b", "", "é",
    "a\nb", "a\x85b", "*", *("a" * length for length in (2, 63, 64, 65, 255, 256, 257)),
]  # fmt: skip


def accepted_by_aws(service: str, shape: str, name: str) -> bool:
    limits = botocore.session.get_session().get_service_model(service).shape_for(shape).metadata
    pattern = limits.get("pattern", ".+").replace(r"\p{Print}", "[ -~]")  # Java's, which is of ASCII
    return len(name) <= limits["max"] and re.fullmatch(pattern, name, re.ASCII) is not None


def accepted_by_module(pattern: str, name: str) -> bool:
    for ours, python in (("[:print:]", " -~"), ("[:cntrl:]", r"\x00-\x1f\x7f"), (r"\x{80}", r"\x80"), (r"\x{9f}", r"\x9f")):
        pattern = pattern.replace(ours, python)
    return re.search(pattern, name) is not None


@pytest.mark.parametrize("module", NAMES)
def test_names_of_resources_that_exist_are_refused_as_aws_refuses_them(checkout: Path, module: str) -> None:
    text = (
        (checkout / "modules" / module / "variables.tf")
        .read_text()
        .partition('variable "names"')[2]
        .partition("\nvariable ")[0]
    )
    rules = re.findall(r"^  validation \{\n(.*?)^  \}", text, re.MULTILINE | re.DOTALL)
    for field, service, shape in NAMES[module]:
        [pattern] = {
            found
            for rule in rules
            if re.search(rf"\.{field}\b", rule)
            for found in re.findall(r'regex\((".*?"), (?:name|var)', rule)
        }
        longest = 63 if "length(" in text and module == "async-inference" else 10**6  # SageMaker's limit, as a rule of its own
        accepted = [name for name in CANDIDATES if accepted_by_module(json.loads(pattern), name) and len(name) <= longest]
        assert accepted == [name for name in CANDIDATES if accepted_by_aws(service, shape, name)], shape
