"""Instances that change while requests are pending: killed, scaled in to zero, woken."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from support.common import until

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.xdist_group("root-prod"),
    pytest.mark.parametrize("root", ["prod"], indirect=True),
]


@pytest.mark.usefixtures("awake")
def test_a_request_whose_instance_is_killed_is_answered_by_another(root: Any) -> None:
    query = root.checkout.query("red-shirt.png")
    answer = root.object(root.succeed("invoke", query, "--wait").out.strip())
    [instance, *_] = until(lambda: [one for one in _instances(root) if one["state"] == "InService"], "served")
    os.kill(instance["pid"], signal.SIGSTOP)  # a request stays in process until it is continued
    request = root.succeed("invoke", query, "--json").document
    until(lambda: [one for one in _instances(root) if one["in_flight"] == 1], "in process")

    os.kill(instance["pid"], signal.SIGKILL)

    assert until(lambda: root.object(request["output_location"]), "answered") == answer
    assert root.notification(request["inference_id"])["invocationStatus"] == "Completed"
    assert instance["id"] not in [one["id"] for one in _instances(root)]


def test_an_endpoint_scales_to_zero_by_its_policies_and_wakes_for_one_request(root: Any) -> None:
    until(lambda: root.counts() == (0, 0), "asleep at zero instances", seconds=120)
    before = _activities(root)
    slept = before[0]

    invoked = root.succeed("invoke", root.checkout.query("red-shirt.png"))
    location = invoked.out.removesuffix("\n")
    assert root.object(location) is None, "it does not wait for a result"
    body = until(lambda: root.object(location), "answered")
    # The first of the newer ones: it may sleep again by now.
    woken = [one for one in _activities(root) if one["ActivityId"] not in {old["ActivityId"] for old in before}][-1]

    assert slept["Description"] == "Setting desired instance count to 0."
    assert root.outputs.scaling.tracking_policy_name in slept["Cause"]
    assert woken["Description"] == "Setting desired instance count to 1."
    assert root.outputs.scaling.wake_policy_name in woken["Cause"]
    assert root.outputs.scaling.wake_alarm_name in woken["Cause"]
    assert json.loads(body)["recommendations"][0]["path"].startswith("catalogue/shirt/red-")


def _instances(root: Any) -> list[dict[str, Any]]:
    [endpoint] = root.checkout.succeed("local", "status", "--json").document["endpoints"]
    instances: list[dict[str, Any]] = endpoint["instances"]
    return instances


def _activities(root: Any) -> list[dict[str, Any]]:
    """All of them, newest first."""
    activities: list[dict[str, Any]] = root.client("application-autoscaling").describe_scaling_activities(
        ServiceNamespace="sagemaker", ResourceId=root.outputs.scaling.resource_id
    )["ScalingActivities"]
    return activities
