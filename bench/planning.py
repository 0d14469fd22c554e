"""`plan` beside the three commands of Terraform that it cannot do without, in the same working copy."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from async_endpoint.local_aws import require_credentials
from async_endpoint.workspace import Workspace
from bench.report import Report

ROUNDS = 5
MAX_RATIO = 1.3
CHECKOUT = Path(__file__).parents[1]
ENVIRONMENT = "dev"
OLD, NEW = '"ml.m5.large"', '"ml.m5.xlarge"'


def measure(report: Report, rounds: int = ROUNDS) -> None:
    """An applied environment whose instance type is changed: medians of alternating rounds."""
    with tempfile.TemporaryDirectory(prefix="async-endpoint-bench-") as folder, _Checkout(Path(folder)) as checkout:
        checkout.command("apply", ENVIRONMENT, "--local")
        main = checkout.folder / "envs" / ENVIRONMENT / "main.tf"
        main.write_text(main.read_text().replace(OLD, NEW))
        taken: tuple[list[float], list[float]] = ([], [])
        for turn in range(rounds):
            for number in (0, 1) if turn % 2 else (1, 0):
                taken[number].append(_seconds((checkout.plan, checkout.bare)[number]))
    plan, bare = map(statistics.median, taken)
    report.add("planning", "terraform init, plan -out, show -json", f"{bare:.1f} s")
    report.add("planning", f"async-endpoint plan {ENVIRONMENT}, with summary and cost", f"{plan:.1f} s")
    report.bar("planning", "ratio", f"{plan / bare:.2f}", plan / bare <= MAX_RATIO, f"≤ {MAX_RATIO}")


class _Checkout:
    """A scratch checkout with the environments and modules of this one, and a local AWS of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(CHECKOUT / "envs", folder / "envs", ignore=shutil.ignore_patterns("*.auto.tfvars", "*.tfbackend"))
        for name in ("modules", "examples"):
            (folder / name).symlink_to(CHECKOUT / name)
        unset = ("AWS_", "TF_", "ASYNC_ENDPOINT_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
        binaries = Path(sys.executable).parent
        path = f"{binaries}{os.pathsep}{kept.get('PATH', os.defpath)}"
        self._environment = kept | {"ASYNC_ENDPOINT_HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), "PATH": path}
        self._local_credentials: dict[str, str] = {}

    def __enter__(self) -> _Checkout:
        self.command("package", "examples/fashion-recommender", "-o", "build/fashion-recommender.tar.gz")
        self.command("local", "up", "--port", "0", "--time-scale", "60", "--detach")
        self._local_credentials = require_credentials(Workspace(self.folder)).access_key.variables()
        return self

    def __exit__(self, *_: object) -> None:
        self.command("local", "down")

    def command(self, *arguments: str) -> str:
        return self._run([sys.executable, "-m", "async_endpoint.cli", *arguments], self.folder, self._environment)

    def plan(self) -> None:
        self.command("plan", ENVIRONMENT, "--local", "--json")

    def bare(self) -> None:
        """What the driver runs, with the environment that it runs them in."""
        [folder] = self.folder.glob(f".local/deployments/{ENVIRONMENT}-local/*/envs/{ENVIRONMENT}")
        environment = (
            self._environment | self._local_credentials | {"TF_CLI_CONFIG_FILE": str(folder.parents[1] / "terraform.rc")}
        )
        init = ("init", "-input=false", "-no-color", "-lockfile=readonly", "-reconfigure")
        for arguments in (init, ("plan", "-input=false", "-no-color", "-out=bare.tfplan"), ("show", "-json", "bare.tfplan")):
            self._run(["terraform", *arguments], folder, environment)

    def _run(self, command: list[str], folder: Path, environment: dict[str, str]) -> str:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-2000:]}{done.stdout[-500:]}")
        return done.stdout


def _seconds(run: Callable[[], object]) -> float:
    begun = time.monotonic()
    run()
    return time.monotonic() - begun
