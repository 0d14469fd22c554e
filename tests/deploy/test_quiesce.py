"""An endpoint is changed only while nothing of it is in progress, and its scaling never stays suspended."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto.core.exceptions import JsonRESTError

from async_endpoint import signals
from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import NotReady, RolledBack, TerraformFailed, WorkFailed
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.core.suspension import (
    ALL_SUSPENDED,
    TAG_KEY,
    SuspensionRecord,
    suspended,
    suspended_state,
    suspensions,
    timestamp,
)
from async_endpoint.deploy import retries
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.quiesce import RecordTiming, quiesced, resume_leftovers, settle, suspension_warning
from async_endpoint.emulator.moto_patches.application_autoscaling import ApplicationAutoScalingResponse
from support.deployment_fixtures import create_endpoint, endpoint_outputs

AT_ONCE = Poller(deadline=1, sleep=lambda seconds: None)
QUICK = RecordTiming(renew=0.02, lease=0.3, poll=0.02, retry=0.3, sleep=lambda seconds: time.sleep(min(seconds, 0.02)))
IN = frozenset({"DynamicScalingInSuspended"})


class Described:
    """An AWS whose endpoint has one status after another; None is an endpoint that does not exist."""

    def __init__(self, *statuses: str | None) -> None:
        self._statuses: Iterator[str | None] = iter(statuses)
        self.asked = 0

    def client(self, service: str) -> Any:
        assert service == "sagemaker"
        return self

    def describe_endpoint(self, EndpointName: str) -> dict[str, str]:  # noqa: N803 - boto3's word
        self.asked += 1
        status = next(self._statuses)
        if status is None:
            missing = {"Error": {"Code": "ValidationException", "Message": f"Could not find endpoint {EndpointName}."}}
            raise ClientError(missing, "DescribeEndpoint")
        return {"EndpointStatus": status}


class Killed(BaseException):
    """Simulates SIGKILL: no code after the call at which it is raised does anything."""


class Disturbed:
    """An AWS in front of `aws`: `before` and `after` are called with the name of each call of Application Auto Scaling."""

    def __init__(
        self,
        aws: AwsSession,
        before: Callable[[str], None] = lambda name: None,
        after: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._aws, self._before, self._after = aws, before, after

    def client(self, service: str) -> Any:
        client = self._aws.client(service)
        return client if service != "application-autoscaling" else _Calls(client, self._before, self._after)


class _Calls:
    def __init__(self, client: Any, before: Callable[[str], None], after: Callable[[str], None]) -> None:
        self._client, self._before, self._after = client, before, after

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> Any:
            self._before(name)
            answer = getattr(self._client, name)(**request)
            self._after(name)
            return answer

        return call


class Account:
    """The scalable target of the deployed endpoint, as it is in the account."""

    def __init__(self, aws: AwsSession, outputs: AsyncEndpointOutputs) -> None:
        self._scaling = aws.client("application-autoscaling")
        self._resource_id = outputs.scaling.resource_id

    def targets(self) -> list[dict[str, Any]]:
        asked = {"ServiceNamespace": "sagemaker", "ResourceIds": [self._resource_id]}
        found: list[dict[str, Any]] = self._scaling.describe_scalable_targets(**asked)["ScalableTargets"]
        return found

    @property
    def suspended(self) -> frozenset[str]:
        [target] = self.targets()
        return suspended(target)

    @property
    def record(self) -> SuspensionRecord | None:
        return SuspensionRecord.parse(self.tags.get(TAG_KEY))

    @property
    def tags(self) -> dict[str, str]:
        [target] = self.targets()
        found: dict[str, str] = self._scaling.list_tags_for_resource(ResourceARN=target["ScalableTargetARN"])["Tags"]
        return found

    def suspend(self, members: frozenset[str]) -> None:
        self._scaling.register_scalable_target(**self._named(), SuspendedState=suspended_state(members))

    def tag(self, record: SuspensionRecord) -> None:
        [target] = self.targets()
        self._scaling.tag_resource(ResourceARN=target["ScalableTargetARN"], Tags={TAG_KEY: record.encode()})

    def deregister(self) -> None:
        self._scaling.deregister_scalable_target(**self._named())

    def replace(self) -> None:
        named = self._named()
        self.deregister()
        self._scaling.register_scalable_target(**named, MinCapacity=0, MaxCapacity=2)

    def _named(self) -> dict[str, Any]:
        [target] = self.targets()
        return {member: target[member] for member in ("ServiceNamespace", "ResourceId", "ScalableDimension")}


@pytest.fixture
def account(aws: AwsSession, deployed: AsyncEndpointOutputs) -> Account:
    return Account(aws, deployed)


def recover(aws: Any, outputs: AsyncEndpointOutputs, **options: Any) -> list[str]:
    said: list[str] = []
    given = {"require_unlocked": lambda: None, "on_output": said.append, "timing": QUICK} | options
    resume_leftovers([(aws, outputs)], **given)
    return said


def left_by(aws: AwsSession, outputs: AsyncEndpointOutputs, call: str, *, after: bool) -> None:
    """Quiesce, and be killed before or after the service carried out the first call of that name (the last, of Register)."""
    counted = {"register_scalable_target": 0}
    wanted = 2 if call == "resume" else 1
    name = "register_scalable_target" if call in ("suspend", "resume") else call
    dead = False

    def kill(called: str) -> None:
        nonlocal dead
        if dead:
            raise Killed
        if called == name:
            counted[name] = counted.get(name, 0) + 1
            if counted[name] == wanted:
                dead = True
                raise Killed

    def still_dead(called: str) -> None:
        if dead:
            raise Killed

    hooks = {"before": still_dead, "after": kill} if after else {"before": kill}
    with suppress(Killed), quiesced(Disturbed(aws, **hooks), outputs, AT_ONCE, timing=replace(QUICK, renew=60)):
        pass
    assert dead, f"never called {call}"


@pytest.mark.parametrize(
    ("statuses", "asked"),
    [
        (["InService"], 1),
        (["Updating", "SystemUpdating", "InService"], 3),
        (["RollingBack", "UpdateRollbackFailed"], 2),
        (["Creating", "Failed"], 2),
        (["Deleting", None], 2),
        ([None], 1),
    ],
)
def test_it_waits_for_what_is_in_progress(statuses: list[str | None], asked: int) -> None:
    aws = Described(*statuses)
    settle(aws, "shirts", AT_ONCE)
    assert aws.asked == asked


def test_an_endpoint_that_never_settles_is_named() -> None:
    with pytest.raises(NotReady, match="Endpoint shirts is still Updating"):
        settle(Described("Updating"), "shirts", Poller(deadline=0))
    with pytest.raises(NotReady, match=r"still Deleting, .*; try again once it is gone"):
        settle(Described("Deleting"), "shirts", Poller(deadline=0))


@pytest.mark.parametrize("before", [frozenset(), IN, ALL_SUSPENDED])
def test_scaling_is_suspended_meanwhile_and_is_then_as_it_was(
    aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account, before: frozenset[str]
) -> None:
    account.suspend(before)
    [target] = account.targets()
    with pytest.raises(RuntimeError, match="stopped half way"), quiesced(aws, deployed, AT_ONCE, timing=QUICK):
        assert account.suspended == ALL_SUSPENDED
        assert account.record is not None and account.record.previous == before
        raise RuntimeError("stopped half way")
    assert (account.suspended, account.tags) == (before, {})
    [after] = account.targets()
    assert (after["MinCapacity"], after["MaxCapacity"]) == (target["MinCapacity"], target["MaxCapacity"])


def test_a_target_that_is_gone_afterwards_is_not_made_again(
    aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account
) -> None:
    with quiesced(aws, deployed, AT_ONCE, timing=QUICK):
        account.deregister()
    assert account.targets() == []


def test_a_target_that_was_replaced_is_active_and_has_no_record(
    aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account
) -> None:
    account.suspend(IN)
    with quiesced(aws, deployed, AT_ONCE, timing=QUICK):
        account.replace()
        time.sleep(3 * QUICK.renew)  # renewals that must not write on the new one
    assert (account.suspended, account.tags) == (frozenset(), {})


def test_a_record_that_terraform_removed_meanwhile_does_not_keep_scaling_suspended(
    aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account
) -> None:
    with quiesced(aws, deployed, AT_ONCE, timing=QUICK):
        [target] = account.targets()
        scaling = aws.client("application-autoscaling")
        scaling.untag_resource(ResourceARN=target["ScalableTargetARN"], TagKeys=[TAG_KEY])
    assert (account.suspended, account.tags) == (frozenset(), {})


WINDOWS = ["tag_resource", "suspend", "resume", "untag_resource"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", WINDOWS)
@pytest.mark.parametrize("before", [frozenset(), IN], ids=["active", "scale-in suspended"])
def test_at_whatever_call_a_command_is_killed_the_next_one_resumes(
    aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account, call: str, after: bool, before: frozenset[str]
) -> None:
    account.suspend(before)
    left_by(aws, deployed, call, after=after)
    if account.suspended != before:
        assert account.record is not None
        assert suspension_warning(aws, deployed, "async-endpoint apply dev") is not None
    recover(aws, deployed)
    assert (account.suspended, account.tags) == (before, {})
    assert recover(aws, deployed) == [], "nothing is left to do"


def test_what_someone_else_suspended_stays_suspended_and_is_reported(
    aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account
) -> None:
    account.suspend(ALL_SUSPENDED)
    assert recover(aws, deployed) == []
    assert account.suspended == ALL_SUSPENDED
    warning = suspension_warning(aws, deployed, "async-endpoint apply dev")
    assert warning is not None and "not by async-endpoint" in warning and "--suspended-state" in warning


def test_what_was_resumed_or_suspended_by_hand_after_the_crash_stays_so(
    aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account
) -> None:
    account.suspend(IN)
    left_by(aws, deployed, "suspend", after=True)
    account.suspend(ALL_SUSPENDED - IN)  # a person resumed scale-in
    recover(aws, deployed)
    assert (account.suspended, account.tags) == (frozenset(), {})


def test_a_tag_that_is_no_record_resumes_nothing(aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account) -> None:
    account.suspend(ALL_SUSPENDED)
    [target] = account.targets()
    scaling = aws.client("application-autoscaling")
    scaling.tag_resource(ResourceARN=target["ScalableTargetARN"], Tags={TAG_KEY: "id=1 previous=everything"})
    recover(aws, deployed)
    assert account.suspended == ALL_SUSPENDED


def test_a_command_that_is_running_is_not_disturbed(aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account) -> None:
    # A record holds seconds: this one is renewed into the next.
    with quiesced(aws, deployed, AT_ONCE, timing=replace(QUICK, renew=0.2)):
        with pytest.raises(NotReady, match=r"has been changing endpoint/shirts/variant/main since .*; try again once"):
            recover(aws, deployed, timing=replace(QUICK, lease=10))
        assert account.suspended == ALL_SUSPENDED
    assert account.suspended == frozenset()


def test_a_record_that_is_removed_while_it_is_looked_at_needs_nothing(
    aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account
) -> None:
    now = timestamp(time.time())
    account.tag(SuspensionRecord("0a", frozenset(), now, now, "ci@runner"))
    [target] = account.targets()
    scaling = aws.client("application-autoscaling")

    def ends(seconds: float) -> None:
        scaling.untag_resource(ResourceARN=target["ScalableTargetARN"], TagKeys=[TAG_KEY])

    said = recover(aws, deployed, timing=replace(QUICK, sleep=ends), require_unlocked=lambda: pytest.fail("asked for the lock"))
    assert not any("Resumed" in line for line in said)


def test_an_old_record_is_not_waited_for(aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account) -> None:
    then = timestamp(time.time() - 3600)
    account.tag(SuspensionRecord("0a", frozenset(), then, then, "ci@runner"))
    account.suspend(ALL_SUSPENDED)
    never = replace(QUICK, sleep=lambda seconds: pytest.fail("waited"))
    assert recover(aws, deployed, timing=never) == [
        f"Resumed scaling of endpoint/shirts/variant/main, which ci@runner suspended at {then}."
    ]
    assert account.suspended == frozenset()


def test_several_endpoints_that_a_killed_command_left_are_watched_together(
    aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account
) -> None:
    coats = endpoint_outputs("coats")
    create_endpoint(aws, coats)
    accounts = [account, Account(aws, coats)]
    now = timestamp(time.time())
    for number, one in enumerate(accounts):
        one.tag(SuspensionRecord(f"0{number}", frozenset(), now, now, "ci@runner"))
        one.suspend(ALL_SUSPENDED)
    asked: list[str] = []
    observed = Disturbed(aws, before=asked.append)
    timing = replace(QUICK, lease=0.1, poll=0.2, sleep=time.sleep)
    endpoints: list[Any] = [(observed, deployed), (observed, coats)]
    resume_leftovers(endpoints, require_unlocked=lambda: None, on_output=lambda line: None, timing=timing)
    described = [called for called in asked if called in ("describe_scalable_targets", "register_scalable_target")]
    assert described.index("register_scalable_target") == 5, "each is observed twice before the first is resumed"
    assert [one.suspended for one in accounts] == [frozenset(), frozenset()]


def test_nothing_is_resumed_while_terraform_holds_the_lock(
    aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account
) -> None:
    left_by(aws, deployed, "suspend", after=True)

    def locked() -> None:
        raise TerraformFailed("locked by ci@runner")

    with pytest.raises(TerraformFailed, match="locked by ci@runner"):
        recover(aws, deployed, require_unlocked=locked)
    assert account.suspended == ALL_SUSPENDED and account.record is not None
    recover(aws, deployed)
    assert account.suspended == frozenset()


@pytest.fixture
def registering(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Sets what is called first of all by the service's RegisterScalableTarget: it may raise what the service answers."""
    register = ApplicationAutoScalingResponse.register_scalable_target

    def set_first(first: Callable[[], None]) -> None:
        def registering(self: Any) -> str:
            first()
            answer: str = register(self)
            return answer

        monkeypatch.setattr(ApplicationAutoScalingResponse, "register_scalable_target", registering)

    return set_first


