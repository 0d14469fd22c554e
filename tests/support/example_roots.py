"""Examples as Terraform roots: each copied, its archives built, applied on a shared local AWS."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import tftest

from async_endpoint.local_aws import LocalCredentials
from async_endpoint.packaging.archive import build_archive
from async_endpoint.terraform.local_override import process_environment
from async_endpoint.terraform.provider import running_provider
from support.module_copies import LEFT_OUT

CHECKOUT = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).with_name("async-endpoint")
REGION = "eu-west-1"
ACCOUNT = "123456789012"


@dataclass(frozen=True)
class LocalAwsProcess:
    """A local AWS in a process of its own; `folder` is a checkout to it."""

    folder: Path
    credentials: LocalCredentials

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.credentials.endpoint_url,
            aws_access_key_id=self.credentials.access_key_id,
            aws_secret_access_key=self.credentials.secret_access_key,
        )

    def environment(self) -> dict[str, str]:
        """What Terraform runs under: nothing of it reaches AWS."""
        return process_environment(os.environ, self.folder / "terraform.rc", self.credentials)


@dataclass
class Example:
    """One example in a copy of the checkout's modules and examples."""

    name: str
    folder: Path
    aws: LocalAwsProcess
    _terraform: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("modules", "examples"):
            shutil.copytree(CHECKOUT / name, self.folder / name, ignore=LEFT_OUT)
        self.guard(False)
        for code in self.root.rglob("code"):
            model = code.parent
            suffix = "" if model.name == "model" else f"-{model.name}"
            build_archive(model, self.folder / "build" / f"{self.name}{suffix}.tar.gz")
        self._terraform = tftest.TerraformTest(str(self.root))
        self._terraform.env = self.aws.environment()

    @property
    def root(self) -> Path:
        """Where Terraform runs, and where a test may change files."""
        return self.folder / "examples" / self.name

    @contextmanager
    def with_provider(self, executable: Path) -> Iterator[None]:
        """One provider serves all commands until the block ends."""
        with running_provider(executable, self.root, self._terraform.env) as attached:
            self._terraform.env |= attached
            self._terraform.setup(cleanup_on_exit=False)
            yield

    def guard(self, on: bool) -> None:
        """Whether what must outlive a mistake does; it must not outlive a test."""
        off, now = (f"prevent_destroy = {str(guarded).lower()}" for guarded in (not on, on))
        for file in (self.folder / "modules").glob("*/*.tf"):
            file.write_text(file.read_text().replace(off, now))

    def apply(self) -> dict[str, Any]:
        """Apply, and return the outputs; TerraformTestError says what went wrong."""
        self._terraform.apply()
        return dict(self._terraform.output())

    def changes(self) -> list[str]:
        """What another plan would change, as Terraform says it; none when it is empty."""
        planned = self._terraform.execute_command("plan", "-input=false", "-no-color", "-detailed-exitcode")
        return [] if planned.retcode == 0 else re.findall(r"^  # (.*)$", planned.out, re.MULTILINE) or [planned.out]

    def destroy(self) -> None:
        """As modules/endpoint/README.md says for bare Terraform: endpoints and their interfaces go before their role."""
        names = [item["EndpointName"] for item in self.sagemaker.list_endpoints()["Endpoints"]]
        for name in names:
            self.still(name)
            self.sagemaker.delete_endpoint(EndpointName=name)
        self.until(lambda: not self.sagemaker.list_endpoints()["Endpoints"], f"{', '.join(names)} gone")
        managed = [{"Name": "requester-managed", "Values": ["true"]}]
        interfaces = self.aws.client("ec2").describe_network_interfaces
        self.until(lambda: not interfaces(Filters=managed)["NetworkInterfaces"], "every network interface is gone")
        self._terraform.destroy()

    def until(self, look: Callable[[], Any], what: str, seconds: float = 90) -> Any:
        """What `look` returns once that is true."""
        deadline = time.monotonic() + seconds
        while not (seen := look()):
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
            time.sleep(0.2)
        return seen

    def still(self, endpoint: str) -> None:
        """Until nothing of an endpoint is in progress: SageMaker deletes none before."""
        self.until(
            lambda: self.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService",
            f"{endpoint} is InService",
        )

    def invoke(self, endpoint: str, body: str, content_type: str = "application/json", **more: Any) -> tuple[str, str]:
        """The answer of a real-time or serverless endpoint, and the variant that gave it."""
        answer = self.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType=content_type, **more)
        return answer["Body"].read().decode(), answer["InvokedProductionVariant"]

    def object(self, uri: str) -> str | None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            return str(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode())
        except self.s3.exceptions.NoSuchKey:
            return None

    s3 = cached_property(lambda self: self.aws.client("s3"))
    runtime = cached_property(lambda self: self.aws.client("sagemaker-runtime"))
    sagemaker = cached_property(lambda self: self.aws.client("sagemaker"))


def inventory(aws: LocalAwsProcess) -> dict[str, list[str]]:
    """Everything there is on a local AWS, by kind; a key that waits out its days of grace is gone."""
    kms, sagemaker, ec2, iam = (aws.client(name) for name in ("kms", "sagemaker", "ec2", "iam"))
    scaling, sns = aws.client("application-autoscaling"), aws.client("sns")
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    owned = [{"Name": "is-default", "Values": ["false"]}]
    return {
        "alarm": [item["AlarmName"] for item in aws.client("cloudwatch").describe_alarms()["MetricAlarms"]],
        "bucket": [item["Name"] for item in aws.client("s3").list_buckets()["Buckets"]],
        "configuration": [item["EndpointConfigName"] for item in sagemaker.list_endpoint_configs()["EndpointConfigs"]],
        "dashboard": [item["DashboardName"] for item in aws.client("cloudwatch").list_dashboards()["DashboardEntries"]],
        "endpoint": [item["EndpointName"] for item in sagemaker.list_endpoints()["Endpoints"]],
        "key": [item["KeyId"] for item in keys if item["KeyState"] != "PendingDeletion" and item["KeyManager"] == "CUSTOMER"],
        "log group": [item["logGroupName"] for item in aws.client("logs").describe_log_groups()["logGroups"]],
        "model": [item["ModelName"] for item in sagemaker.list_models()["Models"]],
        "policy": [item["PolicyName"] for item in iam.list_policies(Scope="Local")["Policies"]],
        "queue": aws.client("sqs").list_queues().get("QueueUrls", []),
        "repository": [item["repositoryName"] for item in aws.client("ecr").describe_repositories()["repositories"]],
        "role": [item["RoleName"] for item in iam.list_roles()["Roles"]],
        "scalable target": [
            item["ResourceId"] for item in scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        ],
        "subscription": [item["SubscriptionArn"] for item in sns.list_subscriptions()["Subscriptions"]],
        "topic": [item["TopicArn"] for item in sns.list_topics()["Topics"]],
        "VPC": [item["VpcId"] for item in ec2.describe_vpcs(Filters=owned)["Vpcs"]],
    }
