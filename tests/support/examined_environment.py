"""An environment dev that is well, on moto and in a checkout of its own, for the doctor to examine once something is broken."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from async_endpoint.aws import AwsSession
from async_endpoint.core.outputs import OUTPUT_NAME, Archive, AsyncEndpointOutputs, Model, Monitoring
from async_endpoint.deploy.doctor.examination import examine
from async_endpoint.deploy.doctor.findings import Diagnosis, Finding, Status
from async_endpoint.workspace import Workspace
from support.deployment_fixtures import ACCOUNT, ARCHIVE_KEY, EXECUTION_POLICY, REGION

REPOSITORY: Final = Path(__file__).resolve().parents[2]
BUCKET, KEY = "states", f"async-endpoint/dev/{REGION}/terraform.tfstate"
LOCK = f"{KEY}.tflock"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/deployer"
EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
HANDLER = "def model_fn(model_dir): ...\ndef predict_fn(data, model): ...\n"
MAIN = """
module "shirts" {
  source      = "../../modules/async-inference"
  name        = "shirts"
  environment = "dev"

  model = {
    containers = [{
      archive = { path = "../../build/shirts.tar.gz" }
      image   = { framework = "pytorch", version = "2.6.0" }
    }]
  }

  endpoint = {
    instance_type = "ml.m5.large"
  }
}
"""


def archive(files: Mapping[str, str], link: str = "") -> bytes:
    """A model.tar.gz with these files, and with a symbolic link of this name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as written:
        for name, text in files.items():
            header = tarfile.TarInfo(name)
            header.size = len(text)
            written.addfile(header, io.BytesIO(text.encode()))
        if link:
            header = tarfile.TarInfo(link)
            header.type, header.linkname = tarfile.SYMTYPE, "/etc/passwd"
            written.addfile(header)
    return buffer.getvalue()


class UnappliedEnvironment:
    """What there is before the first apply: files below `folder`, and a state bucket. `shell` are variables of its commands."""

    def __init__(self, folder: Path, aws: AwsSession) -> None:
        self.folder, self.aws, self.shell = folder, aws, dict[str, str]()
        self.source = folder / "envs/dev"
        self.archive = folder / "build/shirts.tar.gz"
        self._make_files()
        self._make_state_bucket()

    def examine(self, **options: Any) -> Diagnosis:
        return examine(Workspace(self.folder), "dev", **{"local": False, "shell": self.shell} | options)

    def findings(self, name: str, status: Status) -> list[Finding]:
        """What the check called `name` finds of this status."""
        [result] = [one for one in self.examine(only=name).results if one.name == name]
        return [one for one in result.findings if one.status is status]

    def write(self, name: str, change: Callable[[str], str]) -> None:
        """Change a file of the root."""
        path = self.source / name
        path.write_text(change(path.read_text() if path.exists() else ""))

    def put_lock(self, who: str, created: str) -> None:
        """A lock of the state, as Terraform writes it."""
        lock = {"ID": "0123-4567", "Operation": "OperationTypeApply", "Who": who, "Created": created}
        self.aws.s3.put_object(Bucket=BUCKET, Key=LOCK, Body=json.dumps(lock).encode())

    def _make_files(self) -> None:
        self.source.mkdir(parents=True)
        for name in ("backend.tf", "outputs.tf", "providers.tf", "versions.tf", ".terraform.lock.hcl"):
            shutil.copyfile(REPOSITORY / "envs/dev" / name, self.source / name)
        (self.folder / "modules").symlink_to(REPOSITORY / "modules")
        (self.source / "main.tf").write_text(MAIN)
        (self.source / "state.s3.tfbackend").write_text(f'bucket = "{BUCKET}"\nregion = "{REGION}"\n')
        (self.source / "account.auto.tfvars").write_text(f'allowed_account_ids = ["{ACCOUNT}"]\n')
        self.archive.parent.mkdir()
        self.archive.write_bytes(archive({"code/inference.py": HANDLER, "weights.bin": "1"}))

    def _make_state_bucket(self) -> None:
        s3 = self.aws.s3
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
        s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
        statement = {
            "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }  # fmt: skip
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        blocks = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
        s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=dict.fromkeys(blocks, True))


class ExaminedEnvironment(UnappliedEnvironment):
    """The same after an apply of endpoint shirts, with all that its outputs name."""

    def __init__(self, folder: Path, aws: AwsSession, recorded: AsyncEndpointOutputs) -> None:
        super().__init__(folder, aws)
        self.outputs = recorded
        self._make_live_parts()
        self.put_state()

    def put_state(self) -> None:
        """The state of an apply with `outputs`."""
        document = {"version": 4, "serial": 3, "outputs": {OUTPUT_NAME: {"value": {"shirts": self.outputs.as_dict()}}}}
        self.aws.s3.put_object(Bucket=BUCKET, Key=KEY, Body=json.dumps(document).encode())

    @property
    def role(self) -> str:
        return self.outputs.endpoint.execution_role_arn.rpartition("/")[2]

    def _make_live_parts(self) -> None:
        """A key, an alarm, an image and a caller; the execution role may use the key and publish, as the modules let it."""
        self.key = self.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
        topics = [self.outputs.notifications.success_topic_arn, self.outputs.notifications.error_topic_arn]
        statements = [
            *EXECUTION_POLICY["Statement"],
            {"Sid": "Publish", "Effect": "Allow", "Action": "sns:Publish", "Resource": topics},
            {"Sid": "UseKey", "Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": self.key},
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam = self.aws.client("iam")
        iam.put_role_policy(RoleName=self.role, PolicyName="execution", PolicyDocument=policy)
        iam.create_user(UserName="deployer")
        iam.put_user_policy(UserName="deployer", PolicyName="all", PolicyDocument=EVERYTHING)
        self.aws.cloudwatch.put_metric_alarm(
            AlarmName="shirts-errors", MetricName="Invocation5XXErrors", Namespace="AWS/SageMaker", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold", AlarmDescription="errors",
        )  # fmt: skip
        ecr = self.aws.client("ecr")
        ecr.create_repository(repositoryName="shirts")
        ecr.put_image(
            repositoryName="shirts",
            imageTag="1",
            imageManifest=json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "layers": []}),
        )
        assert self.outputs.model is not None
        content = self.archive.read_bytes()
        stored = self.aws.s3.put_object(Bucket=self.outputs.storage.bucket, Key=ARCHIVE_KEY, Body=content)
        applied = Archive(
            f"s3://{self.outputs.storage.bucket}/{ARCHIVE_KEY}", hashlib.sha256(content).hexdigest(), stored["VersionId"]
        )
        role = dataclasses.replace(self.outputs.model.execution_role, policy_json=policy)
        self.outputs = dataclasses.replace(
            self.outputs,
            storage=dataclasses.replace(self.outputs.storage, kms_key_arn=self.key),
            monitoring=Monitoring(("shirts-errors",)),
            model=Model((applied,), role),
        )
