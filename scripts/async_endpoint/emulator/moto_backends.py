"""Access to moto's backends in process: the only file of hosting that depends on moto's internals.

Nothing here checks permissions; hosting/execution_role.py does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from moto.backends import get_backend
from moto.s3.models import CorsRule, FakeKey
from moto.s3.responses import S3Response
from moto.s3.utils import bucket_name_from_url as host_bucket
from moto.s3bucket_path.utils import bucket_name_from_url as path_bucket

from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.access import iam_store
from async_endpoint.emulator.container.payload import Payload
from async_endpoint.emulator.s3_object_body import body_of
from async_endpoint.local_aws import ACCOUNT_ID

PARTITION = "aws"


class ResourceNotFound(Exception):
    """A bucket, object, topic, role or other resource does not exist; the text is AWS's error message."""


@dataclass(frozen=True)
class StoredObject:
    payload: Payload
    content_type: str | None
    kms_key: str | None

    @property
    def body(self) -> bytes:
        """The whole object in memory."""
        return self.payload.read()


def _backend(service: str, region: str) -> Any:
    return get_backend(service)[ACCOUNT_ID][region]


# --- S3 ---------------------------------------------------------------------------------------------------------------


def get_object(uri: S3Uri) -> StoredObject:
    """Read an object; raises ResourceNotFound with S3's text when bucket or key is missing."""
    key = _bucket(uri.bucket) and _backend("s3", PARTITION).get_object(uri.bucket, uri.key)
    if key is None:
        raise ResourceNotFound("NoSuchKey: The specified key does not exist.")
    return StoredObject(_payload(key), (key.metadata or {}).get("Content-Type"), key.kms_key_id)


def _payload(key: FakeKey) -> Payload:
    """The body of an object, without a copy where it is in a file."""
    with key.lock:
        found = body_of(key)
    if found is None:  # deleted meanwhile
        raise ResourceNotFound("NoSuchKey: The specified key does not exist.")
    return found


def object_exists(uri: S3Uri) -> bool:
    """Whether bucket and key exist; a key whose latest version is a delete marker does not."""
    return _object(uri, None) is not None


def object_kms_key(uri: S3Uri, version: str | None = None) -> str | None:
    """The customer managed key that an object, or a version, is encrypted with; None without one, or without the object."""
    found = _object(uri, version)
    key = found.kms_key_id if found is not None else None
    return None if not key or key.endswith("alias/aws/s3") else str(key)


def object_tags(uri: S3Uri, version: str | None = None) -> dict[str, str]:
    """The tags of an object or a version; none without the object."""
    found = _object(uri, version)
    return {} if found is None else dict(_backend("s3", PARTITION).tagger.get_tag_dict_for_resource(found.arn))


def _object(uri: S3Uri, version: str | None) -> Any:
    backend = _backend("s3", PARTITION)
    if uri.bucket not in backend.buckets:
        return None
    return backend.get_object(uri.bucket, uri.key, version_id=version)


def upload_key(bucket: str, upload_id: str) -> str | None:
    """The key of the object that a multipart upload makes; None without the upload."""
    found = _backend("s3", PARTITION).buckets.get(bucket)
    upload = found.multiparts.get(upload_id) if found is not None else None
    return None if upload is None else str(upload.key_name)


def put_object(uri: S3Uri, body: bytes, content_type: str, kms_key: str | None = None) -> None:
    """Write an object under `kms_key`, or the bucket's default encryption; raises ResourceNotFound without the bucket."""
    _bucket(uri.bucket)
    key = _backend("s3", PARTITION).put_object(
        uri.bucket, uri.key, body, encryption="aws:kms" if kms_key else None, kms_key_id=kms_key
    )
    key.set_metadata({"Content-Type": content_type})


def list_keys(uri: S3Uri) -> list[str]:
    """The keys with the prefix of `uri`, in order; raises ResourceNotFound when the bucket is missing."""
    there = _bucket(uri.bucket).keys.items()
    return sorted(name for name, key in there if name.startswith(uri.key) and isinstance(key, FakeKey))  # no delete markers


