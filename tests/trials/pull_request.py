"""Pull requests from opening to production, on a local AWS: `python tests/trials/pull_request.py`.

Runs the steps of the workflows plan and apply, each job in a fresh clone, for the environment dev as it is in this checkout:
the first deployment by hand, a pull request that changes the instance type, one that replaces the endpoint, one whose state
moves between approval and apply; drift, its issue, and its end. Prints a line a step, with its seconds; ends with 1 unless
every step held. Some eight minutes on two cores.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / "scripts")]

from support.fake_github import fake_github  # noqa: E402
from support.remote_aws import RemoteAws, running  # noqa: E402
from support.team_repository import Account, PullRequest, TeamRepository  # noqa: E402
from support.workflow_runner import JobResult  # noqa: E402

MAIN = "envs/dev/main.tf"
REGION = "us-east-1"  # not the default of the root: the settings decide


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="pull-request-") as name, fake_github() as github:
        folder = Path(name)
        with running(folder / "aws", 60) as aws:
            team = TeamRepository(folder / "team", github, _account(aws))
            trial = Trial(team, aws)
            with _step("first deployment, by hand"):
                trial.first_deployment()
            with _step("another instance type"):
                trial.another_instance_type()
            with _step("a replacement"):
                trial.a_replacement()
            with _step("the state moves"):
                trial.the_state_moves()
            with _step("drift"):
                trial.drift()
    return 0


@contextmanager
def _step(what: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    print(f"{time.monotonic() - started:6.1f} s  {what}", flush=True)


def _account(aws: RemoteAws) -> Account:
    key = aws.credentials.access_key
    account = Account(aws.record.endpoint_url, key.access_key_id, key.secret_access_key, "shop-state", REGION)
    _client(account, "s3").create_bucket(Bucket=account.state_bucket)
    return account


def _client(account: Account, service: str) -> Any:
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=account.url,
        aws_access_key_id=account.access_key_id,
        aws_secret_access_key=account.secret_access_key,
    )


class Trial:
    """The steps, in order."""

    def __init__(self, team: TeamRepository, aws: RemoteAws) -> None:
        self.team, self.aws = team, aws
        self.sagemaker = _client(team.account, "sagemaker")

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

    def first_deployment(self) -> None:
        done = self.team.apply_by_hand()
        _require(done, {"changed": "success", "plan": "success", "dev/apply": "success", "dev": "success"})
        assert "dev" in self.team.approved
        assert self.live()[0] == "ml.m5.large"

    def resized(self, old: str, new: str) -> PullRequest:
        return self.team.open_pull_request(lambda: self.team.edit(MAIN, f'"{old}"', f'"{new}"'))

    def another_instance_type(self) -> None:
        created = self.created()
        pull = self.resized("ml.m5.large", "ml.c5.xlarge")
        done = self.team.plan(pull)
        _require(done, {"changed": "success", "plan/dev": "success", "plan": "success"})
        (comment,) = self.team.comments(pull)
        _print(comment)
        assert comment.startswith(f"<!-- async-endpoint plan dev {REGION} -->\n")
        assert "ml.m5.large" in comment and "ml.c5.xlarge" in comment and "updated" in comment
        assert "**replaced**" not in comment
        assert "unknown" not in comment, "both types have a price"
        done = self.team.apply(self.team.merge(pull))
        _require(done, {"changed": "success", "plan": "skipped", "dev/apply": "success", "dev": "success"})
        assert self.live()[0] == "ml.c5.xlarge"
        assert self.created() == created, "the endpoint was replaced"
        smoke = done["dev/apply"].steps[-1]
        assert (smoke.what, smoke.result) == ("make ci-smoke-test", "success")

    def a_replacement(self) -> None:
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
        """Nothing has drifted; then a queue does, until an apply by hand."""
        _require(self.team.drift(), {"drift": "success"})
        assert self._issues() == []
        queues = _client(self.team.account, "sqs")
        url = next(url for url in queues.list_queues()["QueueUrls"] if url.endswith("-results"))
        queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "77"})
        for _ in range(2):
            _require(self.team.drift(), {"drift": "success"})
            (issue,) = self._issues()
        _print(issue["body"])
        assert issue["title"] == "Drift in dev" and "77" in issue["body"]
        _require(self.team.apply_by_hand(), {"plan": "success", "dev": "success"})
        _require(self.team.drift(), {"drift": "success"})
        assert issue["state"] == "closed"

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
