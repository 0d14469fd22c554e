"""Where plans wait for their approval: `plans/<environment>/<region>/NAME.*` beside the state, which is encrypted and private.

In the state bucket they expire (module state-backend), and its own key encrypts them. On the local AWS, whose states are files,
so are they. NAME.json is the record of a plan, written once and never replaced, since what was approved must stay what it was;
NAME.<sum>.plan is its plan file, written first: where there is a record, there are both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from async_endpoint.aws import AwsSession, error_code, translate_errors
from async_endpoint.core.errors import InvalidInput, NotReady, PlanNameTaken, PlanNotApproved
from async_endpoint.deploy.deployment import Deployment
from async_endpoint.input_files import read_input
from async_endpoint.terraform.plan_files import write_private
from async_endpoint.terraform.plan_record import MAX_BYTES, PlanRecord, parse_record
from async_endpoint.terraform.state_lock import initialised_backend
from async_endpoint.workspace import Workspace, make_private

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_EXISTS: Final = ("PreconditionFailed", "ConditionalRequestConflict")  # the second: it is being written


class PlanStore(Protocol):
    """Plans of one environment in one region, by name."""

    def where(self, name: str) -> str:
        """Where a plan lies, for messages."""

    def put(self, name: str, record: PlanRecord, content: bytes) -> None:
        """Store a plan file and its record; nothing where that name has a record of the same changes.

        Raises PlanNameTaken where it has one of others.
        """

    def read(self, name: str) -> bytes | None:
        """The text of a record; None where there is none."""


def checked_name(name: str) -> str:
    """The name of a stored plan. Raises InvalidInput for one that is no part of a path."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} is no name of a plan; use up to 128 letters, digits, dots, hyphens and underscores, the first a letter "
            "or digit."
        )
    return name


def plan_store(deployment: Deployment) -> PlanStore:
    """The plans of a deployment whose Terraform is initialised.

    Raises InvalidInput where its state is neither local nor in S3.
    """
    copy = deployment.copy
    folder = f"plans/{copy.environment}/{copy.region.name if copy.region else 'default'}"
    if copy.state is not None:
        return _Folder(deployment.workspace, copy.state.parent / folder)
    backend = initialised_backend(copy.folder)
    if backend.get("type") != "s3":
        raise InvalidInput(f"envs/{copy.environment} has no S3 backend, whose bucket would hold its plans; use --out FILE.")
    settings = backend["config"]
    aws = deployment.session(settings.get("region") or (copy.region.name if copy.region else "us-east-1"))
    return _Bucket(aws, str(settings["bucket"]), folder)


def approved_record(store: PlanStore, name: str) -> PlanRecord:
    """The record of the plan that was stored as `name`. Raises PlanNotApproved where there is none, PlanDamaged."""
    text = store.read(name)
    if text is None:
        raise PlanNotApproved(
            f"There is no plan {name} at {store.where(name)}: it has expired, or was stored under another name, or for another "
            "environment or region. Nothing was changed; plan again with --store."
        )
    return parse_record(text, store.where(name))


@dataclass(frozen=True)
class _Bucket:
    aws: AwsSession
    bucket: str
    folder: str

    def where(self, name: str) -> str:
        return f"s3://{self.bucket}/{self.folder}/{name}.json"

    def put(self, name: str, record: PlanRecord, content: bytes) -> None:
        self._create(f"{name}.{record.plan[:12]}.plan", content)
        if not self._create(f"{name}.json", record.text().encode()):
            _require_same(self, name, record)

    def _create(self, name: str, body: bytes) -> bool:
        """Whether an object was created: it is not where there is one (S3 user guide, "Conditional writes")."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        key = f"{self.folder}/{name}"
        with translate_errors(self.aws, "s3:PutObject", f"s3://{self.bucket}/{key}"):
            try:  # no ServerSideEncryption: the bucket's own default, its key, applies
                self.aws.s3.put_object(Bucket=self.bucket, Key=key, Body=body, IfNoneMatch="*")
            except ClientError as error:
                if error_code(error) not in _EXISTS:
                    raise
                return False
        return True

    def read(self, name: str) -> bytes | None:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        key = f"{self.folder}/{name}.json"
        with translate_errors(self.aws, "s3:GetObject", f"s3://{self.bucket}/{key}"):
            try:
                body: bytes = self.aws.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read(MAX_BYTES)
            except ClientError as error:
                if error_code(error) == "NoSuchKey":
                    return None
                raise
        return body


@dataclass(frozen=True)
class _Folder:
    workspace: Workspace
    folder: Path

    def where(self, name: str) -> str:
        return str(self.folder / f"{name}.json")

    def put(self, name: str, record: PlanRecord, content: bytes) -> None:
        make_private(self.folder)
        if self.read(name) is not None:
            _require_same(self, name, record)
            return
        write_private(self.workspace, self.folder / f"{name}.{record.plan[:12]}.plan", content)
        write_private(self.workspace, self.folder / f"{name}.json", record.text().encode())

    def read(self, name: str) -> bytes | None:
        path = self.folder / f"{name}.json"
        return read_input(path, MAX_BYTES) if path.is_file() else None


def _require_same(store: PlanStore, name: str, record: PlanRecord) -> None:
    text = store.read(name)
    if text is None:
        raise NotReady(f"Another command is writing {store.where(name)}; repeat this one.")
    if parse_record(text, store.where(name)).digest == record.digest:
        return
    raise PlanNameTaken(
        f"{store.where(name)} is the record of other changes than those planned now, and what may be approved is not replaced; "
        "choose another name with --store, which for a pull request is another commit."
    )
