"""What every workflow must hold to, whatever it does: least privilege, pinned actions, the Makefile, no injected scripts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ci import actionlint
from support.documents import ROOT
from support.workflow_files import FOLDER, Workflow, allowed_actions, workflows

ALL = workflows()
EVERY_WORKFLOW = pytest.mark.parametrize("workflow", ALL, ids=lambda workflow: workflow.name)
# The scopes that jobs have beyond reading the repository; a wider one is a decision to make here.
SCOPES = {
    ("apply", "changed"): {"actions": "read", "pull-requests": "read"},
    ("apply", "dev"): {"id-token": "write"},
    ("apply", "plan"): {"id-token": "write"},
    ("apply", "prod"): {"id-token": "write"},
    ("apply", "staging"): {"id-token": "write"},
    ("apply-environment", "apply"): {"id-token": "write"},
    ("check", "policy"): {"actions": "read", "security-events": "write"},
    ("drift", "drift"): {"id-token": "write", "issues": "write"},
    ("parity", "parity"): {"id-token": "write"},
    ("plan", "changed"): {"pull-requests": "write"},
    ("plan", "plan"): {"id-token": "write", "pull-requests": "write"},
    ("release", "release"): {"attestations": "write", "contents": "write", "id-token": "write"},
}
# Started by people outside, with a token that may write: GitHub Security Lab, "Preventing pwn requests".
DANGEROUS = {"pull_request_target", "workflow_run", "issue_comment", "issues", "discussion", "fork", "watch"}


def texts(value: Any) -> list[str]:
    """Every text in a parsed document."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


def test_the_workflows_are_these() -> None:
    names = {workflow.name for workflow in ALL}
    assert names == {"apply", "apply-environment", "check", "drift", "parity", "plan", "release"}


@EVERY_WORKFLOW
def test_a_script_is_one_target_of_the_makefile(workflow: Workflow) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(
        re.findall(r"[a-z][a-z-]*", " ".join(re.findall(r"^(?:CI_COMMANDS :=|[a-z][a-z -]*:)[^#\n]*", makefile, re.MULTILINE)))
    )
    for _, step in workflow.steps():
        if "run" in step:
            assert re.fullmatch(r"make [a-z-]+", step["run"]), f"{step['run']!r}: pass values as variables, in env"
            assert step["run"].removeprefix("make ") in targets


@EVERY_WORKFLOW
def test_an_action_is_allowed_and_pinned_with_its_version(workflow: Workflow) -> None:
    allowed = allowed_actions()
    for line in workflow.path.read_text().splitlines():
        if found := re.search(r"\buses: (\S+)(.*)", line):
            if found[1].startswith("./"):
                assert (ROOT / found[1]).is_file()
                continue
            name, _, commit = found[1].partition("@")
            assert name in allowed, f"{name} is not in .github/allowed-actions.json"
            assert (commit, found[2].strip()) == (allowed[name]["commit"], f"# {allowed[name]['version']}")


def test_allowed_actions_are_used_and_their_evidence_is_stated() -> None:
    used = {step["uses"].partition("@")[0] for workflow in ALL for _, step in workflow.steps() if "uses" in step}
    assert used == set(allowed_actions())
    for name, action in allowed_actions().items():
        assert re.fullmatch(r"[0-9a-f]{40}", action["commit"]), name
        assert re.search(r"\d{4}-\d\d-\d\d$|^unverified$", action["evidence"]), name


@EVERY_WORKFLOW
def test_jobs_have_the_permissions_they_need_and_no_more(workflow: Workflow) -> None:
    assert workflow.document["permissions"] == {}
    for name, job in workflow.jobs.items():
        expected = {"contents": "read"} | SCOPES.get((workflow.name, name), {})
        assert job["permissions"] == expected, f"{workflow.name} {name}"


@EVERY_WORKFLOW
def test_jobs_end(workflow: Workflow) -> None:
    for name, job in workflow.jobs.items():
        assert "uses" in job or 0 < job["timeout-minutes"] <= 180, name


@EVERY_WORKFLOW
def test_checkouts_keep_no_credentials(workflow: Workflow) -> None:
    checkouts = [step for _, step in workflow.steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    assert all("ref" not in step["with"] and "repository" not in step["with"] for step in checkouts)


@EVERY_WORKFLOW
def test_nothing_outside_starts_a_privileged_run(workflow: Workflow) -> None:
    assert not DANGEROUS & set(workflow.triggers)
    if "pull_request" in workflow.triggers:  # a fork's pull request starts these
        for name, job in workflow.jobs.items():
            wants = {scope for scope, level in job["permissions"].items() if level == "write"} - {"security-events"}
            guarded = (
                [job, *(workflow.jobs[need] for need in [job["needs"]] if "needs" in job)]
                if wants and "needs" in job
                else [job]
            )
            same = "github.event.pull_request.head.repo.full_name == github.repository"
            assert not wants or any(same in str(each.get("if")) for each in guarded), name


@EVERY_WORKFLOW
def test_no_secret_is_named_and_a_token_reaches_only_the_steps_that_call_github(workflow: Workflow) -> None:
    assert not [text for text in texts(workflow.document) if "secrets." in text]
    for name, job in workflow.jobs.items():
        assert "github.token" not in str(job.get("env", "")), name
        for step in job.get("steps", ()):
            if "github.token" in str(step):
                assert step["run"] in {"make ci-changed", "make ci-comment", "make ci-issue", "make ci-release"}
    assert "github.token" not in str(workflow.document.get("env", ""))


@EVERY_WORKFLOW
def test_credentials_follow_the_code_that_needs_none(workflow: Workflow) -> None:
    """Set-up and the account's files come first; a role is assumed for as few steps as possible."""
    for name, job in workflow.jobs.items():
        uses = [step.get("uses", step.get("run", "")).partition("@")[0] for step in job.get("steps", ())]
        if "aws-actions/configure-aws-credentials" in uses and workflow.name != "parity":
            assert uses[uses.index("aws-actions/configure-aws-credentials") - 1] == "make ci-settings", name


def test_the_checks_read_what_is_there(tmp_path: Path) -> None:
    """A workflow with unknown keys is refused, so none of its settings is overlooked."""
    text = (FOLDER / "plan.yml").read_text()
    for old, new in (("    timeout-minutes: 10\n", "    continue-on-error: true\n"), ("permissions: {}", "defaults: {}")):
        broken = tmp_path / "plan.yml"
        broken.write_text(text.replace(old, new, 1))
        with pytest.raises(AssertionError, match="which the tests do not know"):
            Workflow.read(broken)


def test_findings_of_actionlint_are_reported_except_for_keys_younger_than_it() -> None:
    output = (
        "Checking 1 workflow file(s)...\n"
        '.github/workflows/a.yml:3:25 unexpected key "queue" for "concurrency" section. see [ syntax-check ]\n'
        "  1 | on: push\n"
        '.github/workflows/a.yml:8:23 "github.event.issue.title" is potentially untrusted. [ expression ]\n'
    )
    assert actionlint.findings(output) == [
        '.github/workflows/a.yml:8:23 "github.event.issue.title" is potentially untrusted. [ expression ]'
    ]
