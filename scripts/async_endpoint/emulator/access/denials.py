"""Denials in each service's words, and the record of the latest ones.

Sources: IAM guide, "Troubleshoot access denied error messages"; S3 user guide, "Troubleshoot access denied (403 Forbidden)
errors", which quotes the resource; serverless-application-model issue 3633 for SQS, which names actions in lower case;
terraform-aws-control_tower_account_factory issue 151 for SNS, which names itself in capitals; stable-diffusion-aws-extension
issue 161 for DeleteEndpoint.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from async_endpoint.emulator.api_calls import ApiCall
from async_endpoint.iam import Verdict
from async_endpoint.iam.actions import Permission

MAX_DENIALS: Final = 100
_TARGET_EXISTS: Final = (
    "An Application AutoScaling scalable target exists for a variant being deleted, and the IAM identity used to invoke "
    "DeleteEndpoint does not have application-autoscaling:DeregisterScalableTarget permission to deregister the scalable "
    "target."
)
_WITHOUT_REASON: Final = ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")


def denial_message(call: ApiCall, permission: Permission, verdict: Verdict) -> str:
    """The message of a denied call."""
    action, resource, _ = permission
    text = verdict.explain
    if (call.action, action) == ("DeleteEndpoint", "application-autoscaling:DeregisterScalableTarget"):
        return _TARGET_EXISTS
    if action in _WITHOUT_REASON and not verdict.explicit_deny:  # STS names no policy
        return text.partition(" because ")[0]
    if call.service == "s3" and action.startswith("s3:") and resource != "*":
        return text.replace(f"on resource: {resource}", f'on resource: "{resource}"', 1)
    if call.service == "sns" and action.startswith("sns:"):
        return text.replace("sns:", "SNS:").replace("arn:aws:SNS:", "arn:aws:sns:")
    if call.service == "sqs" and action.startswith("sqs:"):
        return text.replace(action, action.lower())
    return text


class DenialLog:
    """The latest MAX_DENIALS different denials, each with how often it occurred; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str, str, str], int] = {}

    def add(self, principal: str, call: ApiCall, permission: Permission) -> bool:
        """Record a denial; returns whether it is new."""
        key = (principal, f"{call.service}:{call.action}", permission.action, permission.resource)
        with self._lock:
            before = self._counts.pop(key, 0)
            self._counts[key] = before + 1
            if len(self._counts) > MAX_DENIALS:
                del self._counts[next(iter(self._counts))]
        return not before

    def document(self) -> list[dict[str, Any]]:
        """The denials, latest last."""
        with self._lock:
            found = list(self._counts.items())
        names = ("principal", "operation", "action", "resource")
        return [{**dict(zip(names, key, strict=True)), "calls": count} for key, count in found]

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._counts.clear()
