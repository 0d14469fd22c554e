"""The response of each creation lost in turn, through the console command: what is said, and whether what is advised works.

By hand, with figures for every call:  python tests/trials/lost_responses.py [--tags '{}'] [ACTION ...]
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from async_endpoint.local_aws import LocalCredentials, require_credentials
from async_endpoint.terraform.local_override import process_environment
from async_endpoint.terraform.provider import (
    LOCK_FILE,
    cli_configuration,
    find_provider_mirror,
    install_provider,
    running_provider,
)
from async_endpoint.workspace import Workspace

CHECKOUT = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).with_name("async-endpoint")
REGION = "eu-west-1"
TAGS = '{"deployment": "minimal-local", "managed-by": "terraform"}'

# Every call by which an apply of the root makes something, in the order of their services.
CREATIONS = {
    "CreateAlias": "kms",
    "CreateKey": "kms",
    "CreateBucket": "s3",
    "CreatePolicy": "iam",
    "CreateRole": "iam",
    "PutRolePolicy": "iam",
    "CreateTopic": "sns",
    "CreateLogGroup": "logs",
    "PutDashboard": "cloudwatch",
    "PutMetricAlarm": "cloudwatch",
    "RegisterScalableTarget": "application-autoscaling",
    "PutScalingPolicy": "application-autoscaling",
    "CreateModel": "sagemaker",
    "CreateEndpointConfig": "sagemaker",
    "CreateEndpoint": "sagemaker",
}
_ADVICE = re.compile(r"with: async-endpoint ([a-z-]+(?: [a-z-]+)*)")


@dataclass(frozen=True)
class Ended:
    code: int
    text: str

    @property
    def last(self) -> str:
        lines = self.text.rstrip().splitlines()
        return lines[-1] if lines else ""

    @property
    def advised(self) -> list[str]:
        """The command that the error advises."""
        found = _ADVICE.search(self.last)
        assert found is not None, f"no command is advised: {self.last}"
        return found[1].split()


@dataclass(frozen=True)
class Deployment:
    """A checkout whose environment local is minimal_root with the additions of lost_root, and its local AWS."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> Ended:
        done = subprocess.run(
            [COMMAND, *arguments], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=400, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout + done.stderr)

    def succeed(self, *arguments: str) -> Ended:
        ended = self.run(*arguments)
        assert ended.code == 0, f"{' '.join(arguments)} ended with {ended.code}:\n{ended.text[-3000:]}"
        return ended

    @property
    def credentials(self) -> LocalCredentials:
        return require_credentials(Workspace(self.folder))

    @property
    def url(self) -> str:
        return self.credentials.endpoint_url

    def lose(self, action: str) -> None:
        """Let the next call of this action be carried out, and its response be lost."""
        options = ("--service", CREATIONS[action], "--action", action, "--when", "after", "--count", "1")
        self.succeed("local", "fault", "set", "disconnect", *options)

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=self.credentials.access_key_id,
            aws_secret_access_key=self.credentials.secret_access_key,
        )

    def inventory(self) -> dict[str, list[str]]:
        """Everything there is, by kind; a key that waits out its days of grace is gone."""
        kms, iam = self.client("kms"), self.client("iam")
        keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
        listed: tuple[tuple[str, str, str, dict[str, str], str, str], ...] = (
            ("alarm", "cloudwatch", "describe_alarms", {}, "MetricAlarms", "AlarmName"),
            ("dashboard", "cloudwatch", "list_dashboards", {}, "DashboardEntries", "DashboardName"),
            ("bucket", "s3", "list_buckets", {}, "Buckets", "Name"),
            ("endpoint", "sagemaker", "list_endpoints", {}, "Endpoints", "EndpointName"),
            ("configuration", "sagemaker", "list_endpoint_configs", {}, "EndpointConfigs", "EndpointConfigName"),
            ("model", "sagemaker", "list_models", {}, "Models", "ModelName"),
            ("log group", "logs", "describe_log_groups", {}, "logGroups", "logGroupName"),
            ("topic", "sns", "list_topics", {}, "Topics", "TopicArn"),
            (
                "scalable target", "application-autoscaling", "describe_scalable_targets",
                {"ServiceNamespace": "sagemaker"}, "ScalableTargets", "ResourceId",
            ),
        )  # fmt: skip
        there = {
            kind: [item[name] for item in getattr(self.client(service), operation)(**options)[members]]
            for kind, service, operation, options, members, name in listed
        }
        there["role"] = [item["RoleName"] for item in iam.list_roles()["Roles"]]
        there["policy"] = [item["PolicyName"] for item in iam.list_policies(Scope="Local")["Policies"]]
        there["key"] = [item["KeyId"] for item in keys if item["KeyState"] != "PendingDeletion"]
        there["alias"] = [item["AliasName"] for item in kms.list_aliases()["Aliases"] if "/aws/" not in item["AliasName"]]
        return {kind: found for kind, found in there.items() if found}


