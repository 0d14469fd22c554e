"""Every fenced command of README and docs is executed by a test that is named here, or listed with the reason why none can.

What the commands of `make` come to is read from make itself; then the same table holds for them.
"""

from __future__ import annotations

import re
import shlex
from functools import cache

import pytest
from typer.testing import CliRunner

from async_endpoint.cli.app import app
from async_endpoint.core.errors import DoctorFailed
from support.command_lines import COMMAND, check_command, made_commands
from support.documents import ROOT, Document

PAGES = [Document.read(path) for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))]
PROGRAMS = ("make", "async-endpoint", "aws", "cp", "docker", "eval", "gh", "git", "perl", "pip", "podman", "terraform", ".")

# What a line begins with: the test that executes it, and a text of that test by which it does.
EXECUTED = {
    "async-endpoint adopt": ("tests/emulator/test_live_adoption.py", '["adopt", '),
    "terraform state pull": ("tests/support/foreign_terraform.py", 'terraform("state", "pull")'),
    "terraform state rm": ("tests/support/foreign_terraform.py", 'terraform("state", "rm", '),
    "async-endpoint api-keys create": ("tests/cli/test_api_key_commands.py", 'run("create", "dev", "--name", "web shop")'),
    "async-endpoint api-keys list": ("tests/cli/test_api_key_commands.py", 'run("list", "dev")'),
    "async-endpoint api-keys revoke": ("tests/cli/test_api_key_commands.py", 'run("revoke", "dev", made["key"], "--json")'),
    "async-endpoint apply": ("tests/e2e/test_out_of_band.py", 'root.run("apply")'),
    "async-endpoint compare": ("tests/migration/test_migration_guide.py", 'guide("migrate.md")'),
    "async-endpoint outputs": ("tests/migration/test_migration_guide.py", 'guide("migrate.md")'),
    "async-endpoint retire": ("tests/migration/test_migration_guide.py", 'guide("migrate.md")'),
    "cp -r envs/dev envs/shop": ("tests/migration/test_migration_guide.py", 'guide("migrate.md")'),
    "async-endpoint batch": ("tests/batch/test_batch_commands.py", 'line(*arguments, "--retry-failed")'),
    "async-endpoint bootstrap": ("tests/e2e/test_new_account.py", 'succeed("bootstrap", "dev"'),
    "async-endpoint cost": ("tests/deploy/test_costs.py", '"cost", "dev/shirts", "--requests"'),
    "async-endpoint destroy": ("tests/e2e/test_roots.py", 'succeed("destroy")'),
    "async-endpoint doctor": ("tests/docs/test_documented_commands.py", "def test_the_doctor_runs_offline"),
    "async-endpoint drift": ("tests/deploy/test_drift.py", "CliRunner().invoke(app, arguments)"),
    "async-endpoint invoke": ("tests/e2e/test_roots.py", 'succeed("invoke", '),
    "async-endpoint local down": ("tests/packaging/test_wheel.py", '"local", "down"'),
    "async-endpoint local up": ("tests/engines/test_engine_deployment.py", '"--containers", engine.program'),
    "async-endpoint package": ("tests/packaging/test_package_command.py", '"package"'),
    "async-endpoint plan": ("tests/e2e/test_roots.py", 'run("plan", "--detailed-exitcode")'),
    "async-endpoint profile": ("tests/cli/test_profile_command.py", 'run("profile", "dev/recommender", '),
    "async-endpoint serve": ("tests/e2e/test_roots.py", 'serve("local", "--port", "0")'),
    "async-endpoint recommend": ("tests/cli/test_recommend_command.py", 'run("recommend", "dev/recommender", '),
    "async-endpoint simulate": ("tests/cli/test_simulate_command.py", 'run("simulate", "dev/recommender", '),
    "async-endpoint smoke-test": ("tests/e2e/test_roots.py", 'succeed("smoke-test", "--json")'),
    "async-endpoint usage": ("tests/sizing/test_usage.py", '"usage", "dev/recommender", "--days"'),
    "async-endpoint verify": ("tests/e2e/test_out_of_band.py", 'succeed("verify", "--json", "--no-plan")'),
    "async-endpoint watch": ("tests/e2e/test_roots.py", 'succeed("watch", "--once")'),
    "async-endpoint webhooks dead-letters": ("tests/http_api/webhooks/test_webhook_commands.py", 'run("dead-letters", "dev")'),
    "async-endpoint webhooks redrive": ("tests/http_api/webhooks/test_webhook_commands.py", 'run("redrive", f"dev/{NAME}")'),
    "aws s3 cp": ("tests/clients/scripts/with_aws_cli.sh", "aws s3 cp "),
    "aws sagemaker-runtime": ("tests/clients/scripts/with_aws_cli.sh", "invoke-endpoint-async --endpoint-name"),
    "cp -r envs/dev envs/qa": ("tests/modules/test_environments.py", "def test_an_environment_is_added_as_the_readme_says"),
    "perl -pi": ("tests/modules/test_environments.py", "def test_an_environment_is_added_as_the_readme_says"),
    'eval "$(async-endpoint local env)"': ("tests/emulator/auth/test_credentials.py", 'async_endpoint.cli local env)"'),
    ".venv/bin/python scripts/demo.py": ("tests/e2e/test_demo.py", "demo.run("),
    ".venv/bin/python -m parity": ("tests/parity/test_parity_refusals.py", "parity.main("),
}  # fmt: skip
NOT_EXECUTED = {
    "async-endpoint api-keys create": ("tests/cli/test_api_key_commands.py", 'run("create", "dev", "--name", "web shop")'),
    "async-endpoint api-keys list": ("tests/cli/test_api_key_commands.py", 'run("list", "dev")'),
    "async-endpoint api-keys revoke": ("tests/cli/test_api_key_commands.py", 'run("revoke", "dev", made["key"], "--json")'),
    ".venv/bin/python -m pytest": "it is the test suite itself",
    ". .venv/bin/activate": "a script of Python's own that changes the shell of its user",
    "docker build": "needs Docker and the base image of a registry; make engines runs images where an engine is installed",
    "git checkout main": "git's own; the tests run in a checkout",
    "git revert": "git's own; it makes a commit in the checkout",
}


