"""Which jobs run, in which order, with which values: the workflows as they are, with a make that records what it is asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.ci_runs import ENVIRONMENTS, HEAD
from support.documents import ROOT
from support.fake_github import REPOSITORY, fake_github
from support.workflow_expressions import Contexts
from support.workflow_files import FOLDER, Workflow
from support.workflow_runner import Event, JobResult, Runner

# Records each target with the variables that steps pass; ends and answers as the test says.
MAKE = """#!/bin/sh
for name in ENV PLAN_NAME ALLOW_REPLACEMENT FOUND ENVIRONMENT REGION BUDGET AWS_ACCESS_KEY_ID SARIF CHANGED PLANS; do
  eval "value=\\${$name-}"
  [ -z "$value" ] || line="$line $name=$value"
done
echo "$1$line" >> "$CALLS/made"
[ -z "$GITHUB_TOKEN" ] || echo "$1" >> "$CALLS/tokens"
if [ -f "$CALLS/$1.out" ]; then cat "$CALLS/$1.out" >> "$GITHUB_OUTPUT"; fi
! [ -f "$CALLS/$1.$ENV.fails" ]
"""
SAME = {"full_name": REPOSITORY}


@dataclass
class Actions:
    """The workflows in a repository of their own, and what their steps have made."""

    runner: Runner
    calls: Path
    sha: str

    def run(self, workflow: str, event: str, ref: str = "refs/heads/main", **more: Any) -> dict[str, JobResult]:
        return self.runner.run(workflow, Event(event, ref, self.sha, **more))

    def answers(self, target: str, **outputs: str) -> None:
        """The outputs that a target sets."""
        (self.calls / f"{target}.out").write_text("".join(f"{name}={value}\n" for name, value in outputs.items()))

    def fails(self, target: str, environment: str) -> None:
        (self.calls / f"{target}.{environment}.fails").touch()

    @property
    def made(self) -> list[str]:
        path = self.calls / "made"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def roles() -> list[tuple[str, str, str]]:
    """Roles that were assumed, with subject and ref."""
    return []


@pytest.fixture
def actions(tmp_path: Path, roles: list[tuple[str, str, str]]) -> Iterator[Actions]:
    source = tmp_path / "repository"
    shutil.copytree(ROOT / ".github", source / ".github")
    identity = ["-c", "user.name=ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], [*identity, "commit", "-q", "-m", "workflows"]):
        subprocess.run(["git", *command], cwd=source, check=True)
    sha = subprocess.run(["git", "rev-parse", "HEAD"], cwd=source, capture_output=True, text=True, check=True).stdout.strip()

    def credentials(role: str, claims: Mapping[str, str]) -> Mapping[str, str]:
        roles.append((role.rpartition("/")[2], claims["sub"].partition("shop:")[2], claims["ref"]))
        return {"AWS_ACCESS_KEY_ID": role.split(":")[4]}

    calls = tmp_path / "calls"
    calls.mkdir()
    with fake_github() as github:
        extra = {"CALLS": str(calls)}
        variables = {"ENVIRONMENTS": json.dumps(ENVIRONMENTS), "PARITY_ROLE": "arn:aws:iam::444444444444:role/parity"}
        runner = Runner(source, tmp_path, github, variables, credentials, extra=extra, make=MAKE)
        yield Actions(runner, calls, sha)


def results(done: dict[str, JobResult]) -> dict[str, str]:
    return {name: job.result for name, job in done.items()}


def pull_request(**repository: str) -> dict[str, Any]:
    return {"payload": {"pull_request": {"number": 3, "head": {"sha": HEAD, "repo": SAME | repository}}}}


@pytest.fixture
def planned(actions: Actions) -> Callable[..., dict[str, JobResult]]:
    actions.answers("ci-changed", environments='["dev", "prod"]', plan_name="pr-3-a", allow_replacement="false")
    return lambda **more: actions.run("plan", "pull_request", "refs/pull/3/merge", **more)


def test_a_pull_request_plans_each_environment_as_the_planner_and_comments(
    actions: Actions, planned: Callable[..., dict[str, JobResult]], roles: list[tuple[str, str, str]]
) -> None:
    assert results(planned(**pull_request())) == {
        "changed": "success", "plan/dev": "success", "plan/prod": "success", "plan": "success", "planned": "success",
    }  # fmt: skip
    values = "PLAN_NAME=pr-3-a ALLOW_REPLACEMENT=false"
    assert actions.made == [
        "ci-changed",
        f"ci-settings ENV=dev {values}",
        f"ci-plan ENV=dev {values} AWS_ACCESS_KEY_ID=111111111111",
        f"ci-comment ENV=dev {values} AWS_ACCESS_KEY_ID=111111111111",
        f"ci-settings ENV=prod {values}",
        f"ci-plan ENV=prod {values} AWS_ACCESS_KEY_ID=333333333333",
        f"ci-comment ENV=prod {values} AWS_ACCESS_KEY_ID=333333333333",
        "ci-planned CHANGED=success PLANS=success",
    ]
    assert roles == [("shop-planner", "pull_request", "refs/pull/3/merge")] * 2
    assert (actions.calls / "tokens").read_text().split() == ["ci-changed", "ci-comment", "ci-comment"]


def test_a_plan_that_fails_is_commented_and_does_not_stop_the_others(
    actions: Actions, planned: Callable[..., dict[str, JobResult]]
) -> None:
    actions.fails("ci-plan", "dev")
    assert results(planned(**pull_request())) == {
        "changed": "success", "plan/dev": "failure", "plan/prod": "success", "plan": "failure", "planned": "success",
    }  # fmt: skip
    assert [line.partition(" PLAN")[0] for line in actions.made if "comment" in line] == [
        "ci-comment ENV=dev",
        "ci-comment ENV=prod",
    ]
    assert actions.made[-1] == "ci-planned CHANGED=success PLANS=failure"


@pytest.mark.parametrize(
    ("changed", "plans", "passes"),
    [
        ("success", "success", True),
        ("success", "skipped", True),
        ("skipped", "skipped", True),
        ("success", "failure", False),
        ("success", "cancelled", False),
        ("failure", "skipped", False),
        ("cancelled", "skipped", False),
        ("", "", False),
    ],
)
def test_the_required_check_passes_only_if_every_plan_did(changed: str, plans: str, passes: bool) -> None:
    environment = {"PATH": os.environ["PATH"], "CHANGED": changed, "PLANS": plans}
    done = subprocess.run(["make", "-s", "ci-planned"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == passes, done.stderr


@pytest.mark.parametrize("more", [pull_request(full_name="eve/shop"), pull_request() | {"actor": "dependabot[bot]"}])
def test_a_fork_and_dependabot_are_skipped(
    actions: Actions, planned: Callable[..., dict[str, JobResult]], more: dict[str, Any]
) -> None:
    assert results(planned(**more)) == {"changed": "skipped", "plan": "skipped", "planned": "success"}
    assert actions.made == ["ci-planned CHANGED=skipped PLANS=skipped"]


def test_a_pull_request_that_changes_no_environment_plans_none(actions: Actions) -> None:
    actions.answers("ci-changed", environments="[]", plan_name="pr-3-a", allow_replacement="false")
    done = actions.run("plan", "pull_request", "refs/pull/3/merge", **pull_request())
    assert results(done) == {"changed": "success", "plan": "skipped", "planned": "success"}
    assert actions.made[-1] == "ci-planned CHANGED=success PLANS=skipped"


def applied(actions: Actions, *environments: str) -> dict[str, str]:
    names = json.dumps(list(environments))
    actions.answers("ci-changed", environments=names, plan_name="pr-3-a", allow_replacement="true")
    return results(actions.run("apply", "push"))


def test_a_merge_is_applied_in_order_as_the_deployer_of_each_environment(
    actions: Actions, roles: list[tuple[str, str, str]]
) -> None:
    assert applied(actions, "dev", "staging", "prod") == {
        "changed": "success", "plan": "skipped", "dev/apply": "success", "dev": "success", "staging/apply": "success",
        "staging": "success", "prod/apply": "success", "prod": "success",
    }  # fmt: skip
    done = [line.split(" ")[:2] for line in actions.made[1:]]
    targets = ("ci-settings", "ci-apply", "ci-smoke-test")
    assert done == [[target, f"ENV={name}"] for name in ("dev", "staging", "prod") for target in targets]
    assert all("PLAN_NAME=pr-3-a ALLOW_REPLACEMENT=true" in line for line in actions.made[1:])
    assert roles == [("shop-deployer", f"environment:{name}", "refs/heads/main") for name in ("dev", "staging", "prod")]


@pytest.mark.parametrize("target", ["ci-apply", "ci-smoke-test"])
def test_an_environment_that_fails_stops_those_after_it(actions: Actions, target: str) -> None:
    actions.fails(target, "dev")
    found = applied(actions, "dev", "staging", "prod")
    assert (found["dev"], found["staging"], found["prod"]) == ("failure", "skipped", "skipped")


@pytest.mark.parametrize("result", ["success", "skipped", "cancelled"])
@pytest.mark.parametrize("job", ["staging", "prod"])
def test_an_environment_whose_job_exceeded_its_timeout_stops_those_after_it(job: str, result: str) -> None:
    """GitHub reports such a job as cancelled, which failure() does not count (A279): solvcon issue 772, tt-metal PR 36611."""
    found = dict.fromkeys(["plan", "staging"], "skipped") | {"changed": "success", "dev": result}
    outputs = {"environments": '["dev", "staging", "prod"]'}
    needs = {name: {"result": found[name], "outputs": outputs} for name in found}
    never = dict.fromkeys(["cancelled", "failure"], lambda: False)
    condition = Workflow.read(FOLDER / "apply.yml").jobs[job]["if"]
    assert Contexts({"needs": needs}, never).condition(condition) == (result != "cancelled")


def test_environments_that_a_merge_does_not_affect_are_left_out(actions: Actions) -> None:
    found = applied(actions, "dev", "prod")
    assert (found["dev"], found["staging"], found["prod"]) == ("success", "skipped", "success")
    assert applied(actions) == dict.fromkeys(["plan", "dev", "staging", "prod"], "skipped") | {"changed": "success"}


def test_nothing_is_applied_without_an_approval(actions: Actions) -> None:
    actions.runner.approve = lambda environment: environment != "prod"
    found = applied(actions, "dev", "prod")
    assert (found["dev"], found["prod"]) == ("success", "failure")
    assert not [line for line in actions.made if "ENV=prod" in line]


def test_nothing_is_applied_when_the_environments_are_not_known(actions: Actions) -> None:
    (actions.calls / "ci-changed..fails").touch()
    found = applied(actions, "dev", "staging", "prod")
    assert found == {"changed": "failure", "plan": "skipped", "dev": "skipped", "staging": "skipped", "prod": "skipped"}


def by_hand(actions: Actions, ref: str = "refs/heads/main") -> dict[str, str]:
    actions.answers("ci-changed", environments='["staging"]', plan_name="run-1-b", allow_replacement="false")
    inputs = {"environment": "staging", "allow_replacement": False}
    return results(actions.run("apply", "workflow_dispatch", ref, inputs=inputs))


def test_by_hand_one_environment_is_planned_then_applied(actions: Actions, roles: list[tuple[str, str, str]]) -> None:
    found = by_hand(actions)
    assert (found["plan"], found["dev"], found["staging"], found["prod"]) == ("success", "skipped", "success", "skipped")
    assert actions.made[0] == "ci-changed ALLOW_REPLACEMENT=false ENVIRONMENT=staging"
    assert [line.partition(" ")[0] for line in actions.made[1:]] == [
        "ci-settings", "ci-plan", "ci-settings", "ci-apply", "ci-smoke-test",
    ]  # fmt: skip
    assert [role for role, _, _ in roles] == ["shop-planner", "shop-deployer"]
    assert roles[0][1] == "ref:refs/heads/main"


def test_by_hand_a_plan_that_fails_is_not_applied(actions: Actions) -> None:
    actions.fails("ci-plan", "staging")
    assert by_hand(actions)["staging"] == "skipped"


def test_by_hand_another_branch_is_not_deployed(actions: Actions) -> None:
    assert set(by_hand(actions, "refs/heads/change").values()) == {"skipped"}
    assert actions.made == []


def test_every_night_each_environment_is_compared_and_reported(actions: Actions, roles: list[tuple[str, str, str]]) -> None:
    actions.answers("ci-environments", environments='["dev", "prod"]')
    actions.answers("ci-drift", found="true")
    actions.fails("ci-drift", "dev")
    found = results(actions.run("drift", "schedule"))
    assert (found["drift/dev"], found["drift/prod"]) == ("failure", "success")
    issues = [line for line in actions.made if line.startswith("ci-issue")]
    assert issues == ["ci-issue ENV=prod FOUND=true AWS_ACCESS_KEY_ID=333333333333"], "a failed comparison closes no issue"
    assert {role for role, _, _ in roles} == {"shop-planner"}


def test_parity_sweeps_whatever_happens(actions: Actions, roles: list[tuple[str, str, str]]) -> None:
    (actions.calls / "parity..fails").touch()
    inputs = {"region": "eu-west-1", "budget": "2"}
    assert results(actions.run("parity", "workflow_dispatch", inputs=inputs)) == {"parity": "failure"}
    values = "REGION=eu-west-1 BUDGET=2 AWS_ACCESS_KEY_ID=444444444444"
    assert actions.made == [f"parity {values}", f"parity-sweep {values}"]
    assert roles == [("parity", "environment:parity", "refs/heads/main")]


def test_a_release_is_checked_built_and_published_in_this_order(actions: Actions) -> None:
    assert results(actions.run("release", "push", "refs/tags/v1.2.3")) == {"release": "success"}
    assert actions.made == ["ci-check-release", "wheel", "ci-release"]
    assert (actions.calls / "tokens").read_text().split() == ["ci-release"]


def test_a_check_runs_everything_that_ci_runs_and_uploads_the_report_of_the_policies(actions: Actions) -> None:
    (actions.calls / "policy..fails").touch()
    done = actions.run("check", "pull_request", "refs/pull/3/merge", **pull_request())
    assert results(done) == {"lint": "success", "test": "success", "clients": "success", "policy": "failure"}
    assert sorted(actions.made) == ["actionlint", "clients", "lint", "policy SARIF=build/policy.sarif", "test"]
    assert done["policy"].steps[-1].result == "success", "the report is uploaded although a check failed"
    fork = actions.run("check", "pull_request", "refs/pull/3/merge", **pull_request(full_name="eve/shop"))
    assert fork["policy"].steps[-1].result == "skipped"
