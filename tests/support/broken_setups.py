"""Broken set-ups that the doctor must identify: what is broken, the check, words of its finding and of the remedy."""

from __future__ import annotations

import getpass
import json
import shutil
import socket
import time
from collections.abc import Callable
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import pytest

from async_endpoint.deploy.doctor import provider_plugin, tools
from async_endpoint.terraform.provider import MIRROR_VARIABLE
from support.deployment_fixtures import ACCOUNT, ARCHIVE_KEY, IMAGE, REGION
from support.examined_environment import BUCKET, CALLER, HANDLER, KEY, ExaminedEnvironment, archive

Refuse = Callable[..., None]
Break = Callable[[Any, pytest.MonkeyPatch, Refuse], object]


def _replaced(name: str, old: str, new: str) -> Break:
    return lambda e, *_: e.write(name, lambda text: text.replace(old, new))


def _write(name: str, text: str) -> Break:
    return lambda e, *_: e.write(name, lambda _: text)


def _remove(name: str) -> Break:
    return lambda e, *_: (e.folder / name).unlink()


def _archived(content: bytes) -> Break:
    return lambda e, *_: e.archive.write_bytes(content)


def _refused(service: str, operation: str, code: str, **options: Any) -> Break:
    return lambda e, patch, refuse: refuse(service, operation, code, **options)


def _full(e: ExaminedEnvironment, patch: pytest.MonkeyPatch, refuse: Refuse) -> None:
    patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=200_000_000))


def _without_terraform(e: ExaminedEnvironment, patch: pytest.MonkeyPatch, refuse: Refuse) -> None:
    patch.undo()
    e.shell["PATH"] = str(e.folder)
    patch.setattr(tools, "process_environment", lambda *_: {"PATH": str(e.folder)})


def _late(seconds: float) -> Break:
    headers = {"date": formatdate(time.time() + seconds, usegmt=True)}
    return lambda e, patch, refuse: refuse("sts", "GetCallerIdentity", headers=headers, Arn=CALLER, Account=ACCOUNT)


def _mirror_without_it(e: ExaminedEnvironment, patch: pytest.MonkeyPatch, refuse: Refuse) -> None:
    patch.setenv(MIRROR_VARIABLE, str(e.folder))


def _plugin_of_another_version(e: ExaminedEnvironment, patch: pytest.MonkeyPatch, refuse: Refuse) -> None:
    e.write(".terraform.lock.hcl", lambda text: text.replace('"5.100.0"', '"5.99.1"'))


def _damaged_plugin(e: ExaminedEnvironment, patch: pytest.MonkeyPatch, refuse: Refuse) -> None:
    patch.setattr(provider_plugin, "content_hash", lambda folder: "h1:another")


def _topic_denies(e: ExaminedEnvironment, patch: pytest.MonkeyPatch, refuse: Refuse) -> None:
    topic = e.outputs.notifications.error_topic_arn
    statement = {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": topic}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    e.aws.sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)


def _key_locked(e: ExaminedEnvironment, patch: pytest.MonkeyPatch, refuse: Refuse) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": CALLER}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    e.aws.client("kms").put_key_policy(KeyId=e.key, PolicyName="default", Policy=policy, BypassPolicyLockoutSafetyCheck=True)


def _role_distrusts(e: ExaminedEnvironment, patch: pytest.MonkeyPatch, refuse: Refuse) -> None:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    e.aws.client("iam").update_assume_role_policy(RoleName=e.role, PolicyDocument=policy)


def _role_gone(e: ExaminedEnvironment, patch: pytest.MonkeyPatch, refuse: Refuse) -> None:
    e.aws.client("iam").delete_role_policy(RoleName=e.role, PolicyName="execution")
    e.aws.client("iam").delete_role(RoleName=e.role)


def _muted(e: ExaminedEnvironment, patch: pytest.MonkeyPatch, refuse: Refuse) -> None:
    patch.setattr("async_endpoint.deploy.doctor.live_parts.mute_warnings", lambda aws, names, command: [
        f"Alarm {name} is muted since 09:00 by a@b, whose command is running or was killed; restore the alarm with: {command}"
        for name in names
    ])  # fmt: skip


def _suspended(e: ExaminedEnvironment, patch: pytest.MonkeyPatch, refuse: Refuse) -> None:
    e.aws.scaling.register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId=e.outputs.scaling.resource_id,
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        SuspendedState={"DynamicScalingInSuspended": True},
    )


