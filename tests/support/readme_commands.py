"""The commands of an example's README, run as they are written, in a copy of the checkout."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from support.documents import ROOT, Document

# The copy uses this checkout's environment as it is, and a port that is free.
PRELUDE = """
set -e -o pipefail
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
make() {
  local word up= down= scale=60 targets=()
  for word in "$@"; do
    case "$word" in
      local-up) up=1 ;;
      local-down) down=1 ;;
      TIME_SCALE=*) scale="${word#TIME_SCALE=}" ;;
      *) targets+=("$word") ;;
    esac
  done
  if [ ${#targets[@]} -gt 0 ]; then
    command make -o .venv/python -o .venv/terraform -o .venv/runtime -o .venv/dev "${targets[@]}"
  fi
  if [ "$up" ]; then async-endpoint local up --detach --port 0 --time-scale "$scale"; fi
  if [ "$down" ]; then async-endpoint local down; fi
}
"""


def clone(folder: Path) -> Path:
    """A checkout with the files of this one that git has or would add, without what was generated."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def commands(example: str) -> list[str]:
    """The lines of the README's first block, without comments."""
    block = Document.read(ROOT / "examples" / example / "README.md").blocks("")[0]
    return [line.split("  #")[0].strip() for line in block.splitlines()]


def guide(page: str) -> list[str]:
    """The commands and the Python programs of a page of docs/, in their order; blocks of another language are not executed."""
    blocks = Document.read(ROOT / "docs" / page).fences()
    return [
        f"python - <<'PROGRAM'\n{code}PROGRAM" if language else code for language, code in blocks if language in ("", "python")
    ]


def run(checkout: Path, lines: Sequence[str], seconds: float) -> str:
    """What the lines print on standard output; AssertionError with everything printed when one fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ASYNC_ENDPOINT_"))}
    path = f"{ROOT / '.venv/bin'}{os.pathsep}{environment['PATH']}"
    with subprocess.Popen(
        ["bash", "-c", "\n".join([PRELUDE, *lines])],
        cwd=checkout,
        env={**environment, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            stdout, stderr = shell.communicate(timeout=seconds)
        except BaseException:
            os.killpg(shell.pid, signal.SIGKILL)  # programs in the background too
            raise
    assert shell.returncode == 0, stdout + stderr
    return stdout
