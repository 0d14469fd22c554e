"""From nothing to production by pull requests, on a local AWS that enforces IAM: `python tests/trials/pull_request.py`.

An administrator bootstraps, applies and tests the environment dev as it is in this checkout, with roles for GitHub. Then the
steps of the workflows plan, apply and drift run as those roles, each job in a fresh clone: a pull request that changes the
instance type, of which the settings of every resource are compared before and after; one whose stored plan is missing, altered
or another's; one that replaces the endpoint; one whose state moves between approval and apply; drift, its issue, and its end.
Prints a line a step, with its seconds; ends with 1 unless every step held. Some ten minutes on two cores.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / "scripts")]

from support.fake_github import REPOSITORY as NAME  # noqa: E402
from support.fake_github import fake_github  # noqa: E402
from support.github_roles import EnforcedAccount  # noqa: E402
from support.remote_aws import RemoteAws, running  # noqa: E402
from support.resource_inventory import Inventory, changes, inventory, values  # noqa: E402
from support.team_repository import ACCOUNT_ID, PullRequest, TeamRepository  # noqa: E402
from support.workflow_runner import JobResult  # noqa: E402

MAIN = "envs/dev/main.tf"
REGION = "us-east-1"  # not the default of the root: the settings decide
BUCKET = f"terraform-state-{ACCOUNT_ID}-{REGION}"
MAKE = ("make", "-o", ".venv/python", "-o", ".venv/terraform", "-o", ".venv/runtime", "-o", ".venv/dev")
POLICY = f"arn:aws:iam::{ACCOUNT_ID}:policy/{BUCKET}-dev-"
ACCESS = f"""  environment = local.environment

  access = {{
    github = {{
      deployer = {{
        policy_arns = {{ state = "{POLICY}deployer" }}
        subjects    = ["repo:{NAME}:environment:dev"]
      }}

      planner = {{
        policy_arns = {{ state = "{POLICY}planner" }}
        subjects    = ["repo:{NAME}:pull_request", "repo:{NAME}:ref:refs/heads/main"]
      }}
    }}
  }}
