"""Endpoints as SageMaker, Application Auto Scaling and CloudWatch describe them, with what modules/endpoint deploys."""

from __future__ import annotations

from typing import Any

NAME, VARIANT = "shop-dev", "primary"
RESOURCE = f"endpoint/{NAME}/variant/{VARIANT}"
WAKE_ARN = f"arn:aws:autoscaling:eu-west-1:123456789012:scalingPolicy:1:resource/sagemaker/{RESOURCE}:policyName/wake"
ENDPOINT_DIMENSION = [{"Name": "EndpointName", "Value": NAME}]


def target(**changes: Any) -> dict[str, Any]:
    return {"ResourceId": RESOURCE, "MinCapacity": 0, "MaxCapacity": 2, "SuspendedState": {}} | changes


def tracking(**metric: Any) -> dict[str, Any]:
    """The target tracking policy, with changes of its metric's specification."""
    specification = {
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Namespace": "AWS/SageMaker",
        "Statistic": "Average",
        "Dimensions": ENDPOINT_DIMENSION,
    }
    return {
        "PolicyName": "tracking",
        "PolicyARN": "arn:tracking",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 5.0,
            "ScaleInCooldown": 300,
            "ScaleOutCooldown": 120,
            "CustomizedMetricSpecification": specification | metric,
        },
    }


def wake() -> dict[str, Any]:
    return {
        "PolicyName": "wake",
        "PolicyARN": WAKE_ARN,
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
            "Cooldown": 240,
            "MetricAggregationType": "Average",
        },
    }


def wake_alarm(**changes: Any) -> dict[str, Any]:
    return {
        "AlarmName": "wake-alarm",
        "AlarmActions": [WAKE_ARN],
        "ActionsEnabled": True,
        "Namespace": "AWS/SageMaker",
        "MetricName": "HasBacklogWithoutCapacity",
        "Dimensions": ENDPOINT_DIMENSION,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 1.0,
        "Period": 60,
        "EvaluationPeriods": 2,
        "DatapointsToAlarm": 2,
        "Statistic": "Average",
        "TreatMissingData": "missing",
    } | changes
