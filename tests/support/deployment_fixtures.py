"""What the deployment of these tests is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from async_endpoint.aws import AwsSession
from async_endpoint.core.outputs import AsyncEndpointOutputs, EndpointDetails, Limits, Notifications, Scaling, Storage
from async_endpoint.deploy.deployment import Deployment
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.verification.findings import PassedCheck
from async_endpoint.deploy.verify import verify

REGION, ACCOUNT = "eu-west-1", "123456789012"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shirts:1"
ARCHIVE, ARCHIVE_KEY = b"a model archive", "model/0123/model.tar.gz"
EXECUTION_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "ReadModelAndInputs",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": ["arn:aws:s3:::shirts-data/model/*", "arn:aws:s3:::shirts-data/in/*"],
        },
        {
            "Effect": "Allow",
            "Action": ["s3:AbortMultipartUpload", "s3:PutObject"],
            "Resource": "arn:aws:s3:::shirts-data/out/*",
        },
        {
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": ["/aws/sagemaker/Endpoints", "AWS/SageMaker"]}},
        },
    ],
}
TRUST_POLICY = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    },
}


def endpoint_outputs(name: str = "shirts") -> AsyncEndpointOutputs:
    """The outputs of an endpoint called `name` in environment dev."""
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}-"
    return AsyncEndpointOutputs(
        schema_version=1,
        environment="dev",
        region=REGION,
        account_id=ACCOUNT,
        endpoint=EndpointDetails(
            name=name,
            arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}",
            config_name=f"{name}-2",
            model_name=f"{name}-model",
            variant_name="main",
            instance_type="ml.m5.large",
            max_concurrent_invocations_per_instance=4,
            execution_role_arn=f"arn:aws:iam::{ACCOUNT}:role/{name}-execution",
        ),
        storage=Storage(f"{name}-data", f"s3://{name}-data/in/", f"s3://{name}-data/out/", f"s3://{name}-data/failed/", None),
        notifications=Notifications(f"{topic}success", f"{topic}error", *_queues(name)),
        scaling=Scaling(f"endpoint/{name}/variant/main", 0, 2, 5.0, f"{name}-tracking", f"{name}-wake", f"{name}-wake"),
        limits=Limits(21600, 900, 600),
    )


def _queues(name: str) -> tuple[str, str, str]:
    """URL and ARN of the results queue, and the URL of its dead-letter queue."""
    url = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}-"
    return f"{url}results", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-results", f"{url}dead-letters"


def create_notifications(aws: Any, outputs: AsyncEndpointOutputs) -> None:
    """Create the topics, queues and subscriptions that `outputs` describe."""
    planned, sns = outputs.notifications, aws.client("sns")
    for url in (planned.results_queue_url, planned.dead_letter_queue_url):
        aws.client("sqs").create_queue(QueueName=url.rpartition("/")[2])
    for topic in (planned.success_topic_arn, planned.error_topic_arn):
        sns.create_topic(Name=topic.rpartition(":")[2])
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=planned.results_queue_arn)


def endpoint_document(name: str) -> dict[str, Any]:
    """The same as decoded JSON."""
    return endpoint_outputs(name).as_dict()


def verify_one(aws: Any, outputs: AsyncEndpointOutputs, poller: Poller) -> list[PassedCheck]:
    """The checks of a deployment of one endpoint."""
    return verify(lambda region: aws, {"shirts": outputs}, poller)["shirts"]


def create_configuration(aws: AwsSession, outputs: AsyncEndpointOutputs, name: str, output_path: str | None = None) -> None:
    endpoint, topics = outputs.endpoint, outputs.notifications
    aws.client("sagemaker").create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {
                "VariantName": endpoint.variant_name,
                "ModelName": endpoint.model_name,
                "InstanceType": endpoint.instance_type,
                "InitialInstanceCount": 1,
            }
        ],
        AsyncInferenceConfig={
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": endpoint.max_concurrent_invocations_per_instance},
            "OutputConfig": {
                "S3OutputPath": output_path or outputs.storage.output_uri.rstrip("/"),
                "S3FailurePath": outputs.storage.failure_uri,
                "NotificationConfig": {"SuccessTopic": topics.success_topic_arn, "ErrorTopic": topics.error_topic_arn},
            },
        },
    )


def put_wake_alarm(aws: AwsSession, outputs: AsyncEndpointOutputs, actions: list[str]) -> None:
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=outputs.scaling.wake_alarm_name,
        MetricName="HasBacklogWithoutCapacity",
        Namespace="AWS/SageMaker",
        Statistic="Average",
        Dimensions=[{"Name": "EndpointName", "Value": outputs.endpoint.name}],
        Period=60,
        EvaluationPeriods=2,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=actions,
    )


def prepared(on_output: Callable[[str], None] = lambda line: None) -> Deployment:
    """Environment dev of the checkout, as a command prepares it."""
    return Deployment.prepare("dev", plans=False, on_output=on_output)


def create_endpoint(aws: Any, outputs: AsyncEndpointOutputs) -> None:
    """Create everything that `outputs` describe, and an earlier configuration, called NAME-1."""
    endpoint, scaling, sagemaker = outputs.endpoint, outputs.scaling, aws.client("sagemaker")
    create_notifications(aws, outputs)
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{outputs.storage.bucket}/{ARCHIVE_KEY}"}
    sagemaker.create_model(
        ModelName=endpoint.model_name, ExecutionRoleArn=endpoint.execution_role_arn, PrimaryContainer=container
    )
    for name in (endpoint.config_name, f"{endpoint.name}-1"):
        create_configuration(aws, outputs, name)
    sagemaker.create_endpoint(EndpointName=endpoint.name, EndpointConfigName=endpoint.config_name)
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": scaling.resource_id,
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    autoscaling = aws.client("application-autoscaling")
    autoscaling.register_scalable_target(**target, MinCapacity=scaling.min_instances, MaxCapacity=scaling.max_instances)
    metric = {
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Namespace": "AWS/SageMaker",
        "Statistic": "Average",
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint.name}],
    }
    autoscaling.put_scaling_policy(
        **target,
        PolicyName=scaling.tracking_policy_name,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 5.0, "CustomizedMetricSpecification": metric},
    )
    wake = autoscaling.put_scaling_policy(
        **target,
        PolicyName=scaling.wake_policy_name,
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )
    put_wake_alarm(aws, outputs, actions=[wake["PolicyARN"]])
