"""The policies and grants of resources, by ARN: buckets, topics, queues and KMS keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from moto.backends import get_backend

from async_endpoint.emulator import moto_backends
from async_endpoint.local_aws import ACCOUNT_ID

_KEY: Final = "key/"


def resource_policy(arn: str) -> str | None:
    """The policy of a bucket, for its objects too, of a topic or a queue, as JSON text; None without one."""
    parts = arn.split(":", 5)
    if len(parts) != 6:
        return None
    service, region, name = parts[2], parts[3], parts[5]
    try:
        if service == "s3":
            return moto_backends.bucket_policy(name.partition("/")[0])
        if service == "sns":
            return moto_backends.topic(arn, region).policy
    except moto_backends.ResourceNotFound:
        return None
    return moto_backends.queue_policy(name, region) if service == "sqs" else None


def policy_of(arn: str) -> str | None:
    """The policy of a bucket, topic, queue or KMS key."""
    return key_policy(arn) if arn.startswith("arn:aws:kms:") else resource_policy(arn)


def policies_of(service: str) -> list[str]:
    """The policies of all resources of a service, in every region."""
    read = _POLICIES.get(service)
    found = [] if read is None else [read(backend) for backend in list(get_backend(service)[ACCOUNT_ID].values())]
    return [str(policy) for policies in found for policy in policies if policy]


def key_policy(arn: str) -> str | None:
    """The policy of a KMS key by ARN, whatever its state; None for a key that does not exist."""
    key = _key(arn)
    return None if key is None else str(key.policy)


def key_grant(arn: str, action: str, grantees: tuple[str, ...], context: dict[str, str]) -> str | None:
    """The id of a grant of a key that allows one of `grantees` an action, with its encryption context; None without one.

    Source: KMS developer guide, "Grants in KMS" and "Grant constraints".
    """
    key = _key(arn)
    for grant in [] if key is None else list(key.grants.values()):
        allows = grant.grantee_principal in grantees and action.removeprefix("kms:") in grant.operations
        if allows and _constraints_hold(grant.constraints or {}, context):
            return f"grant {grant.id}"
    return None


def _constraints_hold(constraints: dict[str, Any], context: dict[str, str]) -> bool:
    equal, subset = constraints.get("EncryptionContextEquals"), constraints.get("EncryptionContextSubset")
    if equal is not None and equal != context:
        return False
    return subset is None or subset.items() <= context.items()


def _key(arn: str) -> Any:
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "kms" or not parts[5].startswith(_KEY):
        return None
    return get_backend("kms")[ACCOUNT_ID][parts[3]].keys.get(parts[5].removeprefix(_KEY))


_POLICIES: Final[dict[str, Callable[[Any], list[Any]]]] = {
    "kms": lambda backend: [key.policy for key in list(backend.keys.values())],
    "s3": lambda backend: [moto_backends.bucket_policy(name) for name in list(backend.buckets)],
    "sns": lambda backend: [moto_backends.topic(arn, backend.region_name).policy for arn in list(backend.topics)],
    "sqs": lambda backend: [moto_backends.queue_policy(name, backend.region_name) for name in list(backend.queues)],
}
