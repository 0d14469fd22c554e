"""The doctor identifies each broken set-up with its remedy, and finds nothing in a healthy one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from async_endpoint.aws import AwsSession
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.doctor import provider_plugin, setup, tools
from async_endpoint.deploy.doctor.findings import Status
from async_endpoint.emulator.moto_patches import bucket_policy, iam_simulation, s3_conditional_writes
from async_endpoint.terraform.provider import MIRROR_VARIABLE
from support.broken_setups import BROKEN, BROKEN_LATER, Refuse
from support.deployment_fixtures import ACCOUNT, REGION
from support.examined_environment import CALLER, ExaminedEnvironment, UnappliedEnvironment

Warned = Callable[[UnappliedEnvironment, Refuse], object]
LOCKED_HASH = "h1:edXOJWE4ORX8Fm+dpVpICzMZJat4AX0VRCAy/xkcOc0="  # of the lock file, for one of its platforms


@pytest.fixture(scope="session")
def doctor_session() -> AwsSession:
    """The clients of all examinations: they take long to create."""
    return AwsSession.create(REGION, attempts=1, configure=setup._with_actions)


@pytest.fixture
def refuse(doctor_session: AwsSession) -> Iterator[Refuse]:
    """Let calls of an operation be answered by an error, or by other members and headers."""
    registered: dict[str, tuple[Any, Any]] = {}

    def answer(service: str, operation: str, code: str = "", *, headers: dict[str, str] | None = None, **members: Any) -> None:
        def handler(**_: Any) -> Any:
            metadata = {"HTTPStatusCode": 403 if code else 200, "HTTPHeaders": headers or {"date": formatdate(usegmt=True)}}
            error = {"Error": {"Code": code, "Message": "refused by the test"}} if code else {}
            return SimpleNamespace(status_code=metadata["HTTPStatusCode"]), error | {"ResponseMetadata": metadata} | members

        name = f"before-call.{service}.{operation}"
        if name in registered:  # the one that was registered first would answer
            registered[name][0].unregister(name, registered[name][1])
        events = doctor_session.client(service).meta.events
        events.register_first(name, handler)
        registered[name] = (events, handler)

    yield answer
    for name, (events, handler) in registered.items():
        events.unregister(name, handler)


@pytest.fixture
def examination(tmp_path: Path, doctor_session: AwsSession, refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What examinations find well on this machine, and the credentials of a user; the folder for a checkout."""
    iam_simulation.apply()
    s3_conditional_writes.apply()
    bucket_policy.apply()
    mirror = tmp_path / "mirror"
    plugin = mirror / provider_plugin.PROVIDER / "5.100.0" / provider_plugin.terraform_platform()
    plugin.mkdir(parents=True)
    monkeypatch.setenv(MIRROR_VARIABLE, str(mirror))
    monkeypatch.setattr(provider_plugin, "content_hash", lambda folder: LOCKED_HASH)
    monkeypatch.setattr(tools, "Terraform", lambda *_, **options: SimpleNamespace(version="1.11.4"))
    monkeypatch.setattr(setup.Setup, "session", lambda self, region=None: doctor_session)
    refuse("sts", "GetCallerIdentity", Arn=CALLER, Account=ACCOUNT, UserId="AIDA")
    return tmp_path / "checkout"


@pytest.fixture
def unapplied(aws: AwsSession, examination: Path, doctor_session: AwsSession) -> UnappliedEnvironment:
    return UnappliedEnvironment(examination, doctor_session)


@pytest.fixture
def examined(recorded: AsyncEndpointOutputs, examination: Path, doctor_session: AwsSession) -> ExaminedEnvironment:
    return ExaminedEnvironment(examination, doctor_session, recorded)


def test_a_healthy_environment_is_all_ok(examined: ExaminedEnvironment) -> None:
    diagnosis = examined.examine()
    worse = [(result.name, one) for result in diagnosis.results for one in result.findings if one.status is not Status.OK]
    assert worse == []
    assert diagnosis.healthy
    assert len(diagnosis.results) > 20
    [archives] = [one for one in diagnosis.results if one.name == "model archives"]
    assert archives.findings[0].detail.endswith("as applied")


def test_before_the_first_apply_nothing_is_missing(unapplied: UnappliedEnvironment) -> None:
    diagnosis = unapplied.examine()
    assert diagnosis.healthy
    assert diagnosis.count(Status.WARNING) == 0
    waiting = {result.name for result in diagnosis.results if result.status is Status.SKIPPED}
    assert waiting >= {"execution role", "scaling", "network"}
    assert not waiting & {"instance quotas", "image registry", "state lock"}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_set_up_is_identified_with_its_remedy(
    unapplied: UnappliedEnvironment, monkeypatch: pytest.MonkeyPatch, refuse: Refuse, name: str
) -> None:
    change, *expected = BROKEN[name]
    change(unapplied, monkeypatch, refuse)
    must_find(unapplied, *expected)


@pytest.mark.parametrize("name", BROKEN_LATER)
def test_what_was_broken_after_an_apply_is_identified_with_its_remedy(
    examined: ExaminedEnvironment, monkeypatch: pytest.MonkeyPatch, refuse: Refuse, name: str
) -> None:
    change, *expected = BROKEN_LATER[name]
    change(examined, monkeypatch, refuse)
    must_find(examined, *expected)


def _scaled_out(e: UnappliedEnvironment, refuse: Refuse) -> None:
    e.write("main.tf", lambda text: text.replace("  endpoint =", "  scaling = { max_instances = 99 }\n\n  endpoint ="))


def _held(e: UnappliedEnvironment, refuse: Refuse) -> None:
    e.put_lock("ada@laptop", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))


def _denied(service: str, operation: str) -> Warned:
    return lambda e, refuse: refuse(service, operation, "AccessDenied")


WARNED: dict[str, tuple[Warned, str, str]] = {
    "scaling above the quota": (_scaled_out, "instance quotas", "may scale to 99 ml.m5.large"),
    "quotas unread": (_denied("service-quotas", "ListServiceQuotas"), "instance quotas", "not compared"),
    "another command": (_held, "state lock", "locked by ada@laptop"),
    "may not lock": (_denied("s3", "PutObject"), "state lock", "may plan and not apply"),
    "bucket unread": (_denied("s3", "GetBucketEncryption"), "state protection", "s3:GetEncryptionConfiguration"),
}


@pytest.mark.parametrize("name", WARNED)
def test_what_need_not_stop_a_deployment_is_a_warning(unapplied: UnappliedEnvironment, refuse: Refuse, name: str) -> None:
    change, check, words = WARNED[name]
    change(unapplied, refuse)
    [found] = unapplied.findings(check, Status.WARNING)
    assert words in found.detail
    assert found.remedy
    assert not unapplied.findings(check, Status.FAILURE)


def test_a_caller_who_may_not_pass_the_role_is_warned(examined: ExaminedEnvironment) -> None:
    examined.aws.client("iam").delete_user_policy(UserName="deployer", PolicyName="all")
    [found] = examined.findings("passing the role", Status.WARNING)
    assert "may not pass role" in found.detail


def must_find(environment: UnappliedEnvironment, check: str, words: str, remedy: str) -> None:
    found = environment.findings(check, Status.FAILURE)
    assert found, f"the check {check} finds nothing"
    assert any(words in one.detail and remedy in (one.remedy or "") for one in found), found
