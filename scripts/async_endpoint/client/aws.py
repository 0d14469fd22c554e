"""The one place that makes boto3 clients; tests put their own in an AwsClients."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError

from async_endpoint.core.errors import UsageError
from async_endpoint.local_credentials import find_access_key

CONNECT_TIMEOUT_SECONDS: Final = 5
READ_TIMEOUT_SECONDS: Final = 60  # longer than the longest SQS long poll, 20 s
ATTEMPTS: Final = 3
CONNECTIONS: Final = 10
USER_AGENT: Final = "async-endpoint"  # a fixed one: botocore puts its own together anew for each call, a tenth of its cost
UNCHECKED: Final = frozenset({"sagemaker-runtime"})  # services whose parameters our own code has checked already
ENDPOINT_URL_VARIABLE: Final = "AWS_ENDPOINT_URL"


class _Service:
    """A client that is made when it is first asked for: each costs some 50 ms."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, clients: AwsClients, owner: type[AwsClients]) -> Any:
        return clients.get(self._name)


class AwsClients:
    """The services a caller of an endpoint talks to; safe to share among threads.

    `make` gives the client of a service by boto3's name for it. `endpoint_url` is None for AWS itself.
    """

    s3: Any = _Service("s3")
    runtime: Any = _Service("sagemaker-runtime")
    sagemaker: Any = _Service("sagemaker")
    sqs: Any = _Service("sqs")
    sns: Any = _Service("sns")
    logs: Any = _Service("logs")
    cloudwatch: Any = _Service("cloudwatch")
    scaling: Any = _Service("application-autoscaling")

    def __init__(self, make: Callable[[str], Any], region: str, endpoint_url: str | None = None) -> None:
        self.region, self.endpoint_url = region, endpoint_url
        self._make = make
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    @classmethod
    def create(
        cls, region: str, endpoint_url: str | None = None, *, attempts: int = ATTEMPTS, connections: int = CONNECTIONS
    ) -> AwsClients:
        """Clients for AWS, or for the local AWS at `endpoint_url`.

        With `endpoint_url` the credentials are those that `find_access_key` finds for it, and this machine's profile is left
        out; without it boto3's own chain decides, AWS_ENDPOINT_URL included. Each client tries a call `attempts` times and
        keeps up to `connections` open. Raises UsageError when the AWS settings of this machine cannot be used.
        """
        url = endpoint_url or os.environ.get(ENDPOINT_URL_VARIABLE) or None
        try:
            session, config = _session(region, endpoint_url), _config(url, attempts, connections)
            unchecked = config.merge(Config(parameter_validation=False))
            clients = cls(
                lambda name: session.client(name, endpoint_url=endpoint_url, config=unchecked if name in UNCHECKED else config),
                region,
                url,
            )
            clients.get("s3")  # whatever is wrong with the settings shows here
        except (BotoCoreError, ValueError) as error:  # boto3 reports a malformed URL as a ValueError
            raise UsageError(
                f"No AWS clients for region {region!r} ({error}); correct the AWS settings of this shell."
            ) from error
        return clients

    def get(self, name: str) -> Any:
        """The client of the service that boto3 calls `name`."""
        made = self._made.get(name)
        if made is None:
            with self._lock:  # making clients is not safe among threads, using them is
                if name not in self._made:
                    self._made[name] = self._make(name)
                made = self._made[name]
        return made


def _session(region: str, endpoint_url: str | None) -> Any:
    import boto3  # noqa: PLC0415 - slow to load, and --help does without
    import botocore.session  # noqa: PLC0415

    if endpoint_url is None:
        return boto3.Session(region_name=region)
    # the local AWS needs nothing of this machine's AWS settings: a profile that does not exist must not stop it
    bare = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    key = find_access_key(endpoint_url)
    return boto3.Session(key.access_key_id, key.secret_access_key, key.session_token, region_name=region, botocore_session=bare)


def _config(url: str | None, attempts: int, connections: int) -> Config:
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=connections,
        user_agent=USER_AGENT,
        tcp_keepalive=True,
    )
    # a proxy set for the internet must not receive what is meant for loopback
    return config.merge(Config(s3={"addressing_style": "path"}, proxies={})) if url else config
