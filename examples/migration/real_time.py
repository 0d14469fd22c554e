"""Deploys a model as a real-time endpoint, as a script of boto3 does it, or deletes what it has deployed: docs/migrate.md.

    python examples/migration/real_time.py language-real-time build/language-detector.tar.gz
    python examples/migration/real_time.py language-real-time --delete

Bucket, role, model, configuration and endpoint have names that begin with the endpoint's. Region and credentials are boto3's.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

IMAGE: Final = "763104351884.dkr.ecr.{region}.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
INSTANCE_TYPE: Final = "ml.m5.large"


class RealTimeEndpoint:
    """A real-time endpoint called `name`, and all that it needs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.session = boto3.Session()
        self.account = self._client("sts").get_caller_identity()["Account"]
        self.bucket = f"{name}-{self.account}"
        self.archive_uri = f"s3://{self.bucket}/model.tar.gz"

    def deploy(self, archive: Path) -> None:
        """Create everything, and wait until the endpoint is in service."""
        region, sagemaker = self.session.region_name, self._client("sagemaker")
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self._client("s3").create_bucket(Bucket=self.bucket, **where)
        self._client("s3").upload_file(str(archive), self.bucket, "model.tar.gz")
        container = {
            "Image": IMAGE.format(region=region),
            "ModelDataUrl": self.archive_uri,
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
        }
        sagemaker.create_model(ModelName=self.name, ExecutionRoleArn=self._role(), PrimaryContainer=container)
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": self.name,
            "InstanceType": INSTANCE_TYPE,
            "InitialInstanceCount": 1,
        }
        sagemaker.create_endpoint_config(EndpointConfigName=self.name, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=self.name, EndpointConfigName=self.name)
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=self.name, WaiterConfig={"Delay": 5, "MaxAttempts": 240})

    def delete(self) -> None:
        """Delete what is there of it."""
        sagemaker, iam = self._client("sagemaker"), self._client("iam")
        steps: list[Callable[[], Any]] = [
            lambda: sagemaker.delete_endpoint(EndpointName=self.name),
            lambda: sagemaker.delete_endpoint_config(EndpointConfigName=self.name),
            lambda: sagemaker.delete_model(ModelName=self.name),
            lambda: iam.delete_role_policy(RoleName=self.name, PolicyName="execution"),
            lambda: iam.delete_role(RoleName=self.name),
            lambda: self._client("s3").delete_object(Bucket=self.bucket, Key="model.tar.gz"),
            lambda: self._client("s3").delete_bucket(Bucket=self.bucket),
        ]
        for step in steps:
            with suppress(ClientError):  # deleted before, or never created
                step()

    def _role(self) -> str:
        """The execution role, which may read the archive, pull the image and write logs."""
        iam = self._client("iam")
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": self.account}},
        }
        arn: str = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
        statements = [
            _allow(["s3:GetObject"], f"arn:aws:s3:::{self.bucket}/*"),
            _allow(["s3:ListBucket"], f"arn:aws:s3:::{self.bucket}"),
            _allow(
                [
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetAuthorizationToken",
                    "ecr:GetDownloadUrlForLayer",
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                    "cloudwatch:PutMetricData",
                ],
                "*",
            ),
        ]
        iam.put_role_policy(RoleName=self.name, PolicyName="execution", PolicyDocument=_policy(*statements))
        iam.get_waiter("role_exists").wait(RoleName=self.name)
        return arn

    def _client(self, service: str) -> Any:
        return self.session.client(service)


def _allow(actions: list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def main() -> None:
    """Deploy or delete, and print the URI of the model archive."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="the endpoint's name")
    parser.add_argument("archive", nargs="?", type=Path, help="the model archive to deploy")
    parser.add_argument("--delete", action="store_true", help="delete what was deployed")
    given = parser.parse_args()
    endpoint = RealTimeEndpoint(given.name)
    if given.delete:
        endpoint.delete()
        return
    if given.archive is None:
        parser.error("give an archive to deploy, or --delete")
    endpoint.deploy(given.archive)
    print(endpoint.archive_uri)


if __name__ == "__main__":
    main()
