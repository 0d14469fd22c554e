"""Endpoints as other tools make them, on a local AWS: what `async-endpoint adopt` is to take over."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from support.common import unique, until
from support.sample_model import archive
from support.third_party_clients import Client as SdkClient
from support.third_party_clients import Order

REGION, ACCOUNT = "eu-west-1", "123456789012"
IMAGE = f"763104351884.dkr.ecr.{REGION}.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
INPUT = b'{"answer": {"from": "the model"}}'
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
BROAD = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:*", "sns:*", "ecr:*", "logs:*", "cloudwatch:*"], "Resource": "*"}],
}

Client = Callable[[str], Any]


@dataclass
class Origin:
    """An endpoint that is live. `kind` is async or real_time, `made_by` what owns it; `input` is what it is invoked with."""

    client: Client
    endpoint: str
    bucket: str
    kind: str = "async"
    made_by: str = "script"

    @property
    def input(self) -> str:
        return f"s3://{self.bucket}/inputs/question.json"

    def invoke(self) -> Any:
        """The model's answer, through the plain API, as a caller has it who knows nothing of an adoption."""
        runtime = self.client("sagemaker-runtime")
        if self.kind == "real_time":
            body = runtime.invoke_endpoint(EndpointName=self.endpoint, Body=INPUT, ContentType="application/json")["Body"]
            return json.loads(body.read())
        sent = runtime.invoke_endpoint_async(
            EndpointName=self.endpoint, InputLocation=self.input, ContentType="application/json"
        )
        where, s3 = sent["OutputLocation"].removeprefix("s3://").partition("/"), self.client("s3")

        def answer() -> Any:
            try:
                return json.load(s3.get_object(Bucket=where[0], Key=where[2])["Body"])
            except s3.exceptions.NoSuchKey:
                return None

        return until(answer, f"{self.endpoint} answers", seconds=90)

    def delete_scaling_policy(self, name: str) -> None:
        """What adoption advises of a policy that would scale beside the module's own."""
        self.client("application-autoscaling").delete_scaling_policy(
            PolicyName=name,
            ServiceNamespace="sagemaker",
            ResourceId=f"endpoint/{self.endpoint}/variant/AllTraffic",
            ScalableDimension=DIMENSION,
        )


@dataclass
class Calls:
    """What a caller counts who calls without a pause."""

    answers: list[Any] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)


@contextmanager
def calling(origin: Origin) -> Iterator[Calls]:
    """Call the endpoint from a thread, one call after the other, for the block."""
    calls, ended = Calls(), threading.Event()

    def call() -> None:
        while not ended.is_set():
            try:
                calls.answers.append(origin.invoke())
            except Exception as error:
                calls.errors.append(error)
            ended.wait(0.2)

    thread = threading.Thread(target=call, name="caller")
    thread.start()
    try:
        yield calls
    finally:
        ended.set()
        thread.join()


def boto3_script(client: Client, *, own_topics: bool = False, **environment: str) -> Origin:
    """As the script of a guide makes it: bucket, role, one topic, model, configuration, endpoint, and scaling to zero.

    With `own_topics` each outcome has a topic of its own. `environment` are further variables of the container.
    """
    name = unique("stygig-async-endpoint")
    bucket = _bucket(client, f"{name}-data")
    role = make_role(client, f"{name}-role", path="/")
    topic = client("sns").create_topic(Name=f"{name}-notifications")["TopicArn"]
    errors = client("sns").create_topic(Name=f"{name}-errors")["TopicArn"] if own_topics else topic
    _model(client, f"{name}-model", role, _archive(client, bucket), environment)
    _configure(
        client,
        f"{name}-config",
        {"VariantName": "AllTraffic", "ModelName": f"{name}-model", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1},
        {
            "OutputConfig": {
                "S3OutputPath": f"s3://{bucket}/async-inference-results/",
                "NotificationConfig": {"SuccessTopic": topic, "ErrorTopic": errors},
            },
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 5},
        },
    )
    client("sagemaker").create_endpoint(
        EndpointName=name, EndpointConfigName=f"{name}-config", Tags=[{"Key": "team", "Value": "shop"}]
    )
    _in_service(client, name)
    scale_to_zero(client, name, "AllTraffic")
    return Origin(client, name, bucket)


