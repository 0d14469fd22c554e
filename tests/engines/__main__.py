"""`python -m engines [--start]`: run the tests of this folder on each container engine that works on this machine.

With --start, an engine that is installed and does not answer is started for the run, as root, with its data in a temporary
folder. Ends with 0 where there is no engine at all, after saying why; the tests need one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from support import container_engines
from support.engine_images import EngineUnusable, ImageBuilder

ENGINE_VARIABLE = "CONTAINER_ENGINE"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m engines", description=__doc__)
    parser.add_argument("--start", action="store_true", help="start installed engines that do not answer; takes root")
    parser.add_argument("--only", choices=container_engines.PROGRAMS, help="this engine alone")
    options, pytest_arguments = parser.parse_known_args()
    programs = [options.only] if options.only else list(container_engines.PROGRAMS)
    with ThreadPoolExecutor() as threads:  # the tests wait more than they compute
        ended = threads.map(lambda program: _tests_of(program, options.start, pytest_arguments), programs)
        codes = [code for code in ended if code is not None]
    if not codes:
        print("No container engine works here, so images are not tested.", flush=True)
    return max(codes, default=0)


def _tests_of(program: str, start: bool, arguments: list[str]) -> int | None:
    """The exit code of the tests on an engine; None where it does not work."""
    with _engine(program, start) as environment:
        return None if environment is None else _tested(program, environment, arguments)


@contextmanager
def _engine(program: str, start: bool) -> Iterator[dict[str, str] | None]:
    """The environment in which an engine's program works; None where it does not, after saying why."""
    with ExitStack() as stack:
        environment = dict(os.environ)
        reason = container_engines.failure(program, environment)
        # An installed Podman always answers, and may still not run containers; so --start configures it anyway.
        if start and container_engines.can_be_started(program) and (reason or program == "podman"):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="engine-", ignore_cleanup_errors=True))
            environment = stack.enter_context(container_engines.started(program, Path(folder)))
            reason = container_engines.failure(program, environment)
        reason = reason or _cannot_run(program, environment)
        if reason:
            print(f"{program}: not tested ({reason})", flush=True)
        yield None if reason else environment


def _cannot_run(program: str, environment: dict[str, str]) -> str:
    """Build the images; returns why the engine runs none, empty when it does. An image that cannot be built is an error."""
    begun, builder = time.monotonic(), ImageBuilder(program, environment)
    try:
        builder.build()
    except EngineUnusable as error:
        builder.remove()
        return str(error)
    print(f"{program}: images built in {time.monotonic() - begun:.0f} s", flush=True)
    return ""


def _tested(program: str, environment: dict[str, str], arguments: list[str]) -> int:
    begun = time.monotonic()
    tests = str(Path(__file__).parent)
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", tests, *arguments]
    settings = environment | {ENGINE_VARIABLE: program}
    done = subprocess.run(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    ImageBuilder(program, environment).remove()
    result = "passed" if done.returncode == 0 else f"failed with exit code {done.returncode}"
    print(f"{done.stdout}{program}: {result} in {time.monotonic() - begun:.0f} s", flush=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
