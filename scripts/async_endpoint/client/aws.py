"""The one place that makes boto3 clients; tests put their own in an AwsClients."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError

from async_endpoint.contract.errors import UsageError

CONNECT_TIMEOUT_SECONDS: Final = 5
READ_TIMEOUT_SECONDS: Final = 60  # longer than the longest SQS long poll, 20 s
ATTEMPTS: Final = 3
ENDPOINT_URL_VARIABLE: Final = "AWS_ENDPOINT_URL"


@dataclass(frozen=True)
class AwsClients:
    """The services a caller of an endpoint talks to. `endpoint_url` is None for AWS itself."""

    s3: Any
    runtime: Any
    sagemaker: Any
    sqs: Any
    logs: Any
    region: str
    endpoint_url: str | None = None

    @classmethod
    def create(cls, region: str, endpoint_url: str | None = None) -> AwsClients:
        """Clients for AWS, or for the local AWS at `endpoint_url`.

        With `endpoint_url` the credentials are the fixed pair local/local and this machine's profile is left out; without it
        boto3's own chain decides, AWS_ENDPOINT_URL included. Raises UsageError when the AWS settings of this machine cannot be
        used.
        """
        url = endpoint_url or os.environ.get(ENDPOINT_URL_VARIABLE) or None
        try:
            session, config = _session(region, endpoint_url), _config(url)
            s3, runtime, sagemaker, sqs, logs = (
                session.client(service, endpoint_url=endpoint_url, config=config)
                for service in ("s3", "sagemaker-runtime", "sagemaker", "sqs", "logs")
            )
        except (BotoCoreError, ValueError) as error:  # boto3 reports a malformed URL as a ValueError
            raise UsageError(
                f"No AWS clients for region {region!r} ({error}); correct the AWS settings of this shell."
            ) from error
        return cls(s3, runtime, sagemaker, sqs, logs, region, url)


def _session(region: str, endpoint_url: str | None) -> Any:
    import boto3  # noqa: PLC0415 - slow to load, and --help does without
    import botocore.session  # noqa: PLC0415

    if endpoint_url is None:
        return boto3.Session(region_name=region)
    # the local AWS needs nothing of this machine's AWS settings: a profile that does not exist must not stop it
    bare = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    return boto3.Session("local", "local", region_name=region, botocore_session=bare)


def _config(url: str | None) -> Config:
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    # a proxy set for the internet must not receive what is meant for loopback
    return config.merge(Config(s3={"addressing_style": "path"}, proxies={})) if url else config
