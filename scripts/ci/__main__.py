"""`python -m ci COMMAND`: what a step of a workflow does, through `make ci-COMMAND`. Its input is the step's environment."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from async_endpoint.core.errors import AsyncEndpointError, InvalidInput, UsageError
from async_endpoint.core.text import joined
from ci.approvals import allows_replacement, merged_pull_request, plan_name, require_protection
from ci.changed_environments import changed_environments, changed_files
from ci.commands import REFUSED, Finished, execute, quoted, report_failure, uninterpreted
from ci.comments import marker, upsert_comment
from ci.github_api import GitHub
from ci.issues import close_issue, upsert_issue
from ci.release import publish, release_notes
from ci.run import Run, annotation
from ci.settings import VARIABLE, all_settings, settings_of

CHECKOUT: Final = Path(__file__).resolve().parents[2]
REPORTS: Final = CHECKOUT / "build/ci"
WHEELS: Final = CHECKOUT / "build/dist"

_PLAN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def changed(run: Run) -> None:
    """Outputs: `environments` to plan or to apply, in order, as JSON; the `plan_name` of their plans; `allow_replacement`."""
    known = all_settings(run)
    if not known:
        print(annotation("notice", "Nothing is deployed", f"The repository variable {VARIABLE} is not set: docs/pipelines.md."))
    files = changed_files(run, CHECKOUT) if known else []
    affected = list(known) if files is None else changed_environments(known, files)
    name, replaces = "", False
    if run.event_name == "pull_request":
        name, replaces = plan_name(run.pull_request), _labelled(run)
        _mark_as_unchanged(run, {other: found.region for other, found in known.items() if other not in affected})
    elif run.event_name == "workflow_dispatch" and (chosen := run.get("ENVIRONMENT")):
        settings_of(run, chosen)
        affected, name = [chosen], f"run-{run.require('GITHUB_RUN_ID')}-{run.require('GITHUB_SHA')}"
        replaces = run.get("ALLOW_REPLACEMENT") == "true"
    elif run.event_name == "push" and affected:
        approval = merged_pull_request(GitHub.of(run), run.require("GITHUB_SHA"), run.require("GITHUB_REF_NAME"))
        name, replaces = approval.plan_name, approval.allow_replacement
    if run.event_name in ("push", "workflow_dispatch"):
        for environment in affected:
            if known[environment].requires_approval:
                require_protection(GitHub.of(run), environment)
    run.write_output("environments", json.dumps(affected))
    run.write_output("plan_name", name)
    run.write_output("allow_replacement", "true" if replaces else "false")
    print(f"environments: {joined(affected) or 'none'}")


def _labelled(run: Run) -> bool:
    """As the pull request is labelled now: a job that is run again has the payload of its first run."""
    return allows_replacement(GitHub.of(run).get(f"pulls/{run.pull_request['number']}"))


def _mark_as_unchanged(run: Run, regions: dict[str, str]) -> None:
    """Correct the comments of plans that an earlier push of the pull request had and this one has not."""
    number = run.pull_request["number"]
    for environment, region in regions.items():
        text = f"### Plan of {environment}\n\nThis pull request no longer changes {environment}.\n"
        upsert_comment(GitHub.of(run), number, marker("plan", environment, region), text, create=False)


def environments(run: Run) -> None:
    """Output: `environments`, all that are deployed, as JSON."""
    run.write_output("environments", json.dumps(list(all_settings(run))))


def settings(run: Run) -> None:
    """Write the files by which commands find account and state of ENV."""
    environment = run.require("ENV")
    settings_of(run, environment).write(CHECKOUT / "envs" / environment)


def plan(run: Run) -> int:
    """Plan ENV, store the plan as PLAN_NAME, and write the report that `comment` posts."""
    environment = run.require("ENV")
    done = _execute(run, "plan", "--markdown", "--store", _plan_name(run), *_replacement(run))
    report = done.output
    if done.code:
        refusal = f"**{environment} will not be changed** ([log]({run.url})):\n\n{quoted(done.reason)}\n"
        line, _, rest = report.partition("\n")
        report = f"{line}\n{refusal}\n{rest}" if line.startswith("<!--") else f"{refusal}\n{report}"
    _write_report("plan", report)
    run.write_summary(report)
    return done.code


def comment(run: Run) -> None:
    """Post the report of `plan` on the pull request, in the comment of ENV."""
    environment, report = run.require("ENV"), REPORTS / "plan.md"
    text = (
        report.read_text(encoding="utf-8")
        if report.is_file()
        else f"### Plan of {environment}\n\nIt was not made; see the [log]({run.url}).\n"
    )
    line = marker("plan", environment, settings_of(run, environment).region)
    upsert_comment(GitHub.of(run), run.pull_request["number"], line, text)


def apply(run: Run) -> int:
    """Apply ENV if its plan is the one approved as PLAN_NAME."""
    return _execute(run, "apply", "--approved", _plan_name(run), "--yes", *_replacement(run)).code


def smoke_test(run: Run) -> int:
    """Smoke-test every endpoint of ENV."""
    return _execute(run, "smoke-test").code


def drift(run: Run) -> int:
    """Compare ENV with its configuration. Output: `found`. Drift is for `issue` to report, and does not fail the step."""
    done = _execute(run, "drift", "--markdown", expected=(REFUSED,))
    if done.code not in (0, REFUSED):
        return done.code
    if not done.output.strip():  # refused before anything was compared
        report_failure(run, f"drift of {run.require('ENV')}", done.reason)
        return done.code or 1
    _write_report("drift", done.output)
    run.write_summary(done.output)
    run.write_output("found", "true" if done.code else "false")
    return 0


def issue(run: Run) -> None:
    """Open, update or close the issue about the drift of ENV, by what `drift` found."""
    environment, github = run.require("ENV"), GitHub.of(run)
    line = marker("drift", environment, settings_of(run, environment).region)
    if run.require("FOUND") == "true":
        report = (REPORTS / "drift.md").read_text(encoding="utf-8")
        upsert_issue(github, line, f"Drift in {environment}", f"{report}\nFound by [this run]({run.url}).\n")
    else:
        close_issue(github, line, f"No drift any more, says [this run]({run.url}).")


def check_release(run: Run) -> None:
    """Fail unless the tag, pyproject.toml and CHANGELOG.md agree on the version; show the notes."""
    run.write_summary(release_notes(CHECKOUT, run.require("GITHUB_REF_NAME")))


def release(run: Run) -> None:
    """Publish the release of the tag, with the wheels of build/dist."""
    tag = run.require("GITHUB_REF_NAME")
    page = publish(GitHub.of(run), tag, release_notes(CHECKOUT, tag), sorted(WHEELS.glob("*.whl")))
    run.write_summary(f"[{tag}]({page}) is published.")


def _execute(run: Run, command: str, *options: str, expected: tuple[int, ...] = ()) -> Finished:
    """Run a command on ENV, and show the reason of a failure that is not `expected`."""
    environment = run.require("ENV")
    region = settings_of(run, environment).region
    done = execute([command, environment, *options], cwd=CHECKOUT, region=region)
    if done.code and done.code not in expected:
        report_failure(run, f"{command} of {environment}", done.reason)
    return done


def _plan_name(run: Run) -> str:
    name = run.require("PLAN_NAME")
    if not _PLAN_NAME.fullmatch(name):
        raise InvalidInput(f"PLAN_NAME is {name!r}; a plan's name has letters, digits, dots and hyphens.")
    return name


def _replacement(run: Run) -> list[str]:
    return ["--allow-replacement"] if run.get("ALLOW_REPLACEMENT") == "true" else []


def _write_report(name: str, text: str) -> None:
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / f"{name}.md").write_text(text, encoding="utf-8")


COMMANDS: Final[dict[str, Callable[[Run], int | None]]] = {
    "changed": changed,
    "environments": environments,
    "settings": settings,
    "plan": plan,
    "comment": comment,
    "apply": apply,
    "smoke-test": smoke_test,
    "drift": drift,
    "issue": issue,
    "check-release": check_release,
    "release": release,
}


def main(arguments: list[str]) -> int:
    """Run one command; an error of the tree is one line, an annotation, and its exit code."""
    try:
        if len(arguments) != 1 or arguments[0] not in COMMANDS:
            raise UsageError(f"python -m ci takes one of {', '.join(COMMANDS)}.")
        return COMMANDS[arguments[0]](Run(os.environ)) or 0
    except AsyncEndpointError as error:
        with uninterpreted():
            print(f"error: {error}", flush=True)
        print(annotation("error", arguments[0] if arguments else "ci", str(error)))
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
