"""The one place where deploy makes clients of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any, Protocol

from async_endpoint.core.errors import NotReady
from async_endpoint.deploy.retries import retry_until_deadline
from async_endpoint.local_credentials import find_access_key

# One attempt by botocore; deploy/retries.py decides about others.
_RETRIES = {"mode": "standard", "total_max_attempts": 1}


class Aws(Protocol):
    """Clients by boto3's service names."""

    def client(self, service: str) -> Any: ...


class Boto3Aws:
    """AWS in `region` with the person's own credentials, or the local AWS at `endpoint_url`, whatever profile is set."""

    def __init__(self, region: str, endpoint_url: str | None = None) -> None:
        self._region, self._endpoint_url = region, endpoint_url
        self.client = cache(self._client)

    def _client(self, service: str) -> Any:
        return retry_until_deadline(self._session.client(service, **self._aim))

    @cached_property
    def _session(self) -> Any:
        import boto3  # noqa: PLC0415  half a second that `--help` need not wait for
        import botocore.session  # noqa: PLC0415

        if self._endpoint_url is None:
            return boto3.Session(region_name=self._region)
        # Without its variable a profile that does not exist cannot stop us.
        core = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
        key = find_access_key(self._endpoint_url)
        return boto3.Session(
            key.access_key_id, key.secret_access_key, key.session_token, region_name=self._region, botocore_session=core
        )

    @cached_property
    def _aim(self) -> dict[str, Any]:
        from botocore.config import Config  # noqa: PLC0415

        if self._endpoint_url is None:
            return {"config": Config(retries=_RETRIES)}
        # A proxy set for the internet must not receive what is meant for loopback.
        return {
            "endpoint_url": self._endpoint_url,
            "config": Config(proxies={}, retries=_RETRIES, s3={"addressing_style": "path"}),
        }


@contextmanager
def answers() -> Iterator[None]:
    """Turn what boto3 raises into NotReady, naming the call."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except ClientError as error:
        what = error.response.get("Error", {})
        raise NotReady(f"AWS refused {error.operation_name}: {what.get('Code')}, {what.get('Message')}") from error
    except BotoCoreError as error:
        raise NotReady(f"AWS could not be asked: {error}") from error