def create_multipart_upload(uri: S3Uri, content_type: str, kms_key: str | None) -> str:
    """CreateMultipartUpload; returns the upload id."""
    backend = _backend("s3", PARTITION)
    upload = backend.create_multipart_upload(
        bucket_name=uri.bucket,
        key_name=uri.key,
        metadata={"Content-Type": content_type},
        storage_type="STANDARD",
        tags={},
        acl=None,
        sse_encryption="aws:kms" if kms_key else None,
        kms_key_id=kms_key,
    )
    return str(upload.id)


def complete_multipart_upload(uri: S3Uri, upload: str, parts: Iterable[bytes]) -> None:
    """Upload all parts and complete the upload."""
    backend = _backend("s3", PARTITION)
    put = [(number, backend.upload_part(uri.bucket, upload, number, part)) for number, part in enumerate(parts, 1)]
    backend.complete_multipart_upload(uri.bucket, upload, [(number, part.etag) for number, part in put])


def abort_multipart_upload(uri: S3Uri, upload: str) -> None:
    _backend("s3", PARTITION).abort_multipart_upload(uri.bucket, upload)


def bucket_policy(bucket: str) -> str | None:
    """The policy of a bucket, if it has one, as JSON text; raises ResourceNotFound."""
    policy = _bucket(bucket).policy
    return policy.decode() if isinstance(policy, bytes) else policy or None


def bucket_region(bucket: str) -> str:
    """The region of a bucket; raises ResourceNotFound."""
    return str(_bucket(bucket).region_name)


def bucket_kms_key(bucket: str) -> str | None:
    """The KMS key of the bucket's default encryption; None without one."""
    encryption = _bucket(bucket).encryption or {}
    rule = encryption.get("Rule", {}).get("ApplyServerSideEncryptionByDefault", {})
    return rule.get("KMSMasterKeyID") if rule.get("SSEAlgorithm", "").startswith("aws:kms") else None


def cors_rules(host: str, path: str) -> list[CorsRule]:
    """The CORS rules of the bucket that a request to `host` for `path` addresses; empty if it does not exist."""
    addressed = SimpleNamespace(headers={"host": host}, url="")
    url = f"http://{host}{quote(path)}"
    name = host_bucket(url) if S3Response.subdomain_based_buckets(addressed) else path_bucket(url)
    bucket = _backend("s3", PARTITION).buckets.get(name)
    return [] if bucket is None else list(bucket.cors)


def _bucket(name: str) -> Any:
    bucket = _backend("s3", PARTITION).buckets.get(name)
    if bucket is None:
        raise ResourceNotFound("NoSuchBucket: The specified bucket does not exist")
    return bucket


# --- KMS, IAM ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class KmsKey:
    """`policy` is JSON text."""

    arn: str
    policy: str


def kms_key(identifier: str, region: str) -> KmsKey:
    """A key by id, ARN or alias; raises ResourceNotFound when it is missing, disabled or being deleted."""
    backend = _backend("kms", region)
    name = backend.get_alias_name(identifier)  # not any_id_to_key_id(), which fails on an unknown alias
    key = backend.keys.get(backend.get_key_id_from_alias(name) if name.startswith("alias/") else backend.get_key_id(name))
    if key is None or key.key_state != "Enabled":
        raise ResourceNotFound(f"KMS key {identifier} does not exist or is not enabled.")
    return KmsKey(key.arn, key.policy)


@dataclass(frozen=True)
class KeyProblem:
    """Why a KMS key cannot encrypt data of a service, by KMS's error: DisabledException, InvalidKeyUsageException, …"""

    code: str
    message: str


def kms_key_problem(identifier: str, region: str) -> KeyProblem | None:
    """Why a key by id, ARN or alias cannot be used in a region; None if it can be, as AWS managed keys always can."""
    parts = identifier.split(":", maxsplit=5)
    if identifier.startswith("arn:") and len(parts) == 6:
        region, identifier = parts[3], parts[5].removeprefix("key/")
    if identifier.startswith("alias/aws/"):
        return None
    backend = _backend("kms", region)
    key = backend.keys.get(backend.get_key_id_from_alias(identifier) if identifier.startswith("alias/") else identifier)
    if key is None:
        where = f"arn:{PARTITION}:kms:{region}:{ACCOUNT_ID}:"
        if identifier.startswith("alias/"):
            return KeyProblem("NotFoundException", f"Alias {where}{identifier} is not found.")
        return KeyProblem("NotFoundException", f"Key '{where}key/{identifier}' does not exist")
    return _problem_of(key)


