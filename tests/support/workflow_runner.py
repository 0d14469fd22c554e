"""Runs the jobs of a workflow on this machine, as GitHub's runners do: each in a workspace of its own, its steps in order.

`run:` steps are executed as they are written; `uses:` steps are stubs that do what the workflow relies on. Expressions, needs,
outputs, conditions, matrices, reusable workflows and the files of GITHUB_OUTPUT, GITHUB_ENV and GITHUB_STEP_SUMMARY work as
documented; what the workflows here do not use is an error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.documents import ROOT
from support.fake_github import REPOSITORY, FakeGitHub
from support.workflow_expressions import Contexts, text_of
from support.workflow_files import Workflow, allowed_actions

STEP_SECONDS = 900
# This checkout's environment serves every workspace as it is: nothing is installed.
MAKE = '#!/bin/sh\nexec "{make}" -o .venv/python -o .venv/terraform -o .venv/runtime -o .venv/dev "$@"\n'


@dataclass(frozen=True)
class Event:
    """What started a run: `ref` and `sha` are what GitHub checks out."""

    name: str
    ref: str
    sha: str
    payload: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    actor: str = "ada"


@dataclass
class StepResult:
    """One step that was executed: its conclusion, and what it printed."""

    what: str
    result: str
    log: str = ""


@dataclass
class JobResult:
    """One job: success, failure or skipped, with its outputs, steps and summary."""

    result: str
    outputs: dict[str, str] = field(default_factory=dict)
    steps: list[StepResult] = field(default_factory=list)
    summary: str = ""

    @property
    def log(self) -> str:
        return "\n".join(f"--- {step.what}: {step.result}\n{step.log}" for step in self.steps)


@dataclass
class Runner:
    """GitHub Actions for one repository, whose history is at `repository`.

    `credentials` gives the variables of a role where its trust policy would: it receives the ARN of the role and the claims of
    the job's OIDC token. `approve` is asked before a job of an environment begins. `extra` are variables of the machine, and
    `make` is the script that steps find as make.
    """

    repository: Path
    folder: Path
    github: FakeGitHub
    variables: dict[str, str]
    credentials: Callable[[str, Mapping[str, str]], Mapping[str, str]]
    approve: Callable[[str], bool] = lambda environment: True
    extra: Mapping[str, str] = field(default_factory=dict)
    make: str = MAKE
    runs: int = 0

    def run(self, workflow: str, event: Event) -> dict[str, JobResult]:
        """Run the jobs of .github/workflows/<workflow>.yml, in an order that their needs allow; results by job.

        Instances of a matrix are named JOB/VALUE, jobs of a called workflow CALLER/JOB.
        """
        self.runs += 1
        source = Workflow.read(self.repository / ".github/workflows" / f"{workflow}.yml")
        assert event.name in source.triggers, f"{workflow} is not started by {event.name}"
        found: dict[str, JobResult] = {}
        self._jobs(source, event, event.inputs, found, "")
        return found

    def _jobs(self, source: Workflow, event: Event, inputs: dict[str, Any], found: dict[str, JobResult], prefix: str) -> str:
        """Run the jobs of one file; the result of all together."""
        done: dict[str, JobResult] = {}
        waiting = dict(source.jobs)
        while waiting:
            name = next(name for name, job in waiting.items() if set(_needs(job)) <= set(done))
            job = waiting.pop(name)
            done[name] = self._job(source, name, job, event, inputs, done, found, prefix)
            found[prefix + name] = done[name]
        return "failure" if any(job.result == "failure" for job in done.values()) else "success"

    def _job(
        self,
        source: Workflow,
        name: str,
        job: dict[str, Any],
        event: Event,
        inputs: dict[str, Any],
        done: dict[str, JobResult],
        found: dict[str, JobResult],
        prefix: str,
    ) -> JobResult:
        """The job, each instance of its matrix, or the workflow that it calls."""
        needs = _needs(job)
        ancestors = _ancestors(source.jobs, name)
        values: dict[str, Any] = {
            "github": self._github_context(source, event),
            "inputs": inputs,
            "vars": self.variables,
            "needs": {need: {"result": done[need].result, "outputs": done[need].outputs} for need in needs},
        }
        status = {
            "success": lambda: all(done[need].result == "success" for need in ancestors),
            "failure": lambda: any(done[need].result == "failure" for need in ancestors),
            "always": lambda: True,
            "cancelled": lambda: False,
        }
        contexts = Contexts(values, status)
        if not contexts.condition(job.get("if")):
            return JobResult("skipped")
        if "uses" in job:
            called = Workflow.read(self.repository / job["uses"])
            assert set(job["with"]) == set(called.triggers["workflow_call"]["inputs"])
            _require_permissions(called, job["permissions"])
            result = self._jobs(called, event, contexts.interpolate(job["with"]), found, f"{prefix}{name}/")
            return JobResult(result)
        matrix = contexts.interpolate(job.get("strategy", {}).get("matrix", {}))
        if not matrix:
            return _Execution(self, source, job, contexts, event).execute()
        ((variable, items),) = matrix.items()
        for item in items:
            instance = Contexts(values | {"matrix": {variable: item}}, status)
            found[f"{prefix}{name}/{item}"] = _Execution(self, source, job, instance, event).execute()
        results = {found[f"{prefix}{name}/{item}"].result for item in items}
        return JobResult("failure" if "failure" in results else "success")

    def _github_context(self, source: Workflow, event: Event) -> dict[str, Any]:
        return {
            "actor": event.actor,
            "event": event.payload,
            "event_name": event.name,
            "ref": event.ref,
            "repository": REPOSITORY,
            "sha": event.sha,
            "workflow": source.document["name"],
        }


def _needs(job: dict[str, Any]) -> list[str]:
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else list(needs)


def _ancestors(jobs: dict[str, dict[str, Any]], name: str) -> set[str]:
    direct = set(_needs(jobs[name]))
    return direct.union(*(_ancestors(jobs, need) for need in direct))


def _require_permissions(called: Workflow, granted: Mapping[str, str]) -> None:
    """GitHub refuses a called workflow whose jobs want more than the calling job has."""
    for job in called.jobs.values():
        assert set(job["permissions"].items()) <= set(granted.items())


class _Execution:
    """One job on a fresh machine."""

    def __init__(self, runner: Runner, source: Workflow, job: dict[str, Any], contexts: Contexts, event: Event) -> None:
        self.runner, self.source, self.job, self.event = runner, source, job, event
        self.folder = runner.folder / f"job-{len(list(runner.folder.glob('job-*')))}"
        self.workspace = self.folder / "workspace"
        self.workspace.mkdir(parents=True)
        self.token = runner.github.issue_token({scope.replace("-", "_"): level for scope, level in job["permissions"].items()})
        self.steps: dict[str, Any] = {}
        self.result = JobResult("success")
        values = dict(contexts.values)
        values["github"] = contexts.values["github"] | {"token": self.token}
        status = {
            "success": lambda: self.result.result == "success",
            "failure": lambda: self.result.result == "failure",
            "always": lambda: True,
            "cancelled": lambda: False,
        }
        self.contexts = Contexts(values | {"steps": self.steps}, status)
        environment = self.contexts.interpolate(source.document.get("env", {}) | job.get("env", {}))
        self.environment = {name: text_of(value) for name, value in environment.items()}
        self.environment_name = self.contexts.interpolate(job.get("environment"))

    def execute(self) -> JobResult:
        """The job's result; a step that fails ends it, except for steps whose condition says otherwise."""
        if self.environment_name and not self.runner.approve(self.environment_name):
            return JobResult("failure")
        self._prepare()
        for step in self.job["steps"]:
            self._step(step)
        outputs = self.contexts.interpolate(self.job.get("outputs", {}))
        self.result.outputs = {name: text_of(value) for name, value in outputs.items()}
        return self.result

    def _prepare(self) -> None:
        (self.folder / "event.json").write_text(json.dumps(self.event.payload))
        tools = self.folder / "bin"
        tools.mkdir()
        make = tools / "make"
        make.write_text(self.runner.make.replace("{make}", _found("make")))
        make.chmod(0o755)

    def _step(self, step: dict[str, Any]) -> None:
        what = step.get("run") or step["uses"]
        if not self.contexts.condition(step.get("if")):
            self.result.steps.append(StepResult(what, "skipped"))
            return
        own = {name: text_of(self.contexts.interpolate(value)) for name, value in step.get("env", {}).items()}
        code, log = self._run(step["run"], own, step.get("id")) if "run" in step else self._use(step)
        self.result.steps.append(StepResult(what, "failure" if code else "success", log))
        if code:
            self.result.result = "failure"

    def _run(self, script: str, own: dict[str, str], key: str | None) -> tuple[int, str]:
        assert "${{" not in script, "a step's script has an expression, which is how scripts are injected"
        files = {name: self.folder / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
            cwd=self.workspace,
            env=self._variables() | self.environment | own | {name: str(path) for name, path in files.items()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )
        if key:
            self.steps[key] = {"outputs": _read_pairs(files["GITHUB_OUTPUT"])}
        self.environment |= _read_pairs(files["GITHUB_ENV"])
        self.result.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        return done.returncode, done.stdout

    def _variables(self) -> dict[str, str]:
        """What a runner's machine has."""
        event = self.event
        return {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": event.actor,
            "GITHUB_API_URL": self.runner.github.url,
            "GITHUB_EVENT_NAME": event.name,
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_REF": event.ref,
            "GITHUB_REF_NAME": event.ref.removeprefix("refs/").partition("/")[2],
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(1000 + self.runner.runs),
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": event.sha,
            "GITHUB_WORKSPACE": str(self.workspace),
            **self.runner.extra,
        }

    def _use(self, step: dict[str, Any]) -> tuple[int, str]:
        name, _, commit = step["uses"].partition("@")
        assert allowed_actions()[name]["commit"] == commit
        return _STUBS[name](self, self.contexts.interpolate(step.get("with", {})))

    def checkout(self, options: dict[str, Any]) -> tuple[int, str]:
        """actions/checkout: the commit of the event, with as much history as asked; its credentials are not kept."""
        assert options["persist-credentials"] is False
        assert self.job["permissions"].get("contents") in {"read", "write"}
        depth = options.get("fetch-depth", 1)
        limit = [f"--depth={depth}"] if depth else []
        source = f"file://{self.runner.repository}"
        for command in (
            ["git", "init", "-q", "."],
            ["git", "fetch", "-q", *limit, source, self.event.sha],
            ["git", "checkout", "-q", "FETCH_HEAD"],
        ):
            subprocess.run(command, cwd=self.workspace, check=True, capture_output=True)
        (self.workspace / ".venv").symlink_to(ROOT / ".venv")
        return 0, ""

    def assume_role(self, options: dict[str, Any]) -> tuple[int, str]:
        """aws-actions/configure-aws-credentials: an OIDC token for the job, exchanged for credentials of the role."""
        assert self.job["permissions"].get("id-token") == "write"
        claims = {"sub": f"repo:{REPOSITORY}:{self._subject()}", "ref": self.event.ref, "aud": "sts.amazonaws.com"}
        given = self.runner.credentials(options["role-to-assume"], claims)
        if not given:
            return 1, "Not authorized to perform sts:AssumeRoleWithWebIdentity"
        self.environment |= {**given, "AWS_REGION": options["aws-region"], "AWS_DEFAULT_REGION": options["aws-region"]}
        return 0, ""

    def _subject(self) -> str:
        """GitHub documentation, "OpenID Connect reference": an environment first, then pull requests, then the ref."""
        if self.environment_name:
            return f"environment:{self.environment_name}"
        return "pull_request" if self.event.name == "pull_request" else f"ref:{self.event.ref}"

    def nothing(self, options: dict[str, Any]) -> tuple[int, str]:
        return 0, ""


_STUBS: dict[str, Callable[[_Execution, dict[str, Any]], tuple[int, str]]] = {
    "actions/checkout": _Execution.checkout,
    "actions/setup-python": _Execution.nothing,
    "aws-actions/configure-aws-credentials": _Execution.assume_role,
    "actions/attest-build-provenance": _Execution.nothing,
    "actions/upload-artifact": _Execution.nothing,
    "github/codeql-action/upload-sarif": _Execution.nothing,
}


def _found(program: str) -> str:
    return subprocess.run(["sh", "-c", f"command -v {program}"], capture_output=True, text=True, check=True).stdout.strip()


def _read_pairs(path: Path) -> dict[str, str]:
    """NAME=VALUE, or NAME<<DELIMITER, the lines of the value, and DELIMITER."""
    found: dict[str, str] = {}
    lines = iter(path.read_text().splitlines())
    for line in lines:
        name, equals, value = line.partition("=")
        start, marker, delimiter = line.partition("<<")
        if marker and (not equals or len(start) < len(name)):
            collected = []
            for inner in lines:
                if inner == delimiter:
                    break
                collected.append(inner)
            else:
                raise AssertionError(f"the value of {start} does not end")
            name, value = start, "\n".join(collected)
        found[name] = value
    return found
