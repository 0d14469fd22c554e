"""Pull requests to production by the steps of the workflows, with a state in S3 and a root without a provider.

tests/trials/pull_request.py does the same with the endpoints of this checkout.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.fake_github import fake_github
from support.in_process_aws import AwsHarness
from support.team_repository import REGION, Account, PullRequest, TeamRepository

pytestmark = pytest.mark.terraform

MAIN = """
resource "terraform_data" "size" {
  input = "small"
}

resource "terraform_data" "other" {
  input = "one"
}

output "async_endpoints" {
  value = {}
}
"""


@pytest.fixture
def team(tmp_path: Path, local_aws: AwsHarness) -> Iterator[TeamRepository]:
    key = local_aws.credentials
    account = Account(local_aws.url, key.access_key_id, key.secret_access_key, local_aws.bucket())
    with fake_github() as github:
        yield TeamRepository(tmp_path, github, account, MAIN)


def changed(team: TeamRepository, old: str, new: str) -> PullRequest:
    return team.open_pull_request(lambda: team.edit("envs/dev/main.tf", f'"{old}"', f'"{new}"'))


def test_what_was_approved_is_applied_and_nothing_else(team: TeamRepository, local_aws: AwsHarness) -> None:
    first, second = changed(team, "small", "large"), changed(team, "one", "two")
    planned = team.plan(first)
    assert {name: job.result for name, job in planned.items()} == {
        "changed": "success",
        "plan/dev": "success",
        "plan": "success",
        "planned": "success",
    }, planned["plan/dev"].log
    (comment,) = team.comments(first)
    assert comment.startswith(f"<!-- async-endpoint plan dev {REGION} -->\n")
    assert "2 to add, 0 to change, 0 to destroy" in comment and "terraform&#95;data.size" in comment
    assert comment.partition("\n")[2] in planned["plan/dev"].summary
    assert team.plan(second)["plan"].result == "success"

    push = team.merge(first)
    applied = team.apply(push)
    steps = {step.what.partition("@")[0]: step.result for step in applied["dev/apply"].steps}
    assert steps["make ci-apply"] == "success", applied["dev/apply"].log
    assert "dev has no endpoint" in applied["dev/apply"].summary, "the smoke test's reason"
    assert team.approved == ["dev"]
    keys = local_aws.keys(team.account.state_bucket)
    assert f"async-endpoint/dev/{REGION}/terraform.tfstate" in keys
    stored = sorted(key.removeprefix(f"plans/dev/{REGION}/{first.plan_name}.") for key in keys if first.plan_name in key)
    assert [key.rpartition(".")[2] for key in stored] == ["plan", "json"], stored
    assert not [key for key in keys if key.endswith(".tflock")]

    # the second was planned before the first was applied
    refused = team.apply(team.merge(second))
    assert {name: refused[name].result for name in ("changed", "plan", "dev")} == {
        "changed": "success",
        "plan": "skipped",
        "dev": "failure",
    }
    job = refused["dev/apply"]
    assert "is not what was approved" in job.summary
    assert "::error title=apply of dev::" in job.log
    assert [step.what for step in job.steps if step.result == "skipped"] == ["make ci-smoke-test"]