def _problem_of(key: Any) -> KeyProblem | None:
    if key.key_state == "PendingDeletion":
        return KeyProblem("KMSInvalidStateException", f"{key.arn} is pending deletion.")
    if key.key_state != "Enabled":
        return KeyProblem("DisabledException", f"{key.arn} is disabled.")
    if key.key_spec != "SYMMETRIC_DEFAULT":  # S3 User Guide, "Specifying server-side encryption with AWS KMS"
        return KeyProblem(
            "InvalidKeyUsageException", f"{key.arn} key spec is {key.key_spec} which is not valid for GenerateDataKey."
        )
    return None


@dataclass(frozen=True)
class IamRole:
    """Policies are JSON text, unchanged, so that parsed policies can be cached by text."""

    arn: str
    name: str
    trust: str
    policies: list[str]
    boundary: str | None


def role(arn: str) -> IamRole:
    """A role with its inline and attached policies; raises ResourceNotFound when it does not exist."""
    for found in list(_backend("iam", PARTITION).get_roles()):
        if found.arn == arn:
            documents = [*found.policies.values(), *map(_default_version, found.managed_policies.values())]
            boundary = _boundary_document(found.permissions_boundary_arn)
            return IamRole(arn, found.name, found.assume_role_policy_document, documents, boundary)
    raise ResourceNotFound(f"Role {arn} does not exist.")


def _boundary_document(arn: str | None) -> str | None:
    """The policy of a permissions boundary; one that does not exist allows nothing, as on AWS."""
    return iam_store.managed_policy(arn).document if arn else None


def role_arn(name: str) -> str | None:
    """The ARN of a role by its name; None without the role."""
    found = _role_named(name)
    return str(found.arn) if found is not None else None


def role_boundary(name: str) -> str | None:
    """The ARN of a role's permissions boundary; None without the role or a boundary."""
    found = _role_named(name)
    return (found.permissions_boundary_arn or None) if found is not None else None


def user_arn(name: str) -> str | None:
    """The ARN of a user by its name; None without the user."""
    found = _backend("iam", PARTITION).users.get(name)
    return str(found.arn) if found is not None else None


def access_key_user(key_id: str) -> str | None:
    """The ARN of the user that has an access key; None without one."""
    found = _backend("iam", PARTITION).access_keys.get(key_id)
    return user_arn(found.user_name) if found is not None and found.user_name else None


def profile_arn(name: str) -> str | None:
    """The ARN of an instance profile by its name; None without it."""
    found = _profile_named(name)
    return str(found.arn) if found is not None else None


def profile_roles(name: str) -> list[str]:
    """The ARNs of the roles of an instance profile; none without it."""
    found = _profile_named(name)
    return [str(role.arn) for role in found.roles] if found is not None else []


def _profile_named(name: str) -> Any:
    return next((item for item in list(_backend("iam", PARTITION).instance_profiles.values()) if item.name == name), None)


def _role_named(name: str) -> Any:
    return next((role for role in list(_backend("iam", PARTITION).get_roles()) if role.name == name), None)


def _default_version(policy: Any) -> str:
    return str(next(version.document for version in policy.versions if version.version_id == policy.default_version_id))


# --- SNS, SQS ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SnsTopic:
    """`policy` is JSON text."""

    arn: str
    policy: str | None
    kms_key: str | None


def topic(arn: str, region: str) -> SnsTopic:
    """A topic by ARN; raises ResourceNotFound when it is missing."""
    found = _backend("sns", region).topics.get(arn)
    if found is None:
        raise ResourceNotFound(f"Topic {arn} does not exist")
    return SnsTopic(arn, found.policy, found.kms_master_key_id or None)


def queue_kms_key(name: str, region: str) -> str | None:
    """The KMS key of a queue, as its owner gave it; None without one, or without the queue."""
    queue = _backend("sqs", region).queues.get(name)
    return (queue.kms_master_key_id or None) if queue is not None else None


def queue_policy(name: str, region: str) -> str | None:
    """The policy of a queue as JSON text; None without one, or without the queue."""
    queue = _backend("sqs", region).queues.get(name)
    return (queue.policy or None) if queue is not None else None


