"""Verification of an endpoint on the local AWS while calls fail: it is delayed and says what it says otherwise."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from async_endpoint import signals
from async_endpoint.core.outputs import (
    Archive,
    AsyncEndpointOutputs,
    EndpointDetails,
    ExecutionRole,
    Limits,
    Model,
    Notifications,
    Scaling,
    Storage,
)
from async_endpoint.deploy.retries import repeated_together, retry_until_deadline, retrying_session
from async_endpoint.deploy.verify import inspect
from support.common import until
from support.fault_injection import fault
from support.in_process_aws import ACCOUNT, DIMENSION, REGION, AwsHarness

SEEDS = (1, 2, 3, 7, 11)


@pytest.fixture
def applied(local_aws: AwsHarness, monkeypatch: pytest.MonkeyPatch) -> Iterator[AsyncEndpointOutputs]:
    """An endpoint with all that verification looks at, as outputs state it; the credentials for it are in the environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", local_aws.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", local_aws.credentials.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", local_aws.credentials.secret_access_key)
    deployed = local_aws.endpoint(topics=True)
    local_aws.s3.put_bucket_versioning(Bucket=deployed.bucket, VersioningConfiguration={"Status": "Enabled"})
    results, dead_letters = deployed.queues["Success"], local_aws.queue()
    local_aws.subscribe(deployed.topics["ErrorTopic"], results)
    name, scaling = deployed.name, _scaled(local_aws, deployed)
    [container] = [local_aws.sagemaker.describe_model(ModelName=deployed.model)["PrimaryContainer"]]
    key = container["ModelDataUrl"].removeprefix(f"s3://{deployed.bucket}/")
    body = local_aws.s3.get_object(Bucket=deployed.bucket, Key=key)["Body"].read()
    version = local_aws.s3.put_object(Bucket=deployed.bucket, Key=key, Body=body)["VersionId"]
    policy = local_aws.iam.get_role_policy(
        RoleName=deployed.role.name, PolicyName=local_aws.iam.list_role_policies(RoleName=deployed.role.name)["PolicyNames"][0]
    )
    yield AsyncEndpointOutputs(
        schema_version=1,
        environment="dev",
        region=REGION,
        account_id=ACCOUNT,
        endpoint=EndpointDetails(
            name=name,
            arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}",
            config_name=deployed.config,
            model_name=deployed.model,
            variant_name="primary",
            instance_type="ml.m5.large",
            max_concurrent_invocations_per_instance=4,
            execution_role_arn=deployed.role.arn,
        ),
        storage=Storage(
            deployed.bucket,
            f"s3://{deployed.bucket}/input/",
            f"s3://{deployed.bucket}/output/",
            f"s3://{deployed.bucket}/failure/",
            None,
        ),
        notifications=Notifications(
            deployed.topics["SuccessTopic"], deployed.topics["ErrorTopic"], results.url, results.arn, dead_letters.url
        ),
        scaling=scaling,
        limits=Limits(21600, 900, 600),
        model=Model(
            (Archive(container["ModelDataUrl"], None, version),),
            ExecutionRole(json.dumps(policy["PolicyDocument"]), True),
        ),
    )
    local_aws.forget_scaling(deployed)
    deployed.delete()


def _scaled(local_aws: AwsHarness, deployed: Any) -> Scaling:
    target = {"ServiceNamespace": "sagemaker", "ResourceId": deployed.resource_id, "ScalableDimension": DIMENSION}
    name = deployed.name
    local_aws.scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    metric = {
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Namespace": "AWS/SageMaker",
        "Statistic": "Average",
        "Dimensions": [{"Name": "EndpointName", "Value": name}],
    }
    local_aws.scaling.put_scaling_policy(
        **target,
        PolicyName=f"{name}-tracking",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 5.0, "CustomizedMetricSpecification": metric},
    )
    steps = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]
    wake = local_aws.scaling.put_scaling_policy(
        **target,
        PolicyName=f"{name}-wake",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps},
    )
    local_aws.cloudwatch.put_metric_alarm(
        AlarmName=f"{name}-wake",
        MetricName="HasBacklogWithoutCapacity",
        Namespace="AWS/SageMaker",
        Statistic="Average",
        Dimensions=metric["Dimensions"],
        Period=60,
        EvaluationPeriods=2,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[wake["PolicyARN"]],
    )
    return Scaling(deployed.resource_id, 1, 2, 5.0, f"{name}-tracking", f"{name}-wake", f"{name}-wake")


