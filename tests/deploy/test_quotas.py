"""A plan that needs more instances at once than the account's quota allows is refused before anything changes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import QuotaTooLow
from async_endpoint.core.outputs import OUTPUT_NAME, AsyncEndpointOutputs
from async_endpoint.deploy.apply import apply_environment
from async_endpoint.deploy.plan import plan_environment
from async_endpoint.deploy.quotas import Need, compare_quotas, instance_needs
from async_endpoint.terraform.plan_document import resource_changes
from support.deployment_fixtures import REGION, prepared
from support.plan_documents import change, plan_document

pytestmark = pytest.mark.usefixtures("checkout")

ARN = f"arn:aws:sagemaker:{REGION}:123456789012:endpoint/shirts"
MODULE = "module.shirts.module"
NAME = "ml.m5.large for endpoint usage"


class Quotas:
    """Service Quotas with these applied and default values by name, in pages of one; `asked` are the operations."""

    def __init__(self, applied: dict[str, float], default: dict[str, float] | None = None, refused: str = "") -> None:
        self._values = {"list_service_quotas": applied, "list_aws_default_service_quotas": default or {}}
        self._refused = refused
        self.asked: list[str] = []

    def get_paginator(self, operation: str) -> Any:
        quotas = self

        class Pages:
            def paginate(self, ServiceCode: str, PaginationConfig: Any) -> Any:  # noqa: N803 - boto3's words
                assert ServiceCode == "sagemaker"
                for name, value in quotas._values[operation].items():
                    quotas.asked.append(operation)
                    if quotas._refused:
                        raise ClientError({"Error": {"Code": quotas._refused}}, "ListServiceQuotas")
                    yield {"Quotas": [{"QuotaName": name, "QuotaCode": "L-0123ABCD", "Value": value}]}

        return Pages()


def compared(quotas: Quotas, *needs: Need) -> tuple[list[str], list[str]]:
    aws: Any = type("Aws", (), {"client": lambda self, service: quotas})()
    return compare_quotas(lambda region: aws, "dev", needs)


def configuration(instance_type: str = "ml.m5.large", count: int = 2) -> dict[str, Any]:
    variant = {"variant_name": "main", "instance_type": instance_type, "initial_instance_count": count}
    address = f"{MODULE}.endpoint_config.aws_sagemaker_endpoint_configuration.this"
    return change(address, ["create", "delete"], {"name": "shirts-2"}, {"production_variants": [variant]})


def endpoint(*actions: str, **after: Any) -> dict[str, Any]:
    before = None if actions == ("create",) else {"name": "shirts", "arn": ARN, "endpoint_config_name": "shirts-2"}
    return change(f"{MODULE}.endpoint.aws_sagemaker_endpoint.this", list(actions), before, {"name": "shirts"} | after)


def rolling(kind: str, value: int) -> dict[str, Any]:
    return {"deployment_config": [{"rolling_update_policy": [{"maximum_batch_size": [{"type": kind, "value": value}]}]}]}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param([endpoint("create"), configuration(count=3)], {"ml.m5.large": 3}, id="created"),
        pytest.param([endpoint("update"), configuration(count=2)], {"ml.m5.large": 3}, id="blue/green beside one old"),
        pytest.param(
            [endpoint("update", **rolling("INSTANCE_COUNT", 1)), configuration(count=4)], {"ml.m5.large": 2}, id="batch"
        ),
        pytest.param(
            [endpoint("update", **rolling("CAPACITY_PERCENT", 30)), configuration(count=4)], {"ml.m5.large": 3}, id="%"
        ),
        pytest.param([endpoint("update"), configuration("ml.g5.xlarge", 2)], {"ml.g5.xlarge": 2, "ml.m5.large": 1}, id="types"),
        pytest.param(
            [endpoint("delete", "create"), configuration(count=2)], {"ml.m5.large": 2}, id="replaced: the old is gone"
        ),
        pytest.param([endpoint("update")], {}, id="no new configuration"),
        pytest.param([endpoint("delete")], {}, id="deleted"),
    ],
)
def test_instances_that_exist_at_once_are_counted(
    aws: AwsSession, deployed: AsyncEndpointOutputs, changes: Any, expected: dict[str, int]
) -> None:
    found = instance_needs(lambda region: aws, resource_changes(plan_document(*changes)), REGION)
    assert {need.instance_type: need.during for need in found} == expected


def test_shadow_instances_that_serve_are_counted() -> None:
    variants = {
        member: [{"VariantName": name, "InstanceType": "ml.m5.large", "CurrentInstanceCount": count}]
        for member, name, count in (("ProductionVariants", "main", 2), ("ShadowProductionVariants", "shadow", 3))
    }
    live = {"EndpointConfigName": "shirts-1", "EndpointStatus": "InService", **variants}
    sagemaker = SimpleNamespace(describe_endpoint=lambda **_: live, describe_endpoint_config=lambda **_: variants)
    aws: Any = SimpleNamespace(sagemaker=sagemaker, client=lambda service: sagemaker)
    document = plan_document(endpoint("update"), configuration(count=1))
    [need] = instance_needs(lambda region: aws, resource_changes(document), REGION)
    assert need.during == 1 + 2 + 3


def test_endpoints_of_one_plan_share_the_quota(aws: AwsSession) -> None:
    hats = change("module.hats.aws_sagemaker_endpoint.this", ["create"], None, {"name": "hats"})
    variant = {"variant_name": "main", "instance_type": "ml.m5.large", "initial_instance_count": 3}
    hats_config = change(
        "module.hats.aws_sagemaker_endpoint_configuration.this", ["create"], None, {"production_variants": [variant]}
    )
    resource = {"resource_id": "endpoint/hats/variant/main", "max_capacity": 10}
    target = change("module.hats.aws_appautoscaling_target.this", ["create"], None, resource)
    document = plan_document(endpoint("create"), configuration(), hats, hats_config, target)
    assert instance_needs(lambda region: aws, resource_changes(document), REGION) == [Need(REGION, "ml.m5.large", 5, 12)]
    assert instance_needs(lambda region: aws, resource_changes(document), None) == []


def test_more_than_the_quota_is_refused_with_numbers_and_where_to_ask() -> None:
    refusals, notices = compared(Quotas({NAME: 4.0}), Need(REGION, "ml.m5.large", 5, 5), Need(REGION, "ml.unknown", 99, 99))
    assert notices == []
    assert refusals == [
        "dev needs 5 instances ml.m5.large in eu-west-1 at once, old and new ones of an update included, and quota ml.m5.large "
        "for endpoint usage is 4. Nothing was changed; plan fewer initial_instances or a rolling update, or request an "
        "increase: aws service-quotas request-service-quota-increase --service-code sagemaker --quota-code L-0123ABCD "
        "--desired-value 5 --region eu-west-1"
    ]


def test_a_scaling_maximum_above_the_quota_is_reported() -> None:
    refusals, [notice] = compared(Quotas({NAME: 4.0}), Need(REGION, "ml.m5.large", 4, 8))
    assert refusals == []
    assert "may scale to 8 ml.m5.large in eu-west-1 and quota ml.m5.large for endpoint usage is 4" in notice


def test_the_applied_value_counts_and_the_default_where_there_is_none() -> None:
    need, other = Need(REGION, "ml.m5.large", 5, 5), "ml.m5.large for training job usage"
    default = Quotas({other: 0.0}, {NAME: 2.0})
    assert len(compared(default, need)[0]) == 1
    assert compared(Quotas({NAME: 8.0}, {NAME: 2.0}), need) == ([], [])
    found = Quotas({NAME: 8.0, other: 0.0})
    compared(found, need)
    assert found.asked == ["list_service_quotas"], "no page is read in vain"


def test_quotas_that_may_not_be_read_refuse_nothing() -> None:
    refusals, notices = compared(Quotas({NAME: 1.0}, refused="AccessDeniedException"), Need(REGION, "ml.m5.large", 5, 5))
    assert refusals == []
    assert notices == ["Instance quotas of eu-west-1 were not compared: ListServiceQuotas was refused (AccessDeniedException)."]


def test_an_apply_is_refused_by_the_quotas_of_the_local_aws(
    terraform: Any, deployed: AsyncEndpointOutputs, aws: AwsSession
) -> None:
    terraform.values = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}
    terraform.document = plan_document(endpoint("update"), configuration(count=64))
    [notice] = [notice for notice in plan_environment(prepared()).notices if "quota" in notice]
    assert notice.startswith("apply refuses this: dev needs 65 instances ml.m5.large")
    with pytest.raises(QuotaTooLow, match=r"quota ml\.m5\.large for endpoint usage is 64"):
        apply_environment(prepared())
    assert "apply" not in terraform.did
    terraform.document = plan_document(endpoint("update"), configuration(count=63))
    apply_environment(prepared())
    assert "apply" in terraform.did