@contextmanager
def deployment(folder: Path, executable: Path | None = None, tags: str = TAGS) -> Iterator[Deployment]:
    """The root in a checkout of its own below `folder`, with a local AWS and a provider that run until the block ends."""
    for name in ("modules", "examples"):
        (folder / name).symlink_to(CHECKOUT / name)
    for root in ("minimal_root", "lost_root"):
        shutil.copytree(CHECKOUT / "tests/trials" / root, folder / "envs/local", dirs_exist_ok=True)
    shutil.copyfile(CHECKOUT / "envs/local" / LOCK_FILE, folder / "envs/local" / LOCK_FILE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ASYNC_ENDPOINT_"))}
    environment |= {"COLUMNS": "4000", "TF_VAR_archive": "../../build/lost.tar.gz", "TF_VAR_tags": tags}
    made = Deployment(folder, environment)
    made.succeed("package", "examples/minimal-async/model", "-o", "build/lost.tar.gz")
    options = ("--port", "0", "--time-scale", "60", "--instance-launch-seconds", "20", "--detach")
    made.succeed("local", "up", *options)
    try:
        with ExitStack() as stack:
            root = folder / ".local/deployments/local/envs/local"
            root.mkdir(parents=True)
            settings = process_environment(environment, Path(os.devnull), made.credentials)
            del settings["AWS_ENDPOINT_URL"]
            attached = stack.enter_context(running_provider(executable or _installed(folder), root, settings))
            yield Deployment(folder, environment | attached)
    finally:
        made.run("local", "down")


def _installed(folder: Path) -> Path:
    configuration = folder / "mirror.rc"
    configuration.write_text(cli_configuration(find_provider_mirror()))
    environment = process_environment(os.environ, configuration, None)
    return install_provider(folder / "provider", CHECKOUT / "envs/local" / LOCK_FILE, environment)


def applied_after_all(made: Deployment, action: str) -> str:
    """Lose a response, apply, do what the error advises until it converges; then nothing is to change. Returns what it took."""
    made.lose(action)
    first = made.run("apply", "local")
    how = "applied at once"
    if first.code != 0:
        assert first.code in (1, 4), first.text
        made.succeed(*first.advised)
        how = f"refused ({first.code}), then {' '.join(first.advised)}"
    elif "delete it: async-endpoint" in first.text:
        made.succeed("apply", "local", "--adopt")
        assert len(made.inventory()["key"]) == 1, "the stray key is not deleted"
        how = "applied, a stray reported, then apply local --adopt"
    planned = made.run("plan", "local", "--detailed-exitcode")
    assert planned.code == 0, planned.text[-3000:]
    return how


def failed_apply(made: Deployment, action: str) -> str:
    """Lose a response and apply once; returns how that ended."""
    made.lose(action)
    return f"apply ended with {made.run('apply', 'local').code}"


def destroyed_after_all(made: Deployment) -> str:
    """Destroy, and do what the error advises; nothing is left then. Returns what it took."""
    first = made.run("destroy", "local")
    how = "destroyed at once"
    if first.code != 0:
        made.succeed(*first.advised)
        how = f"refused ({first.code}), then {' '.join(first.advised)}"
    left = made.inventory()
    assert not left, f"left: {left}\n{first.text[-3000:]}"
    return how


def main() -> None:
    """Print what each lost response took: to converge and be destroyed, and to be destroyed after the failed apply."""
    parser = argparse.ArgumentParser()
    parser.add_argument("actions", nargs="*", metavar="ACTION")
    parser.add_argument("--tags", default=TAGS, help="the root's default tags as JSON")
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder, deployment(Path(folder), tags=options.tags) as made:
        for begin in (applied_after_all, failed_apply):
            for action in options.actions or CREATIONS:
                began = time.monotonic()
                try:
                    result = f"{begin(made, action)} · {destroyed_after_all(made)}"
                except AssertionError as error:
                    failed += 1
                    result = f"FAILED: {error}"
                    made.run("destroy", "local", "--remove-leftovers")
                print(f"{action:<24}{begin.__name__:<19}{time.monotonic() - began:5.0f} s  {result}", flush=True)
    print(f"{failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