"""


def main() -> int:
    failed = 0
    with tempfile.TemporaryDirectory(prefix="pull-request-") as name, fake_github() as github:
        folder = Path(name)
        with running(folder / "aws", 60, enforce_iam=True) as aws:
            team = TeamRepository(folder / "team", github, _account(aws))
            team.edit(MAIN, "  environment = local.environment\n", ACCESS)
            team.commit("Roles for the workflows")
            trial = Trial(team)
            trial.timed(trial.bootstrap)
            trial.timed(trial.first_apply)
            for step in (
                trial.commands_of_the_planner,
                trial.another_instance_type,
                trial.records,
                trial.a_replacement,
                trial.the_state_moves,
                trial.drift,
            ):
                try:
                    trial.timed(step)
                except (AssertionError, ClientError):  # the further steps say more in the same run
                    failed += 1
                    traceback.print_exc()
            print(f"{failed} steps failed")
    return 1 if failed else 0


def _account(aws: RemoteAws) -> EnforcedAccount:
    key = aws.credentials.access_key
    return EnforcedAccount(aws.record.endpoint_url, key.access_key_id, key.secret_access_key, BUCKET, REGION)


def stored(plan: str) -> list[tuple[str, str]]:
    """The objects of a stored plan, as `Trial.changed` names them."""
    return [("object", f"{BUCKET}/plans/dev/{REGION}/{plan}.{kind}") for kind in ("DIGEST.plan", "json")]


class Trial:
    """The steps, in order."""

    def __init__(self, team: TeamRepository) -> None:
        assert isinstance(team.account, EnforcedAccount)
        self.team, self.account = team, team.account
        self.checkout = team.folder / "by-hand"
        self.sagemaker, self.s3 = self.account.client("sagemaker"), self.account.client("s3")
        self.administrator = {
            "AWS_ACCESS_KEY_ID": self.account.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.account.secret_access_key,
        }

    def timed(self, step: Callable[[], None]) -> None:
        """Execute a step, and print its seconds when it has held."""
        started = time.monotonic()
        step()
        print(f"{time.monotonic() - started:6.1f} s  {(step.__doc__ or '').partition('.')[0]}", flush=True)

    # --- by hand, in a checkout ---------------------------------------------------------------------------------------

    def make(self, target: str, credentials: Mapping[str, str], **variables: str) -> str:
        """What `make TARGET ENV=dev` prints, with someone's credentials; its log is shown when it fails."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_", "ASYNC_ENDPOINT_"))}
        settings = {"AWS_ENDPOINT_URL": self.account.url, "AWS_REGION": REGION, "TF_VAR_region": REGION, "COLUMNS": "400"}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [*MAKE, "-s", target, "ENV=dev", *(f"{name}={value}" for name, value in variables.items())],
            cwd=self.checkout,
            env=kept | settings | dict(credentials) | {"PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"make {target} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def bootstrap(self) -> None:
        """An administrator creates the state bucket."""
        subprocess.run(["git", "clone", "-q", self.team.source, self.checkout], check=True)
        (self.checkout / ".venv").symlink_to(REPOSITORY / ".venv")
        self.make("bootstrap", self.administrator, YES="1")
        assert [bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]] == [BUCKET]

    def first_apply(self) -> None:
        """An administrator applies dev with the roles, examines and tests it."""
        self.make("apply", self.administrator, YES="1")
        _print(self.make("doctor", self.administrator))
        self.make("smoke-test", self.administrator)
        assert self.live()[0] == "ml.m5.large"

    def commands_of_the_planner(self) -> None:
        """doctor, verify, drift and plan --store as role planner."""
        planner = self.account.session(self.account.role("planner"))
        before = self.resources()
        found = self.make("doctor", planner)
        _print(found)
        warnings = re.findall(r"^warning (.+?)  +these credentials may", found, re.MULTILINE)
        assert (warnings, found.count("warning ")) == (["state lock", "passing the role"], 2), "a planner applies nothing"
        for target in ("verify", "drift"):
            self.make(target, planner)
        self.make("plan", planner, STORE="by-hand")
        assert self.changed(before) == {
            "created": stored("by-hand"),
            "deleted": [],
            "changed": [],
        }

    # --- what is there --------------------------------------------------------------------------------------------------

    def live(self) -> tuple[str, str]:
        """Instance type and name of the configuration that serves."""
        (endpoint,) = self.sagemaker.list_endpoints()["Endpoints"]
        name = self.sagemaker.describe_endpoint(EndpointName=endpoint["EndpointName"])["EndpointConfigName"]
        (variant,) = self.sagemaker.describe_endpoint_config(EndpointConfigName=name)["ProductionVariants"]
        return variant["InstanceType"], name

    def created(self) -> str:
        """When the endpoint was created: it changes when the endpoint is replaced."""
        (endpoint,) = self.sagemaker.list_endpoints()["Endpoints"]
        return str(endpoint["CreationTime"])

    def resources(self) -> Inventory:
        """Every setting of every resource; of objects, those that a smoke test does not write."""
        found = inventory(self.account.client)
        data = re.compile(rf"(?!{BUCKET}/)[^/]+/(input|output|failure)/")
        return {(kind, name): value for (kind, name), value in found.items() if not (kind == "object" and data.match(name))}

    def changed(self, before: Inventory) -> dict[str, list[tuple[str, str]]]:
        """What was created, deleted and changed since; printed with the values."""
        after = self.resources()
        found = {
            what: [(kind, re.sub(r"\.[0-9a-f]{12}\.plan$", ".DIGEST.plan", name)) for kind, name in resources]
            for what, resources in changes(before, after).items()
        }
        _print(json.dumps(found | {"values": values(before, after)}, indent=2))
        return found

    # --- pull requests --------------------------------------------------------------------------------------------------

    def resized(self, old: str, new: str) -> PullRequest:
        return self.team.open_pull_request(lambda: self.team.edit(MAIN, f'"{old}"', f'"{new}"'))

    def another_instance_type(self) -> None:
        """Another instance type: comment, apply of exactly that, smoke test."""
        created, before = self.created(), self.resources()
        (endpoint,), (_, old) = self.sagemaker.list_endpoints()["Endpoints"], self.live()
        pull = self.resized("ml.m5.large", "ml.m5.xlarge")
        _require(self.team.plan(pull), {"changed": "success", "plan/dev": "success", "plan": "success", "planned": "success"})
        (comment,) = self.team.comments(pull)
        _print(comment)
        assert comment.startswith(f"<!-- async-endpoint plan dev {REGION} -->\n")
        assert "ml.m5.large" in comment and "ml.m5.xlarge" in comment and "updated" in comment
        assert "**replaced**" not in comment
        assert "unknown" not in comment, "both types have a price"
        assert self.changed(before)["changed"] == [], "a plan changes nothing"
        done = self.team.apply(self.team.merge(pull))
        _require(done, {"changed": "success", "plan": "skipped", "dev/apply": "success", "dev": "success"})
        instance_type, new = self.live()
        assert instance_type == "ml.m5.xlarge"
        assert self.created() == created, "the endpoint was replaced"
        smoke = done["dev/apply"].steps[-1]
        assert (smoke.what, smoke.result) == ("make ci-smoke-test", "success")
        assert self.changed(before) == {
            "created": [("endpoint configuration", new), *stored(pull.plan_name)],
            "deleted": [("endpoint configuration", old)],
            "changed": [
                ("alarm", f"{endpoint['EndpointName']}-primary-cpu"),  # its threshold: a percentage for each vCPU
                ("endpoint", endpoint["EndpointName"]),
                ("object", f"{BUCKET}/async-endpoint/dev/{REGION}/terraform.tfstate"),
            ],
        }

    def records(self) -> None:
        """A stored plan that is missing, altered, or that of another pull request is refused; the real one is applied."""
        live = self.live()
        other, pull = self.resized("ml.m5.xlarge", "ml.m5.2xlarge"), self.resized("ml.m5.xlarge", "ml.c5.xlarge")
        for opened in (other, pull):
            _require(self.team.plan(opened), {"plan": "success"})
        push, record = self.team.merge(pull), self.record(pull)
        altered = record | {"changes": dict(list(record["changes"].items())[1:])}
        for text, refusal in (
            (None, "There is no plan"),
            (json.dumps(altered), "was changed after the plan was made"),
            (json.dumps(self.record(other)), "is not what was approved"),
        ):
            self.s3.delete_object(Bucket=BUCKET, Key=self.key(pull))
            if text is not None:
                self.s3.put_object(Bucket=BUCKET, Key=self.key(pull), Body=text.encode())
            done = self.team.apply(push)
            _require(done, {"dev/apply": "failure", "dev": "failure"})
            assert refusal in done["dev/apply"].summary, done["dev/apply"].summary
            assert self.live() == live
        self.s3.put_object(Bucket=BUCKET, Key=self.key(pull), Body=json.dumps(record).encode())
        _require(self.team.apply(push), {"dev": "success"})
        assert self.live()[0] == "ml.c5.xlarge"

    def key(self, pull: PullRequest) -> str:
        return f"plans/dev/{REGION}/{pull.plan_name}.json"

    def record(self, pull: PullRequest) -> dict[str, Any]:
        document: dict[str, Any] = json.load(self.s3.get_object(Bucket=BUCKET, Key=self.key(pull))["Body"])
        return document

    def a_replacement(self) -> None:
        """A replacement fails at plan, and is refused when it is merged all the same."""
        live = self.live()
        pull = self.team.open_pull_request(
            lambda: self.team.edit(MAIN, 'name        = "recommender"', 'name        = "stylist"')
        )
        done = self.team.plan(pull)
        _require(done, {"changed": "success", "plan/dev": "failure", "plan": "failure"})
        (comment,) = self.team.comments(pull)
        _print(comment)
        assert "**dev will not be changed**" in comment and "**replaced**" in comment
        done = self.team.apply(self.team.merge(pull))  # should it be merged all the same
        _require(done, {"changed": "success", "dev/apply": "failure", "dev": "failure"})
        assert self.live() == live
        self.team.git("revert", "--no-edit", "-m", "1", "HEAD")

    def the_state_moves(self) -> None:
        """The state moves after the approval: refused, then applied by hand."""
        pull, other = self.resized("ml.c5.xlarge", "ml.m5.xlarge"), self.resized("ml.c5.xlarge", "ml.m5.2xlarge")
        for opened in (pull, other):
            _require(self.team.plan(opened), {"plan": "success"})
        _require(self.team.apply(self.team.merge(other)), {"dev": "success"})
        done = self.team.apply(self.team.merge(pull))
        _require(done, {"changed": "success", "dev/apply": "failure", "dev": "failure"})
        _print(done["dev/apply"].summary)
        assert "is not what was approved" in done["dev/apply"].summary
        assert self.live()[0] == "ml.m5.2xlarge"

        _require(self.team.apply_by_hand(), {"plan": "success", "dev": "success"})
        assert self.live()[0] == "ml.m5.xlarge"

    def drift(self) -> None:
        """Drift opens one issue, which further drift updates and an apply by hand closes."""
        _require(self.team.drift(), {"drift": "success"})
        assert self._issues() == []
        logs = self.account.client("logs")
        (group,) = logs.describe_log_groups()["logGroups"]
        retention = group["retentionInDays"]
        issues = []
        for days in (545, 731):
            logs.put_retention_policy(logGroupName=group["logGroupName"], retentionInDays=days)
            _require(self.team.drift(), {"drift": "success"})
            (issue,) = self._issues()
            _print(issue["body"])
            assert (issue["title"], issue["state"]) == ("Drift in dev", "open") and str(days) in issue["body"]
            issues.append(issue["number"])
        assert issues[0] == issues[1], "one issue, updated"
        _require(self.team.apply_by_hand(), {"plan": "success", "dev": "success"})
        assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == retention
        _require(self.team.drift(), {"drift": "success"})
        assert [found["state"] for found in self._issues()] == ["closed"]

    def _issues(self) -> list[dict[str, Any]]:
        return [issue for issue in self.team.github.issues.values() if "pull_request" not in issue]


def _print(text: str) -> None:
    print(re.sub(r"^", "        | ", text, flags=re.MULTILINE), flush=True)


def _require(done: dict[str, JobResult], expected: dict[str, str]) -> None:
    """Raise, with the logs, unless the jobs ended as expected."""
    found = {name: done[name].result for name in expected if name in done}
    if found != expected:
        for name, job in done.items():
            print(f"===== {name}: {job.result}\n{job.log[-6000:]}", flush=True)
    assert found == expected


if __name__ == "__main__":
    sys.exit(main())
