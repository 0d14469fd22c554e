"""Terraform, one method a command. The only module that knows python-terraform.

python-terraform 0.10.1 builds the command lines. It does not run them: its `cmd` holds all output back until the command has
ended, takes no environment of its own for a call, and kills Terraform on Ctrl-C while it holds the lock of the state.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import python_terraform
from python_terraform import IsFlagged

from async_endpoint.contract.errors import TerraformFailed, ToolMissing
from async_endpoint.terraform.diagnostics import errors, first_error

MINIMUM_VERSION: Final = (1, 11)

_COUNTS = re.compile(r"^Plan: (?:\d+ to import, )?(\d+) to add, (\d+) to change, (\d+) to destroy", re.MULTILINE)
_INSTALL = "install it from https://developer.hashicorp.com/terraform/install"


@dataclass(frozen=True)
class Changes:
    """What a plan would do, in resources. `any` is also true when only outputs change."""

    any: bool
    add: int = 0
    change: int = 0
    destroy: int = 0


class Terraform:
    """Terraform in one folder, under one environment.

    `on_output` hears every line of init, plan, apply and destroy as it is printed. A command that fails raises TerraformFailed
    with one sentence; ToolMissing when there is no Terraform 1.11 or newer on the PATH of `environment`.
    On Ctrl-C Terraform, which hears it too, is waited for: it finishes the call it is in and writes its state.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], on_output: Callable[[str], None]) -> None:
        self.folder = folder
        self._environment = dict(environment)
        self._on_output = on_output
        # The library reads the state it is told of, or one it guesses: this names none.
        self._commands = python_terraform.Terraform(str(folder), state="none", terraform_bin_path=self._executable())
        self.version = self._checked_version()

    def init(self, backend_files: Iterable[Path] = ()) -> None:
        """Install what the lock file names, without changing it, and use the backend as it is configured now."""
        settings = [str(file) for file in backend_files]
        self._stream("init", input=False, lockfile="readonly", reconfigure=IsFlagged, backend_config=settings)

    def plan(self, file: Path, *, destroy: bool = False, replace: Iterable[str] = ()) -> Changes:
        """Plan into `file`, to be given to `apply`; say what it would do.

        `destroy` plans the end of all that the state names; `replace` are addresses to be replaced whether or not they change.
        """
        options: dict[str, Any] = {"destroy": IsFlagged} if destroy else {}
        if addresses := list(replace):
            options["replace"] = addresses
        code, text = self._stream("plan", input=False, out=str(file), detailed_exitcode=IsFlagged, accepted=(0, 2), **options)
        counts = _COUNTS.search(text)
        return Changes(code == 2, *(int(count) for count in counts.groups())) if counts else Changes(code == 2)

    def apply(self, file: Path) -> None:
        """Carry out exactly the plan in `file`."""
        self._stream("apply", str(file), input=False)

    def destroy(self) -> None:
        """Destroy all that the state names."""
        self._stream("destroy", input=False, auto_approve=IsFlagged)

    def output(self) -> dict[str, Any]:
        """The values of all outputs; empty when nothing has been applied."""
        return {name: output["value"] for name, output in json.loads(self._capture("output", json=IsFlagged)).items()}

    def show(self, file: Path | None = None) -> dict[str, Any]:
        """The decoded JSON of the plan in `file`, or of the state; `terraform/planned.py` reads a plan's changes from it."""
        document: dict[str, Any] = json.loads(self._capture("show", *([str(file)] if file else []), json=IsFlagged))
        return document

    def _executable(self) -> str:
        path = shutil.which("terraform", path=self._environment.get("PATH"))
        if path is None:
            raise ToolMissing(f"terraform is not on the PATH; {_INSTALL}, version {_dotted(MINIMUM_VERSION)} or newer.")
        return path

    def _checked_version(self) -> str:
        text = self._capture("version", json=IsFlagged)
        try:
            found = str(json.loads(text)["terraform_version"])
            version = tuple(int(part) for part in found.split("-", maxsplit=1)[0].split("."))
        except (ValueError, KeyError, TypeError) as error:
            raise ToolMissing(f"terraform does not tell its version (it printed {text[:80]!r}); {_INSTALL}.") from error
        if version < MINIMUM_VERSION:
            raise ToolMissing(f"terraform is {found}; this needs {_dotted(MINIMUM_VERSION)} or newer: {_INSTALL}.")
        return found

    def _stream(self, command: str, *arguments: str, accepted: tuple[int, ...] = (0,), **options: Any) -> tuple[int, str]:
        """Run, pass every line on, and return exit code and text."""
        line = self._command_line(command, *arguments, no_color=IsFlagged, **options)
        heard: list[str] = []
        with _ctrl_c_afterwards():
            process = self._start(line, stderr=subprocess.STDOUT)
            try:
                self._pass_on(process, heard)
            finally:  # also when the listener fails: an apply must never be left behind with nobody reading
                _drain(process)
                process.wait()
        text = "\n".join(heard)
        self._check(command, process.returncode, text, accepted)
        return process.returncode, text

    def _capture(self, command: str, *arguments: str, **options: Any) -> str:
        """Run quietly and return standard output."""
        process = self._start(self._command_line(command, *arguments, **options), stderr=subprocess.PIPE)
        text, errors = process.communicate()
        self._check(command, process.returncode, errors + text, (0,))
        return text

    def _command_line(self, command: str, *arguments: str, **options: Any) -> list[str]:
        line: list[str] = self._commands.generate_cmd_string(command, *arguments, **options)
        return line

    def _start(self, line: list[str], stderr: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            line,
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            encoding="utf-8",
            errors="replace",
        )

    def _pass_on(self, process: subprocess.Popen[str], heard: list[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            heard.append(line.rstrip("\n"))
            self._on_output(heard[-1])

    def _check(self, command: str, code: int, text: str, accepted: tuple[int, ...]) -> None:
        if code in accepted:
            return
        said = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it printed nothing")
        raise TerraformFailed(
            f"terraform {command} of {self.folder.name} ended with {code}: {first_error(text) or said}.",
            addresses=frozenset(error.address for error in errors(text) if error.address),
        )


@contextmanager
def _ctrl_c_afterwards() -> Iterator[None]:
    """Raise KeyboardInterrupt at the end of the block. Terraform, which is sent Ctrl-C too, is heard out to its last line."""
    interrupted = threading.Event()
    main = threading.current_thread() is threading.main_thread()  # Python raises it in no other thread
    mine = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if mine:
        signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    try:
        yield
    finally:
        if mine:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    if interrupted.is_set():
        raise KeyboardInterrupt


def _drain(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    for _ in process.stdout:
        pass


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