def refusal(how: str) -> Exception:
    return (
        EndpointConnectionError(endpoint_url="https://aws") if how == "no connection" else JsonRESTError(how, "Rate exceeded")
    )


@pytest.mark.parametrize(
    "how", ["ThrottlingException", "ConcurrentUpdateException", "InternalServiceException", "no connection"]
)
def test_a_refused_resumption_is_tried_again(
    aws: AwsSession,
    deployed: AsyncEndpointOutputs,
    account: Account,
    registering: Any,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    refusals = 0

    def refuse() -> None:
        nonlocal refusals
        if refusals < 3 and account.suspended:
            refusals += 1
            raise refusal(how)

    registering(refuse)
    monkeypatch.setattr(retries, "CONNECTION_SECONDS", 0)  # what other calls bear
    with quiesced(aws, deployed, AT_ONCE, timing=replace(QUICK, retry=60)):
        pass
    assert refusals == 3
    assert (account.suspended, account.tags) == (frozenset(), {})


def test_a_renewal_that_is_late_does_not_put_the_record_back(
    aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account
) -> None:
    renewing, resuming = threading.Event(), threading.Event()

    def late(name: str) -> None:
        if name == "tag_resource" and threading.current_thread() is not threading.main_thread():
            renewing.set()
            resuming.wait(0.5)  # it has looked, and writes only now

    def seen(name: str) -> None:
        if name == "untag_resource":
            resuming.set()

    with quiesced(Disturbed(aws, late, seen), deployed, AT_ONCE, timing=replace(QUICK, retry=60)):
        assert renewing.wait(30)
    assert (account.suspended, account.tags) == (frozenset(), {})


def test_a_resumption_that_stays_refused_keeps_the_record_and_says_how_to_resume(
    aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account, registering: Any
) -> None:
    def refuse() -> None:
        if account.suspended:
            raise refusal("ThrottlingException")

    registering(refuse)

    said = r"terraform broke\. Scaling of .* is still suspended \(.*Rate exceeded\); resume it with: async-endpoint apply dev"
    rollback = RolledBack("terraform broke.", endpoint="shirts", reason="No ping.")
    with (
        pytest.raises(RolledBack, match=said) as raised,
        quiesced(aws, deployed, AT_ONCE, timing=QUICK),
    ):
        raise rollback
    assert raised.value is rollback, "what kind of failure it was, its exit code and its reason stay"
    assert account.suspended == ALL_SUSPENDED and account.record is not None
    registering(lambda: None)
    recover(aws, deployed)
    assert (account.suspended, account.tags) == (frozenset(), {})


def test_a_resumption_that_fails_after_work_that_succeeded_is_a_failure(
    aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account
) -> None:
    def deny(name: str) -> None:
        if name == "register_scalable_target" and account.suspended:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "RegisterScalableTarget")

    said = r"^Scaling of .* is still suspended"
    with pytest.raises(WorkFailed, match=said), quiesced(Disturbed(aws, deny), deployed, AT_ONCE, timing=QUICK):
        pass


