"""A team's repository on GitHub: pull requests are planned and merged, and main is applied, by the workflows' own steps.

A copy of this checkout with a history of its own, a fake GitHub, and an AWS, of which `Account` has address, key and bucket.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.fake_github import REPOSITORY, FakeGitHub
from support.readme_commands import clone
from support.workflow_runner import MAKE, Event, JobResult, Runner

REGION = "eu-west-1"
ACCOUNT_ID = "123456789012"
# What a local AWS needs beside its address, since it has no bucket names below its own name in DNS.
PATH_STYLE = {
    "envs/{}/backend.tf": ("    use_lockfile = true\n", "    use_lockfile   = true\n    use_path_style = true\n"),
    "envs/{}/providers.tf": ("  allowed_account_ids = var", "  s3_use_path_style   = true\n  allowed_account_ids = var"),
}


# For a root without a model.
WITHOUT_ARCHIVES = "-o build/fashion-recommender.tar.gz -o build/language-detector.tar.gz"


@dataclass(frozen=True)
class Account:
    """An AWS that the workflows reach: the address, credentials of an administrator, and the state bucket."""

    url: str
    access_key_id: str
    secret_access_key: str
    state_bucket: str
    region: str = REGION

    def role(self, kind: str) -> str:
        return f"arn:aws:iam::{ACCOUNT_ID}:role/{kind}"

    def settings(self) -> dict[str, Any]:
        """As in the variable ENVIRONMENTS."""
        return {
            "account_id": ACCOUNT_ID,
            "region": self.region,
            "state_bucket": self.state_bucket,
            "planner_role": self.role("planner"),
            "deployer_role": self.role("deployer"),
            "requires_approval": True,
        }

    def credentials(self, role: str, claims: Mapping[str, str]) -> Mapping[str, str]:
        """Those of a role whose trust policy allows the claims, as module iam writes it; none otherwise."""
        trusted = {
            self.role("planner"): {f"repo:{REPOSITORY}:pull_request", f"repo:{REPOSITORY}:ref:refs/heads/main"},
            self.role("deployer"): {f"repo:{REPOSITORY}:environment:dev"} if claims["ref"] == "refs/heads/main" else set(),
        }
        if claims["sub"] not in trusted[role]:
            return {}
        return {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key}


@dataclass
class PullRequest:
    """An open one, and the merge of it with main that GitHub keeps for its checks."""

    document: dict[str, Any]
    head: str
    merge: str

    @property
    def number(self) -> int:
        return int(self.document["number"])

    @property
    def plan_name(self) -> str:
        return f"pr-{self.number}-{self.head}"


@dataclass
class TeamRepository:
    """The repository, with one environment (dev) that the workflows deploy to `account`.

    `main_tf` replaces the environment's endpoints and its provider, for a root that needs none.
    """

    folder: Path
    github: FakeGitHub
    account: Account
    main_tf: str = ""
    runner: Runner = field(init=False)
    approved: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source.mkdir(parents=True)
        clone(self.source)
        (self.source / ".venv").unlink()
        for name, (old, new) in PATH_STYLE.items():
            self.edit(name.format("dev"), old, new)
        if self.main_tf:
            self._without_provider()
        self.git("init", "-q", "-b", "main")
        self.git("config", "uploadpack.allowAnySHA1InWant", "true")
        self.commit("As it is deployed")
        self.github.environments["dev"] = {"protection_rules": [{"type": "required_reviewers"}]}
        self.runner = Runner(
            repository=self.source,
            folder=self.folder,
            github=self.github,
            variables={"ENVIRONMENTS": json.dumps({"dev": self.account.settings()})},
            credentials=self.account.credentials,
            approve=self._approve,
            extra={"AWS_ENDPOINT_URL": self.account.url},
            make=MAKE.replace('"$@"', f'{WITHOUT_ARCHIVES} "$@"') if self.main_tf else MAKE,
        )

    @property
    def source(self) -> Path:
        return self.folder / "repository"

    def _without_provider(self) -> None:
        """Without what such a root does not read, too: each job checks the files out."""
        for name in ("bench", "docs", "policies", "tests", "modules"):
            shutil.rmtree(self.source / name)
        (self.source / "modules/async-inference").mkdir(parents=True)
        (self.source / "modules/async-inference/main.tf").touch()
        root = self.source / "envs/dev"
        for name in ("outputs.tf", "versions.tf", ".terraform.lock.hcl"):
            (root / name).unlink()
        variables, _, _ = (root / "providers.tf").read_text().partition('provider "aws"')
        (root / "providers.tf").write_text(variables)
        (root / "main.tf").write_text(self.main_tf)

    def _approve(self, environment: str) -> bool:
        self.approved.append(environment)
        return True

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *identity, *arguments], cwd=self.source, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace `old`, which must be there, in a file."""
        path = self.source / name
        text = path.read_text()
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new))

    def commit(self, message: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def open_pull_request(self, change: Callable[[], None], *labels: str) -> PullRequest:
        """A branch with one commit, made by `change`, and GitHub's merge of it with main."""
        branch = f"change-{len(self.github.pulls)}"
        self.git("checkout", "-q", "-b", branch)
        change()
        head = self.commit("A change")
        document = self.github.add_pull_request(head, *labels)
        self.git("checkout", "-q", "--detach", "main")
        self.git("merge", "-q", "--no-ff", "-m", "merge for checks", branch)
        merge = self.git("rev-parse", "HEAD")
        self.git("update-ref", f"refs/pull/{document['number']}/merge", merge)
        self.git("checkout", "-q", "main")
        return PullRequest(document, head, merge)

    def plan(self, pull: PullRequest) -> dict[str, JobResult]:
        """The workflow plan, as the pull request starts it."""
        event = Event("pull_request", f"refs/pull/{pull.number}/merge", pull.merge, {"pull_request": pull.document})
        return self.runner.run("plan", event)

    def merge(self, pull: PullRequest) -> Event:
        """Merge it into main, its lines winning where both changed them; the push that this is."""
        before = self.git("rev-parse", "main")
        self.git("merge", "-q", "--no-ff", "-X", "theirs", "-m", f"Merge pull request #{pull.number}", pull.head)
        after = self.git("rev-parse", "main")
        pull.document |= {"merged_at": "2026-11-30T09:00:00Z", "merge_commit_sha": after}
        return Event("push", "refs/heads/main", after, {"before": before, "after": after, "forced": False})

    def apply(self, push: Event) -> dict[str, JobResult]:
        """The workflow apply, as a push starts it."""
        return self.runner.run("apply", push)

    def apply_by_hand(self) -> dict[str, JobResult]:
        """The workflow apply, as a person starts it for dev."""
        inputs = {"environment": "dev", "allow_replacement": False}
        event = Event("workflow_dispatch", "refs/heads/main", self.git("rev-parse", "main"), {"inputs": inputs}, inputs)
        return self.runner.run("apply", event)

    def drift(self) -> dict[str, JobResult]:
        """The workflow drift, as every night."""
        return self.runner.run("drift", Event("schedule", "refs/heads/main", self.git("rev-parse", "main")))

    def comments(self, pull: PullRequest) -> list[str]:
        """The comments on a pull request."""
        return [comment["body"] for comment in self.github.comments.values() if comment["issue"] == pull.number]
