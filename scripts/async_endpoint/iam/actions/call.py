"""An API call, the facts about resources that its permissions depend on, and rules that derive permissions from it.

A rule is a function; `on` builds most of them from the template of an ARN. In a template, {region}, {account} and {partition}
are the call's, every other name is a parameter; a parameter that is a list gives one ARN for each of its values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final, NamedTuple, Protocol

_FIELD: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class ApiCall:
    """A call of a service by boto3's name, with its parameters as boto3 spells them; an S3 call has Bucket and Key.

    `caller` is the ARN of the user that calls, where it matters; empty for other callers.
    """

    service: str
    operation: str
    params: Mapping[str, Any]
    region: str
    account: str
    partition: str = "aws"
    caller: str = ""


class UnknownResource(str):
    """The resource "*" of a permission whose action has resources, of which the call does not show the one."""


UNKNOWN: Final = UnknownResource("*")


class Permission(NamedTuple):
    """What a call needs: an action on a resource ("*" where the action has no resource), and condition keys of the request."""

    action: str
    resource: str
    context: Mapping[str, str]


class ResourceFacts(Protocol):
    """What a permission depends on besides the call. Encryption keys are ARNs; None without a customer managed key."""

    def bucket_key(self, bucket: str) -> str | None:
        """The key of a bucket's default encryption."""

    def object_exists(self, bucket: str, key: str) -> bool:
        """Whether there is such an object: reading one that is missing needs s3:ListBucket too, or the answer is 403."""

    def object_key(self, bucket: str, key: str, version: str | None) -> str | None:
        """The key that an object, or a version of it, is encrypted with."""

    def object_has_tags(self, bucket: str, key: str, version: str | None) -> bool:
        """Whether an object, or a version of it, has tags."""

    def queue_key(self, arn: str) -> str | None:
        """The key of a queue."""

    def topic_key(self, arn: str) -> str | None:
        """The key of a topic."""

    def ciphertext_key(self, ciphertext: str) -> str:
        """The ARN of the key that a ciphertext, base64 encoded, names; "*" for one that names none."""

    def key_arn(self, identifier: str) -> str:
        """The ARN of a key given by id, ARN or alias."""

    def role_arn(self, name: str) -> str:
        """The ARN of a role, with its path."""

    def access_key_user(self, key_id: str) -> str | None:
        """The ARN of the user that has an access key."""

    def upload_key(self, bucket: str, upload_id: str) -> str | None:
        """The key of the object that a multipart upload makes."""

    def profile_arn(self, name: str) -> str:
        """The ARN of an instance profile, with its path."""

    def role_boundary(self, name: str) -> str | None:
        """The ARN of a role's permissions boundary."""

    def user_arn(self, name: str) -> str:
        """The ARN of a user, with its path."""

    def group_arn(self, name: str) -> str:
        """The ARN of a group, with its path."""

    def has_scalable_target(self, endpoint: str) -> bool:
        """Whether a variant of an endpoint has a scalable target."""


Rule = Callable[[ApiCall, ResourceFacts], Iterable[Permission]]
Rules = Mapping[str, Sequence[Rule]]  # by operation; an operation without rules needs no permission


def on(template: str, action: str = "", when: str = "", keys: Mapping[str, str] | None = None) -> Rule:
    """A rule: `action`, or the one of the operation's name, on the resources of `template`, if parameter `when` is given.

    `keys` maps condition keys to parameters; an absent parameter gives no key.
    """

    def rule(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
        if when and not call.params.get(when):
            return
        found = {key: str(call.params[name]) for key, name in (keys or {}).items() if call.params.get(name)}
        for resource in expand(template, call):
            yield Permission(action or f"{prefix_of(call.service)}:{call.operation}", resource, found)

    return rule


def anywhere(*operations: str) -> dict[str, Sequence[Rule]]:
    """Rules of operations whose action has no resource type."""
    return {operation: (on("*"),) for operation in operations}


def each(template: str, *operations: str) -> dict[str, Sequence[Rule]]:
    """Rules of operations that act on the resources of one template."""
    return {operation: (on(template),) for operation in operations}


def alike(rule: Rule, *operations: str) -> dict[str, Sequence[Rule]]:
    """The same rule for several operations."""
    return dict.fromkeys(operations, (rule,))


def expand(template: str, call: ApiCall) -> list[str]:
    """The ARNs of `template`; empty if a parameter in it is not given."""
    own = {"region": call.region, "account": call.account, "partition": call.partition}
    names = _FIELD.findall(template)
    values = [own[name] if name in own else call.params.get(name) for name in names]
    if any(not value for value in values):
        return []
    choices = [value if isinstance(value, list) else [value] for value in values]
    return [template.format(**dict(zip(names, chosen, strict=True))) for chosen in product(*choices)]


def prefix_of(service: str) -> str:
    """The prefix of a service's actions in IAM, where boto3 has another name for the service."""
    prefixes = {
        "sagemaker-runtime": "sagemaker",
        "resourcegroupstaggingapi": "tag",
        "s3control": "s3",
        "service-quotas": "servicequotas",
    }
    return prefixes.get(service, service)


def via(call: ApiCall, service: str) -> dict[str, str]:
    """The condition keys of a use of a KMS key by `service` on the caller's behalf (KMS guide, "kms:ViaService")."""
    return {
        "kms:ViaService": f"{service}.{call.region}.amazonaws.com",
        "kms:CallerAccount": call.account,
        "aws:ViaAWSService": "true",
    }


def pass_role(parameter: str, service: str) -> Rule:
    """The right to pass the role of a parameter to a service; not needed for service-linked roles, which it has made itself."""

    def rule(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
        role = call.params.get(parameter)
        if isinstance(role, str) and role and ":role/aws-service-role/" not in role:
            arn = role if role.startswith("arn:") else facts.role_arn(role)
            yield Permission("iam:PassRole", arn, {"iam:PassedToService": service})

    return rule
