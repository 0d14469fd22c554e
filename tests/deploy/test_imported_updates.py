"""The first apply of an imported endpoint: what its update in place needs comes first, and its scaling is held still."""

from __future__ import annotations

from typing import Any

import pytest

from async_endpoint.deploy.endpoints import planned_endpoints
from async_endpoint.deploy.in_place_needs import in_place_needs
from async_endpoint.deploy.unlisted_scaling import unlisted_variants
from async_endpoint.terraform.plan_document import resource_changes

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shop"
IN_MODULE = "module.shop.module"


def changed(address: str, actions: list[str], before: Any = None, after: Any = None) -> dict[str, Any]:
    kind = address.rpartition(".")[0].rpartition(".")[2]
    return {
        "address": address,
        "mode": "managed",
        "type": kind,
        "change": {"actions": actions, "before": before, "after": after},
    }


def plan(*resources: dict[str, Any], alarms: list[str]) -> dict[str, Any]:
    """A plan that gives endpoint shop rollback alarms, and changes `resources`."""
    rollback = [{"auto_rollback_configuration": [{"alarms": [{"alarm_name": name} for name in alarms]}]}] if alarms else []
    before = {"name": "shop", "arn": ARN, "deployment_config": []}
    endpoint = changed(
        f"{IN_MODULE}.endpoint.aws_sagemaker_endpoint.this",
        ["delete", "create"],
        before,
        before | {"deployment_config": rollback},
    )
    return {"resource_changes": [endpoint, *resources]}


def alarm(name: str, actions: list[str]) -> dict[str, Any]:
    address = f"{IN_MODULE}.monitoring.aws_cloudwatch_metric_alarm.{name}"
    return changed(address, actions, None if actions == ["create"] else {"alarm_name": name}, {"alarm_name": name})


def needs(document: dict[str, Any]) -> list[str]:
    changes = resource_changes(document)
    return in_place_needs(planned_endpoints(changes), changes)


def test_alarms_that_are_missing_and_the_role_s_policy_come_first() -> None:
    policy = changed(f"{IN_MODULE}.model.aws_iam_role_policy.execution", ["create"], None, {"role": "shop-role"})
    of_another = changed("module.other.module.model.aws_iam_role_policy.execution", ["create"], None, {"role": "other"})
    document = plan(
        alarm("errors", ["create"]), alarm("latency", ["update"]), alarm("backlog", ["create"]), policy, of_another,
        alarms=["errors", "latency"],
    )  # fmt: skip
    assert needs(document) == [
        f"{IN_MODULE}.model.aws_iam_role_policy.execution",
        f"{IN_MODULE}.monitoring.aws_cloudwatch_metric_alarm.errors",
    ]


def test_an_update_without_alarms_needs_nothing() -> None:
    assert needs(plan(alarm("errors", ["create"]), alarms=[])) == []


@pytest.mark.parametrize(("listed", "expected"), [([], [("shop", "eu-west-1")]), (["shop"], [])])
def test_an_endpoint_that_no_output_lists_is_known_with_its_scaling(listed: list[str], expected: Any) -> None:
    target = {"resource_id": "endpoint/shop/variant/AllTraffic"}
    document = plan(
        changed(f"{IN_MODULE}.endpoint.aws_appautoscaling_target.this", ["no-op"], target, target),
        changed(
            "module.new.module.endpoint.aws_appautoscaling_target.this",
            ["create"],
            None,
            {"resource_id": "endpoint/new/variant/v"},
        ),
        changed(
            "module.calm.module.endpoint.aws_appautoscaling_target.this", ["no-op"], {"resource_id": "endpoint/calm/variant/v"}
        ),
        alarms=[],
    )

    found = unlisted_variants(document, "dev", listed)

    assert [(one.endpoint.name, one.region) for one in found] == expected
    assert all((one.environment, one.scaling.resource_id) == ("dev", target["resource_id"]) for one in found)
