"""Steps of workflows: what they run, what they write for GitHub, and how they fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from async_endpoint.core.errors import InvalidInput, NotReady
from async_endpoint.terraform.account import read_account
from ci import __main__ as steps
from ci import commands
from ci.comments import marker
from ci.run import SUMMARY_LIMIT_BYTES, Run, annotation
from support.ci_runs import HEAD, outputs, workflow_run
from support.fake_github import FakeGitHub

# Stands in for async-endpoint: prints and ends as its first argument's file says.
PROGRAM = """#!{python}
import os, sys
from pathlib import Path
folder = Path(__file__).parent
(folder / "arguments").write_text(" ".join(sys.argv[1:]) + " region=" + os.environ["TF_VAR_region"])
(folder / "token").write_text(os.environ.get("GITHUB_TOKEN", ""))
sys.stdout.write((folder / "out").read_text())
sys.stderr.write((folder / "err").read_text())
sys.exit(int((folder / "code").read_text()))
"""


LINE = marker("plan", "dev", "eu-west-1")


class Command:
    """The command line as a step runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.program = folder / "async-endpoint"
        self.program.write_text(PROGRAM.format(python=sys.executable))
        self.program.chmod(0o755)
        self.ends(0)

    def ends(self, code: int, out: str = "", err: str = "") -> None:
        for name, text in (("code", str(code)), ("out", out), ("err", err)):
            (self.folder / name).write_text(text)

    @property
    def arguments(self) -> str:
        return (self.folder / "arguments").read_text()


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    command = Command(tmp_path / "program")
    monkeypatch.setattr(commands, "PROGRAM", command.program)
    monkeypatch.setattr(steps, "REPORTS", tmp_path / "reports")
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_of_the_step")
    return command


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return workflow_run(tmp_path, None, {}, ENV="dev", PLAN_NAME=f"pr-3-{HEAD}")


def summary(run: Run) -> str:
    return Path(run.variables["GITHUB_STEP_SUMMARY"]).read_text()


def test_a_plan_is_stored_and_its_report_kept_for_the_comment(
    command: Command, run: Run, tmp_path: Path, github: FakeGitHub
) -> None:
    command.ends(0, out="### Plan of dev\n\n1 to change\n", err="progress\n")
    assert steps.plan(run) == 0
    assert command.arguments == f"plan dev --markdown --store pr-3-{HEAD} region=eu-west-1"
    assert (command.folder / "token").read_text() == "", "Terraform passes its environment on to providers"
    assert "1 to change" in summary(run)

    pull = github.add_pull_request(HEAD)
    steps.comment(workflow_run(tmp_path, github, {"pull_requests": "write"}, {"pull_request": pull}, ENV="dev"))
    assert [comment["body"] for comment in github.comments.values()] == [
        f"{marker('plan', 'dev', 'eu-west-1')}\n### Plan of dev\n\n1 to change\n"
    ]


