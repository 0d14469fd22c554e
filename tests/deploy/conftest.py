"""A deployment on moto, made as the modules make one, and a Terraform that only remembers what it was told."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from async_endpoint.aws import AwsSession
from async_endpoint.core.outputs import (
    Archive,
    AsyncEndpointOutputs,
    Endpoint,
    ExecutionRole,
    Limits,
    Model,
    Notifications,
    Scaling,
    Storage,
)
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.retries import retrying_session
from async_endpoint.emulator.moto_patches import scalable_target, scaling_tags, scheduled_actions, tracking_alarms
from async_endpoint.terraform.adapter import Changes
from async_endpoint.workspace import Workspace
from support.deployment_fixtures import ACCOUNT, ARCHIVE, ARCHIVE_KEY, EXECUTION_POLICY, REGION, TRUST_POLICY


@pytest.fixture
def outputs() -> AsyncEndpointOutputs:
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:shirts-"
    return AsyncEndpointOutputs(
        schema_version=1,
        environment="dev",
        region=REGION,
        account_id=ACCOUNT,
        endpoint=Endpoint(
            name="shirts",
            arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/shirts",
            config_name="shirts-2",
            model_name="shirts-model",
            variant_name="main",
            instance_type="ml.m5.large",
            max_concurrent_invocations_per_instance=4,
            execution_role_arn=f"arn:aws:iam::{ACCOUNT}:role/shirts-execution",
        ),
        storage=Storage("shirts-data", "s3://shirts-data/in/", "s3://shirts-data/out/", "s3://shirts-data/failed/", None),
        notifications=Notifications(f"{topic}success", f"{topic}error", "https://q", "arn:q", "https://dlq"),
        scaling=Scaling("endpoint/shirts/variant/main", 0, 2, 5.0, "shirts-tracking", "shirts-wake", "shirts-wake"),
        limits=Limits(21600, 900, 600),
    )


@pytest.fixture(scope="session")
def clients() -> AwsSession:
    """Clients are dear to make, and moto answers those of earlier tests too."""
    return retrying_session(REGION)


@pytest.fixture
def aws(clients: AwsSession, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsSession]:
    for variable in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(variable, raising=False)
    # a local AWS in this process, of a test before, would look for the endpoint
    for gap in (scalable_target, scheduled_actions):
        monkeypatch.setattr(gap, "least_capacity", lambda *_: 0)
    scaling_tags.apply()
    # with the alarms that AWS makes for target tracking
    backend = tracking_alarms.ApplicationAutoscalingBackend
    monkeypatch.setattr(backend, "put_scaling_policy", tracking_alarms._put_scaling_policy)
    with mock_aws():
        yield clients


@pytest.fixture
def deployed(aws: AwsSession, outputs: AsyncEndpointOutputs) -> AsyncEndpointOutputs:
    """`outputs`, and everything they describe live."""
    endpoint, scaling, sagemaker = outputs.endpoint, outputs.scaling, aws.client("sagemaker")
    container = {"Image": "image", "ModelDataUrl": f"s3://shirts-data/{ARCHIVE_KEY}"}
    sagemaker.create_model(
        ModelName=endpoint.model_name, ExecutionRoleArn=endpoint.execution_role_arn, PrimaryContainer=container
    )
    for name in (endpoint.config_name, "shirts-1"):
        configuration(aws, outputs, name)
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
    alarm(aws, outputs, actions=[wake["PolicyARN"]])
    return outputs


@pytest.fixture
def recorded(aws: AwsSession, deployed: AsyncEndpointOutputs) -> AsyncEndpointOutputs:
    """`deployed` with its model archive and its execution role live too, and stated in the outputs."""
    s3, bucket = aws.client("s3"), deployed.storage.bucket
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key=ARCHIVE_KEY, Body=ARCHIVE)["VersionId"]
    archive = Archive(f"s3://{bucket}/{ARCHIVE_KEY}", hashlib.sha256(ARCHIVE).hexdigest(), version)
    iam, name = aws.client("iam"), deployed.endpoint.execution_role_arn.rpartition("/")[2]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST_POLICY))
    iam.put_role_policy(RoleName=name, PolicyName="execution", PolicyDocument=json.dumps(EXECUTION_POLICY))
    role = ExecutionRole(json.dumps(EXECUTION_POLICY), False, "execution", json.dumps(TRUST_POLICY))
    return dataclasses.replace(deployed, model=Model((archive,), role))


def configuration(aws: AwsSession, outputs: AsyncEndpointOutputs, name: str, output_path: str | None = None) -> None:
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


def alarm(aws: AwsSession, outputs: AsyncEndpointOutputs, actions: list[str]) -> None:
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


@dataclass
class RememberingTerraform:
    """In the place of the adapter: `did` holds the commands, `changes` is what a plan finds, `values` the outputs.

    `document` is what `show` prints of a plan, `state` what it prints of the state, `fails` what an apply raises.
    """

    changes: Changes = field(default_factory=lambda: Changes(True, add=23))
    values: dict[str, Any] = field(default_factory=dict)
    planned: list[dict[str, Any]] = field(default_factory=list)  # a plan's resource_changes
    carry_out: Callable[[], None] = lambda: None  # what an apply does to AWS
    did: list[str] = field(default_factory=list)
    saved: list[Path] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    fails: Exception | None = None

    def __call__(self, folder: Path, environment: dict[str, str], on_output: Any, **options: Any) -> RememberingTerraform:
        self._say = on_output
        return self

    def init(self, backend_files: Iterable[Path]) -> None:
        self.did.append("init")

    def plan(self, file: Path, *, destroy: bool = False, replace: Iterable[str] = ()) -> Changes:
        options = ["to destroy"] if destroy else []
        self.did.append(" ".join(["plan", *options, *(f"replacing {address}" for address in replace)]))
        self._say("a line of [the] plan")
        file.write_text("plan")
        self.saved.append(file)
        return self.changes

    def apply(self, file: Path) -> None:
        assert file.read_text() == "plan"
        self.did.append("apply")
        if self.fails is not None:
            raise self.fails
        self.carry_out()

    def show(self, file: Path | None = None) -> dict[str, Any]:
        return ({"resource_changes": self.planned} | self.document) if file else self.state

    def require_unlocked(self) -> None:
        self.did.append("require unlocked")

    def output(self) -> dict[str, Any]:
        return self.values


@pytest.fixture
def terraform(monkeypatch: pytest.MonkeyPatch) -> RememberingTerraform:
    fake = RememberingTerraform()
    for module in ("deployment", "outputs"):
        monkeypatch.setattr(f"async_endpoint.deploy.{module}.Terraform", fake)
    monkeypatch.setattr("async_endpoint.deploy.deployment.LISTINGS_SETTLE", Poller(deadline=0))
    return fake


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A checkout with the environment dev."""
    for folder in ("envs/dev", "modules/async-inference"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "envs/dev/main.tf").touch()
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(tmp_path))
    return Workspace(tmp_path)