def test_verification_says_the_same_while_calls_are_throttled(local_aws: AwsHarness, applied: AsyncEndpointOutputs) -> None:
    undisturbed = inspect(retrying_session(REGION, local_aws.url), applied)
    assert undisturbed.differences == []
    assert len(undisturbed.checks) >= 12
    for seed in SEEDS:
        with fault(local_aws, "throttle", rate=0.3, seed=seed):
            report = inspect(retrying_session(REGION, local_aws.url), applied)
        assert report.differences == [], f"seed {seed}"
        assert [check.name for check in report.checks] == [check.name for check in undisturbed.checks], f"seed {seed}"


def test_a_difference_is_found_while_calls_are_throttled(local_aws: AwsHarness, applied: AsyncEndpointOutputs) -> None:
    found = local_aws.scaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=applied.scaling.resource_id)
    names = [alarm["AlarmName"] for policy in found["ScalingPolicies"] for alarm in policy.get("Alarms", ())]
    local_aws.cloudwatch.delete_alarms(AlarmNames=[name for name in names if name.startswith("TargetTracking")])
    with fault(local_aws, "throttle", rate=0.3, seed=7):
        differences = inspect(retrying_session(REGION, local_aws.url), applied).differences
    assert [difference.found for difference in differences] == ["does not exist"] * 2


def test_an_api_that_stays_throttled_ends_at_the_deadline(local_aws: AwsHarness, applied: AsyncEndpointOutputs) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 1
        return now[0]

    client = retry_until_deadline(local_aws.client("sagemaker"), clock=clock, throttling_seconds=4)
    with fault(local_aws, "throttle", rate=1.0, seed=7), pytest.raises(ClientError, match="Throttling"):
        client.describe_endpoint(EndpointName=applied.endpoint.name)
    until(lambda: now[0] >= 5, "the deadline has passed")


def test_a_command_that_is_asked_to_end_repeats_nothing_but_what_must_be_done(local_aws: AwsHarness) -> None:
    asked = list[float]()
    client = retry_until_deadline(local_aws.client("sagemaker"), clock=lambda: asked.append(1.0) or time.monotonic())
    with signals.terminating(), pytest.raises(KeyboardInterrupt), signals.deferred():
        signal.raise_signal(signal.SIGTERM)
        with fault(local_aws, "throttle", rate=1.0, seed=7), pytest.raises(ClientError, match="Throttling"):
            client.list_endpoints()
        assert len(asked) == 1
        with fault(local_aws, "throttle", rate=1.0, seed=7, count=2), repeated_together(60):
            client.list_endpoints()
        assert len(asked) > 2


def test_a_refusal_is_not_repeated(local_aws: AwsHarness) -> None:
    asked = list[float]()
    client = retry_until_deadline(local_aws.client("sagemaker"), clock=lambda: asked.append(1.0) or 0.0)
    with pytest.raises(ClientError, match="ValidationException"):
        client.describe_endpoint(EndpointName="there-is-none")
    assert len(asked) == 1


def test_a_variant_without_weight_is_found(local_aws: AwsHarness, applied: AsyncEndpointOutputs) -> None:
    def put(weight: float) -> None:
        desired = [{"VariantName": "primary", "DesiredWeight": weight}]
        local_aws.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=applied.endpoint.name, DesiredWeightsAndCapacities=desired
        )

    put(0)
    [difference] = inspect(retrying_session(REGION, local_aws.url), applied).differences
    assert difference.found == "has weight 0.0 instead of 1.0"

    put(1)  # what the remedy says
    assert inspect(retrying_session(REGION, local_aws.url), applied).differences == []
