"""A permission removed from the deployed execution role fails requests at the step that needs it, as on AWS."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.common import until

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.xdist_group("root-staging"),
    pytest.mark.parametrize("root", ["staging"], indirect=True),
    pytest.mark.usefixtures("awake"),
]


@contextmanager
def without(root: Any, action: str) -> Iterator[None]:
    """The execution role without the statement that allows `action`."""
    iam, role = root.client("iam"), root.outputs.endpoint.execution_role_arn.rpartition("/")[2]
    [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    whole = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    less = copy.deepcopy(whole)
    less["Statement"] = [statement for statement in whole["Statement"] if action not in _listed(statement["Action"])]
    assert len(less["Statement"]) == len(whole["Statement"]) - 1, f"one statement allows {action}"
    _put(iam, role, name, less)
    try:
        yield
    finally:
        _put(iam, role, name, whole)


def test_without_put_object_nothing_is_written_and_the_error_notification_has_the_reason(root: Any) -> None:
    with without(root, "s3:PutObject"):
        request = root.succeed("invoke", root.checkout.query("red-shirt.png"), "--json").document
        message = root.notification(request["inference_id"])

    assert message["invocationStatus"] == "Failed"
    assert "AccessDenied" in message["failureReason"]
    assert "s3:PutObject" in message["failureReason"]
    assert root.outputs.endpoint.execution_role_arn.rpartition("/")[2] in message["failureReason"]
    assert "failureLocation" not in message, "there is no failure object to point to"
    assert root.object(request["output_location"]) is None
    assert root.object(request["failure_location"]) is None


def test_without_publish_the_result_is_written_without_a_notification(root: Any) -> None:
    with without(root, "sns:Publish"):
        silent = root.succeed("invoke", root.checkout.query("red-shirt.png"), "--wait", "--json").document
        until(lambda: _notification_failures(root) == 1, "counted as a notification failure")
    waited = root.succeed("invoke", root.checkout.query("red-shirt.png"), "--wait", "--json").document

    assert root.notification(waited["inference_id"])["invocationStatus"] == "Completed"
    with pytest.raises(AssertionError, match="no notification"):
        root.notification(silent["inference_id"], seconds=2)
    assert silent["result"] == waited["result"]


def _notification_failures(root: Any) -> Any:
    today = datetime.now(UTC)
    dimensions = {"EndpointName": root.name, "VariantName": root.outputs.endpoint.variant_name}
    statistics = root.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="NotificationFailures",
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=today - timedelta(days=1),
        EndTime=today + timedelta(days=30),  # its clock runs ahead of the test's
        Period=86_400,
        Statistics=["Sum"],
    )
    return sum(point["Sum"] for point in statistics["Datapoints"])


def _listed(actions: str | list[str]) -> list[str]:
    return [actions] if isinstance(actions, str) else actions


def _put(iam: Any, role: str, name: str, document: dict[str, Any]) -> None:
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
