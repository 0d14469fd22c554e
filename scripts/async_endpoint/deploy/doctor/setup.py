"""The environment that is examined: what its files say, AWS or the local AWS, and what was last applied."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from async_endpoint.aws import AwsSession
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.terraform.configured_endpoints import ConfiguredEndpoint, configured_endpoints
from async_endpoint.terraform.root_region import command_line, root_region
from async_endpoint.terraform.s3_backend import S3Backend, s3_backend
from async_endpoint.terraform.working_copy import LOCAL_ENVIRONMENT
from async_endpoint.workspace import Workspace


@dataclass
class Setup:
    """What the checks share. Those that find out `session` and `applied` set them; later checks need those checks.

    `local` is whether the environment is deployed to the local AWS. `applied` are the outputs of the last apply by endpoint,
    empty before the first. `clock_skew_seconds` is how far this machine's clock is ahead of AWS's, None if unknown.
    """

    workspace: Workspace
    environment: str
    local: bool
    shell: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    endpoint_url: str | None = None
    applied: dict[str, AsyncEndpointOutputs] = field(default_factory=dict)
    caller_arn: str = ""
    account_id: str = ""
    role_arn: str | None = None
    clock_skew_seconds: float | None = None
    _sessions: dict[str, AwsSession] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def source(self) -> Path:
        return self.workspace.root / "envs" / self.environment

    @property
    def region(self) -> str:
        """The region of the root. Raises InvalidInput where it has none, or one that is no region."""
        found = root_region(self.source, self.shell)
        return found.name if found else self.shell.get("AWS_REGION") or self.shell.get("AWS_DEFAULT_REGION") or "us-east-1"

    @property
    def endpoints(self) -> list[ConfiguredEndpoint]:
        """The endpoints as the root's files state them."""
        return configured_endpoints(self.source)

    @property
    def backend(self) -> S3Backend | None:
        """Where the state is in S3; None for a local state, and on the local AWS. Raises InvalidInput."""
        return None if self.local else s3_backend(self.source, root_region(self.source, self.shell), self.shell)

    def applied_of(self, endpoint: ConfiguredEndpoint) -> AsyncEndpointOutputs | None:
        """The outputs of a configured endpoint; None before it is applied."""
        names = endpoint.name, f"{endpoint.name}-{self.environment}"
        return next((one for key, one in self.applied.items() if key == endpoint.name or one.endpoint.name in names), None)

    def session(self, region: str | None = None) -> AwsSession:
        """AWS in `region`, by default that of the root, or the local AWS; errors carry the action that IAM calls them by."""
        name = region or self.region
        with self._lock:
            if name not in self._sessions:
                self._sessions[name] = AwsSession.create(
                    name, self.endpoint_url, role_arn=self.role_arn, attempts=2, configure=_with_actions
                )
            return self._sessions[name]

    def command(self, verb: str) -> str:
        """The command line that does `verb` with this environment, for remedies."""
        local = " --local" if self.local and self.environment != LOCAL_ENVIRONMENT else ""
        return f"{command_line(verb, self.environment, root_region(self.source, self.shell))}{local}"

    def shown(self, path: Path) -> str:
        """A path for messages: relative to the checkout if it lies in it."""
        return os.path.relpath(path, self.workspace.root) if path.is_relative_to(self.workspace.root) else str(path)


_ACTIONS: Mapping[str, str] = {
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
}
_PREFIXES: Mapping[str, str] = {"service-quotas": "servicequotas"}


def _with_actions(client: Any) -> Any:
    """Let every error of `client` carry the IAM action of its call, as `Action` beside its code and message."""
    client.meta.events.register("after-call", _note_action)
    return client


def _note_action(parsed: dict[str, Any], model: Any, **_: Any) -> None:
    if isinstance(parsed, dict) and "Error" in parsed:
        service = model.service_model.service_name
        action = f"{_PREFIXES.get(service, service)}:{model.name}"
        parsed["Error"]["Action"] = _ACTIONS.get(action, action)
