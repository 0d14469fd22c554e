"""The policies of bucket, topics and key: whether one of them refuses the execution role what its own policy allows.

Each permission of the role is evaluated together with the policy of its resource (deploy/verification/needs.py makes the
requests). A key decides alone unless its policy delegates to the account (KMS developer guide, "Key policies").
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from async_endpoint.aws import DENIED_CODES, AwsSession, error_code
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.doctor.checks import denied
from async_endpoint.deploy.doctor.findings import Finding, failure, ok
from async_endpoint.deploy.doctor.setup import Setup
from async_endpoint.deploy.verification.needs import Need, needs
from async_endpoint.iam import AccessRequest, evaluate, evaluate_key

_ABSENT_POLICY = frozenset({"NoSuchBucketPolicy"})


def resource_policies(setup: Setup) -> Iterator[Finding]:
    """That the policies of resources let each execution role do what it must, and that keys are enabled."""
    for name, outputs in setup.applied.items():
        found = list(_of_endpoint(setup, name, outputs))
        yield from found or [ok(f"{name}: bucket, topics and key admit its execution role")]


def _of_endpoint(setup: Setup, name: str, outputs: AsyncEndpointOutputs) -> Iterator[Finding]:
    aws, key = setup.session(outputs.region), outputs.storage.kms_key_arn
    if key is not None:
        yield from _disabled(aws, name, key)
    if outputs.model is None:
        return
    identity = json.loads(outputs.model.execution_role.policy_json)
    policies: dict[str, Mapping[str, Any] | None] = {}
    refused: set[tuple[str, str]] = set()
    for need in needs(identity, []):
        owner = _owner(need)
        if owner is None or (owner, need.action) in refused:
            continue
        if owner not in policies:
            try:
                policies[owner] = _policy(aws, owner)
            except Exception as error:
                if _code(error) not in DENIED_CODES:
                    raise
                policies[owner] = None
                yield denied(error, f"the policy of {owner} was not checked")
        why = _refusal(need, outputs.endpoint.execution_role_arn, identity, policies[owner])
        if why:
            refused.add((owner, need.action))
            yield failure(
                f"{name}: the policy of {owner} refuses its execution role {need.action} ({why})",
                f"an apply repairs a policy that is made here: {setup.command('apply')}; of one that you supply, its owner "
                "changes it",
            )


def _code(error: Exception) -> str:
    """The code of an error of boto3; empty for another one."""
    response = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


def _disabled(aws: AwsSession, name: str, key: str) -> Iterator[Finding]:
    try:
        state = aws.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
    except Exception as error:
        if _code(error) not in DENIED_CODES:
            raise
        yield denied(error, f"the state of key {key} was not checked")
        return
    if state != "Enabled":
        undo = "cancel-key-deletion" if state == "PendingDeletion" else "enable-key"
        yield failure(f"{name}: key {key} is {state}, so nothing can be read or written", f"aws kms {undo} --key-id {key}")


def _owner(need: Need) -> str | None:
    """The bucket, topic or key whose policy decides too, by ARN; None for other resources, and for patterns."""
    parts = need.resource.split(":")
    if len(parts) < 6 or parts[2] not in ("s3", "sns", "kms"):
        return None
    return ":".join([*parts[:5], parts[5].split("/")[0]]) if parts[2] == "s3" else need.resource


def _policy(aws: AwsSession, owner: str) -> Mapping[str, Any] | None:
    """The policy of a bucket, topic or key; None for a bucket without one."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    service = owner.split(":")[2]
    if service == "sns":
        text = aws.sns.get_topic_attributes(TopicArn=owner)["Attributes"].get("Policy")
    elif service == "kms":
        text = aws.client("kms").get_key_policy(KeyId=owner, PolicyName="default")["Policy"]
    else:
        try:
            text = aws.s3.get_bucket_policy(Bucket=owner.rpartition(":")[2])["Policy"]
        except ClientError as error:
            if error_code(error) not in _ABSENT_POLICY:
                raise
            text = None
    policy: Mapping[str, Any] | None = json.loads(text) if text else None
    return policy


def _refusal(need: Need, role: str, identity: Mapping[str, Any], policy: Mapping[str, Any] | None) -> str:
    """Why the policy of the resource refuses a request of the role; empty if it does not."""
    if policy is None:
        return ""
    account = role.split(":")[4]
    context = {**need.context, "aws:SecureTransport": "true", "aws:SourceAccount": account}
    request = AccessRequest(need.action, need.resource, role, context)
    if need.action.startswith("kms:"):
        verdict = evaluate_key(request, [identity], policy)
        return "" if verdict.allowed else f"{'an explicit deny' if verdict.explicit_deny else 'it does not admit the account'}"
    verdict = evaluate(request, [identity], policy)
    return "an explicit deny" if verdict.explicit_deny else ""
