"""EndpointInfo: what the client needs to know about an endpoint, from Terraform's output or from SageMaker."""

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

COLD_START_SECONDS = 3_600  # [M] the longest allowed time for a container to answer /ping


@dataclass(frozen=True)
class EndpointInfo:
    """An endpoint, the S3 URI that inputs are uploaded below, and the ARNs of the topics that announce outcomes.

    `publishers_restricted` is whether nothing but the endpoint can publish to the topics (core/outputs.py, Notifications).
    `variant_name` and `account_id` are empty where nothing has said them.
    """

    name: str
    region: str
    input_uri: str
    topics: tuple[str, ...]
    limits: Limits
    publishers_restricted: bool = False
    variant_name: str = ""
    account_id: str = ""

    @classmethod
    def from_outputs(cls, outputs: AsyncEndpointOutputs) -> EndpointInfo:
        """The endpoint that a Terraform output describes."""
        notifications = outputs.notifications
        topics = tuple(dict.fromkeys((notifications.success_topic_arn, notifications.error_topic_arn)))
        return cls(
            outputs.endpoint.name,
            outputs.region,
            outputs.storage.input_uri,
            topics,
            outputs.limits,
            notifications.publishers_restricted,
            outputs.endpoint.variant_name,
            outputs.account_id,
        )

    @property
    def deadline_seconds(self) -> int:
        """The longest a request can take: its time to live in the queue, one cold start and one invocation."""
        bounds = self.limits
        return bounds.request_ttl_seconds + bounds.invocation_timeout_seconds + bounds.cold_start_seconds

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/Endpoints/{self.name}"


def describe_endpoint(session: AwsSession, name: str, input_uri: str | None = None) -> EndpointInfo:
    """The endpoint called `name` as SageMaker describes it, with SageMaker's default time to live and timeout.

    Inputs go to `input_uri`, by default below `input/` in the bucket of the results. Raises EndpointNotReady if there is no
    such endpoint, UsageError if it is not asynchronous, and what `translate_errors` raises. It is not known who may
    publish to its topics, so results are always read from S3.
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
        raise UsageError(f"Endpoint {name} has no S3OutputPath: it is not asynchronous, or its results are not stored.")
    topics_config = output.get("NotificationConfig") or {}
    topics = tuple(dict.fromkeys(topics_config[key] for key in ("SuccessTopic", "ErrorTopic") if topics_config.get(key)))
    bounds = Limits(limits.DEFAULT_REQUEST_TTL_SECONDS, limits.DEFAULT_INVOCATION_TIMEOUT_SECONDS, COLD_START_SECONDS)
    inputs = input_uri or f"s3://{S3Uri.parse(output['S3OutputPath']).bucket}/input/"
    variants: list[dict[str, Any]] = settings.get("ProductionVariants") or [{}]
    return EndpointInfo(
        name,
        session.region,
        inputs,
        topics,
        bounds,
        variant_name=variants[0].get("VariantName", ""),
        account_id=endpoint.get("EndpointArn", "::::").split(":")[4],
    )
