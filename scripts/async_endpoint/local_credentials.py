"""The credentials of a running local AWS: its file in the checkout, and the lookup by endpoint URL. Beside workspace.py.

`local` writes the file, clients and Terraform read it; the two sides share nothing else. It lies in a folder of mode 0700 and
has mode 0600, so only the user who started the local AWS can call it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from async_endpoint.core.errors import LocalAwsDenied, UsageError
from async_endpoint.workspace import Workspace

DEFAULT_REGION: Final = "eu-west-1"


@dataclass(frozen=True)
class AccessKey:
    """What an AWS client signs with; `session_token` belongs to temporary credentials only."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


# Signs calls to an endpoint whose credentials are unknown: the local AWS rejects them, other emulators accept any.
UNKNOWN: Final = AccessKey("UNKNOWN", "UNKNOWN")


@dataclass(frozen=True)
class LocalCredentials:
    """Everything that a client of one running local AWS needs; `admin_token` authorizes requests to `/_local/`."""

    endpoint_url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    admin_token: str = field(repr=False)

    @property
    def access_key(self) -> AccessKey:
        return AccessKey(self.access_key_id, self.secret_access_key)

    def environment(self, region: str = DEFAULT_REGION) -> dict[str, str]:
        """The variables that direct any AWS SDK to this local AWS."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
        }

    def admin_headers(self) -> dict[str, str]:
        """The HTTP headers that authorize a request to `/_local/`."""
        return {"Authorization": f"Bearer {self.admin_token}"}


def credentials_path(workspace: Workspace) -> Path:
    return workspace.local / "aws" / "credentials.json"


def read_credentials(workspace: Workspace) -> LocalCredentials | None:
    """The credentials of the checkout's local AWS; None where there are none, or they belong to another user."""
    try:
        return LocalCredentials(**json.loads(credentials_path(workspace).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def require_credentials(workspace: Workspace) -> LocalCredentials:
    """The credentials of the checkout's running local AWS; raises LocalAwsDenied when they cannot be read."""
    credentials = read_credentials(workspace)
    if credentials is None:
        raise LocalAwsDenied(
            f"The credentials of the local AWS cannot be read from {credentials_path(workspace)}; run this as the user who "
            "started it, or end its process and start it again: async-endpoint local up --detach"
        )
    return credentials


def find_access_key(endpoint_url: str, environment: Mapping[str, str] | None = None) -> AccessKey:
    """What to sign calls to `endpoint_url` with.

    The checkout's credentials if they are for this URL, else those of the environment if its AWS_ENDPOINT_URL is this URL, else
    UNKNOWN: credentials meant for AWS are never used for another endpoint.
    """
    variables = os.environ if environment is None else environment
    try:
        credentials = read_credentials(Workspace.find())
    except UsageError:
        credentials = None
    if credentials is not None and _same(credentials.endpoint_url, endpoint_url):
        return credentials.access_key
    key, secret = variables.get("AWS_ACCESS_KEY_ID"), variables.get("AWS_SECRET_ACCESS_KEY")
    if key and secret and _same(variables.get("AWS_ENDPOINT_URL", ""), endpoint_url):
        return AccessKey(key, secret, variables.get("AWS_SESSION_TOKEN") or None)
    return UNKNOWN


def _same(one: str, other: str) -> bool:
    return one.rstrip("/") == other.rstrip("/")
