"""What the process of the local AWS sets for itself, each tried in a process of its own."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import ctypes, resource
from async_endpoint.emulator import process_limits
{code}
"""
# Freeing a mapped block raises glibc's threshold to its size; a smaller one then lies in the heap, and stays there under a pin.
FREED = """
from pathlib import Path
def resident():
    status = Path("/proc/self/status")
    return int(status.read_text().partition("VmRSS:")[2].split()[0]) // 1024 if status.exists() else 0
process_limits.return_large_blocks()
b"x" * (16 << 20)
before = resident()
block, pin = b"x" * (12 << 20), [b"x" * 100_000 for _ in range(3)]
del block
print(resident() - before < 6)
"""
FILES = """
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
process_limits.allow_open_files()
found = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
print(found in (hard, process_limits.MAX_OPEN_FILES))
"""


def run(code: str) -> str:
    command = [sys.executable, "-c", PROGRAM.format(code=code)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def test_the_memory_of_a_large_block_is_returned() -> None:
    assert run(FREED) == "True"


def test_more_files_may_be_open_than_by_default() -> None:
    assert run(FILES) == "True"