def real_time(client: Client, **environment: str) -> Origin:
    """A real-time endpoint, scaled by its invocations. `environment` are further variables of the container."""
    name = unique("real-time")
    bucket = _bucket(client, f"{name}-data")
    _model(client, f"{name}-model", make_role(client, f"{name}-role", path="/team/"), _archive(client, bucket), environment)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": f"{name}-model",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    client("sagemaker").create_endpoint_config(EndpointConfigName=f"{name}-config", ProductionVariants=[variant])
    client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-config")
    _in_service(client, name)
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/AllTraffic",
        "ScalableDimension": DIMENSION,
    }
    scaling = client("application-autoscaling")
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    scaling.put_scaling_policy(
        **target,
        PolicyName="SageMakerEndpointInvocationScalingPolicy",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 70.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    )
    return Origin(client, name, bucket, "real_time")


def scale_to_zero(client: Client, name: str, variant: str) -> None:
    """Scaling as the developer guide sets it up, under the guide's names."""
    scaling = client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/{variant}",
        "ScalableDimension": DIMENSION,
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    scaling.put_scaling_policy(
        **target,
        PolicyName="Invocations-ScalingPolicy",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5.0,
            "CustomizedMetricSpecification": {
                "MetricName": "ApproximateBacklogSizePerInstance",
                "Namespace": "AWS/SageMaker",
                "Dimensions": [{"Name": "EndpointName", "Value": name}],
                "Statistic": "Average",
            },
            "ScaleInCooldown": 600,
            "ScaleOutCooldown": 300,
        },
    )
    policy = scaling.put_scaling_policy(
        **target,
        PolicyName="HasBacklogWithoutCapacity-ScalingPolicy",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Average",
            "Cooldown": 300,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )
    client("cloudwatch").put_metric_alarm(
        AlarmName=f"{name}-step-scaling",
        MetricName="HasBacklogWithoutCapacity",
        Namespace="AWS/SageMaker",
        Statistic="Average",
        EvaluationPeriods=2,
        DatapointsToAlarm=2,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
        Dimensions=[{"Name": "EndpointName", "Value": name}],
        Period=60,
        AlarmActions=[policy["PolicyARN"]],
    )


def _bucket(client: Client, name: str) -> str:
    """A bucket with an input, and with what other people have there: a policy and a lifecycle rule."""
    s3 = client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=name, Key="inputs/question.json", Body=INPUT)
    s3.put_object(Bucket=name, Key="unrelated/report.csv", Body=b"1,2,3")
    return name


def _archive(client: Client, bucket: str) -> str:
    client("s3").put_object(Bucket=bucket, Key="model-artifacts/model.tar.gz", Body=archive())
    return f"s3://{bucket}/model-artifacts/model.tar.gz"


def make_role(client: Client, name: str, path: str) -> str:
    """An execution role that may do what its endpoint needs, and more; its ARN."""
    iam = client("iam")
    arn: str = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="everything-it-needs", PolicyDocument=json.dumps(BROAD))
    return arn


def _model(client: Client, name: str, role: str, data: str, more: Mapping[str, str]) -> None:
    environment = {"SAGEMAKER_PROGRAM": "inference.py", "MODEL_SERVER_WORKERS": "1", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "300"}
    environment |= more
    container = {"Image": IMAGE, "ModelDataUrl": data, "Environment": environment}
    client("sagemaker").create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)


def _configure(client: Client, name: str, variant: Mapping[str, Any], asynchronous: Mapping[str, Any]) -> None:
    client("sagemaker").create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[variant], AsyncInferenceConfig=asynchronous
    )


def _in_service(client: Client, name: str) -> None:
    def status() -> bool:
        found = client("sagemaker").describe_endpoint(EndpointName=name)
        assert found["EndpointStatus"] != "Failed", found
        return bool(found["EndpointStatus"] == "InService")

    until(status, f"{name} is in service", seconds=120)


def stack(client: Client) -> Origin:
    """As CDK synthesises it: a CloudFormation stack with logical ids and metadata of constructs."""
    name = unique("cdk-endpoint")
    bucket = _bucket(client, f"{name}-data")
    template = {"Resources": cdk_resources(name, bucket, _archive(client, bucket))}
    client("cloudformation").create_stack(
        StackName=f"{name}-stack", TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"]
    )
    _stack_done(client, f"{name}-stack")
    return Origin(client, name, bucket, made_by="stack")


