"""`python -m policies [--sarif FILE]`: check the source of modules, envs and examples, and plans of envs and examples.

Exit code 1 if a check failed or was skipped without a reason. The comment `#checkov:skip=<check>:<reason>` in a block skips a
check there. FILE receives what failed in the format of code scanning, also when nothing did.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from async_endpoint.core.errors import AsyncEndpointError
from policies.checkov import Report, scan_plans, scan_sources
from policies.plans import make_plans
from policies.sarif import write_sarif

CHECKOUT = Path(__file__).resolve().parents[1]
STARTED = time.monotonic()
SOURCES = ("modules", "envs", "examples")

# Not deployed: Terraform's tests and temporary files, and the examples' data.
_IGNORED = shutil.ignore_patterns(
    ".terraform", "*_override.tf", "*.tfstate*", "*.tfplan", "*.tfbackend", "*.auto.tfvars", "tests", "catalogue", "queries"
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m policies")
    parser.add_argument("--sarif", type=Path)
    arguments = parser.parse_args()
    reports = _scan()
    problems = [line for report in reports for line in _problems(report)]
    for line in problems:
        print(line, file=sys.stderr)
    if arguments.sarif:
        write_sarif(arguments.sarif, reports)
    return 1 if problems else 0


def _scan() -> list[Report]:
    """The reports on sources and on plans."""
    with tempfile.TemporaryDirectory(prefix="async-endpoint-policy-") as folder:
        work = Path(folder).resolve()
        sources = work / "sources"
        for name in SOURCES:
            shutil.copytree(CHECKOUT / name, sources / name, symlinks=True, ignore=_IGNORED)
        roots = sorted(path.parent for name in SOURCES[1:] for path in (sources / name).glob("*/providers.tf"))
        with ThreadPoolExecutor(1) as executor:
            planned = executor.submit(make_plans, roots, work)
            source = _counted("source", scan_sources(sources))
            plans = planned.result()
        return [source, _counted(f"plans of {len(roots)} roots", scan_plans(plans, sources))]


def _counted(what: str, report: Report) -> Report:
    """`report`, after a line about it."""
    print(
        f"{time.monotonic() - STARTED:6.1f} s  {what}: {len(report.passed)} passed, {len(report.failed)} failed, "
        f"{len(report.skipped)} skipped with a reason",
        file=sys.stderr,
    )
    return report


def _problems(report: Report) -> list[str]:
    problems = [f"failed {record}" for record in report.failed]
    problems += [f"skipped without a reason {record}" for record in report.unexplained]
    return list(dict.fromkeys(problems))  # a module's failures are repeated in each plan


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AsyncEndpointError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
