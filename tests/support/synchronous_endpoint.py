"""An endpoint that answers at once, real-time or serverless, as tests make and ask it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from support.common import unique
from support.deployed_endpoint import Deployed, Role
from support.in_process_aws import IMAGE, SERVING, AwsHarness
from support.sample_model import archive

INSTANCES = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


@dataclass
class Answer:
    variant: str
    body: bytes
    content_type: str
    attributes: str | None

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass
class Live(Deployed):
    """A deployed endpoint without a queue."""

    def call(self, orders: dict[str, Any] | None = None, **arguments: Any) -> Answer:
        """The answer to orders for the obedient model, or to whatever `arguments` say."""
        if orders is not None:
            arguments = {"Body": json.dumps(orders).encode(), "ContentType": "application/json"} | arguments
        answer = self.local_aws.patient_runtime.invoke_endpoint(EndpointName=self.name, **arguments)
        return Answer(
            answer["InvokedProductionVariant"], answer["Body"].read(), answer["ContentType"], answer.get("CustomAttributes")
        )

    def refused(self, orders: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
        """The whole error response; fails the test when the call is answered."""
        try:
            answer = self.call(orders, **arguments)
        except ClientError as error:
            return dict(error.response)
        raise AssertionError(f"answered: {answer}")


def containers(
    local_aws: AwsHarness, bucket: str, codes: Iterable[tuple[str, str]], **environment: str
) -> list[dict[str, Any]]:
    """Container definitions of (hostname, code) pairs."""
    return [
        {
            "Image": IMAGE,
            "ContainerHostname": hostname,
            "Environment": SERVING | environment,
            "ModelDataUrl": local_aws.put(bucket, f"model/{unique(hostname)}.tar.gz", archive(code)),
        }
        for hostname, code in codes
    ]


def make_model(local_aws: AwsHarness, role: Role, **what: Any) -> str:
    name = unique("model")
    local_aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role.arn, **what)
    return name


def go_live(
    local_aws: AwsHarness,
    bucket: str,
    role: Role,
    variants: list[dict[str, Any]],
    shadows: Iterable[dict[str, Any]] = (),
    wait: bool = True,
) -> Live:
    """An endpoint of these variants; `local_aws.forget` ends it."""
    live = Live(local_aws, unique("endpoint"), bucket, role, config=unique("config"))
    request = {"EndpointConfigName": live.config, "ProductionVariants": variants}
    if shadows:
        request["ShadowProductionVariants"] = list(shadows)
    local_aws.sagemaker.create_endpoint_config(**request)
    local_aws.sagemaker.create_endpoint(EndpointName=live.name, EndpointConfigName=live.config)
    if wait:
        live.until_status("InService")
    return live