def cdk_resources(name: str, bucket: str, data: str) -> dict[str, Any]:
    """Role, topic, model, configuration, endpoint and scaling; logical ids end in a hash, as CDK's do."""
    topics = {"SuccessTopic": {"Ref": "ResultsA1B2C3D4"}, "ErrorTopic": {"Ref": "ResultsA1B2C3D4"}}
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": {"Fn::GetAtt": ["ModelF00DCAFE", "ModelName"]},
        "InstanceType": "ml.m5.large",
    }
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/AllTraffic",
        "ScalableDimension": DIMENSION,
        "MinCapacity": 1,
        "MaxCapacity": 3,
    }
    resources = {
        "RoleDEADBEEF": (
            "IAM::Role",
            {"AssumeRolePolicyDocument": TRUST, "Policies": [{"PolicyName": "Default", "PolicyDocument": BROAD}]},
        ),
        "ResultsA1B2C3D4": ("SNS::Topic", {}),
        "ModelF00DCAFE": (
            "SageMaker::Model",
            {
                "ExecutionRoleArn": {"Fn::GetAtt": ["RoleDEADBEEF", "Arn"]},
                "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": data},
            },
        ),
        "ConfigBAADF00D": (
            "SageMaker::EndpointConfig",
            {
                "ProductionVariants": [variant | {"InitialInstanceCount": 1, "InitialVariantWeight": 1}],
                "AsyncInferenceConfig": {
                    "OutputConfig": {
                        "S3OutputPath": f"s3://{bucket}/results",
                        "S3FailurePath": f"s3://{bucket}/results/errors",
                        "NotificationConfig": topics,
                    }
                },
            },
        ),
        "Endpoint8BADBEEF": (
            "SageMaker::Endpoint",
            {"EndpointName": name, "EndpointConfigName": {"Fn::GetAtt": ["ConfigBAADF00D", "EndpointConfigName"]}},
        ),
        "TargetFEEDFACE": ("ApplicationAutoScaling::ScalableTarget", target),
    }
    written: dict[str, Any] = {
        logical: {
            "Type": f"AWS::{kind}",
            "Properties": properties,
            "Metadata": {"aws:cdk:path": f"Stack/{logical[:-8]}/Resource"},
        }
        for logical, (kind, properties) in resources.items()
    }
    written["TargetFEEDFACE"]["DependsOn"] = ["Endpoint8BADBEEF"]
    return written


def release(origin: Origin) -> None:
    """What the refusal asks of the owner of a stack: every resource retained, then removed from the template."""
    cloudformation, name = origin.client("cloudformation"), f"{origin.endpoint}-stack"
    body = cloudformation.get_template(StackName=name)["TemplateBody"]
    template = json.loads(body) if isinstance(body, str) else body
    retained = {
        logical: resource | {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
        for logical, resource in template["Resources"].items()
    }
    placeholder = {"Placeholder": {"Type": "AWS::SNS::Topic"}}  # a deletion policy alone is no update
    for resources in (retained | placeholder, placeholder):
        cloudformation.update_stack(
            StackName=name, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_IAM"]
        )
        _stack_done(origin.client, name)


def _stack_done(client: Client, name: str) -> None:
    def status() -> str:
        found = str(client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
        return "" if found.endswith("_IN_PROGRESS") else found

    reached = until(status, f"stack {name} is done", seconds=120)
    assert reached in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), reached


def sagemaker_sdk(client: Client, sdk: SdkClient) -> Origin:
    """As SageMaker's Python SDK makes it: names of its own, results in its default bucket, no scaling and no topics."""
    name = unique("sdk-endpoint")
    bucket = _bucket(client, f"sagemaker-{REGION}-{ACCOUNT}")
    role = make_role(client, f"AmazonSageMaker-ExecutionRole-{name}", path="/service-role/")
    order = Order(name, IMAGE, role, bucket, _archive(client, bucket), "", "", "")
    sdk.run("deploy_with_sagemaker_sdk.py", order)
    return Origin(client, name, bucket)
