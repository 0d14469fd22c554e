"""Runs of workflows, as the programs of scripts/ci find them in their environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ci.run import Run
from support.fake_github import REPOSITORY, FakeGitHub

HEAD = "a" * 40
MERGE = "b" * 40
ENVIRONMENTS = {
    name: {
        "account_id": account,
        "region": "eu-west-1",
        "state_bucket": f"shop-state-{account}",
        "planner_role": f"arn:aws:iam::{account}:role/shop-planner",
        "deployer_role": f"arn:aws:iam::{account}:role/shop-deployer",
    }
    for name, account in (("dev", "111111111111"), ("staging", "222222222222"), ("prod", "333333333333"))
}
FILES = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")


def workflow_run(
    folder: Path, github: FakeGitHub | None, permissions: dict[str, str], event: dict[str, Any] | None = None, **more: str
) -> Run:
    """The run of a job with `permissions`, whose files are in `folder`."""
    (folder / "event.json").write_text(json.dumps(event or {}))
    for name in FILES:
        (folder / name).write_text("")
    variables = {name: str(folder / name) for name in FILES} | {
        "ENVIRONMENTS": json.dumps(ENVIRONMENTS),
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_RUN_ID": "77",
    }
    if github is not None:
        variables |= {"GITHUB_API_URL": github.url, "GITHUB_TOKEN": github.issue_token(permissions)}
    return Run(variables | more)


def outputs(run: Run) -> dict[str, str]:
    """The outputs that the step has set."""
    found, lines = {}, iter(Path(run.variables["GITHUB_OUTPUT"]).read_text().splitlines())
    for line in lines:
        name, _, delimiter = line.partition("<<")
        found[name] = "\n".join(iter(lines.__next__, delimiter))
    return found
