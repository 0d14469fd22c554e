"""A checkout whose environment dev keeps its state in a bucket of the local AWS, and a root that needs no provider."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.in_process_aws import REGION, AwsHarness

COMMAND = Path(sys.executable).with_name("async-endpoint")
KEY = "async-endpoint/dev/terraform.tfstate"
BACKEND = f'terraform {{\n  backend "s3" {{\n    key          = "{KEY}"\n    use_lockfile = true\n  }}\n}}\n'
ACCOUNT = 'variable "allowed_account_ids" {\n  type = list(string)\n}\n'


class StateInS3:
    """A checkout whose environment dev keeps its state in a bucket of the local AWS, as dev, staging and prod do on AWS."""

    def __init__(self, folder: Path, local_aws: AwsHarness, main: str) -> None:
        """`main` is the content of main.tf, beside the variable that the account file sets."""
        self.folder, self.local_aws, self.bucket = folder, local_aws, local_aws.bucket()
        root = folder / "envs/dev"
        root.mkdir(parents=True)
        (folder / "modules/async-inference").mkdir(parents=True)
        (root / "main.tf").write_text(ACCOUNT + main)
        (root / "backend.tf").write_text(BACKEND)
        (root / "state.s3.tfbackend").write_text(f'bucket = "{self.bucket}"\nregion = "{REGION}"\nuse_path_style = true\n')
        (root / "account.auto.tfvars").write_text('allowed_account_ids = ["123456789012"]\n')

    @property
    def copy(self) -> Path:
        """Where the driver runs Terraform."""
        return self.folder / ".local/deployments/dev/envs/dev"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_", "ASYNC_ENDPOINT_"))}
        credentials = self.local_aws.s3._request_signer._credentials
        return kept | {
            "ASYNC_ENDPOINT_HOME": str(self.folder),
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "AWS_ENDPOINT_URL": self.local_aws.url,
            "AWS_REGION": REGION,
            "COLUMNS": "1000",
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [COMMAND, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """The exit code and the last line on standard error."""
        process = self.start(*arguments)
        _, text = process.communicate(timeout=100)
        return process.returncode, text.rstrip().splitlines()[-1]

    def lock(self) -> dict[str, Any]:
        """The state's lock as Terraform wrote it; empty when there is none, as between plan and apply of one command."""
        try:
            written = self.local_aws.s3.get_object(Bucket=self.bucket, Key=f"{KEY}.tflock")["Body"].read()
        except self.local_aws.s3.exceptions.NoSuchKey:
            return {}
        lock: dict[str, Any] = json.loads(written)
        return lock

    def is_locked(self) -> bool:
        return f"{KEY}.tflock" in self.local_aws.keys(self.bucket)
