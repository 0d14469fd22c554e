"""The bucket of the state, the state in it and its lock. Nothing is written."""

from __future__ import annotations

import functools
import getpass
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from async_endpoint.aws import DENIED_CODES, AwsSession, error_code
from async_endpoint.core.errors import InvalidInput, NotReady
from async_endpoint.core.outputs import OUTPUT_NAME, endpoint_objects, parse_endpoint
from async_endpoint.core.text import joined
from async_endpoint.deploy.doctor.checks import denied, findings_of
from async_endpoint.deploy.doctor.findings import Finding, failure, ok, warning
from async_endpoint.deploy.doctor.setup import Setup
from async_endpoint.deploy.state_bucket import PROTECTIONS
from async_endpoint.terraform.s3_backend import S3Backend
from async_endpoint.terraform.settings_files import StateBucket
from async_endpoint.terraform.state_lock import running_terraform
from async_endpoint.terraform.working_copy import local_state_file, working_folder

# A condition that no object meets, so S3 refuses the write whatever there is: 412, or 404 where there is no object (S3 user
# guide, "Conditional writes"). That it authorizes the request before it looks at the condition is A269.
NO_ETAG: Final = "00000000000000000000000000000000"
_UNMET: Final = frozenset({"PreconditionFailed", "NoSuchKey", "412", "404", "ConditionalRequestConflict"})
_ABSENT: Final = frozenset({"404", "NoSuchKey", "NotFound"})
_COMMANDS: Final = {
    "encryption": "put-bucket-encryption --bucket {} --server-side-encryption-configuration "
    "Rules=[{{ApplyServerSideEncryptionByDefault={{SSEAlgorithm=aws:kms}}}}]",
    "versioning": "put-bucket-versioning --bucket {} --versioning-configuration Status=Enabled",
    "public_access": "put-public-access-block --bucket {} --public-access-block-configuration "
    "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
}
LONG_LOCK_SECONDS: Final = 3600


def state_bucket(setup: Setup) -> Iterator[Finding]:
    """That the bucket exists, in the backend's region."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    backend = setup.backend
    if backend is None:
        yield ok("the state is on this machine")
        return
    aws = _session(setup, backend)
    try:
        live = aws.s3.head_bucket(Bucket=backend.bucket, ExpectedBucketOwner=setup.account_id)
    except ClientError as error:
        yield from _unreachable(error, setup, backend)
        return
    if (there := _region_of(live)) and there != aws.region:
        yield failure(
            f"bucket {backend.bucket} is in {there}, and the backend names {aws.region}",
            f'set region = "{there}" in envs/{setup.environment}/state.s3.tfbackend',
        )
        return
    yield ok(f"{backend.bucket} in {aws.region}")


def state_protection(setup: Setup) -> Iterator[Finding]:
    """That the bucket may hold states: what `bootstrap` demands of one that it adopts."""
    backend = setup.backend
    if backend is None:
        yield ok("the state is on this machine")
        return
    aws = _session(setup, backend)
    bucket = StateBucket(backend.bucket, aws.region)
    found = [
        finding
        for protection in PROTECTIONS
        for finding in findings_of(functools.partial(_protected, aws, bucket, protection), protection.__name__)
    ]
    yield from found or [ok(f"{backend.bucket} keeps versions, encrypts, is not public, and takes no plain HTTP")]


def state(setup: Setup) -> Iterator[Finding]:
    """That the state may be read, and what was applied last."""
    text = _read(setup)
    if text is None:
        yield ok(f"nothing has been applied yet; the first time it is with: {setup.command('apply')}")
        return
    try:
        document = json.loads(text)
        outputs = {name: one["value"] for name, one in document["outputs"].items()}
        serial = document["serial"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        yield failure(
            f"the state of {setup.environment} cannot be read as Terraform's ({type(error).__name__})",
            "restore a former version of the object from the bucket's versions (docs/operations.md)",
        )
        return
    if OUTPUT_NAME not in outputs:
        yield ok(f"serial {serial}, without endpoints: nothing has been applied, or all is destroyed")
        return
    for name, value in endpoint_objects(outputs[OUTPUT_NAME]).items():
        try:
            setup.applied[name] = parse_endpoint(name, value)
        except InvalidInput as error:
            yield warning(
                f"endpoint {name} was applied half way, or by another version: {error}", f"run: {setup.command('apply')}"
            )
    if setup.applied:
        yield ok(f"serial {serial}, endpoints {joined(sorted(setup.applied))}")


def state_lock(setup: Setup) -> Iterator[Finding]:
    """That the state is not locked, and may be."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    backend = setup.backend
    if backend is None:
        yield ok("a local state is locked by the kernel, for as long as a command works on it")
        return
    aws = _session(setup, backend)
    where = f"s3://{backend.bucket}/{backend.lock_key}"
    try:
        held = aws.s3.get_object(Bucket=backend.bucket, Key=backend.lock_key)["Body"].read()
        yield _held(held, setup, backend)
    except ClientError as error:
        if error_code(error) in DENIED_CODES:
            yield denied(error, f"whether {where} is held was not checked")
        elif error_code(error) not in _ABSENT:
            raise
    try:
        aws.s3.put_object(Bucket=backend.bucket, Key=backend.lock_key, Body=b"", IfMatch=NO_ETAG)
    except ClientError as error:
        if error_code(error) in DENIED_CODES:
            yield warning(
                f"these credentials may plan and not apply: they may not lock the state (s3:PutObject on {where})",
                "run the doctor as the identity that applies, or attach the deployer's policy of module state-backend",
            )
            return
        if error_code(error) not in _UNMET:
            raise
    yield ok(f"{where} may be written")


