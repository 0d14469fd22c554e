"""`python -m policies`: check modules, envs and examples as they are written, and envs and examples as they are planned.

Ends with 1 when a check failed or was skipped without a reason, and says which. A check is skipped by a comment in the block it
is about, `#checkov:skip=<check>:<reason>`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from async_endpoint.core.errors import AsyncEndpointError
from policies.checkov import Report, scan_plans, scan_sources
from policies.plans import make_plans

CHECKOUT = Path(__file__).resolve().parents[1]
STARTED = time.monotonic()
SOURCES = ("modules", "envs", "examples")

# Neither is deployed: Terraform's tests and what is left of its work, and what examples hold beside Terraform.
_LEFT_OUT = shutil.ignore_patterns(".terraform", "*_override.tf", "*.tfstate*", "*.tfplan", "tests", "catalogue", "queries")


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="async-endpoint-policy-") as folder:
        work = Path(folder).resolve()
        sources = work / "sources"
        for name in SOURCES:
            shutil.copytree(CHECKOUT / name, sources / name, symlinks=True, ignore=_LEFT_OUT)
        roots = sorted(path.parent for name in SOURCES[1:] for path in (sources / name).glob("*/providers.tf"))
        with ThreadPoolExecutor(1) as beside:
            planned = beside.submit(make_plans, roots, work)
            complaints = _complaints("as written", scan_sources(sources))
            plans = planned.result()
        complaints += _complaints(f"as planned, {len(roots)} roots", scan_plans(plans, sources))
    for line in complaints:
        print(line, file=sys.stderr)
    return 1 if complaints else 0


def _complaints(what: str, report: Report) -> list[str]:
    print(
        f"{time.monotonic() - STARTED:6.1f} s  {what}: {len(report.passed)} passed, {len(report.failed)} failed, "
        f"{len(report.skipped)} skipped with a reason",
        file=sys.stderr,
    )
    complaints = [f"failed {record}" for record in report.failed]
    complaints += [f"skipped without a reason {record}" for record in report.unexplained]
    return list(dict.fromkeys(complaints))  # plans repeat what holds for a module


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AsyncEndpointError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
