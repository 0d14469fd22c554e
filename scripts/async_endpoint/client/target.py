"""What the client has to know of an endpoint, from Terraform's output or from SageMaker's own descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession, error_code, translate_errors
from async_endpoint.core import limits
from async_endpoint.core.errors import EndpointNotReady, UsageError
from async_endpoint.core.outputs import AsyncEndpointOutputs, Limits
from async_endpoint.core.s3_uri import S3Uri

COLD_START_SECONDS = 3_600  # [M] the longest a container may be given to answer /ping


@dataclass(frozen=True)
class Target:
    """An endpoint, the folder inputs are put in (an S3 URI), and the topics its outcomes are announced on (ARNs).

    `publishers_restricted` is whether nothing but the endpoint can publish to the topics (core/outputs.py, Notifications).
    """

    name: str
    region: str
    input_uri: str
    topics: tuple[str, ...]
    limits: Limits
    publishers_restricted: bool = False

    @classmethod
    def of(cls, outputs: AsyncEndpointOutputs) -> Target:
        """The endpoint of an environment."""
        told = outputs.notifications
        topics = tuple(dict.fromkeys((told.success_topic_arn, told.error_topic_arn)))
        return cls(
            outputs.endpoint.name,
            outputs.region,
            outputs.storage.input_uri,
            topics,
            outputs.limits,
            told.publishers_restricted,
        )

    @property
    def deadline_seconds(self) -> int:
        """The longest a request can take: its life in the queue, one cold start and one invocation."""
        bounds = self.limits
        return bounds.request_ttl_seconds + bounds.invocation_timeout_seconds + bounds.cold_start_seconds

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/Endpoints/{self.name}"


def described(session: AwsSession, name: str, input_uri: str | None = None) -> Target:
    """The endpoint called `name` as SageMaker describes it, with SageMaker's own time to live and time-out.

    Inputs go to `input_uri`, or else below `input/` in the bucket of the results. Raises EndpointNotReady when there is no such
    endpoint, UsageError when it is not asynchronous, and what `translate_errors` raises. Who may publish to its topics is not
    known, so results are always read from S3.
    """
    with translate_errors(session, "sagemaker:DescribeEndpoint", f"endpoint {name}"):
        try:
            endpoint = session.sagemaker.describe_endpoint(EndpointName=name)
        except ClientError as error:
            if error_code(error) not in ("ValidationError", "ValidationException"):
                raise
            raise EndpointNotReady(f"Endpoint {name} does not exist in {session.region}; deploy it first.") from error
    config = endpoint["EndpointConfigName"]
    with translate_errors(session, "sagemaker:DescribeEndpointConfig", f"endpoint configuration {config}"):
        settings = session.sagemaker.describe_endpoint_config(EndpointConfigName=config)
    asynchronous: Mapping[str, Any] = settings.get("AsyncInferenceConfig") or {}
    output: Mapping[str, Any] = asynchronous.get("OutputConfig") or {}
    if not output.get("S3OutputPath"):
        raise UsageError(f"Endpoint {name} has no S3OutputPath: it is not asynchronous, or its results cannot be collected.")
    told = output.get("NotificationConfig") or {}
    topics = tuple(dict.fromkeys(told[key] for key in ("SuccessTopic", "ErrorTopic") if told.get(key)))
    bounds = Limits(limits.DEFAULT_REQUEST_TTL_SECONDS, limits.DEFAULT_INVOCATION_TIMEOUT_SECONDS, COLD_START_SECONDS)
    inputs = input_uri or f"s3://{S3Uri.parse(output['S3OutputPath']).bucket}/input/"
    return Target(name, session.region, inputs, topics, bounds)