def test_a_refused_plan_shows_the_plan_and_the_reason(command: Command, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    command.ends(
        4, out=f"{LINE}\n### Plan of dev\n\n**replaced**\n", err="Terraform: error in line 1\nerror: Endpoint x\nis replaced.\n"
    )
    assert steps.plan(run) == 4
    report = (steps.REPORTS / "plan.md").read_text()
    page = "https://github.com/acme/shop/actions/runs/77"
    reason = "```text\nEndpoint x\nis replaced.\n```\n"
    assert report == f"{LINE}\n**dev will not be changed** ([log]({page})):\n\n{reason}\n### Plan of dev\n\n**replaced**\n"
    printed = capsys.readouterr()
    assert "::error title=plan of dev::Endpoint x%0Ais replaced.\n" in printed.out
    assert "Terraform: error in line 1\n" in printed.out and not printed.err


def test_a_plan_that_was_not_made_is_commented_with_its_reason(command: Command, run: Run) -> None:
    command.ends(3, err="error: No bucket.\n")
    assert steps.plan(run) == 3
    assert (steps.REPORTS / "plan.md").read_text().startswith("**dev will not be changed** ([log](")


def test_a_job_that_ends_before_its_plan_says_so(command: Command, tmp_path: Path, github: FakeGitHub) -> None:
    pull = github.add_pull_request(HEAD)
    run = workflow_run(tmp_path, github, {"pull_requests": "write"}, {"pull_request": pull}, ENV="dev")
    steps.comment(run)
    (comment,) = github.comments.values()
    assert comment["body"].endswith("It was not made; see the [log](https://github.com/acme/shop/actions/runs/77).\n")


def test_a_reason_with_fences_stays_a_block_of_code(command: Command, run: Run) -> None:
    command.ends(1, err="error: ```\n@everyone <img>\n````\n")
    steps.apply(run)
    assert "`````text\n```\n@everyone <img>\n````\n`````" in summary(run)


def test_what_terraform_prints_is_not_a_workflow_command(
    command: Command, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    command.ends(1, err="::add-mask::x\nerror: a,b:\n::stop-commands::y\n")
    steps.apply(run)
    printed = capsys.readouterr()
    first, *said, ended, annotated = printed.out.splitlines()
    token = first.removeprefix("::stop-commands::")
    assert len(token) == 32 and ended == f"::{token}::"
    assert said == ["::add-mask::x", "error: a,b:", "::stop-commands::y"]
    assert annotated == "::error title=apply of dev::a,b:%0A::stop-commands::y"
    assert printed.err == "", "the runner may read standard error before it has stopped commands"


def test_an_apply_passes_the_name_and_the_permission(command: Command, run: Run) -> None:
    assert steps.apply(Run({**run.variables, "ALLOW_REPLACEMENT": "true"})) == 0
    assert command.arguments == f"apply dev --approved pr-3-{HEAD} --yes --allow-replacement region=eu-west-1"
    assert steps.smoke_test(run) == 0
    assert command.arguments == "smoke-test dev region=eu-west-1"


@pytest.mark.parametrize("name", ["", "../x", "-rf", "a b", "x" * 129])
def test_a_name_that_is_no_plan_is_refused(command: Command, run: Run, name: str) -> None:
    with pytest.raises((InvalidInput, NotReady)):
        steps.apply(Run({**run.variables, "PLAN_NAME": name}))
    assert not (command.folder / "arguments").exists()


def test_drift_opens_an_issue_and_its_end_closes_it(command: Command, tmp_path: Path, github: FakeGitHub) -> None:
    for code, text in ((4, "| endpoint | drifted |\n"), (0, "nothing\n")):
        command.ends(code, out=text, err="error: dev has drifted.\n" if code else "")
        run = workflow_run(tmp_path, github, {"issues": "write"}, ENV="dev")
        assert steps.drift(run) == 0
        steps.issue(Run({**run.variables, "FOUND": outputs(run)["found"]}))
        (issue,) = github.issues.values()
        assert issue["state"] == ("open" if code else "closed")
    assert issue["body"].startswith(f"{marker('drift', 'dev', 'eu-west-1')}\n| endpoint | drifted |\n")
    assert issue["title"] == "Drift in dev"


@pytest.mark.parametrize("code", [3, 4])
def test_a_drift_report_that_was_not_made_fails_and_closes_nothing(command: Command, run: Run, code: int) -> None:
    command.ends(code, err="error: Another account.\n")
    assert steps.drift(run) == code
    assert outputs(run) == {}
    assert "Another account." in summary(run)


def test_the_files_of_an_environment(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "CHECKOUT", tmp_path)
    (tmp_path / "envs/dev").mkdir(parents=True)
    steps.settings(run)
    assert (tmp_path / "envs/dev/state.s3.tfbackend").read_text() == (
        'bucket = "shop-state-111111111111"\nregion = "eu-west-1"\n'
    )
    account = read_account(tmp_path / "envs/dev")
    assert account is not None
    assert (account.ids, account.role_arn) == (("111111111111",), None)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_job_waits_for_the_command(tmp_path: Path, number: signal.Signals) -> None:
    """The command ends at the signal in its own time, and its reason is reported."""
    program = tmp_path / "async-endpoint"
    program.write_text(
        f"#!{sys.executable}\nimport os, signal, sys\n"
        "def ended(number, frame):\n    os.write(2, b'error: Interrupted.\\n')\n    sys.exit(130)\n"
        "signal.signal(signal.SIGINT, ended)\nsignal.signal(signal.SIGTERM, ended)\n"
        "print('working', file=sys.stderr, flush=True)\nsignal.pause()\n"
    )
    program.chmod(0o755)
    script = f"""
from pathlib import Path
from ci import commands
commands.PROGRAM = Path({str(program)!r})
done = commands.execute([], cwd=Path("."), region="eu-west-1")
print(done.code, done.reason, flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(Path(steps.__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("::stop-commands::")
    assert process.stdout.readline() == "working\n"
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert out.splitlines()[-1] == "130 Interrupted."
    assert process.returncode == 0


def test_a_long_output_cannot_set_another_one(run: Run) -> None:
    run.write_output("first", "a\nEOF\nsecond=b\n::set-output name=c::d")
    assert outputs(run) == {"first": "a\nEOF\nsecond=b\n::set-output name=c::d"}
    with pytest.raises(InvalidInput):
        run.write_output("first=x\nsecond", "a")


def test_a_summary_ends_at_the_limit_of_a_step(run: Run) -> None:
    run.write_summary("é" * SUMMARY_LIMIT_BYTES)
    size = Path(run.variables["GITHUB_STEP_SUMMARY"]).stat().st_size
    assert SUMMARY_LIMIT_BYTES - 2 <= size <= SUMMARY_LIMIT_BYTES


def test_an_annotation_is_one_line() -> None:
    assert annotation("error", "a:b,c\n", "50 %\r\n::error::x") == "::error title=a%3Ab%2Cc%0A::50 %25%0D%0A::error::x"


@pytest.mark.parametrize("name", ["shop", "acme/shop/../../other", "acme/..", "acme/shop?x"])
def test_a_repository_that_would_be_another_path_is_refused(name: str) -> None:
    with pytest.raises(NotReady, match="not OWNER/NAME"):
        _ = Run({"GITHUB_REPOSITORY": name}).repository


def test_an_error_is_one_line_and_an_exit_code() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ci", "changed"],
        env={"PYTHONPATH": str(Path(steps.__file__).parents[1]), "ENVIRONMENTS": "{"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    stopped, said, _, annotated = done.stdout.splitlines()
    assert stopped.startswith("::stop-commands::") and not done.stderr
    assert said.startswith("error: The repository variable ENVIRONMENTS is not JSON")
    assert annotated.startswith("::error title=changed::The repository variable")