def test_what_may_not_be_recorded_is_not_suspended(aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account) -> None:
    def deny(name: str) -> None:
        if name == "tag_resource":
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "TagResource")

    with (
        pytest.raises(ClientError, match="AccessDenied"),
        quiesced(Disturbed(aws, deny), deployed, AT_ONCE, timing=QUICK),
    ):
        pytest.fail("quiesced")
    assert account.suspended == frozenset()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("call", ["describe_scalable_targets", *WINDOWS[:1], "register_scalable_target", "untag_resource"])
def test_at_whatever_call_a_signal_arrives_scaling_resumes(
    aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account, number: int, call: str
) -> None:
    def send(name: str) -> None:
        if name == call:
            signal.raise_signal(number)
            signal.raise_signal(number)  # as impatient people do

    with signals.terminating(), pytest.raises(KeyboardInterrupt):
        with quiesced(Disturbed(aws, send), deployed, AT_ONCE, timing=replace(QUICK, renew=60)):
            signals.check()
        pytest.fail("not interrupted")
    assert (account.suspended, account.tags) == (frozenset(), {})


def test_suspensions_are_named(account: Account) -> None:
    account.suspend(ALL_SUSPENDED)
    [target] = account.targets()
    assert suspensions(target) == ["scale-in", "scale-out", "scheduled-scaling"]
    assert suspensions({}) == []


