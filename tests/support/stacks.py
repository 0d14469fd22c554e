"""CloudFormation stacks of a test: templates as dictionaries, and what became of a stack."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from support.common import unique, until
from support.in_process_aws import IMAGE, AwsHarness

Resources = dict[str, dict[str, Any]]
IAM = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def att(name: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


class StackHarness:
    """One stack by name; its calls end when its status is final."""

    def __init__(self, aws: AwsHarness, name: str = "") -> None:
        self.aws = aws
        self.name = name or unique("stack")
        self.client = aws.client("cloudformation")
        self.id = ""

    def create(self, resources: Resources, sections: Mapping[str, Any] | None = None, **options: Any) -> str:
        """Create the stack; returns its final status."""
        template = {"Resources": resources, **(sections or {})}
        arguments = {"Capabilities": IAM, **options}
        self.id = self.client.create_stack(StackName=self.name, TemplateBody=json.dumps(template), **arguments)["StackId"]
        return self.final_status()

    def update(self, resources: Resources, sections: Mapping[str, Any] | None = None, **options: Any) -> str:
        template = {"Resources": resources, **(sections or {})}
        arguments = {"Capabilities": IAM, **options}
        self.client.update_stack(StackName=self.name, TemplateBody=json.dumps(template), **arguments)
        return self.final_status()

    def delete(self, **options: Any) -> str:
        self.client.delete_stack(StackName=self.name, **options)
        return self.final_status()

    def final_status(self) -> str:
        def final() -> str:
            status: str = self.described()["StackStatus"]
            return "" if status.endswith("_IN_PROGRESS") else status

        return until(final, f"stack {self.name} is done")

    def described(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.describe_stacks(StackName=self.id or self.name)["Stacks"][0]
        return found

    def outputs(self) -> dict[str, str]:
        return {output["OutputKey"]: output["OutputValue"] for output in self.described()["Outputs"]}

    def physical_ids(self) -> dict[str, str]:
        found = self.client.describe_stack_resources(StackName=self.id)["StackResources"]
        return {item["LogicalResourceId"]: item.get("PhysicalResourceId", "") for item in found}

    def reasons(self, status: str) -> dict[str, str]:
        """The reason of each event with a status, by logical id."""
        events = self.client.describe_stack_events(StackName=self.id)["StackEvents"]
        return {
            event["LogicalResourceId"]: event.get("ResourceStatusReason", "")
            for event in events
            if event["ResourceStatus"] == status
        }


def execution_role(bucket: str) -> dict[str, Any]:
    """An execution role as a resource."""
    actions = ["s3:*", "sns:*", "ecr:*", "logs:*", "cloudwatch:*"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}
    return resource(
        "IAM::Role",
        AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": [trust]},
        Policies=[
            {"PolicyName": f"use-{bucket}", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}},
        ],
    )


def endpoint_resources(bucket: str, archive: str, name: str) -> Resources:
    """Role, model, asynchronous endpoint configuration and endpoint; numbers are strings, as templates may have them."""
    variant = {"VariantName": "primary", "ModelName": att("Model", "ModelName"), "InstanceType": "ml.m5.large"}
    return {
        "Role": execution_role(bucket),
        "Model": resource(
            "SageMaker::Model",
            ExecutionRoleArn=att("Role", "Arn"),
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": archive},
        ),
        "Config": resource(
            "SageMaker::EndpointConfig",
            ProductionVariants=[variant | {"InitialInstanceCount": "1", "InitialVariantWeight": "1"}],
            AsyncInferenceConfig={
                "ClientConfig": {"MaxConcurrentInvocationsPerInstance": "2"},
                "OutputConfig": {"S3OutputPath": f"s3://{bucket}/output/"},
            },
        ),
        "Endpoint": resource("SageMaker::Endpoint", EndpointName=name, EndpointConfigName=att("Config", "EndpointConfigName")),
    }


def scaling_resources(name: str) -> Resources:
    """A scalable target from zero, its step policy and the alarm that wakes the endpoint."""
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/primary",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    step = {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}
    return {
        "Target": {
            **resource("ApplicationAutoScaling::ScalableTarget", **target, MinCapacity="0", MaxCapacity=2),
            "DependsOn": "Endpoint",
        },
        "Wake": resource(
            "ApplicationAutoScaling::ScalingPolicy",
            PolicyName="wake",
            PolicyType="StepScaling",
            ScalingTargetId=ref("Target"),
            StepScalingPolicyConfiguration={"AdjustmentType": "ChangeInCapacity", "Cooldown": "300", "StepAdjustments": [step]},
        ),
        "WakeAlarm": resource(
            "CloudWatch::Alarm",
            Namespace="AWS/SageMaker",
            MetricName="HasBacklogWithoutCapacity",
            Dimensions=[{"Name": "EndpointName", "Value": name}],
            Statistic="Average",
            Period=60,
            EvaluationPeriods="2",
            Threshold="1",
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            AlarmActions=[ref("Wake")],
        ),
    }
