"""Terraform, one method a command. The only module that knows python-terraform.

python-terraform 0.10.1 builds the command lines. It does not run them: its `cmd` holds all output back until the command has
ended, takes no environment of its own for a call, and kills Terraform on Ctrl-C while it holds the lock of the state.

Terraform runs in a session of its own and writes into a file, so that the end of this process does not interrupt it midway:
- A signal to the process group does not reach the provider, which SIGTERM would kill in the middle of a call. Of the first
  signal Terraform gets a SIGINT: it finishes the calls it is in, writes its state and releases its lock.
- When this process is killed, Terraform carries out its plan. Its next line would end it (SIGPIPE) were it writing to a pipe.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import python_terraform
from python_terraform import IsFlagged

from async_endpoint import signals
from async_endpoint.core.errors import InvalidInput, PlanStale, TerraformFailed, ToolMissing, UsageError
from async_endpoint.terraform.diagnostics import errors, first_error
from async_endpoint.terraform.hidden_values import redact, without_values
from async_endpoint.terraform.plan_record import StateVersion
from async_endpoint.terraform.state_lock import locked_error, read_lock

MINIMUM_VERSION: Final = (1, 11)

POLL_INTERVAL_SECONDS: Final = 0.05
# A second Ctrl-C makes Terraform end at once and lose what it is doing; within this time it is the same one, sent twice.
REPEATED_INTERRUPT_SECONDS: Final = 2.0

_STALE: Final = "Saved plan is stale"
_LOGS: Final = ("TF_LOG", "TF_LOG_CORE", "TF_LOG_PROVIDER")  # on standard error, the bodies of all requests
_LOCK_ATTEMPTS: Final = 3

_COUNTS = re.compile(r"^Plan: (?:\d+ to import, )?(\d+) to add, (\d+) to change, (\d+) to destroy", re.MULTILINE)
# Of the S3 backend and of the provider, before any call.
_NO_CREDENTIALS: Final = ("No valid credential sources found", "failed to get shared config profile")
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

    `on_output` is called with each line of init, plan, apply and destroy as it is printed. A command that fails raises
    TerraformFailed with one sentence; UsageError where there are no AWS credentials; ToolMissing when there is no Terraform
    1.11 or newer on the PATH of `environment`.
    On Ctrl-C, SIGTERM and SIGHUP Terraform is interrupted and waited for; then Interrupted is raised (signals.py).
    A state that is locked raises StateLocked; `unlock_command`, without the lock's ID, is what its message advises.
    With `hides_values` no value of a resource or output is passed on, and none of `secrets` is in an error.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        on_output: Callable[[str], None],
        *,
        unlock_command: str | None = None,
        hides_values: bool = False,
    ) -> None:
        self.folder = folder
        self.secrets: frozenset[str] = frozenset()
        self._hides_values = hides_values
        self._unlock_command = unlock_command
        self._environment = {name: value for name, value in environment.items() if not (hides_values and name in _LOGS)}
        self._on_output = on_output
        # The library reads a state file that is configured or that it guesses; this names none.
        self._commands = python_terraform.Terraform(str(folder), state="none", terraform_bin_path=self._executable())
        self.version = self._checked_version()

    def silent(self) -> Terraform:
        """The same Terraform, whose output is passed on to no one."""
        silent = copy(self)
        silent._on_output = lambda line: None
        return silent

    def init(self, backend_files: Iterable[Path] = (), *, migrate: bool = False) -> None:
        """Install what the lock file names, without changing it, and use the backend as it is configured now.

        With `migrate` the state is copied there from the backend before, and replaces one that is there.
        """
        settings = [str(file) for file in backend_files]
        how = {"migrate_state": IsFlagged, "force_copy": IsFlagged} if migrate else {"reconfigure": IsFlagged}
        self._stream("init", input=False, lockfile="readonly", backend_config=settings, **how)

    def plan(
        self,
        file: Path,
        *,
        destroy: bool = False,
        replace: Iterable[str] = (),
        targets: Iterable[str] = (),
        lock: bool = True,
    ) -> Changes:
        """Plan into `file`, to be given to `apply`; say what it would do.

        `destroy` plans the end of all that the state names; `replace` are addresses to be replaced whether or not they change.
        With `targets` only these addresses and what they need are planned. Without `lock` the state is only read.
        """
        options: dict[str, Any] = {"destroy": IsFlagged} if destroy else {}
        if not lock:
            options["lock"] = False
        if addresses := list(replace):
            options["replace"] = addresses
        if wanted := list(targets):
            options["target"] = wanted
        code, text = self._stream("plan", input=False, out=str(file), detailed_exitcode=IsFlagged, accepted=(0, 2), **options)
        counts = _COUNTS.search(text)
        return Changes(code == 2, *(int(count) for count in counts.groups())) if counts else Changes(code == 2)

    def apply(self, file: Path) -> None:
        """Carry out exactly the plan in `file`."""
        self._stream("apply", str(file), input=False)

    def destroy(self) -> None:
        """Destroy all that the state names."""
        self._stream("destroy", input=False, auto_approve=IsFlagged)

    def force_unlock(self, lock_id: str) -> None:
        """Remove the lock `lock_id`, also while a command holds it. Raises InvalidInput where the state is not locked."""
        try:
            self._stream("force-unlock", lock_id, force=IsFlagged)
        except TerraformFailed as error:
            if "NoSuchKey" in str(error):  # the S3 backend reads the lock before it deletes it
                raise InvalidInput(
                    f"The state of {self.folder.name} is not locked; repeat the command that was refused."
                ) from error
            raise

    def require_unlocked(self) -> None:
        """Raise StateLocked when another Terraform command holds the lock of the state."""
        # Takes the lock, finds no such resource, and releases it: the cheapest of Terraform's commands that lock.
        self._capture("untaint", "terraform_data.lock_probe", no_color=IsFlagged, allow_missing=IsFlagged)

    def state_version(self) -> StateVersion:
        """Which state there is now; one without a lineage where nothing has been applied."""
        text = self._capture("state pull")
        found = json.loads(text) if text.strip() else {}
        return StateVersion(str(found.get("lineage", "")), int(found.get("serial", 0)))

    def push_state(self, file: Path) -> None:
        """Write the state in `file` to the backend, which refuses one that is not newer than its own."""
        self._stream("state push", str(file))

    def output(self) -> dict[str, Any]:
        """The values of all outputs; empty when nothing has been applied."""
        return {name: output["value"] for name, output in json.loads(self._capture("output", json=IsFlagged)).items()}

    def show(self, file: Path | None = None) -> dict[str, Any]:
        """The decoded JSON of the plan in `file`, or of the state; terraform/plan_document.py reads it."""
        document: dict[str, Any] = json.loads(self._capture("show", *([str(file)] if file else []), json=IsFlagged))
        return document

    def _executable(self) -> str:
        path = shutil.which("terraform", path=self._environment.get("PATH"))
        if path is None:
            raise ToolMissing(
                f"terraform is not on the PATH; {_INSTALL}, version {_dotted(MINIMUM_VERSION)} or newer, "
                "or run make setup in the checkout, which downloads it."
            )
        return path

    def _checked_version(self) -> str:
        text = self._capture("version", json=IsFlagged)
        try:
            found = str(json.loads(text)["terraform_version"])
            version = tuple(int(part) for part in found.split("-", maxsplit=1)[0].split("."))
        except (ValueError, KeyError, TypeError) as error:
            raise ToolMissing(f"terraform does not report its version (it printed {text[:80]!r}); {_INSTALL}.") from error
        if version < MINIMUM_VERSION:
            raise ToolMissing(f"terraform is {found}; this needs {_dotted(MINIMUM_VERSION)} or newer: {_INSTALL}.")
        return found

    def _stream(self, command: str, *arguments: str, accepted: tuple[int, ...] = (0,), **options: Any) -> tuple[int, str]:
        """Run, pass every line on, and return exit code and text.

        Where the lock is released between Terraform's attempt to take it and its look at who has it, it is run again: the
        refusal would name no one, and nothing has been done yet.
        """
        line = self._command_line(command, *arguments, no_color=IsFlagged, **options)
        for _ in range(_LOCK_ATTEMPTS):
            code, text = self._run(line)
            lock = read_lock(text) if code not in accepted else None
            if lock is None or lock.id:
                break
        self._check(command, code, text, accepted)
        return code, text

    def _run(self, line: list[str]) -> tuple[int, str]:
        printed: list[str] = []
        pass_on = self._listener()
        interrupter = _Interrupter()
        with signals.deferred(interrupter), tempfile.TemporaryFile(prefix="async-endpoint-") as output:
            signals.check()
            process = self._start(line, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
            interrupter.attach(process)
            try:
                self._pass_on(process, output, printed, pass_on)
            finally:  # also when the listener fails: an apply must never be left behind unattended
                process.wait()
            signals.check()
        text = "\n".join(printed)
        return process.returncode, redact(text, self.secrets) if self._hides_values else text

    def _listener(self) -> Callable[[str], None]:
        """What the lines of one command are passed on to."""
        if not self._hides_values:
            return self._on_output
        return without_values(lambda line: self._on_output(redact(line, self.secrets)))

    def _capture(self, command: str, *arguments: str, **options: Any) -> str:
        """Run quietly and return standard output."""
        line = self._command_line(command, *arguments, **options)
        process = self._start(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        text, errors = (stream.decode(errors="replace") for stream in process.communicate())
        if process.returncode != 0:
            signals.check()  # Terraform got the signal as well, and failed by it
        self._check(command, process.returncode, errors + text, (0,))
        return text

    def _command_line(self, command: str, *arguments: str, **options: Any) -> list[str]:
        line: list[str] = self._commands.generate_cmd_string(command, *arguments, **options)
        return line

    def _start(self, line: list[str], **options: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(line, cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL, **options)

    def _pass_on(
        self, process: subprocess.Popen[bytes], output: IO[bytes], printed: list[str], pass_on: Callable[[str], None]
    ) -> None:
        announced = False
        for line in _lines(process, output):
            if (number := signals.pending()) is not None and not announced:
                announced = True
                self._on_output(f"{signal.Signals(number).name}: Terraform finishes the calls it is in and writes its state.")
            if line is not None:
                printed.append(line)
                pass_on(line)

    def _check(self, command: str, code: int, text: str, accepted: tuple[int, ...]) -> None:
        if code in accepted:
            return
        if (lock := read_lock(text)) is not None:
            raise locked_error(lock, environment=self.folder.name, folder=self.folder, unlock=self._unlock_command)
        found = errors(text)
        if any(error.summary == _STALE for error in found):
            raise PlanStale(
                f"Another command has changed the state of {self.folder.name} since this one planned; this one changed nothing "
                "by Terraform. Repeat it."
            )
        if any(error.summary.startswith(_NO_CREDENTIALS) for error in found):
            raise UsageError(  # the last error is the cause: the SSO session, the profile, the instance metadata
                f"There are no usable AWS credentials for {self.folder.name} ({found[-1]}); sign in (aws sso login) or set "
                "AWS_PROFILE, or use the local AWS with --local."
            )
        last_line = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it printed nothing")
        raise TerraformFailed(
            f"terraform {command} of {self.folder.name} failed (exit code {code}): {first_error(text) or last_line}.",
            addresses=frozenset(error.address for error in found if error.address),
        )


class _Interrupter:
    """Sends Terraform a SIGINT for the first signal, and for a Ctrl-C that is repeated after a pause.

    Other signals that follow are not passed on: CI systems send SIGINT, SIGTERM and SIGKILL in turn, and a second one would
    make Terraform lose what it is doing.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._sent: float | None = None

    def attach(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        if signals.pending() is not None and self._sent is None:  # it came before the process
            self._send(process)

    def __call__(self, number: int) -> None:
        if self._process is None:
            return
        since = None if self._sent is None else time.monotonic() - self._sent
        if since is None or (number == signal.SIGINT and since >= REPEATED_INTERRUPT_SECONDS):
            self._send(self._process)

    def _send(self, process: subprocess.Popen[bytes]) -> None:
        self._sent = time.monotonic()
        process.send_signal(signal.SIGINT)


def _lines(process: subprocess.Popen[bytes], output: IO[bytes]) -> Iterator[str | None]:
    """The lines of `output` as `process` writes them, until it ends; None at every look that finds none."""
    position, rest, ended = 0, b"", False
    while not ended:
        try:
            process.wait(POLL_INTERVAL_SECONDS)
            ended = True
        except subprocess.TimeoutExpired:
            pass
        # pread: the position of the file is the writer's.
        while chunk := os.pread(output.fileno(), 1 << 16, position):
            position += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)
        yield None
    if rest:
        yield rest.decode(errors="replace")


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
