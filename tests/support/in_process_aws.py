"""A local AWS in this process, met as a customer meets it: through boto3. Helpers make what a test needs in a few lines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.emulator import Emulator
from support.common import unique, until
from support.deployed_endpoint import Deployed, Outcome, Queue, Role
from support.sample_model import archive

REGION, ACCOUNT = "eu-west-1", "123456789012"
# The limits of the model server, as the module `model` sets them; its defaults are 6.5 MB and 60 seconds.
SERVING = {
    "TS_MAX_REQUEST_SIZE": "104857600",
    "TS_MAX_RESPONSE_SIZE": "104857600",
    "TS_DEFAULT_RESPONSE_TIMEOUT": "3600",
}
IMAGE = f"763104351884.dkr.ecr.{REGION}.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"


class AwsHarness:
    """boto3 clients of one local AWS, and what tests make with them."""

    def __init__(self, aws: Emulator, folder: Path) -> None:
        self.aws = aws
        self.url = aws.record.endpoint_url
        self.credentials = aws.credentials
        self.folder = folder / aws.instance_id

    def nothing_is_left_over(self) -> None:
        """Every container that still has files is an instance of some endpoint."""

        def leftovers() -> set[str]:
            known = {instance["id"] for endpoint in self.aws.status()["endpoints"] for instance in endpoint["instances"]}
            return {path.name for path in self.folder.iterdir()} - known

        until(lambda: not leftovers(), f"no container is left over in {self.folder}")

    def client(self, service: str, region: str = REGION, **config: Any) -> Any:
        return boto3.client(
            service,
            region,
            endpoint_url=self.url,
            aws_access_key_id=self.credentials.access_key_id,
            aws_secret_access_key=self.credentials.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}, **config),
        )

    s3 = cached_property(lambda self: self.client("s3"))
    sns = cached_property(lambda self: self.client("sns"))
    sqs = cached_property(lambda self: self.client("sqs"))
    iam = cached_property(lambda self: self.client("iam"))
    kms = cached_property(lambda self: self.client("kms"))
    ec2 = cached_property(lambda self: self.client("ec2"))
    logs = cached_property(lambda self: self.client("logs"))
    cloudwatch = cached_property(lambda self: self.client("cloudwatch"))
    scaling = cached_property(lambda self: self.client("application-autoscaling"))
    sagemaker = cached_property(lambda self: self.client("sagemaker"))
    runtime = cached_property(lambda self: self.client("sagemaker-runtime"))
    # Waits as long as a model may take, and has a connection for each of many threads.
    patient_runtime = cached_property(lambda self: self.client("sagemaker-runtime", read_timeout=90, max_pool_connections=100))

    def endpoints(self, name: str) -> list[dict[str, Any]]:
        """What the local AWS says of the endpoint of that name: one document, or none."""
        return [item for item in self.aws.status()["endpoints"] if item["name"] == name]

    def forget(self, name: str) -> None:
        """End an endpoint whatever it is doing; SageMaker itself has no call for that."""
        endpoint = self.aws.hosting._endpoints.pop((REGION, name), None)
        if endpoint is not None:
            endpoint.close()

    # --- one thing each ----------------------------------------------------------------------------------------------

    def bucket(self) -> str:
        name = unique("bucket")
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name

    def put(self, bucket: str, key: str, body: bytes, **more: Any) -> str:
        self.s3.put_object(Bucket=bucket, Key=key, Body=body, **more)
        return f"s3://{bucket}/{key}"

    def read(self, uri: str) -> Outcome | None:
        """The object at `uri`, or None."""
        where = S3Uri.parse(uri)
        try:
            found = self.s3.get_object(Bucket=where.bucket, Key=where.key)
        except self.s3.exceptions.NoSuchKey:
            return None
        return Outcome("", found["Body"].read(), found["ContentType"])

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        found = self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for item in found.get("Contents", ())]

    def role(self, trusted: str = "sagemaker.amazonaws.com") -> Role:
        name = unique("role")
        return Role(self, name, self.create_role(name, trusted))

    def create_role(self, name: str, trusted: str = "sagemaker.amazonaws.com") -> str:
        """A role that a service may assume and that may do nothing; returns its ARN."""
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": trusted}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn: str = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        return arn

    def topic(self, **attributes: str) -> str:
        arn: str = self.sns.create_topic(Name=unique("topic"), Attributes=attributes)["TopicArn"]
        return arn

    def queue(self, *, open_to_sns: bool = True, **attributes: str) -> Queue:
        url = self.sqs.create_queue(QueueName=unique("queue"), Attributes=attributes)["QueueUrl"]
        queue = Queue(self, url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rsplit('/', maxsplit=1)[-1]}")
        if open_to_sns:
            queue.allow({"Service": "sns.amazonaws.com"})
        return queue

    def subscribe(self, topic: str, queue: Queue, **attributes: str) -> None:
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)

    def model(
        self, bucket: str, role: Role, model_archive: bytes | None = None, *, image: str = IMAGE, **environment: str
    ) -> str:
        name = unique("model")
        container = {"Image": image, "Environment": SERVING | environment}
        container["ModelDataUrl"] = self.put(bucket, f"model/{name}.tar.gz", model_archive or archive())
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role.arn, PrimaryContainer=container)
        return name

    def config(self, model: str, bucket: str, *, concurrency: int = 4, topics: Any = None, **variant: Any) -> str:
        name = unique("config")
        self.sagemaker.create_endpoint_config(**self.config_request(name, model, bucket, concurrency, topics, **variant))
        return name

    @staticmethod
    def config_request(
        name: str, model: str, bucket: str, concurrency: int = 4, topics: dict[str, Any] | None = None, **variant: Any
    ) -> dict[str, Any]:
        output = {"S3OutputPath": f"s3://{bucket}/output/", "S3FailurePath": f"s3://{bucket}/failure/"}
        first = {"VariantName": "primary", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        return {
            "EndpointConfigName": name,
            "ProductionVariants": [first | variant],
            "AsyncInferenceConfig": {
                "ClientConfig": {"MaxConcurrentInvocationsPerInstance": concurrency},
                "OutputConfig": output | ({"NotificationConfig": topics} if topics else {}),
            },
        }

    def put_minutely(self, namespace: str, datum: dict[str, Any]) -> float:
        """Put a datum for each AWS minute of the next two hours, so that late readers find one; returns the first time."""
        now = self.aws.clock.now()
        data = [datum | {"Timestamp": now + 60 * minute} for minute in range(120)]
        self.cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
        return now

    def forget_scaling(self, deployed: Deployed) -> None:
        """Take away the target and the alarms of an endpoint, that later minutes need not go through them."""
        target = {"ServiceNamespace": "sagemaker", "ScalableDimension": DIMENSION, "ResourceId": deployed.resource_id}
        if self.scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[deployed.resource_id])[
            "ScalableTargets"
        ]:
            self.scaling.deregister_scalable_target(**target)
        found = self.cloudwatch.describe_alarms()["MetricAlarms"]
        names = [
            alarm["AlarmName"] for alarm in found if {"Name": "EndpointName", "Value": deployed.name} in alarm["Dimensions"]
        ]
        if names:
            self.cloudwatch.delete_alarms(AlarmNames=names)

    # --- a whole endpoint --------------------------------------------------------------------------------------------

    def endpoint(
        self,
        model_archive: bytes | None = None,
        *,
        topics: bool = False,
        include: Iterable[str] = (),
        wait: bool = True,
        concurrency: int = 4,
        variant: dict[str, Any] | None = None,
        image: str = IMAGE,
        **environment: str,
    ) -> Deployed:
        """Bucket, role, model, configuration and endpoint; with `topics`, two topics with a queue each too."""
        bucket, role = self.bucket(), self.role()
        role.allow(bucket)
        deployed = Deployed(self, unique("endpoint"), bucket, role)
        notification_config: dict[str, Any] = {}
        if topics:
            for word in ("Success", "Error"):
                notification_config[f"{word}Topic"], queue = self.topic(), self.queue()
                self.subscribe(notification_config[f"{word}Topic"], queue)
                deployed.queues[word] = queue
            notification_config |= {"IncludeInferenceResponseIn": list(include)} if include else {}
            deployed.topics = notification_config
        deployed.model = self.model(bucket, role, model_archive, image=image, **environment)
        deployed.config = self.config(
            deployed.model, bucket, concurrency=concurrency, topics=notification_config, **(variant or {})
        )
        self.sagemaker.create_endpoint(EndpointName=deployed.name, EndpointConfigName=deployed.config)
        if wait:
            deployed.until_status("InService")
            deployed.announced = [until(queue.take, "the TestNotification") for queue in deployed.queues.values()]
        return deployed
