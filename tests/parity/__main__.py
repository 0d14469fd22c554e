"""`make parity` checks the assumptions about AWS; `make parity-sweep` removes what a killed run left."""

from __future__ import annotations

import argparse
import math
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import AsyncEndpointError, InvalidInput, NotReady, QuotaTooLow, Refused
from async_endpoint.deploy.quotas import Need as QuotaNeed
from async_endpoint.deploy.quotas import compare_quotas
from async_endpoint.local_aws import require_record
from async_endpoint.workspace import Workspace
from parity.account import Account
from parity.guard import Guard
from parity.kinds import KINDS
from parity.local import local_account, temporary_local_aws
from parity.meter import Meter
from parity.pace import AWS_PACE
from parity.plan import Plan
from parity.probe import INSTANCE_TYPE, Observation, Probe, Verdict, all_probes
from parity.record import entries, require_aws, require_aws_addresses, write_record
from parity.removal import find, remove
from parity.runner import ON_AWS, REMOVAL_SECONDS, cancelled_by_signals, removal_clients, run_and_remove
from parity.scope import TAG, Scope
from parity.table import is_current, write_table
from support.remote_aws import RemoteAws

INTERRUPTED = 130
OTHER_SERVICES = {"sagemaker-runtime", "sts", "resourcegroupstaggingapi", "service-quotas"}
SERVICES = sorted({kind.service for kind in KINDS} | OTHER_SERVICES)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        "parity", usage="make parity [AWS=1 REGION=... BUDGET=...] [PARITY_ARGS=...]", description=__doc__, allow_abbrev=False
    )
    made.add_argument("--aws", action="store_true", help="run on the account of your AWS credentials; default: a local AWS")
    made.add_argument("--region", help="region of the run; required with --aws")
    made.add_argument("--budget", type=at_least(0.01), help="US dollars that the estimate may not exceed; required with --aws")
    made.add_argument("--yes", action="store_true", help="do not ask before anything is created")
    made.add_argument("--probe", action="append", metavar="NAME", help="run this probe only; repeatable")
    made.add_argument("--endpoints", type=int, default=ON_AWS.endpoints, help="endpoints of probes' own at a time on AWS")
    made.add_argument("--home", type=Path, help="use the local AWS that runs for this folder; default: start one")
    made.add_argument("--time-scale", type=at_least(0.1), default=120.0, help="of the local AWS that is started (default 120)")
    made.add_argument("--plan", action="store_true", help="print plan and cost, and end")
    made.add_argument("--sweep", action="store_true", help="list what runs left in the region, ask, remove it, and end")
    made.add_argument("--run", default="", help="of --sweep: this run only; default: every run")
    made.add_argument("--table", action="store_true", help="write docs/parity.md, and end")
    made.add_argument("--check-table", action="store_true", help="exit with 1 unless docs/parity.md is current")
    return made


