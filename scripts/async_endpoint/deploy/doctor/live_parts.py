"""The topics and queues of results, whether scaling acts, and whether alarms are muted: what a killed command may leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from async_endpoint.aws import AwsSession
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.alarm_muting import mute_warnings
from async_endpoint.deploy.doctor.execution_role import of_difference
from async_endpoint.deploy.doctor.findings import Finding, failure, ok, split_sentence
from async_endpoint.deploy.doctor.setup import Setup
from async_endpoint.deploy.quiesce import suspension_warning
from async_endpoint.deploy.verification import archives, notifications
from async_endpoint.deploy.verification.findings import Differs

Verification = Callable[[AwsSession, AsyncEndpointOutputs], str]


def notification_path(setup: Setup) -> Iterator[Finding]:
    """That topics and queues exist, and are joined."""
    yield from _verified(setup, notifications.notifications)


def archives_in_s3(setup: Setup) -> Iterator[Finding]:
    """That the archives which a waking endpoint reads are those that were applied."""
    yield from _verified(setup, archives.archives)


def scaling(setup: Setup) -> Iterator[Finding]:
    """That no scaling is suspended."""
    for name, outputs in setup.applied.items():
        sentence = suspension_warning(setup.session(outputs.region), outputs, setup.command("apply"))
        yield failure(*split_sentence(sentence, "resume it")) if sentence else ok(f"{name}: scaling is active")


def alarms(setup: Setup) -> Iterator[Finding]:
    """That no alarm is muted."""
    for name, outputs in setup.applied.items():
        planned = outputs.monitoring.alarm_names
        muted = mute_warnings(setup.session(outputs.region), planned, setup.command("apply"))
        yield from [failure(*split_sentence(one, "restore it")) for one in muted] or [ok(f"{name}: {len(planned)} alarms act")]


def _verified(setup: Setup, verification: Verification) -> Iterator[Finding]:
    for name, outputs in setup.applied.items():
        try:
            detail = verification(setup.session(outputs.region), outputs)
            yield ok(f"{name}: {detail}" if detail else f"{name}: none")
        except Differs as found:
            yield from (of_difference(name, difference, setup) for difference in found.differences)