def test_a_scheduled_action_that_was_due_meanwhile_is_made_up_for(
    aws: AwsSession, deployed: AsyncEndpointOutputs, account: Account
) -> None:
    [target] = account.targets()
    named = {member: target[member] for member in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
    scaling = aws.client("application-autoscaling")
    past = time.time() - 3600
    account.tag(SuspensionRecord("0a", frozenset(), timestamp(past), timestamp(past), "ci@runner"))
    account.suspend(ALL_SUSPENDED)
    due = timestamp(past + 1800).removesuffix("Z")
    action = {"MinCapacity": 1, "MaxCapacity": 3}
    scaling.put_scheduled_action(**named, ScheduledActionName="morning", Schedule=f"at({due})", ScalableTargetAction=action)
    put_before = {"CreationTime": datetime.fromtimestamp(past - 60, UTC)}

    class Earlier(Disturbed):
        """The action was put before the suspension; moto puts it now."""

        def client(self, service: str) -> Any:
            calls = super().client(service)
            if service == "application-autoscaling":
                described = scaling.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"]
                calls.describe_scheduled_actions = lambda **_: {"ScheduledActions": [one | put_before for one in described]}
            return calls

    recover(Earlier(aws), deployed)
    [after] = account.targets()
    assert (after["MinCapacity"], after["MaxCapacity"]) == (1, 3)
    assert (account.suspended, account.tags) == (frozenset(), {})