def _session(setup: Setup, backend: S3Backend) -> AwsSession:
    return setup.session(backend.region)


def _unreachable(error: Any, setup: Setup, backend: S3Backend) -> Iterator[Finding]:
    there, code = _region_of(error.response), error_code(error)
    if there and there != backend.region:
        yield failure(
            f"bucket {backend.bucket} is in {there}, and the backend names {backend.region}",
            f'set region = "{there}" in envs/{setup.environment}/state.s3.tfbackend',
        )
    elif code in _ABSENT or code == "NoSuchBucket":
        yield failure(f"state bucket {backend.bucket} does not exist", f"create it with: {setup.command('bootstrap')}")
    elif code in DENIED_CODES:
        yield failure(
            f"these credentials may not list state bucket {backend.bucket} (s3:ListBucket), or it is another account's",
            "sign in to the environment's account, or attach a policy of module state-backend",
        )
    else:
        raise error


def _protected(aws: AwsSession, bucket: StateBucket, protection: Callable[[Any, StateBucket], str]) -> Iterator[Finding]:
    if lacking := protection(aws.s3, bucket):
        command = _COMMANDS.get(protection.__name__, "").format(bucket.name)
        remedy = f"aws s3api {command}" if command else "add the statement that module state-backend writes to its policy"
        yield failure(f"bucket {bucket.name} {lacking}", remedy)


def _read(setup: Setup) -> bytes | None:
    """The state's bytes; None where there is none. Raises NotReady where the credentials may not read it."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    if setup.local or setup.backend is None:
        file = local_state_file(setup.workspace, setup.environment, local=setup.local)
        return file.read_bytes() if file is not None and file.is_file() else None
    backend = setup.backend
    try:
        body: bytes = _session(setup, backend).s3.get_object(Bucket=backend.bucket, Key=backend.key)["Body"].read()
    except ClientError as error:
        if error_code(error) in _ABSENT:
            return None
        if error_code(error) in DENIED_CODES:  # also where it does not exist and s3:ListBucket is lacking
            action = error.response["Error"].get("Action", "s3:GetObject")
            raise NotReady(
                f"These credentials may not read the state s3://{backend.bucket}/{backend.key} ({action}, and kms:Decrypt of "
                "the bucket's key); attach a policy of module state-backend."
            ) from error
        raise
    return body


def _held(text: bytes, setup: Setup, backend: S3Backend) -> Finding:
    """A lock that is held: by a command that runs, or left by one that was killed."""
    try:
        found = json.loads(text)
        lock, who, created = str(found["ID"]), str(found["Who"]), str(found["Created"])
    except (ValueError, KeyError, TypeError):
        return warning(
            f"the state is locked by s3://{backend.bucket}/{backend.lock_key}, which cannot be read as a lock",
            "delete it once no command works on it",
        )
    unlock = f"{setup.command('unlock')} {lock}"
    held = f"the state is locked by {who} since {created.partition('.')[0]} ({found.get('Operation', '')}, lock ID {lock})"
    folder = working_folder(setup.workspace, setup.environment, local=setup.local)
    running = running_terraform(folder, (backend.bucket, backend.key))
    if running is not None and (not running.elsewhere or who.endswith(f"@{socket.gethostname()}")):
        return warning(f"{held}; Terraform still works on it, as {running}", "wait until it ends")
    own = who == f"{getpass.getuser()}@{socket.gethostname()}"
    if own or _age(created) > LONG_LOCK_SECONDS:
        return failure(f"{held}; its command may have been killed", f"if it has ended, run: {unlock}")
    return warning(held, f"wait for that command; if it has ended, run: {unlock}")


def _age(created: str) -> float:
    """Seconds since an RFC 3339 time; 0 for an unreadable one."""
    try:
        moment = datetime.fromisoformat(created.partition(".")[0].rstrip("Z") + "+00:00")
    except ValueError:
        return 0.0
    return (datetime.now(UTC) - moment).total_seconds()


def _region_of(reply: Mapping[str, Any]) -> str | None:
    region = reply.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region")
    return str(region) if region else None
