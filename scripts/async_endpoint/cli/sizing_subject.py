"""The endpoint that a sizing command is about: live, or as a plan would deploy it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from async_endpoint.cli.console import print_progress
from async_endpoint.core.addresses import Address
from async_endpoint.core.errors import InvalidInput, NotApplied

if TYPE_CHECKING:
    from async_endpoint.aws import AwsSession
    from async_endpoint.capacity.distributions import Distribution
    from async_endpoint.capacity.profile import Profile
    from async_endpoint.capacity.settings import Settings
    from async_endpoint.core.outputs import AsyncEndpointOutputs, EndpointDetails

MAX_PROFILE_BYTES = 10_000_000


@dataclass(frozen=True)
class Subject:
    """`settings` as deployed or planned; `outputs` and `session` of a live endpoint, None for one that is only planned."""

    address: str
    region: str
    settings: Settings
    notes: tuple[str, ...]
    outputs: AsyncEndpointOutputs | None = None
    session: AwsSession | None = None

    @property
    def live(self) -> Callable[[], tuple[AwsSession, EndpointDetails]]:
        """What sources of arrivals call that need the live endpoint."""
        from async_endpoint.sizing.arrival_sources import not_applied  # noqa: PLC0415

        outputs, session = self.outputs, self.session
        if outputs is None or session is None:
            return not_applied(self.address)
        return lambda: (session, outputs.endpoint)


def find_subject(address: str, *, local: bool) -> Subject:
    """The live endpoint, or if nothing is applied what a plan would deploy, which takes Terraform some seconds.

    Raises what `read_endpoint`, `deployed_settings` and `planned_settings` raise.
    """
    from async_endpoint.terraform.outputs import read_endpoint  # noqa: PLC0415 - loaded when it is needed

    try:
        outputs, access = read_endpoint(address, local=local)
    except NotApplied:
        return _planned(address, local=local)
    from async_endpoint.sizing.deployed_settings import deployed_settings  # noqa: PLC0415

    session = access.session(outputs.region)
    found = deployed_settings(session, outputs.endpoint.name, outputs.limits.request_ttl_seconds)
    return Subject(address, outputs.region, found.settings, found.notes, outputs, session)


def _planned(address: str, *, local: bool) -> Subject:
    from async_endpoint.deploy.deployment import Deployment  # noqa: PLC0415
    from async_endpoint.deploy.planned_settings import planned_settings  # noqa: PLC0415

    parsed = Address.parse(address)
    print_progress(f"{parsed.environment} has not been applied: its settings are those of a plan")
    deployment = Deployment.prepare(parsed.environment, local=local, plans=True, on_output=lambda line: None)
    found, region = planned_settings(deployment, parsed)
    return Subject(address, region, found.settings, (f"{address} has not been applied; these are planned settings.", *found.notes))


def read_profile(path: Path | None) -> Profile | None:
    """The profile in a file; None without one."""
    from async_endpoint.capacity.profile import parse_profile  # noqa: PLC0415
    from async_endpoint.input_files import printable, read_input  # noqa: PLC0415

    return None if path is None else parse_profile(read_input(path, MAX_PROFILE_BYTES), printable(path))


def start_times(subject: Subject, text: str | None, profile: Profile | None) -> tuple[Distribution, str]:
    """How long a new instance takes to serve, and where that is from: --start-time, the profile, or the scaling activities.

    Raises InvalidInput if none of them says.
    """
    from async_endpoint.capacity.distributions import Sampled, parse_distribution  # noqa: PLC0415
    from async_endpoint.sizing.scaling_activities import capacity_changes, start_seconds  # noqa: PLC0415

    if text:
        return parse_distribution(text), f"--start-time {text}"
    if profile is not None and profile.start_seconds:
        return Sampled(profile.start_seconds), f"the profile of {profile.endpoint}, {len(profile.start_seconds)} starts"
    if subject.session is not None and subject.outputs is not None:
        seconds = start_seconds(capacity_changes(subject.session, subject.outputs.scaling.resource_id))
        if seconds:
            return Sampled(tuple(seconds)), f"{len(seconds)} scale-outs among the scaling activities (A306)"
    raise InvalidInput(
        f"How long a new instance of {subject.address} takes to serve is not known; give --start-time, or a --profile that has it."
    )
