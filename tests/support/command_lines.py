"""Documented command lines: which command of async-endpoint each is, and that its options exist."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import typer

from async_endpoint.cli.app import app

COMMAND = re.compile(r"(?:\.venv/bin/)?async-endpoint\s")


def check_command(words: list[str]) -> str:
    """The name of the command that `words` name, such as "local up". Fails for a command or an option that does not exist."""
    command, names = typer.main.get_command(app), []
    words = list(words)
    while (subcommands := getattr(command, "commands", {})) and words and not words[0].startswith("-"):
        names.append(words.pop(0).strip(","))
        assert names[-1] in subcommands, f"async-endpoint has no command {names[-1]}"
        command = subcommands[names[-1]]
    options = {"--help"}.union(*([*parameter.opts, *parameter.secondary_opts] for parameter in command.params))
    for word in words:
        assert not word.startswith("-") or word in options, f"{command.name} has no option {word}"
    return " ".join(names)


def made_commands(line: str, checkout: Path) -> list[str]:
    """The commands of async-endpoint, and other programs of the virtual environment, that a line `make …` would run."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # not those of `make test`
    arguments = ["make", "--dry-run", *shlex.split(line)[1:]]
    done = subprocess.run(arguments, check=False, cwd=checkout, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [made.strip() for made in done.stdout.splitlines()]
    return [made for made in lines if ".venv/bin/" in made and " -m pip " not in made and " -c " not in made]