def publish(arn: str, region: str, message: Mapping[str, Any], subject: str | None = None) -> None:
    """Publish a JSON message to a topic that exists."""
    _backend("sns", region).publish(message=json.dumps(message), arn=arn, subject=subject)


# --- CloudWatch, Logs -------------------------------------------------------------------------------------------------


def put_metric_data(region: str, namespace: str, data: list[dict[str, Any]]) -> None:
    """PutMetricData; a datum is {"MetricName", "Dimensions", "Timestamp" (datetime), "Value", "Unit"}."""
    _backend("cloudwatch", region).put_metric_data(namespace, data)


def alarms(region: str) -> list[Any]:
    """moto's alarms of a region."""
    return list(_backend("cloudwatch", region).alarms.values())


def alarm_state(region: str, name: str) -> str:
    """The state of an alarm; empty when there is none of that name."""
    alarm = _backend("cloudwatch", region).alarms.get(name)
    return "" if alarm is None else str(alarm.state_value)


def alarms_naming(region: str, action_arn: str) -> list[str]:
    """The names of alarms with `action_arn` among their ALARM actions and with actions enabled."""
    return [alarm.name for alarm in alarms(region) if alarm.actions_enabled and action_arn in alarm.alarm_actions]


def regions_with_alarms() -> list[str]:
    return [region for region, backend in list(get_backend("cloudwatch")[ACCOUNT_ID].items()) if backend.alarms]


def has_log_group(region: str, group: str) -> bool:
    return group in _backend("logs", region).groups


def put_log_lines(region: str, group: str, stream: str, lines: list[tuple[int, str]]) -> None:
    """Append (milliseconds, text) lines to a log stream, making group and stream if needed."""
    backend = _backend("logs", region)
    if group not in backend.groups:
        backend.create_log_group(group, tags={})
    if stream not in backend.groups[group].streams:
        backend.create_log_stream(group, stream)
    # Bypasses the backend, which drops events hours ahead of the wall clock, as scaled time soon is.
    backend.groups[group].put_log_events(stream, [{"timestamp": when, "message": text} for when, text in lines])


# --- EC2 --------------------------------------------------------------------------------------------------------------


def check_network(region: str, subnets: Iterable[str], security_groups: Iterable[str]) -> None:
    """Raise ResourceNotFound, with EC2's message, for a subnet or security group that is missing or in another VPC."""
    backend = _backend("ec2", region)
    known = {subnet.id: subnet.vpc_id for subnet in backend.describe_subnets()}
    groups = {group.id: group.vpc_id for group in backend.describe_security_groups()}
    for what, wanted, there in (("subnet", subnets, known), ("security group", security_groups, groups)):
        for name in wanted:
            if name not in there:
                raise ResourceNotFound(f"The {what} ID '{name}' does not exist")
    vpcs = {known[name] for name in subnets} | {groups[name] for name in security_groups}
    if len(vpcs) > 1:
        raise ResourceNotFound(f"The subnets and security groups are of more than one VPC: {', '.join(sorted(vpcs))}")


def ecr_images(region: str, repository: str) -> list[Any] | None:
    """moto's images of a repository in Amazon ECR; None if there is none of that name, or the service was never called."""
    if "moto.ecr.models" not in sys.modules:
        return None
    found = _backend("ecr", region).repositories.get(repository)
    return None if found is None else list(found.images)


@dataclass(frozen=True)
class NetworkInterface:
    """A network interface that SageMaker created in a customer's VPC with the execution role's permissions."""

    region: str
    id: str
    subnet: str
    role_arn: str


def create_interface(region: str, subnet: str, groups: Iterable[str], description: str, role_arn: str) -> NetworkInterface:
    """Create a network interface in use by an instance of SageMaker."""
    backend = _backend("ec2", region)
    made = backend.create_network_interface(backend.get_subnet(subnet), None, group_ids=list(groups), description=description)
    made.requester_managed, made.requester_id, made.status = True, "amazon-sagemaker", "in-use"
    made.interface_of = NetworkInterface(region, made.id, subnet, role_arn)
    return made.interface_of  # type: ignore[no-any-return]


def interfaces() -> list[NetworkInterface]:
    """The existing network interfaces of `create_interface`. Does not import moto's EC2 unless it was used."""
    if "moto.ec2.models" not in sys.modules:
        return []
    regions = list(get_backend("ec2")[ACCOUNT_ID].values())
    there = [found for backend in regions for found in list(backend.enis.values())]
    return [found.interface_of for found in there if hasattr(found, "interface_of")]


