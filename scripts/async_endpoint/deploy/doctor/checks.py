"""Checks, and how they run: together, each after those that it needs, an error of a call as a finding."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from async_endpoint.aws import DENIED_CODES, error_code, error_message
from async_endpoint.core.errors import AsyncEndpointError
from async_endpoint.deploy.doctor.findings import CheckResult, Finding, Status, failure, skipped, split_sentence, warning
from async_endpoint.deploy.doctor.setup import Setup


@dataclass(frozen=True)
class Check:
    """One subject. `needs` are the names of checks that must not fail before it, `after` of others that end before it begins.

    `online` is whether it calls AWS, `after_apply` whether it is about what exists after the first apply only. `run` may raise
    errors of boto3 and of the tree: a permission that the check lacks is a warning, everything else a failure.
    """

    name: str
    run: Callable[[Setup], Iterable[Finding]]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    online: bool = False
    after_apply: bool = False


def run_checks(setup: Setup, checks: Sequence[Check], *, offline: bool) -> list[CheckResult]:
    """The results, in the order of `checks`. What they need comes before them in it."""
    running: dict[str, Future[CheckResult]] = {}
    with ThreadPoolExecutor(max(len(checks), 1), thread_name_prefix="doctor") as pool:
        for check in checks:
            earlier = {name: running[name] for name in (*check.needs, *check.after) if name in running}
            running[check.name] = pool.submit(_run, setup, check, earlier, offline)
        return [running[check.name].result() for check in checks]


def _run(setup: Setup, check: Check, earlier: Mapping[str, Future[CheckResult]], offline: bool) -> CheckResult:
    if check.online and offline:
        return CheckResult(check.name, (skipped("not checked: it needs AWS, and --offline was given"),))
    results = {name: future.result() for name, future in earlier.items()}  # each has a thread of its own
    for name in check.needs:
        result = results[name]
        if result.blocked or result.status is Status.FAILURE:
            return CheckResult(check.name, (skipped(f"not checked: {name} comes first"),), blocked=True)
    if check.after_apply and not setup.applied:
        return CheckResult(check.name, (skipped(f"checked once {setup.environment} has been applied"),))
    return CheckResult(check.name, tuple(findings_of(functools.partial(check.run, setup), check.name)))


def findings_of(run: Callable[[], Iterable[Finding]], name: str) -> list[Finding]:
    """What `run` finds; what it raises is a finding too, after those before it."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow to load

    found: list[Finding] = []
    try:
        for finding in run():
            found.append(finding)  # one by one: those before an error are kept
    except ClientError as error:
        found.append(denied(error) if error_code(error) in DENIED_CODES else _refused(error))
    except BotoCoreError as error:
        text = " ".join(str(error).split()).rstrip(".")
        found.append(failure(f"AWS did not answer: {text}", "check the network, a proxy and the region, and run it again"))
    except AsyncEndpointError as error:
        found.append(failure(*split_sentence(str(error), "correct it and run the doctor again")))
    except Exception as error:  # one check that is broken must not hide what the others found
        text = f"the check {name} ended with {type(error).__name__}: {error}"
        found.append(failure(text, "report it, with ASYNC_ENDPOINT_TRACEBACK=1 of the command that fails"))
    return found


def denied(error: Any, what: str = "not checked") -> Finding:
    """The warning for a call that the caller may not make."""
    action = error.response["Error"].get("Action", error.operation_name)
    return warning(f"{what}: these credentials may not call {action}", f"allow {action}, or run the doctor as a role that may")


def _refused(error: Any) -> Finding:
    action = error.response["Error"].get("Action", error.operation_name)
    return failure(f"{action} was refused: {error_code(error)}, {error_message(error)}", "correct what the message names")
