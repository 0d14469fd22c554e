"""The execution role of module model: each permission is required, and each is covered by a test.

The policy is that of a model in a VPC, under a customer key, with topics and alarms that roll updates back, as examples/
production-async has it; Terraform plans it with the real provider, against the local AWS of these tests.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tftest

from async_endpoint.core import metrics as m
from async_endpoint.iam.simulation import Simulation, SourcePolicy
from async_endpoint.local_aws import LocalCredentials
from async_endpoint.terraform.local_override import process_environment
from async_endpoint.terraform.provider import cli_configuration, find_provider_mirror
from support.common import refusal, unique, until
from support.deployed_endpoint import Deployed, Queue
from support.in_process_aws import ACCOUNT, IMAGE, REGION, SERVING, AwsHarness
from support.sample_model import archive

CHECKOUT = Path(__file__).resolve().parents[3]
MINUTE = 60

ROOT = """
provider "aws" {
  region = "%s"
}

variable "model" {
  type = any
}

module "container" {
  source = "./model/container"

  container = var.model.container
}

module "model" {
  source = "./model"

  name                 = "execution-role"
  containers           = [module.container]
  endpoint_names       = var.model.endpoint_names
  network              = var.model.network
  rollback_alarm_names = var.model.rollback_alarm_names
  storage              = var.model.storage
  topic_arns           = var.model.topic_arns
}

