"""What `simulate` and `recommend` compute with: the endpoint's settings, live or planned, the workload, and start times."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from async_endpoint.capacity.distributions import Distribution, Sampled, parse_distribution
from async_endpoint.capacity.profile import Profile
from async_endpoint.capacity.settings import ModuleSettings, Settings
from async_endpoint.capacity.slowdown import NONE, Slowdown
from async_endpoint.capacity.workload import Workload
from async_endpoint.cli.console import print_progress
from async_endpoint.core.addresses import Address
from async_endpoint.core.errors import InvalidInput, NotApplied, UnknownEnvironment
from async_endpoint.sizing.arrival_sources import ArrivalOptions, Live, not_applied, read_workload
from async_endpoint.sizing.deployed_settings import deployed_settings
from async_endpoint.sizing.profile_files import read_profile
from async_endpoint.sizing.scaling_activities import capacity_changes, start_seconds
from async_endpoint.workspace import Workspace

if TYPE_CHECKING:
    from async_endpoint.aws import AwsSession
    from async_endpoint.core.outputs import AsyncEndpointOutputs

NO_SLOWDOWN: Final = "Requests on one instance do not slow each other down: no --profile says how much."

DEFAULTS: Final = "defaults"  # in place of an environment
DEFAULT_REGION: Final = "us-east-1"


@dataclass(frozen=True)
class Subject:
    """The endpoint: `settings` as deployed or planned; `outputs` and `session` of a live one, None for one that is planned."""

    address: str
    region: str
    settings: Settings
    notes: tuple[str, ...]
    outputs: AsyncEndpointOutputs | None = None
    session: AwsSession | None = None

    @property
    def live(self) -> Callable[[], Live]:
        """What sources of arrivals call that need the live endpoint."""
        outputs, session = self.outputs, self.session
        if outputs is None or session is None:
            return not_applied(self.address)
        return lambda: (session, outputs.endpoint)


@dataclass(frozen=True)
class SizingInputs:
    """`starts` is how long a new instance takes to serve; `notes` say where everything comes from and what is assumed."""

    subject: Subject
    workload: Workload
    starts: Distribution
    slowdown: Slowdown
    profile: Profile | None
    notes: tuple[str, ...]


def sizing_inputs(
    address: str,
    arrivals: Sequence[str],
    *,
    service_time: str | None = None,
    start_time: str | None = None,
    profile: Path | None = None,
    stretch: str | None = None,
    duration: str | None = None,
    seed: int = 0,
    local: bool = False,
    region: str | None = None,
) -> SizingInputs:
    """All inputs, from options as they are given on the command line; files and syntax are checked before the endpoint is.

    Raises InvalidInput, and what `find_subject` and `read_workload` raise.
    """

    @cache
    def found() -> Subject:
        return find_subject(address, local=local, region=region)

    measured = read_profile(profile)
    stated = parse_distribution(start_time) if start_time else None
    options = ArrivalOptions(service_time, measured, stretch, duration, seed, time.time())
    read = read_workload(arrivals, options, lambda: found().live())
    subject = found()
    starts, source = (stated, f"--start-time {start_time}") if stated else _start_times(subject, measured)
    slowdown = Slowdown.of(measured.slowdown()) if measured else NONE
    notes = [*subject.notes, *read.notes, f"Instances start in {starts.mean:.0f} s on average: {source}."]
    if measured is None:
        notes.append(NO_SLOWDOWN)
    elif measured.instance_type != subject.settings.instance_type:
        notes.append(f"The profile is of {measured.instance_type}, and the endpoint has {subject.settings.instance_type}.")
    return SizingInputs(subject, read.workload, starts, slowdown, measured, tuple(notes))


def find_subject(address: str, *, local: bool, region: str | None = None) -> Subject:
    """The live endpoint, or if nothing is applied what a plan would deploy, which takes Terraform some seconds.

    DEFAULTS in place of an environment is an endpoint with the defaults of module async-inference, which needs neither AWS nor
    Terraform; `region` is that of its prices. Raises InvalidInput for a region of anything else, and what `read_endpoint`,
    `deployed_settings` and `planned_settings` raise.
    """
    if address == DEFAULTS and DEFAULTS not in Workspace.find().environments:
        place = region or DEFAULT_REGION
        note = f"The settings are the defaults of module async-inference, and prices those of {place} (--region)."
        return Subject(address, place, ModuleSettings().settings(), (note,))
    if region is not None:
        raise InvalidInput(f"--region is for the settings called {DEFAULTS}; {address} has a region of its own.")
    from async_endpoint.terraform.outputs import read_endpoint  # noqa: PLC0415 - loaded when it is needed

    try:
        outputs, access = read_endpoint(address, local=local)
    except NotApplied:
        return _planned(address, local=local)
    except UnknownEnvironment as error:
        error.append(f"In place of an environment, {DEFAULTS} has the defaults of module async-inference.")
        raise
    session = access.session(outputs.region)
    found = deployed_settings(session, outputs.endpoint.name, outputs.limits.request_ttl_seconds)
    return Subject(address, outputs.region, found.settings, found.notes, outputs, session)


def _planned(address: str, *, local: bool) -> Subject:
    from async_endpoint.deploy.deployment import Deployment  # noqa: PLC0415 - loaded when it is needed
    from async_endpoint.deploy.planned_settings import planned_settings  # noqa: PLC0415

    parsed = Address.parse(address)
    print_progress(f"{parsed.environment} has not been applied: its settings are those of a plan")
    deployment = Deployment.prepare(parsed.environment, local=local, plans=True, on_output=lambda line: None)
    found, region = planned_settings(deployment, parsed)
    return Subject(address, region, found.settings, (f"{address} is not applied: settings are those of a plan.", *found.notes))


def _start_times(subject: Subject, profile: Profile | None) -> tuple[Distribution, str]:
    """How long a new instance takes to serve, by the profile or the scaling activities, and which of them."""
    if profile is not None and profile.start_seconds:
        return Sampled(profile.start_seconds), f"{len(profile.start_seconds)} starts of the profile"
    if subject.session is not None and subject.outputs is not None:
        seconds = start_seconds(capacity_changes(subject.session, subject.outputs.scaling.resource_id))
        if seconds:
            return Sampled(tuple(seconds)), f"{len(seconds)} scale-outs among the scaling activities (A306)"
    raise InvalidInput(
        f"How long a new instance of {subject.address} takes to serve is not known; give --start-time, or a --profile."
    )
