"""Which environments a run plans or applies, under which name, and where they are deployed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.core.errors import AsyncEndpointError, InvalidInput, NotReady, Refused
from ci import __main__ as commands
from ci import approvals
from ci.changed_environments import changed_environments, changed_files
from ci.comments import marker
from ci.settings import Settings, all_settings, settings_of
from support.ci_runs import ENVIRONMENTS, HEAD, MERGE, outputs, workflow_run
from support.fake_github import FakeGitHub

APPLY = {"actions": "read", "contents": "read", "pull_requests": "read"}
PLAN = {"contents": "read", "pull_requests": "write"}
PROTECTED = {"protection_rules": [{"type": "required_reviewers"}, {"type": "branch_policy"}]}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["envs/prod/main.tf"], ["prod"]),
        (["envs/prod/main.tf", "envs/dev/.terraform.lock.hcl"], ["dev", "prod"]),
        (["envs/local/main.tf", "envs/README.txt"], []),
        (["modules/endpoint/main.tf"], ["dev", "staging", "prod"]),
        (["scripts/async_endpoint/deploy/apply.py"], ["dev", "staging", "prod"]),
        (["examples/fashion-recommender/code/inference.py"], ["dev", "staging", "prod"]),
        (["requirements/runtime.txt"], ["dev", "staging", "prod"]),
        (["Makefile"], ["dev", "staging", "prod"]),
        (["modules/endpoint/README.md", "modules/endpoint/tests/endpoint.tftest.hcl", "docs/client.md", "tests/e2e/x.py"], []),
        (["envs/prod/README.md"], []),
        (["environment/envs/prod/main.tf"], []),
    ],
)
def test_environments_by_files(files: list[str], expected: list[str]) -> None:
    assert changed_environments(ENVIRONMENTS, files) == expected


class History:
    """A repository with commits of files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "-q", "-b", "main")
        self.commit("README.md", "envs/dev/main.tf", "envs/prod/main.tf")

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *identity, *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, *names: str) -> str:
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(path.read_text() + "+" if path.exists() else "+")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "a change")
        return self.git("rev-parse", "HEAD")

    def commit_unreadable(self, name: bytes) -> None:
        """Commit a file of a name that not every file system can have."""
        added = b"100644," + self.git("rev-parse", "HEAD:README.md").encode() + b"," + name
        subprocess.run(["git", "update-index", "--add", "--cacheinfo", added], cwd=self.folder, check=True)
        self.git("commit", "-q", "-m", "a name")


@pytest.fixture
def history(tmp_path: Path) -> History:
    (tmp_path / "repository").mkdir()
    return History(tmp_path / "repository")


def test_a_pull_request_changes_what_its_merge_adds_to_the_base(history: History, tmp_path: Path) -> None:
    history.git("checkout", "-q", "-b", "change")
    history.commit("envs/dev/main.tf")
    history.commit("envs/dev/odd name\n.tf")
    history.commit_unreadable(b"docs/not UTF-8 \xff")
    history.git("checkout", "-q", "main")
    history.commit("envs/prod/main.tf")  # main goes on: not a change of the pull request
    history.git("merge", "-q", "--no-ff", "-m", "merge", "change")
    run = workflow_run(tmp_path, None, {}, GITHUB_EVENT_NAME="pull_request")
    found = changed_files(run, history.folder) or []
    assert [os.fsencode(name) for name in found] == [b"docs/not UTF-8 \xff", b"envs/dev/main.tf", b"envs/dev/odd name\n.tf"]


def test_a_push_changes_what_all_its_commits_change(history: History, tmp_path: Path) -> None:
    before = history.git("rev-parse", "HEAD")
    history.commit("envs/dev/main.tf")
    history.git("mv", "envs/prod/main.tf", "envs/prod/moved.tf")
    history.commit("README.md")
    run = workflow_run(tmp_path, None, {}, {"before": before}, GITHUB_EVENT_NAME="push")
    assert changed_files(run, history.folder) == ["README.md", "envs/dev/main.tf", "envs/prod/main.tf", "envs/prod/moved.tf"]


@pytest.mark.parametrize("event", [{"before": "0" * 40}, {}, {"before": "c" * 40, "forced": True}])
def test_a_push_without_a_past_may_change_everything(history: History, tmp_path: Path, event: dict[str, Any]) -> None:
    assert changed_files(workflow_run(tmp_path, None, {}, event, GITHUB_EVENT_NAME="push"), history.folder) is None


