"""Who holds the lock of a state, without taking it: a caller that only reads may not write the lock object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from async_endpoint.aws import error_code
from async_endpoint.deploy.verification.findings import ABSENT, denied
from async_endpoint.terraform.state_lock import StateLock, initialised_backend, running_terraform

if TYPE_CHECKING:
    from async_endpoint.deploy.deployment import Deployment


def state_holder(deployment: Deployment) -> StateLock | None:
    """The lock of the state as its holder wrote it; None where it is free, or may not be read.

    Terraform must be initialised. A local state is locked by the kernel, so its holder is a process of this machine.
    """
    backend = initialised_backend(deployment.copy.folder).get("config") or {}
    if not backend.get("bucket") or not backend.get("use_lockfile"):
        running = running_terraform(deployment.copy.folder)
        return None if running is None else StateLock("", "", str(running), "")
    from botocore.exceptions import ClientError  # noqa: PLC0415

    s3 = deployment.session(str(backend["region"])).client("s3")
    try:  # the name of the lock object: Terraform documentation, "S3 backend", use_lockfile
        found = s3.get_object(Bucket=backend["bucket"], Key=f"{backend['key']}.tflock")["Body"].read(1 << 16)
    except ClientError as error:
        if error_code(error) in ABSENT or denied(error):
            return None
        raise
    return _lock(found)


def _lock(content: bytes) -> StateLock:
    try:
        found = json.loads(content)
        return StateLock(*(str(found.get(name, "")) for name in ("ID", "Operation", "Who", "Created")))
    except (ValueError, AttributeError):  # half written, or by something else
        return StateLock("", "", "", "")