def remove_interface(interface: NetworkInterface) -> None:
    """Delete a network interface if it exists."""
    _backend("ec2", interface.region).enis.pop(interface.id, None)


# --- SageMaker: what moto serves ----------------------------------------------------------------------------------------


def model_package(name: str, region: str) -> list[dict[str, Any]]:
    """The containers of a model package by ARN or name; raises ResourceNotFound."""
    try:
        package = _backend("sagemaker", region).describe_model_package(name)
    except Exception as error:
        raise ResourceNotFound(f"ModelPackage {name} does not exist.") from error
    return list((package.inference_specification or {}).get("Containers") or [])


def registry_item(arn: str, region: str) -> Any | None:
    """moto's model package or model package group of an ARN (with `tags`, pairs of Key and Value), or None."""
    backend = _backend("sagemaker", region)
    groups = (group for group in list(backend.model_package_groups.values()) if group.arn == arn)
    return backend.model_packages.get(arn) or next(groups, None)


def model_package_versions(group: str, region: str) -> list[Any]:
    """The model packages of a group."""
    packages = list(_backend("sagemaker", region).model_packages.values())
    return [package for package in packages if package.model_package_group_name == group]


def delete_model_package(name: str, region: str) -> None:
    """Delete a model package by ARN or name; raises ResourceNotFound."""
    backend = _backend("sagemaker", region)
    arn = backend.model_package_name_mapping.get(name, name)
    if backend.model_packages.pop(arn, None) is None:
        raise ResourceNotFound(f"ModelPackage {name} does not exist.")
    names = backend.model_package_name_mapping
    for known in [known for known, named in names.items() if named == arn]:
        del names[known]


def delete_model_package_group(name: str, region: str) -> None:
    """Delete a group of model packages; raises ResourceNotFound."""
    if _backend("sagemaker", region).model_package_groups.pop(name, None) is None:
        arn = f"arn:aws:sagemaker:{region}:{ACCOUNT_ID}:model-package-group/{name}"
        raise ResourceNotFound(f"ModelPackageGroup {arn} does not exist.")


# --- Application Auto Scaling -----------------------------------------------------------------------------------------

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
PROVISIONED = "sagemaker:variant:DesiredProvisionedConcurrency"
DIMENSIONS = (DIMENSION, PROVISIONED)  # a variant has one of them


def scalable_target(region: str, resource_id: str) -> Any | None:
    """The scalable target of a variant (min_capacity, max_capacity, suspended_state), or None."""
    targets = _backend("applicationautoscaling", region).targets
    return next((found for dimension in DIMENSIONS if (found := targets.get(dimension, {}).get(resource_id))), None)


def has_scalable_target(region: str, endpoint: str) -> bool:
    """Whether a variant of an endpoint has a scalable target."""
    targets = _backend("applicationautoscaling", region).targets
    prefix = f"endpoint/{endpoint}/variant/".lower()
    return any(name.lower().startswith(prefix) for dimension in DIMENSIONS for name in targets.get(dimension, {}))


def deregister_scalable_target(region: str, resource_id: str) -> None:
    """Deregister a variant's scalable target, if it has one, with its policies."""
    backend = _backend("applicationautoscaling", region)
    for dimension in DIMENSIONS:
        if resource_id in backend.targets.get(dimension, {}):
            backend.deregister_scalable_target("sagemaker", resource_id, dimension)


def scaling_policies(region: str, resource_id: str) -> list[Any]:
    """The policies of a scalable target (policy_name, policy_type, policy_arn, _policy_body, alarms)."""
    policies = list(_backend("applicationautoscaling", region).policies.values())
    return [policy for policy in policies if policy.resource_id == resource_id and policy.scalable_dimension in DIMENSIONS]


def scheduled_actions(region: str, resource_id: str) -> list[Any]:
    """The scheduled actions of a scalable target (scheduled_action_name, schedule, timezone, scalable_target_action, ...)."""
    actions = list(_backend("applicationautoscaling", region).scheduled_actions)
    return [action for action in actions if action.resource_id == resource_id and action.scalable_dimension in DIMENSIONS]