def test_a_history_that_is_too_short_is_an_error(history: History, tmp_path: Path) -> None:
    run = workflow_run(tmp_path, None, {}, {"before": "c" * 40}, GITHUB_EVENT_NAME="push")
    with pytest.raises(NotReady, match="fetch-depth: 0"):
        changed_files(run, history.folder)
    option = workflow_run(tmp_path, None, {}, {"before": "--output=x"}, GITHUB_EVENT_NAME="push")
    with pytest.raises(NotReady):
        changed_files(option, history.folder)
    assert not (history.folder / "x").exists()


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says which files the run changes."""

    def change(*names: str) -> None:
        monkeypatch.setattr(commands, "changed_files", lambda run, checkout: list(names) if names else None)

    return change


def test_a_pull_request_names_its_plans_by_its_head_and_corrects_old_comments(
    github: FakeGitHub, tmp_path: Path, changes: Callable[..., None]
) -> None:
    pull = github.add_pull_request(HEAD)
    stale = github.add_comment(pull["number"], f"{marker('plan', 'prod', 'eu-west-1')}\n3 to add")
    changes("envs/dev/main.tf")
    run = workflow_run(tmp_path, github, PLAN, {"pull_request": pull}, GITHUB_EVENT_NAME="pull_request")
    commands.changed(run)
    assert outputs(run) == {
        "environments": '["dev"]',
        "plan_name": f"pr-{pull['number']}-{HEAD}",
        "allow_replacement": "false",
    }
    assert stale["body"].endswith("This pull request no longer changes prod.\n")
    assert len(github.comments) == 1


def test_the_label_counts_as_it_is_now_not_as_it_was_in_the_payload(
    github: FakeGitHub, tmp_path: Path, changes: Callable[..., None]
) -> None:
    pull = github.add_pull_request(HEAD)
    event = {"pull_request": json.loads(json.dumps(pull))}
    pull["labels"].append({"name": "allow-replacement"})
    changes("envs/dev/main.tf")
    run = workflow_run(tmp_path, github, PLAN, event, GITHUB_EVENT_NAME="pull_request")
    commands.changed(run)
    assert outputs(run)["allow_replacement"] == "true"


def push(tmp_path: Path, github: FakeGitHub) -> Any:
    return workflow_run(tmp_path, github, APPLY, GITHUB_EVENT_NAME="push", GITHUB_SHA=MERGE, GITHUB_REF_NAME="main")


def merged(github: FakeGitHub, *labels: str) -> dict[str, Any]:
    pull = github.add_pull_request(HEAD, *labels)
    pull |= {"merged_at": "2026-11-30T09:00:00Z", "merge_commit_sha": MERGE}
    return pull


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approvals, "INTERVAL_SECONDS", 0.0)


def test_a_merge_is_applied_as_its_pull_request_was_planned(
    github: FakeGitHub, tmp_path: Path, changes: Callable[..., None]
) -> None:
    pull = merged(github, "allow-replacement")
    github.environments["prod"] = PROTECTED
    changes("modules/endpoint/main.tf")
    run = push(tmp_path, github)
    commands.changed(run)
    assert outputs(run) == {
        "environments": '["dev", "staging", "prod"]',
        "plan_name": f"pr-{pull['number']}-{HEAD}",
        "allow_replacement": "true",
    }


@pytest.mark.parametrize(
    "pull",
    [{"merged_at": None}, {"merge_commit_sha": "c" * 40, "head": {"sha": MERGE}}, {"base": {"ref": "release"}}],
    ids=["open", "of another commit", "into another branch"],
)
def test_a_commit_that_no_pull_request_brought_into_main_is_refused(
    github: FakeGitHub, tmp_path: Path, changes: Callable[..., None], pull: dict[str, Any]
) -> None:
    found = merged(github)
    found |= pull
    changes("envs/dev/main.tf")
    with pytest.raises(Refused, match="is not the merge of a pull request"):
        commands.changed(push(tmp_path, github))


def test_a_merge_that_is_not_listed_yet_is_waited_for(github: FakeGitHub, tmp_path: Path, changes: Callable[..., None]) -> None:
    merged(github)
    for _ in range(3):
        github.answer_next(200, body=[])
    changes("envs/dev/main.tf")
    run = push(tmp_path, github)
    commands.changed(run)
    assert outputs(run)["plan_name"].startswith("pr-")


@pytest.mark.parametrize(
    ("environment", "kind"),
    [(None, NotReady), ({"protection_rules": []}, Refused), ({"protection_rules": [{"type": "wait_timer"}]}, Refused)],
)
def test_prod_without_reviewers_is_refused_before_anything_is_applied(
    github: FakeGitHub,
    tmp_path: Path,
    changes: Callable[..., None],
    environment: dict[str, Any] | None,
    kind: type[AsyncEndpointError],
) -> None:
    merged(github)
    if environment is not None:
        github.environments["prod"] = environment
    changes("modules/endpoint/main.tf")
    run = push(tmp_path, github)
    with pytest.raises(kind, match="environment prod"):
        commands.changed(run)
    assert outputs(run) == {}


def test_a_change_of_documents_needs_no_approval(github: FakeGitHub, tmp_path: Path, changes: Callable[..., None]) -> None:
    changes("README.md")
    run = push(tmp_path, github)
    commands.changed(run)
    assert outputs(run)["environments"] == "[]"
    assert github.calls == []


def test_a_run_by_hand_plans_one_environment_under_the_name_of_the_run(
    github: FakeGitHub, tmp_path: Path, changes: Callable[..., None]
) -> None:
    changes()
    by_hand = {"GITHUB_EVENT_NAME": "workflow_dispatch", "GITHUB_SHA": MERGE}
    run = workflow_run(tmp_path, github, APPLY, **by_hand, ENVIRONMENT="dev", ALLOW_REPLACEMENT="true")
    commands.changed(run)
    assert outputs(run) == {"environments": '["dev"]', "plan_name": f"run-77-{MERGE}", "allow_replacement": "true"}
    with pytest.raises(InvalidInput, match="no environment 'qa', only dev, staging, prod"):
        commands.changed(workflow_run(tmp_path, github, APPLY, **by_hand, ENVIRONMENT="qa"))


def test_a_repository_without_the_variable_deploys_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], github: FakeGitHub
) -> None:
    run = workflow_run(tmp_path, github, APPLY, ENVIRONMENTS="", GITHUB_EVENT_NAME="push")
    commands.changed(run)
    assert outputs(run)["environments"] == "[]"
    assert capsys.readouterr().out.startswith("::notice title=Nothing is deployed::")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("{", "is not JSON"),
        ("[]", "is not an object of environments"),
        ('{"dev": 1}', "ENVIRONMENTS.dev is not an object"),
        ({"account_id": "11111111111"}, "an account has 12 digits"),
        ({"account_id": 111111111111}, "as strings"),
        ({"region": "mars-1"}, "not an AWS region"),
        ({"state_region": 1}, r"dev\.state_region is 1, which is not an AWS region"),
        ({"state_bucket": "Shop\nregion = x"}, "not the name of a bucket"),
        ({"planner_role": "arn:aws:iam::222222222222:role/x"}, "not the ARN of a role of 111111111111"),
        ({"deployer_role": ""}, "lacks deployer_role"),
        ({"bucket": "x"}, "has bucket, which is not one of its fields"),
        ({"requires_approval": "no"}, "write true or false"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, change: Any, says: str) -> None:
    text = change if isinstance(change, str) else json.dumps({"dev": ENVIRONMENTS["dev"] | change})
    with pytest.raises(InvalidInput, match=says):
        all_settings(workflow_run(tmp_path, None, {}, ENVIRONMENTS=text))


@pytest.mark.parametrize("name", ["local", "../dev", "Dev", "dev x", "$(id)"])
def test_a_name_that_is_no_environment_of_aws_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="use the name of a folder of envs/ other than local"):
        all_settings(workflow_run(tmp_path, None, {}, ENVIRONMENTS=json.dumps({name: ENVIRONMENTS["dev"]})))


def test_prod_needs_an_approval_unless_its_settings_say_otherwise(tmp_path: Path) -> None:
    run = workflow_run(tmp_path, None, {})
    assert [name for name, found in all_settings(run).items() if found.requires_approval] == ["prod"]
    assert not Settings.parse("prod", ENVIRONMENTS["prod"] | {"requires_approval": False}).requires_approval
    assert settings_of(run, "dev").account_id == "111111111111"
