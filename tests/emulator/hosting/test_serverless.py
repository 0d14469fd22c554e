"""Serverless variants: cold starts up to the maximum concurrency, and scale-in when idle."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from support.common import refusal, unique, until
from support.deployed_endpoint import Role
from support.fault_injection import fault
from support.in_process_aws import REGION, AwsHarness
from support.sample_model import OBEDIENT
from support.synchronous_endpoint import Live, containers, go_live, make_model


@pytest.fixture
def live(local_aws: AwsHarness) -> Iterator[Any]:
    """Creates serverless endpoints with the given ServerlessConfig; deletes them after the test."""
    made: list[Live] = []

    def endpoint(concurrency: int, **config: int) -> Live:
        bucket, role = local_aws.bucket(), local_aws.role()
        role.allow(bucket)
        serverless = {"MemorySizeInMB": 2_048, "MaxConcurrency": concurrency, **config}
        variant = {"VariantName": "primary", "ModelName": local_aws.model(bucket, role), "ServerlessConfig": serverless}
        made.append(go_live(local_aws, bucket, role, [variant]))
        return made[-1]

    yield endpoint
    for item in made:
        local_aws.forget(item.name)


def instances(endpoint: Live) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = endpoint.status()["instances"]
    return found


def test_an_idle_container_is_stopped_and_the_next_request_cold_starts_one(live: Any) -> None:
    endpoint: Live = live(2)
    assert endpoint.call({"answer": "warm"}).body == b"warm"
    first = {item["pid"] for item in instances(endpoint)}
    until(lambda: not instances(endpoint), "nothing runs once it has been idle for long")
    assert endpoint.call({"answer": "cold"}).body == b"cold"
    assert not first & {item["pid"] for item in instances(endpoint)}
    assert endpoint.describe()["EndpointStatus"] == "InService"


def test_concurrent_requests_start_a_container_each_up_to_the_maximum(live: Any, tmp_path: Path) -> None:
    endpoint: Live = live(2)
    gate, arrivals = tmp_path / "open", tmp_path / "arrivals"
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(endpoint.call, {"touch": str(arrivals), "until": str(gate)}) for _ in range(2)]
        until(lambda: arrivals.exists() and len(arrivals.read_text().split()) == 2, "both are at a model")
        assert len(set(arrivals.read_text().split())) == 2, "each has a container of its own"
        error = endpoint.refused({})
        assert error["Error"]["Code"] == "ThrottlingException"
        gate.touch()
        assert {call.result().document["together"] for call in calls} == {1}
    assert endpoint.call({"answer": "free again"}).body == b"free again"


def test_provisioned_concurrency_stays_warm(local_aws: AwsHarness, live: Any) -> None:
    endpoint: Live = live(3, ProvisionedConcurrency=2)
    warm = {item["pid"] for item in instances(endpoint)}
    assert len(warm) == 2
    begun = local_aws.aws.clock.now()
    until(lambda: local_aws.aws.clock.now() > begun + 1_500, "more time has passed than an idle container has")
    assert {item["pid"] for item in instances(endpoint)} == warm


def another(local_aws: AwsHarness, endpoint: Live, **config: int) -> str:
    serverless = {"MemorySizeInMB": 2_048, "MaxConcurrency": 3, **config}
    model = local_aws.model(endpoint.bucket, endpoint.role)
    variant = {"VariantName": "primary", "ModelName": model, "ServerlessConfig": serverless}
    name = unique("config")
    local_aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    return name


def test_provisioned_concurrency_follows_updates_and_rollbacks(local_aws: AwsHarness, live: Any) -> None:
    endpoint: Live = live(3, ProvisionedConcurrency=2)
    old = {item["id"] for item in instances(endpoint)}
    config = another(local_aws, endpoint, ProvisionedConcurrency=1)
    local_aws.sagemaker.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=config)
    endpoint.until_status("InService")
    until(lambda: len(instances(endpoint)) == 1, "the old instances are gone, and not replaced")
    (new,) = instances(endpoint)
    assert new["id"] not in old
    failing = another(local_aws, endpoint, ProvisionedConcurrency=2)
    with fault(local_aws, "update-rollback", endpoint=endpoint.name, count=1):
        local_aws.sagemaker.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=failing)
        described = endpoint.until_status("InService")
    assert (described["EndpointConfigName"], "FailureReason" in described) == (config, True)
    assert [item["id"] for item in instances(endpoint)] == [new["id"]]


def test_describe_shows_the_serverless_configuration(live: Any) -> None:
    (variant,) = live(3, ProvisionedConcurrency=1).describe()["ProductionVariants"]
    config = {"MemorySizeInMB": 2_048, "MaxConcurrency": 3, "ProvisionedConcurrency": 1}
    assert (variant["CurrentServerlessConfig"], variant["CurrentInstanceCount"]) == (config, 0)
    assert "DesiredInstanceCount" not in variant


@pytest.fixture(scope="module")
def allowed(local_aws: AwsHarness) -> tuple[str, Role]:
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    return bucket, role


def test_a_serverless_variant_is_alone_and_not_of_the_marketplace(local_aws: AwsHarness, allowed: tuple[str, Role]) -> None:
    serverless = {"MemorySizeInMB": 1_024, "MaxConcurrency": 1}
    model = local_aws.model(*allowed)
    variants = [{"VariantName": name, "ModelName": model, "ServerlessConfig": serverless} for name in ("primary", "second")]
    create = local_aws.sagemaker.create_endpoint_config
    code, message = refusal(create, EndpointConfigName=unique("config"), ProductionVariants=variants)
    assert (code, "must be the only variant" in message) == ("ValidationException", True), message
    sold, image = unique("model"), f"865070037744.dkr.ecr.{REGION}.amazonaws.com/sold:1"
    local_aws.sagemaker.create_model(ModelName=sold, ExecutionRoleArn=allowed[1].arn, PrimaryContainer={"Image": image})
    code, message = refusal(create, EndpointConfigName=unique("config"), ProductionVariants=[variants[0] | {"ModelName": sold}])
    assert (code, "AWS Marketplace" in message) == ("ValidationException", True), message


@pytest.mark.parametrize(
    ("variant", "said"),
    [
        ({"ServerlessConfig": {"MemorySizeInMB": 1_500, "MaxConcurrency": 1}}, "MemorySizeInMB"),
        ({"ServerlessConfig": {"MemorySizeInMB": 1_024, "MaxConcurrency": 201}}, "serverlessConfig.maxConcurrency"),
        ({"ServerlessConfig": {"MemorySizeInMB": 1_024, "MaxConcurrency": 1, "ProvisionedConcurrency": 2}}, "is above"),
        ({"InstanceType": "ml.m5.large"}, "give either ServerlessConfig or InstanceType"),
    ],
)
def test_an_invalid_serverless_variant_is_refused(
    local_aws: AwsHarness, allowed: tuple[str, Role], variant: dict[str, Any], said: str
) -> None:
    base = {"VariantName": "primary", "ModelName": local_aws.model(*allowed), "ServerlessConfig": {"MemorySizeInMB": 1_024}}
    base["ServerlessConfig"] = {"MemorySizeInMB": 1_024, "MaxConcurrency": 1}
    config = {"EndpointConfigName": unique("config"), "ProductionVariants": [base | variant]}
    code, message = refusal(local_aws.sagemaker.create_endpoint_config, **config)
    assert (code, said in message) == ("ValidationException", True), message


def test_a_pipeline_cannot_be_serverless(local_aws: AwsHarness, allowed: tuple[str, Role]) -> None:
    bucket, role = allowed
    model = make_model(local_aws, role, Containers=containers(local_aws, bucket, [("first", OBEDIENT), ("second", OBEDIENT)]))
    variant = {"VariantName": "primary", "ModelName": model, "ServerlessConfig": {"MemorySizeInMB": 1_024, "MaxConcurrency": 1}}
    config = {"EndpointConfigName": unique("config"), "ProductionVariants": [variant]}
    assert "a model of one container" in refusal(local_aws.sagemaker.create_endpoint_config, **config)[1]


PROVISIONED = "sagemaker:variant:DesiredProvisionedConcurrency"


def test_provisioned_concurrency_scales_with_its_utilization(local_aws: AwsHarness, live: Any, tmp_path: Path) -> None:
    endpoint: Live = live(4, ProvisionedConcurrency=1)
    target = {"ServiceNamespace": "sagemaker", "ScalableDimension": PROVISIONED, "ResourceId": endpoint.resource_id}
    local_aws.scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    local_aws.scaling.put_scaling_policy(
        **target,
        PolicyName="utilisation",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantProvisionedConcurrencyUtilization"},
            "TargetValue": 0.7,
            "ScaleInCooldown": 0,
            "ScaleOutCooldown": 0,
        },
    )

    def warm() -> int:
        count: int = endpoint.describe()["ProductionVariants"][0]["DesiredServerlessConfig"]["ProvisionedConcurrency"]
        return count

    def keep_busy() -> None:  # a request in each minute, which is a tenth of a second
        while not enough.is_set():
            endpoint.call({"answer": "red"})

    enough = threading.Event()
    with ThreadPoolExecutor(1) as customer:
        asking = customer.submit(keep_busy)
        try:
            until(lambda: warm() == 2, "a container more is kept warm")
        finally:
            enough.set()
        asking.result()
    until(lambda: warm() == 1, "without requests it goes again")
    activities = local_aws.scaling.describe_scaling_activities(ServiceNamespace="sagemaker", ResourceId=endpoint.resource_id)
    said = {(item["Description"], item["ScalableDimension"]) for item in activities["ScalingActivities"]}
    assert ("Setting desired provisioned concurrency to 2.", PROVISIONED) in said
    local_aws.scaling.deregister_scalable_target(**target)


def test_each_kind_of_variant_has_its_scalable_dimension(local_aws: AwsHarness, live: Any, deploy: Any) -> None:
    on_demand: Live = live(2)
    bounds = {"MinCapacity": 1, "MaxCapacity": 2, "ServiceNamespace": "sagemaker", "ScalableDimension": PROVISIONED}
    for resource_id in (on_demand.resource_id, deploy().resource_id):
        _, message = refusal(local_aws.scaling.register_scalable_target, ResourceId=resource_id, **bounds)
        assert "has no provisioned concurrency" in message