output "policy" {
  value = module.model.execution_policy_json
}
"""


@dataclass
class Site:
    """A deployed endpoint whose role has the planned policy, with its resources."""

    endpoint: Deployed
    policy: dict[str, Any]
    model: dict[str, Any]
    alarm: str

    @property
    def local_aws(self) -> AwsHarness:
        return self.endpoint.local_aws

    @property
    def errors(self) -> Queue:
        return self.endpoint.queues["Error"]

    def allow(self, *, without: Iterable[str] = ()) -> None:
        """Give the role its policy without some actions."""
        statements = [
            statement | {"Action": left}
            for statement in self.policy["Statement"]
            if (left := [action for action in _actions(statement) if action not in without])
        ]
        self.local_aws.iam.put_role_policy(
            RoleName=self.endpoint.role.name,
            PolicyName="execution",
            PolicyDocument=json.dumps(self.policy | {"Statement": statements}),
        )


def _actions(statement: dict[str, Any]) -> list[str]:
    found = statement["Action"]
    return [found] if isinstance(found, str) else list(found)


@pytest.fixture(scope="module")
def site(local_aws: AwsHarness, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    bucket, role = local_aws.bucket(), local_aws.role()
    whole = {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    key = local_aws.kms.create_key(Policy=json.dumps({"Version": "2012-10-17", "Statement": [whole]}))["KeyMetadata"]["Arn"]
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    local_aws.s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    network = local_aws.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = local_aws.ec2.create_subnet(VpcId=network, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    group = local_aws.ec2.create_security_group(GroupName=unique("group"), Description="test", VpcId=network)["GroupId"]
    endpoint, alarm = Deployed(local_aws, unique("endpoint"), bucket, role), unique("rollback")
    for word in ("Success", "Error"):
        endpoint.topics[f"{word}Topic"], endpoint.queues[word] = local_aws.topic(), local_aws.queue()
        local_aws.subscribe(endpoint.topics[f"{word}Topic"], endpoint.queues[word])
    uri = local_aws.put(bucket, "model/model.tar.gz", archive())
    policy = _planned(
        tmp_path_factory.mktemp("execution-role"),
        local_aws.credentials,
        {
            "container": {"archive": {"s3_uri": uri, "record_version": False}, "image": {"uri": IMAGE}},
            "endpoint_names": [endpoint.name],
            "rollback_alarm_names": [alarm],
            "storage": {
                "bucket_arn": f"arn:aws:s3:::{bucket}",
                "bucket_name": bucket,
                "kms_key_arn": key,
                "prefixes": {"failure": "failure/", "input": "input/", "output": "output/"},
            },
            "topic_arns": {word.lower(): endpoint.topics[f"{word}Topic"] for word in ("Success", "Error")},
            "network": {"subnet_ids": [subnet], "security_group_ids": [group]},
        },
    )
    model = {
        "ExecutionRoleArn": role.arn,
        "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": uri, "Environment": SERVING},
        "VpcConfig": {"Subnets": [subnet], "SecurityGroupIds": [group]},
    }
    made = Site(endpoint, policy, model, alarm)
    local_aws.logs.create_log_group(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint.name}")
    made.allow()
    endpoint.model, endpoint.config = unique("model"), unique("config")
    local_aws.sagemaker.create_model(ModelName=endpoint.model, **model)
    request = local_aws.config_request(endpoint.config, endpoint.model, bucket, 4, endpoint.topics)
    local_aws.sagemaker.create_endpoint_config(**request, KmsKeyId=key)
    local_aws.sagemaker.create_endpoint(EndpointName=endpoint.name, EndpointConfigName=endpoint.config)
    endpoint.until_status("InService")
    yield made
    local_aws.forget(endpoint.name)


def _planned(folder: Path, credentials: LocalCredentials, model: dict[str, Any]) -> dict[str, Any]:
    """The role's policy statements in Terraform's plan of module model."""
    shutil.copytree(CHECKOUT / "modules/model", folder / "model", ignore=shutil.ignore_patterns(".terraform", "tests"))
    shutil.copy(CHECKOUT / "envs/dev/.terraform.lock.hcl", folder)
    (folder / "main.tf").write_text(ROOT % REGION)
    (folder / "model.auto.tfvars.json").write_text(json.dumps({"model": model}))
    (folder / "terraform.rc").write_text(cli_configuration(find_provider_mirror()))
    terraform = tftest.TerraformTest(str(folder))
    terraform.env = process_environment(os.environ, folder / "terraform.rc", credentials)
    terraform.setup(cleanup_on_exit=False)
    policy: dict[str, Any] = json.loads(terraform.plan(output=True).outputs["policy"])
    return policy


def no_model(site: Site, action: str) -> None:
    code, message = refusal(site.local_aws.sagemaker.create_model, ModelName=unique("model"), **site.model)
    assert (code, f"not authorized to perform: {action} on" in message) == ("ValidationException", True), message


def no_endpoint(site: Site, action: str) -> None:
    name = unique("endpoint")
    site.local_aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=site.endpoint.config)
    another = Deployed(site.local_aws, name, site.endpoint.bucket, site.endpoint.role)
    described = until(lambda: seen if (seen := another.describe())["EndpointStatus"] != "Creating" else None, "it is made")
    site.local_aws.forget(name)
    assert described["EndpointStatus"] == "Failed"
    assert action.split(":")[1] in described["FailureReason"]


def no_update(site: Site, action: str) -> None:
    routing = {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}}
    alarms = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": site.alarm}]}}
    site.local_aws.sagemaker.update_endpoint(
        EndpointName=site.endpoint.name,
        EndpointConfigName=site.endpoint.config,
        DeploymentConfig={"BlueGreenUpdatePolicy": routing} | alarms,
    )
    assert f"not authorized to perform: {action} on" in site.endpoint.until_status("InService")["FailureReason"]


def no_output(site: Site, action: str) -> None:
    """The request fails, and the error notification says why."""
    invoked = site.endpoint.invoke({"answer": "red"})
    notification = until(
        lambda: found if (found := site.errors.notification()).inference_id == invoked.inference_id else None,
        "the notification",
    )
    assert f"not authorized to perform: {action} on" in (notification.failure_reason or "")


def no_notification(site: Site, action: str) -> None:
    assert site.endpoint.ask({"answer": "red"}).kind == "output"
    said = f"not authorized to perform: {action} on"
    until(lambda: any(said in line for line in site.endpoint.log_lines()), "the log says so")


def no_telling_missing_from_forbidden(site: Site, action: str) -> None:
    missing = f"s3://{site.endpoint.bucket}/input/none"
    assert "AccessDenied" in site.endpoint.failure(InputLocation=missing)
    site.allow()
    assert "NoSuchKey" in site.endpoint.failure(InputLocation=missing)


def no_tidying_up(site: Site, action: str) -> None:
    """A multipart upload that fails halfway: its parts remain."""

    def parts() -> int:
        return len(site.local_aws.s3.list_multipart_uploads(Bucket=site.endpoint.bucket).get("Uploads", []))

    for without, left in ((["kms:Decrypt"], 0), ([action, "kms:Decrypt"], 1)):
        site.allow(without=without)
        assert "kms:Decrypt" in site.endpoint.failure({"length": 9 * 1_048_576})
        assert parts() == left


def no_log(site: Site, action: str) -> None:
    between, after = unique("between"), unique("after")
    site.endpoint.ask({"print": between, "answer": ""})
    site.allow()
    site.endpoint.ask({"print": after, "answer": ""})
    until(lambda: after in site.endpoint.log_lines(), "the last line")
    assert between not in site.endpoint.log_lines()


def no_utilisation(site: Site, action: str) -> None:
    """Two whole minutes with metrics of the queue but not of the instance."""
    begun = site.local_aws.aws.clock.now() + MINUTE

    def published(namespace: str, metric: m.Metric) -> list[Any]:
        now = site.local_aws.aws.clock.now()
        found = site.local_aws.cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=metric.name,
            Dimensions=metric.dimensions(site.endpoint.name, "primary"),
            StartTime=begun,
            EndTime=now + 2 * MINUTE,
            Period=MINUTE,
            Statistics=["Maximum"],
        )
        return list(found["Datapoints"])

    until(lambda: len(published(m.NAMESPACE, m.APPROXIMATE_BACKLOG_SIZE)) >= 2, "two minutes of the queue")
    memory = m.UTILISATION["MemoryUtilization"]
    assert published(m.INSTANCE_NAMESPACE, memory) == []
    site.allow()
    until(lambda: published(m.INSTANCE_NAMESPACE, memory), "it is published again")


# What is missed without an action.
MISSED: dict[str, Callable[[Site, str], None]] = {
    "cloudwatch:DescribeAlarms": no_update,
    "cloudwatch:PutMetricData": no_utilisation,
    "ec2:CreateNetworkInterface": no_model,
    "ec2:CreateNetworkInterfacePermission": no_model,
    "ec2:DeleteNetworkInterface": no_model,
    "ec2:DeleteNetworkInterfacePermission": no_model,
    "ec2:DescribeDhcpOptions": no_model,
    "ec2:DescribeNetworkInterfaces": no_model,
    "ec2:DescribeSecurityGroups": no_model,
    "ec2:DescribeSubnets": no_model,
    "ec2:DescribeVpcs": no_model,
    "ecr:BatchCheckLayerAvailability": no_endpoint,
    "ecr:BatchGetImage": no_endpoint,
    "ecr:GetAuthorizationToken": no_endpoint,
    "ecr:GetDownloadUrlForLayer": no_endpoint,
    "kms:CreateGrant": no_endpoint,
    "kms:Decrypt": no_model,
    "kms:GenerateDataKey": no_output,
    "logs:CreateLogStream": no_log,
    "logs:DescribeLogStreams": no_log,
    "logs:PutLogEvents": no_log,
    "s3:AbortMultipartUpload": no_tidying_up,
    "s3:GetObject": no_model,
    "s3:ListBucket": no_telling_missing_from_forbidden,
    "s3:PutObject": no_output,
    "sns:Publish": no_notification,
}

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("execution-role")]


def test_the_role_has_these_actions_and_no_other(site: Site) -> None:
    assert {action for statement in site.policy["Statement"] for action in _actions(statement)} == MISSED.keys()


@pytest.mark.parametrize("action", MISSED)
def test_removing_a_permission_breaks_its_action(site: Site, action: str) -> None:
    site.allow(without=[action])
    try:
        MISSED[action](site, action)
    finally:
        site.allow()


@pytest.mark.parametrize("prefix", ["predictions/shop/records/", "credentials/shop/secrets/"])
def test_the_state_of_an_http_api_is_closed_to_the_role(site: Site, prefix: str) -> None:
    """A request that names an object there as its input: the model must not see records, API keys or signing secrets."""
    uri = site.local_aws.put(site.endpoint.bucket, f"{prefix}one.json", b"{}")
    assert "AccessDenied" in site.endpoint.failure(InputLocation=uri)
    resource = f"arn:aws:s3:::{site.endpoint.bucket}/{prefix}one.json"
    role = SourcePolicy("execution", "inline", json.dumps(site.policy))
    actions = ["s3:DeleteObject", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
    decisions = Simulation(site.endpoint.role.arn, [role]).results(actions, [resource])
    assert {decision["EvalDecision"] for decision in decisions} == {"implicitDeny"}


def test_with_all_permissions_everything_works(site: Site) -> None:
    name = unique("model")
    site.local_aws.sagemaker.create_model(ModelName=name, **site.model)
    uri = site.local_aws.put(site.endpoint.bucket, "input/shirt", b"shirt")
    invoked = site.endpoint.invoke(InputLocation=uri)
    assert site.endpoint.outcome(invoked).body == b"shirt"
    queue = site.endpoint.queues["Success"]
    assert until(lambda: queue.notification().inference_id == invoked.inference_id, "it is announced")
