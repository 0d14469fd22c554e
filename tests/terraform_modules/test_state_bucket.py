"""The example state-bucket on a local AWS: applied, planned again without a change, not destroyed, and used as a backend."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from async_endpoint.local import daemon
from async_endpoint.terraform.aim import OVERRIDE_FILE, local_override, process_environment
from async_endpoint.workspace import Workspace

BUCKET = "terraform-state-123456789012-eu-west-1"

# A root without a provider, so that nothing but its state is made.
USER = f"""
terraform {{
  backend "s3" {{
    bucket         = "{BUCKET}"
    key            = "async-endpoint/dev/terraform.tfstate"
    region         = "eu-west-1"
    encrypt        = true
    use_lockfile   = true
    use_path_style = true
  }}
}}

resource "terraform_data" "this" {{
  input = "kept"
}}
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A local AWS in a process of its own: in this one it would mend moto for the tests of other folders too."""
    workspace = Workspace(tmp_path / "a checkout")
    for folder in ("modules/async-inference", "envs"):
        (workspace.root / folder).mkdir(parents=True)
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(workspace.root))
    yield daemon.start_detached(workspace, 0, 60.0, 0).endpoint_url
    daemon.stop(workspace)


@pytest.fixture
def run(copy: Any, checkout: Path, url: str) -> Run:
    """Terraform in a folder of a copy with the example, which is aimed at the local AWS."""
    example = copy.folder / "examples" / "state-bucket"
    example.mkdir(parents=True)
    for file in (checkout / "examples" / "state-bucket").iterdir():
        (example / file.name).write_bytes(file.read_bytes())
    (example / OVERRIDE_FILE).write_text(local_override(url, Path("terraform.tfstate")))
    environment = process_environment(os.environ, copy.folder / "terraform.rc", url)

    def terraform(where: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["terraform", f"-chdir={copy.folder / where}", *arguments, "-no-color"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return terraform


@pytest.mark.terraform
def test_a_bucket_for_states(run: Run, copy: Any, url: str) -> None:
    def succeed(where: str, *arguments: str) -> str:
        done = run(where, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    example, user = "examples/state-bucket", "user"
    succeed(example, "init", "-input=false", "-lockfile=readonly")
    succeed(example, "apply", "-input=false", "-auto-approve")
    assert run(example, "plan", "-input=false", "-detailed-exitcode").returncode == 0

    refused = run(example, "destroy", "-input=false", "-auto-approve")
    assert refused.returncode != 0
    assert "prevent_destroy" in refused.stdout + refused.stderr

    (copy.folder / user).mkdir()
    (copy.folder / user / "main.tf").write_text(USER)
    succeed(user, "init", "-input=false")
    succeed(user, "apply", "-input=false", "-auto-approve")

    s3 = boto3.client("s3", "eu-west-1", endpoint_url=url, aws_access_key_id="local", aws_secret_access_key="local")
    kept = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert [item["Key"] for item in kept] == ["async-endpoint/dev/terraform.tfstate"], "a lock is gone once it is let go"
    locks = s3.list_object_versions(Bucket=BUCKET, Prefix="async-endpoint/dev/terraform.tfstate.tflock")
    assert locks["DeleteMarkers"], "there was a lock"
    assert s3.head_object(Bucket=BUCKET, Key=kept[0]["Key"])["ServerSideEncryption"] in {"aws:kms", "AES256"}