@cache
def fenced() -> dict[str, set[str]]:
    """Command lines without their comments, each with the pages that have it."""
    found: dict[str, set[str]] = {}
    for page in PAGES:
        for block in [*page.blocks(""), *page.blocks("sh"), *page.blocks("bash"), *page.blocks("shell")]:
            lines = [re.split(r"\s#\s", line.strip())[0].strip() for line in block.replace("\\\n", " ").splitlines()]
            for line in lines:
                if line and line.split()[0] in PROGRAMS:
                    found.setdefault(re.sub(r"\s+", " ", line), set()).add(page.name)
    return found


@cache
def commands(line: str) -> list[str]:
    """The commands that a line executes: itself, or what make would run."""
    return made_commands(line, ROOT) if line.startswith("make ") else [line]


def entry(command: str) -> str | None:
    """The entry of the tables that the command begins with."""
    command = command.replace("PYTHONPATH=tests ", "")
    if COMMAND.match(command):
        return f"async-endpoint {check_command(shlex.split(command.split('>')[0])[1:])}"
    return next((known for known in {**EXECUTED, **NOT_EXECUTED} if command.startswith(known)), None)


def test_there_are_commands_to_check() -> None:
    assert len(fenced()) > 30
    assert {"README.md", "docs/operations.md", "docs/pipelines.md", "docs/drift.md"} <= set().union(*fenced().values())


@pytest.mark.parametrize("line", sorted(fenced()))
def test_a_documented_command_is_executed_by_a_test_or_has_a_reason(line: str) -> None:
    run = commands(line)
    assert run, f"make runs nothing for {line}"
    for command in run:
        assert entry(command) in {**EXECUTED, **NOT_EXECUTED}, f"no test executes {command} ({', '.join(fenced()[line])})"


@pytest.mark.parametrize("command", EXECUTED)
def test_the_named_test_executes_it(command: str) -> None:
    file, text = EXECUTED[command]
    assert text in (ROOT / file).read_text(encoding="utf-8"), f"{file} no longer executes {command}"


def test_no_entry_is_left_over() -> None:
    used = {entry(command) for line in fenced() for command in commands(line)}
    assert used == {*EXECUTED, *NOT_EXECUTED}


def test_the_doctor_runs_offline() -> None:
    """As docs/doctor.md has it; what it finds depends on the machine."""
    [line] = [line for line in fenced() if line.startswith("async-endpoint doctor")]
    done = CliRunner().invoke(app, shlex.split(line)[1:])
    assert done.exit_code == 0 or isinstance(done.exception, DoctorFailed), done.output
    assert "configuration" in done.output
