"""How to reach the local AWS of a checkout: the record of the running process, and the credentials that it accepts.

The local AWS writes both files, commands, clients and Terraform read them; the two sides share nothing else. They lie in a
folder of mode 0700, so only the user who started the local AWS can call it. Beside workspace.py, below every part.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from async_endpoint.core.errors import LocalAwsDenied, LocalAwsNotRunning, UsageError
from async_endpoint.workspace import Workspace

DEFAULT_REGION: Final = "eu-west-1"
ACCOUNT_ID: Final = "123456789012"  # moto's account
PERSISTENT_PREFIX: Final = "kept-"  # of the id of an instance with a --state-dir, which can come back


def new_instance_id(*, persistent: bool) -> str:
    """A unique id for one run of a local AWS; `persistent` for one with a state directory."""
    return (PERSISTENT_PREFIX if persistent else "") + uuid.uuid4().hex[:12]


@dataclass(frozen=True)
class LocalAwsRecord:
    """One running local AWS. State made under another `instance_id` is void; only one with a `--state-dir` keeps its own."""

    endpoint_url: str
    instance_id: str
    pid: int
    time_scale: float
    account_id: str = ACCOUNT_ID


def time_scale_text(scale: float) -> str:
    """How fast AWS's durations pass, in a message."""
    if scale == 1:
        return "time runs as on AWS"
    return f"time runs {scale:g} times faster" if scale > 1 else f"time runs {1 / scale:g} times slower"


def record_path(workspace: Workspace) -> Path:
    return workspace.local / "aws" / "record.json"


def write_record(workspace: Workspace, record: LocalAwsRecord) -> None:
    """Write atomically, so that a reader never sees half a record."""
    path = record_path(workspace)
    workspace.make_local("aws")
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(asdict(record), indent=2) + "\n")
    temporary.replace(path)


def remove_record(workspace: Workspace, instance_id: str) -> None:
    """Remove the record if it is still this instance's."""
    record = _load(record_path(workspace))
    if record is not None and record.instance_id == instance_id:
        record_path(workspace).unlink(missing_ok=True)


def read_record(workspace: Workspace) -> LocalAwsRecord | None:
    """The local AWS of this checkout, or None when none is alive; a stale record is not returned.

    A process of another user makes a record stale too: otherwise an attacker who takes over the process id and the port of one
    that was killed would be sent its token and signed requests.
    """
    path = record_path(workspace)
    record = _load(path)
    return record if record is not None and _runs_for_owner(record.pid, path) else None


def require_record(workspace: Workspace) -> LocalAwsRecord:
    """The local AWS of this checkout; raises LocalAwsNotRunning with the command that starts it."""
    record = read_record(workspace)
    if record is None:
        owner = "checkout" if workspace.is_checkout else "user"
        raise LocalAwsNotRunning(f"No local AWS runs for this {owner}; start it with: async-endpoint local up --detach")
    return record


def _load(path: Path) -> LocalAwsRecord | None:
    try:
        return LocalAwsRecord(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _runs_for_owner(pid: int, path: Path) -> bool:
    """Whether a process has this id, and is of the user who owns the file."""
    try:
        owner = path.stat().st_uid
        with contextlib.suppress(FileNotFoundError):  # it has ended, or there is no /proc
            return Path(f"/proc/{pid}").stat().st_uid == owner
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def process_exists(pid: int) -> bool:
    """Whether a process has this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@dataclass(frozen=True)
class AccessKey:
    """An access key of an AWS client; `session_token` belongs to temporary credentials only."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)

    def variables(self) -> dict[str, str]:
        """The environment variables by which SDKs find it."""
        found = {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key}
        return found | ({"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {})


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
    """The access key that signs calls to `endpoint_url`.

    Temporary credentials of the environment for this URL, such as those of a role, else the checkout's credentials if they are
    for this URL, else the environment's for this URL, else UNKNOWN: credentials meant for AWS are never used for another
    endpoint.
    """
    variables = os.environ if environment is None else environment
    if session := session_key(endpoint_url, variables):
        return session
    try:
        credentials = read_credentials(Workspace.for_local_aws())
    except UsageError:
        credentials = None
    if credentials is not None and _same(credentials.endpoint_url, endpoint_url):
        return credentials.access_key
    key, secret = variables.get("AWS_ACCESS_KEY_ID"), variables.get("AWS_SECRET_ACCESS_KEY")
    if key and secret and _same(variables.get("AWS_ENDPOINT_URL", ""), endpoint_url):
        return AccessKey(key, secret, variables.get("AWS_SESSION_TOKEN") or None)
    return UNKNOWN


def session_key(endpoint_url: str, environment: Mapping[str, str]) -> AccessKey | None:
    """The temporary credentials of the environment, if its AWS_ENDPOINT_URL is `endpoint_url`; None without."""
    key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    token = environment.get("AWS_SESSION_TOKEN")
    if key and secret and token and _same(environment.get("AWS_ENDPOINT_URL", ""), endpoint_url):
        return AccessKey(key, secret, token)
    return None


def _same(one: str, other: str) -> bool:
    return one.rstrip("/") == other.rstrip("/")