def at_least(least: float) -> Callable[[str], float]:
    """A type of argument: a finite number from `least` on. NaN would be above no budget, and no estimate above it."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value < math.inf:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} on")
        return value

    return number


def log(text: str) -> None:
    """A line of progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def progress() -> Callable[[str], None]:
    """`log` with the seconds since now before each line."""
    begin = time.monotonic()
    return lambda text: log(f"{time.monotonic() - begin:6.1f} s  {text}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code. Errors are one sentence on standard error."""
    options = parser().parse_args(arguments)
    cancelled = threading.Event()
    try:
        return execute(options, cancelled)
    except KeyboardInterrupt:
        return INTERRUPTED
    except AsyncEndpointError as error:
        log(f"error: {error}")
        return INTERRUPTED if cancelled.is_set() else error.exit_code
    except (BotoCoreError, ClientError) as error:
        log(f"error: AWS cannot be used: {error}; check AWS_PROFILE, the sign-in (aws sso login) and the region")
        return NotReady.exit_code


def execute(options: argparse.Namespace, cancelled: threading.Event) -> int:
    if options.table:
        write_table()
        return 0
    if options.check_table:
        if not is_current():
            log("docs/parity.md is not what `make docs` writes: run it")
        return 0 if is_current() else 1
    chosen = choose(all_probes(), options.probe)
    if options.endpoints < 1:
        raise InvalidInput(f"--endpoints is {options.endpoints}: give 1 or more")
    plan = Plan(chosen, replace(ON_AWS, endpoints=options.endpoints))
    if options.aws:
        return on_aws(options, plan, cancelled)
    if options.plan:
        print(plan.text())
        return 0
    with cancelled_by_signals(cancelled), local_aws(options) as (aws, scale):
        account = local_account(aws, new_run(), scale, cancelled)
        if options.sweep:
            return sweep(account, Scope(account.region, options.run), cancelled)
        found, left = run_and_remove(chosen, account, log=progress())
    return report(chosen, found, left, local=True)


def on_aws(options: argparse.Namespace, plan: Plan, cancelled: threading.Event) -> int:
    """Plan, ask, run, remove and record, on the account of the caller's own session."""
    if not options.region:
        raise InvalidInput("a run on AWS needs a region: REGION=eu-west-1 (or --region)")
    if not options.sweep and options.budget is None:
        raise InvalidInput("a run on AWS needs a budget in US dollars: BUDGET=2 (or --budget)")
    account = Account(boto3.Session(region_name=options.region), Guard(new_run(), cancelled), AWS_PACE)
    for service in SERVICES:
        account.client(service)
    require_aws_addresses(account.endpoint_urls())  # before the first call
    require_aws(account.endpoint_urls(), account.id)
    if options.sweep:
        return sweep_aws(options, account, cancelled)
    print(plan.text())
    print(f"account {account.id}, region {options.region}, resources {account.guard.prefix}…, tag {TAG}={account.guard.run}")
    print(f"if this process is killed, instances cost until you run: make parity-sweep REGION={options.region}")
    if plan.dollars > options.budget:
        raise Refused(
            f"the estimate is ${plan.dollars:.2f}, above the budget of ${options.budget:.2f}: raise it or choose probes"
        )
    require_quota(plan, options.region)
    if options.plan:
        return 0
    if not options.yes:
        confirm("Create these resources, and remove them afterwards?")
    with cancelled_by_signals(cancelled):
        found, left = run_and_remove(
            plan.probes,
            account,
            limits=plan.limits,
            over_budget=over_budget(account, options.budget - plan.dollars_beside_instances),
            log=progress(),
        )
    if found is not None:
        written = entries(found, options.region, datetime.now(UTC), account.hidden)
        write_record(written, account.endpoint_urls(), account.id)
        write_table()
    return report(plan.probes, found, left, local=False)


def choose(probes: Sequence[Probe], names: Sequence[str] | None) -> list[Probe]:
    known = {probe.name: probe for probe in probes}
    for name in names or ():
        if name not in known:
            raise InvalidInput(f"there is no probe {name}; there are: {', '.join(known)}")
    return [known[name] for name in names] if names else list(probes)


def new_run() -> str:
    """The id of a run, part of every name of its resources."""
    return secrets.token_hex(4)


@contextmanager
def local_aws(options: argparse.Namespace) -> Iterator[tuple[RemoteAws, float]]:
    """The local AWS of --home, or one that ends with the block, and its time scale."""
    if options.home:
        workspace = Workspace(options.home)
        record = require_record(workspace)
        yield RemoteAws(record, workspace), record.time_scale
        return
    with temporary_local_aws(options.time_scale) as aws:
        yield aws, options.time_scale


def over_budget(account: Account, dollars: float) -> Callable[[], bool]:
    """Whether the instances of a run would cost more than this by the end of its removal."""

    def endpoints() -> list[str]:
        return [name for kind, name in account.guard.created if kind == "endpoint"]

    meter = Meter(account.unguarded("sagemaker"), endpoints)
    return lambda: meter.projected() > dollars


def require_quota(plan: Plan, region: str) -> None:
    """Raise QuotaTooLow when the account may not have as many instances as the run needs at a time."""
    if not plan.instances:
        return
    need = QuotaNeed(region, INSTANCE_TYPE, plan.instances, plan.instances)
    refusals, notices = compare_quotas(AwsSession.create, "the run", [need])
    for notice in notices:
        log(notice)
    if refusals:
        raise QuotaTooLow(
            f'the run needs {plan.instances} instances {INSTANCE_TYPE} at a time, more than the quota "{INSTANCE_TYPE} for '
            f'endpoint usage" of {region} allows: request an increase, or run fewer at a time (PARITY_ARGS="--endpoints 1" '
            "or --probe NAME)"
        )


def confirm(question: str) -> None:
    """Ask before anything is changed. Raises Refused."""
    if not sys.stdin.isatty():
        raise Refused("confirmation required but stdin is not a terminal; pass YES=1 (or --yes)")
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise Refused("nothing was changed")


def sweep_aws(options: argparse.Namespace, account: Account, cancelled: threading.Event) -> int:
    """List what runs left in the region, ask, and remove it: a run that is in progress elsewhere would lose its resources."""
    scope = Scope(account.region, options.run)
    items, unknown = find(removal_clients(account), scope)
    print(f"account {account.id}, region {account.region}: {len(items)} resources of runs, with names and tags of their form")
    for kind, identifier in items:
        print(f"{kind} {identifier}")
    for sentence in unknown:
        log(sentence)
    if items and not options.yes:
        confirm("Remove these? A run in progress would lose what it uses.")
    with cancelled_by_signals(cancelled):
        return sweep(account, scope, cancelled)


def sweep(account: Account, scope: Scope, cancelled: threading.Event) -> int:
    """Remove everything in a scope; 1 when something is left, or may be."""
    left = remove(
        removal_clients(account),
        scope,
        deadline=time.monotonic() + max(account.pace.wall(REMOVAL_SECONDS), 60),
        pause=lambda: cancelled.wait(min(account.pace.longest_poll, 10)),
        stop=cancelled.is_set,
        log=log,
    )
    for sentence in left:
        log(f"left: {sentence}")
    return INTERRUPTED if cancelled.is_set() else 1 if left else 0


def report(
    probes: Sequence[Probe], found: Mapping[str, Sequence[Observation]] | None, left: Sequence[str], *, local: bool
) -> int:
    """Print what was observed; 0 when every assumption holds and nothing is left."""
    for sentence in left:
        log(f"left: {sentence}; make parity-sweep removes it later")
    if found is None:
        return INTERRUPTED
    wrong = 0
    for probe in probes:
        wanted = Verdict.DEVIATES if local and probe.stricter_locally else Verdict.HOLDS
        for item in found[probe.name]:
            mark = "" if item.verdict == Verdict.HOLDS else f"; expected {item.expected or '-'}, observed {item.observed}"
            note = f" (stricter on purpose: {probe.stricter_locally})" if local and probe.stricter_locally else ""
            print(f"{item.assumption:<5} {probe.name:<44} {item.verdict}{mark}{note}")
            wrong += item.verdict is not wanted
    print(f"{len(probes)} probes on {'the local AWS; no record is written' if local else 'AWS; docs/parity.json is written'}")
    return 1 if wrong or left else 0


if __name__ == "__main__":
    sys.exit(main())