def _bucket_elsewhere(e: ExaminedEnvironment, patch: pytest.MonkeyPatch, refuse: Refuse) -> None:
    refuse("s3", "HeadBucket", "301", headers={"x-amz-bucket-region": "eu-north-1"})


def _delete(service: str, operation: str, **arguments: Any) -> Break:
    return lambda e, *_: getattr(e.aws.client(service), operation)(**arguments)


def _stale_lock(e: ExaminedEnvironment, patch: pytest.MonkeyPatch, refuse: Refuse) -> None:
    e.put_lock(f"{getpass.getuser()}@{socket.gethostname()}", "2026-11-30T08:00:00.123456Z")


def _overwritten(e: ExaminedEnvironment, patch: pytest.MonkeyPatch, refuse: Refuse) -> None:
    e.aws.s3.put_object(Bucket=e.outputs.storage.bucket, Key=ARCHIVE_KEY, Body=b"another model")


def _queue_gone(e: ExaminedEnvironment, patch: pytest.MonkeyPatch, refuse: Refuse) -> None:
    e.aws.sqs.delete_queue(QueueUrl=e.outputs.notifications.results_queue_url)


REPOSITORY_IMAGE = 'repository = { name = "hats", tag = "1" }'
BROKEN: dict[str, tuple[Break, str, str, str]] = {
    "no Terraform": (_without_terraform, "terraform", "not on the PATH", "developer.hashicorp.com"),
    "Terraform too old": (
        _replaced("versions.tf", ">= 1.11", ">= 1.12"),
        "terraform",
        "is 1.11.4, and envs/dev/versions.tf requires >= 1.12",
        "install such a version",
    ),
    "no lock file": (_remove("envs/dev/.terraform.lock.hcl"), "provider plugin", "is missing", "providers lock -platform="),
    "mirror without the provider": (
        _mirror_without_it,
        "provider plugin",
        "which has no registry",
        "terraform providers mirror",
    ),
    "mirror of another version": (_plugin_of_another_version, "provider plugin", "selects version 5.99.1", "providers mirror"),
    "damaged plugin": (
        _damaged_plugin,
        "provider plugin",
        "not one that envs/dev/.terraform.lock.hcl accepts",
        "fetch it again",
    ),
    "full disk": (_full, "disk", "0.2 GB free", "delete what you do not need"),
    "misspelt field": (
        _replaced("main.tf", "instance_type", "instance_typ"),
        "configuration",
        "sets endpoint.instance_typ",
        "instance_type",
    ),
    "no region": (
        lambda e, *_: e.shell.update(TF_VAR_region="ireland"),
        "configuration",
        "'ireland' is not an AWS region",
        "TF_VAR_region",
    ),
    "no state bucket named": (_remove("envs/dev/state.s3.tfbackend"), "backend", "names no state bucket", "bootstrap dev"),
    "state without a lock": (
        _replaced("backend.tf", "use_lockfile = true", ""),
        "backend",
        "does not lock its state",
        "use_lockfile = true",
    ),
    "no account": (_remove("envs/dev/account.auto.tfvars"), "account file", "is missing", "async-endpoint bootstrap dev"),
    "account of 11 digits": (
        _write("account.auto.tfvars", 'allowed_account_ids = ["12345678901"]'),
        "account file",
        "11 characters found",
        "",
    ),
    "another account": (
        _write("account.auto.tfvars", 'allowed_account_ids = ["210987654321"]'),
        "account",
        f"are of account {ACCOUNT}",
        "sign in",
    ),
    "credentials expired": (
        _refused("sts", "GetCallerIdentity", "ExpiredToken"),
        "credentials",
        "have expired",
        "sign in again",
    ),
    "credentials refused": (
        _refused("sts", "GetCallerIdentity", "InvalidClientTokenId"),
        "credentials",
        "does not accept",
        f"enable {REGION}",
    ),
    "clock ahead": (_late(-400), "clock", "s ahead of that of AWS", "timedatectl"),
    "no state bucket": (
        _replaced("../dev/state.s3.tfbackend", BUCKET, "no-states"),
        "state bucket",
        "no-states does not exist",
        "bootstrap dev",
    ),
    "state bucket elsewhere": (_bucket_elsewhere, "state bucket", "is in eu-north-1", 'set region = "eu-north-1"'),
    "state bucket of others": (
        _refused("s3", "HeadBucket", "403"),
        "state bucket",
        "may not list",
        "sign in to the environment's",
    ),
    "no versions": (
        _delete("s3", "put_bucket_versioning", Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"}),
        "state protection",
        "has no versioning",
        "put-bucket-versioning",
    ),
    "public state": (
        _delete("s3", "delete_public_access_block", Bucket=BUCKET),
        "state protection",
        "does not block public access",
        "put-public-access-block",
    ),
    "state over plain HTTP": (
        _delete("s3", "delete_bucket_policy", Bucket=BUCKET),
        "state protection",
        "no policy that denies requests without TLS",
        "module state-backend",
    ),
    "stale lock": (_stale_lock, "state lock", "locked by", "async-endpoint unlock dev 0123-4567"),
    "state not readable": (_refused("s3", "GetObject", "AccessDenied"), "state", "may not read the state", "state-backend"),
    "damaged state": (
        _delete("s3", "put_object", Bucket=BUCKET, Key=KEY, Body=b"{"),
        "state",
        "cannot be read as Terraform's",
        "former version",
    ),
    "no archive": (
        _remove("build/shirts.tar.gz"),
        "model archives",
        "build/shirts.tar.gz, which is not there",
        "package DIR -o",
    ),
    "archive without gzip": (_archived(b"a tar"), "model archives", "not compressed by gzip", "async-endpoint package"),
    "archive cut short": (
        _archived(archive({"code/inference.py": HANDLER, "weights": "x" * 9999})[:90]),
        "model archives",
        "is damaged",
        "again",
    ),
    "archive with a link": (
        _archived(archive({"code/inference.py": HANDLER}, link="weights")),
        "model archives",
        "has a link, weights",
        "copy",
    ),
    "archive without handler": (_archived(archive({"a": "b"})), "model archives", "has no code/inference.py", "package"),
    "handler without predict_fn": (
        _archived(archive({"code/inference.py": "def model_fn(d): ..."})),
        "model archives",
        "neither predict_fn",
        "add `def predict",
    ),
    "quota too low": (
        _replaced("main.tf", '"ml.m5.large"', '"ml.m5.large"\n    initial_instances = 99'),
        "instance quotas",
        "needs 99 instances ml.m5.large",
        "request-service-quota-increase",
    ),
    "GPU image on a CPU": (
        _replaced("main.tf", '"2.6.0"', '"2.6.0", processor = "gpu"'),
        "image choice",
        "ml.m5.large has no GPU",
        "ml.g5.xlarge",
    ),
    "x86 image on Graviton": (
        _replaced("main.tf", "ml.m5.large", "ml.c7g.large"),
        "image choice",
        "are for x86 processors",
        "another instance type",
    ),
    "image of another region": (
        _replaced("main.tf", 'framework = "pytorch", version = "2.6.0"', f'uri = "{IMAGE.replace(REGION, "us-east-1")}"'),
        "image choice",
        "from where SageMaker does not pull",
        "replicate",
    ),
}

# What an apply has made, and others have changed.
BROKEN_LATER: dict[str, tuple[Break, str, str, str]] = {
    "no image": (
        _delete("ecr", "batch_delete_image", repositoryName="shirts", imageIds=[{"imageTag": "1"}]),
        "image registry",
        "there is no image shirts:1",
        "push it",
    ),
    "no repository": (
        _delete("ecr", "delete_repository", repositoryName="shirts", force=True),
        "image registry",
        "has no repository shirts",
        "create-repository",
    ),
    "archive overwritten": (_overwritten, "archives in S3", "overwritten in place", "delete-object"),
    "role that distrusts SageMaker": (
        _role_distrusts,
        "execution role",
        "has another trust policy",
        "async-endpoint apply dev",
    ),
    "no role": (_role_gone, "execution role", "does not exist", "async-endpoint apply dev"),
    "topic that refuses": (_topic_denies, "resource policies", "refuses its execution role sns:Publish", "apply dev"),
    "key that refuses": (_key_locked, "resource policies", "refuses its execution role kms:", "apply dev"),
    "key disabled": (
        lambda e, *_: e.aws.client("kms").disable_key(KeyId=e.key.rpartition("/")[2]),
        "resource policies",
        "is Disabled",
        "aws kms enable-key",
    ),
    "no results queue": (_queue_gone, "notifications", "does not exist", "async-endpoint apply dev"),
    "scaling suspended": (_suspended, "scaling", "is suspended", "register-scalable-target"),
    "alarm muted": (_muted, "alarms", "is muted since", "async-endpoint apply dev"),
}
