"""Changes an applied environment outside Terraform, a property at a time, and looks for each with `drift`: prints its row.

    python tests/trials/drift_detection.py CHECKOUT prod [--grouped | --unlisted] [NAME ...]

The environment must be applied on the running local AWS of CHECKOUT, with the schedules of envs/prod/main.tf uncommented.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from pathlib import Path

import boto3

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from async_endpoint.deploy.deployment import Deployment
from async_endpoint.deploy.drift.environment import DriftReport, find_drift
from async_endpoint.deploy.drift.plan import plan_rows
from async_endpoint.deploy.drift.rows import DriftRow, rows_of
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.verify import inspect
from async_endpoint.local_aws import find_access_key
from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.provider import running_provider
from async_endpoint.terraform.saved_plans import saved_plan
from trials.further_changes import MORE
from trials.out_of_band import CHANGES, OutOfBand, World
from trials.planned_rows import PLANNED_ROWS
from trials.unlisted_changes import UNLISTED, UNSEEN

EVERY = (*CHANGES, *MORE)
HIDES_OTHERS = (
    "endpoint: deployment configuration",
    "key: disabled",
    "key: pending deletion",
    "bucket: one flag of public access",
)


class Found(StrEnum):
    """Which source reports a change. LEFTOVER where a row of the change before was still there: it then proves nothing.

    UNSEEN where no row appears for a change that docs/drift.md names as not compared.
    """

    NOT = "NOT"
    UNSEEN = "unseen"
    VERIFICATION = "verification"
    PLAN = "plan"
    LEFTOVER = "LEFTOVER"


class Trials:
    """Makes changes one at a time on an environment that is applied on a running local AWS, and looks for each with `drift`."""

    def __init__(self, checkout: Path, environment: str) -> None:
        os.environ["ASYNC_ENDPOINT_HOME"] = str(checkout)
        self._environment = environment
        self._seen: list[str] = []
        [outputs] = self._deployment({}).applied_endpoints().values()
        self._outputs, self._aws = outputs, self._deployment({}).session(outputs.region)
        url = str(self._deployment({}).copy.endpoint_url)
        signing = find_access_key(url)
        session = boto3.Session(signing.access_key_id, signing.secret_access_key, region_name=outputs.region)
        self.credentials = {**signing.variables(), "AWS_ENDPOINT_URL": url}
        self.world = World(cache(lambda service: session.client(service, endpoint_url=url)), outputs)

    @contextmanager
    def provider(self) -> Iterator[None]:
        """Within the block one provider serves every plan: starting it is most of what a plan costs."""
        copy = self._deployment({}).copy
        Terraform(copy.folder, copy.process_environment, on_output=lambda line: None).init(copy.backend_files)
        [executable] = (copy.folder / ".terraform").glob("providers/*/hashicorp/aws/*/*/terraform-provider-aws_*")
        with running_provider(executable, copy.folder, copy.process_environment) as attached:
            self._attached = attached
            self._planning = self._deployment(attached)
            yield

    def drift(self) -> DriftReport:
        return find_drift(self._deployment(self._attached))

    def live(self) -> list[DriftRow]:
        """The rows of the first of `drift`'s two sources, which takes a tenth of the time of both."""
        found = inspect(self._aws, self._outputs, Poller(deadline=20)).differences
        return [row for one in found if not one.transitional for row in rows_of(self._environment, one, "apply")]

    def planned(self) -> list[DriftRow]:
        """The rows of the second source, without what a command does before it."""
        with saved_plan(self._planning.workspace) as file:
            self._planning.terraform.plan(file, lock=False)
            return plan_rows(self._planning.terraform.show(file), {}, "apply")

    def run(self, change: OutOfBand) -> Found:
        """Which of the two sources report `change`, made alone."""
        began, undo = time.monotonic(), change.change(self.world)
        try:
            found, rows = self._look(change)
        finally:
            undo()
        row = next((row for row in rows if reports(row, change)), None)
        others = [as_sentence(one) for one in rows if not reports(one, change)]
        stale, self._seen = [one for one in others if one in self._seen], [as_sentence(one) for one in rows]
        shown = as_sentence(row) if row else "NOT FOUND"
        print(f"{change.name:44} {time.monotonic() - began:3.0f} s  {found:12}  {shown}", flush=True)
        for one in others:
            print(f"{'':52}beside it{', LEFT FROM THE CHANGE BEFORE' if one in stale else ''}: {one}", flush=True)
        return Found.LEFTOVER if stale else found

    def _look(self, change: OutOfBand) -> tuple[Found, list[DriftRow]]:
        """Terraform plans only where the first source has not found it: that is most of the time."""
        live = self.live()
        if any(reports(row, change) for row in live):
            return Found.VERIFICATION, live
        planned = self.planned()
        if change.name in UNSEEN and not live + planned:
            return Found.UNSEEN, []
        return Found.PLAN if any(reports(row, change) for row in planned) else Found.NOT, live + planned

    def run_together(self, changes: Sequence[OutOfBand]) -> list[Found]:
        """The same for changes of different resources by one plan."""
        began, undo = time.monotonic(), [change.change(self.world) for change in changes]
        try:
            rows = self.planned()
        finally:
            for one in undo:
                one()
        for change in changes:
            row = next((row for row in rows if reports(row, change)), None)
            print(f"{change.name:44}        {as_sentence(row) if row else 'NOT FOUND'}", flush=True)
        print(f"{len(changes)} together: {time.monotonic() - began:.0f} s, {len(rows)} rows", flush=True)
        return [Found.PLAN if any(reports(row, change) for row in rows) else Found.NOT for change in changes]

    def _deployment(self, attached: dict[str, str]) -> Deployment:
        os.environ.update(attached)
        return Deployment.prepare(self._environment, local=True, plans=True, on_output=lambda line: None)


def as_sentence(row: DriftRow) -> str:
    """A row in the words of verification."""
    return (
        f"{row.resource} has {row.attribute} {row.live} instead of {row.expected}"
        if row.attribute
        else f"{row.resource} {row.live}"
    )


def reports(row: DriftRow, change: OutOfBand) -> bool:
    """Whether a row is about a change: it has what verification says of it, or the attribute and value of a plan."""
    said = as_sentence(row)
    planned = PLANNED_ROWS.get(change.name)
    return (planned is not None and planned in said) or (change.by != "plan" and change.reported in said)


def groups(changes: Iterable[OutOfBand]) -> list[list[OutOfBand]]:
    """Changes that a plan reports, in groups of different resources; what hides others is alone."""
    found: list[list[OutOfBand]] = []
    for change in changes:
        if change.name in HIDES_OTHERS:
            found.append([change])
            continue
        address = _address(change)
        for group in found:
            if group[0].name not in HIDES_OTHERS and address not in {_address(other) for other in group}:
                group.append(change)
                break
        else:
            found.append([change])
    return found


def _address(change: OutOfBand) -> str:
    return PLANNED_ROWS[change.name].split(" ", maxsplit=1)[0]


def main(checkout: Path, environment: str, *names: str) -> int:
    """Make each change of `names`, or all; 1 when one is not reported, or something is left after undoing them.

    With --grouped first among the names, those of different resources are made together: a tenth of the time. With --unlisted,
    the changes are those of unlisted_changes.py.
    """
    trials = Trials(checkout, environment)
    with trials.provider():
        clean = trials.drift()
        print(f"before: {[as_sentence(row) for row in clean.rows]}, unapplied {clean.pending}, notes {clean.notes}", flush=True)
        grouped, wanted = names[:1] == ("--grouped",), {*names} - {"--grouped", "--unlisted"}
        listed = UNLISTED if names[:1] == ("--unlisted",) else EVERY
        changes = [change for change in listed if not wanted or change.name in wanted]
        if grouped:
            planned = [change for change in changes if change.name in PLANNED_ROWS]
            found = Counter(one for group in groups(planned) for one in trials.run_together(group))
        else:
            found = Counter(trials.run(change) for change in changes)
        left = [as_sentence(row) for row in trials.drift().rows]
    counts = ", ".join(f"{found[one]} {one}" for one in Found)
    print(f"{found.total()} changes: {counts}; left after undoing them: {left or 'nothing'}")
    return 1 if found[Found.NOT] or found[Found.LEFTOVER] or left else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
