"""What removal and sweep take for a run's own, what they do with errors, and what a run may cost. No call is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from async_endpoint.core.errors import QuotaTooLow
from parity import __main__ as command
from parity import kinds, removal
from parity.account import Account
from parity.errors import NotObserved
from parity.meter import Meter
from parity.plan import INSTANCE_HOUR, Plan
from parity.probe import INSTANCE_TYPE, Cost, Observation, Probe, Verdict, all_probes, compare
from parity.runner import ON_AWS, observe
from parity.scope import REGION_TAG, TAG, Scope

RUN, REGION = "0a1b2c3d", "eu-west-1"
OWN_TAGS = {TAG: RUN, REGION_TAG: REGION}


@pytest.mark.parametrize(
    ("name", "tags", "owned"),
    [
        (f"parity-{RUN}-queue-1", OWN_TAGS, True),
        (f"parity-{RUN}-bucket-12-111122223333", OWN_TAGS, True),
        ("parity-reports", OWN_TAGS, False),
        ("parity-production-queue-1", OWN_TAGS, False),
        (f"parity-{RUN}-queue-1", {}, False),
        (f"parity-{RUN}-queue-1", {TAG: "yes", REGION_TAG: REGION}, False),
        (f"parity-{RUN}-queue-1", {TAG: "11111111", REGION_TAG: REGION}, False),
        (f"parity-{RUN}-role-1", {TAG: RUN, REGION_TAG: "us-east-1"}, False),
    ],
)
def test_names_and_tags_decide_together(name: str, tags: dict[str, str], owned: bool) -> None:
    for scope in (Scope(REGION), Scope(REGION, RUN)):
        assert (scope.has_name(name) and scope.owns(name, tags)) is owned
    assert not (Scope(REGION, "ffffffff").has_name(name) and Scope(REGION, "ffffffff").owns(name, tags))


def error(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Call")


class Refusing:
    """Clients whose calls all end with one error, except those that are given."""

    def __init__(self, failure: Exception, **answers: Any) -> None:
        self.failure, self.answers = failure, answers

    def __call__(self, service: str) -> Refusing:
        return self

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**_: Any) -> Any:
            if name in self.answers:
                return self.answers[name]
            raise self.failure

        return call


@pytest.mark.parametrize("code", ["ThrottlingException", "ExpiredTokenException", "AccessDeniedException"])
def test_an_endpoint_that_cannot_be_described_is_not_gone(code: str) -> None:
    try:
        assert not kinds.BY_NAME["endpoint"].remove(Refusing(error(code)), "any")
    except ClientError as raised:
        assert raised.response["Error"]["Code"] == code


@pytest.mark.parametrize(("status", "deletes"), [("Creating", False), ("Updating", False), ("Deleting", True)])
def test_the_deletion_of_an_endpoint_counts_once_it_is_accepted(status: str, deletes: bool) -> None:
    busy = error("ValidationException", "Cannot update in-progress endpoint")
    clients = Refusing(busy, describe_endpoint={"EndpointStatus": status})
    assert removal.delete_endpoints(clients, [("endpoint", "one"), ("queue", "two")]) is deletes
    gone = error("ValidationException", 'Could not find endpoint "one".')
    assert removal.delete_endpoints(Refusing(gone), [("endpoint", "one")])


def only(monkeypatch: pytest.MonkeyPatch, **finders: Callable[..., Iterator[str]]) -> list[str]:
    """Make removal find only these kinds and delete whatever it finds; returns what it deletes, as it does."""
    deleted: list[str] = []
    made = []
    for kind in kinds.KINDS:
        find = finders.get(kind.name.replace(" ", "_"), lambda clients, scope: iter(()))

        def delete(clients: Any, identifier: str) -> bool:
            deleted.append(identifier)
            return True

        made.append(kinds.Kind(kind.name, kind.service, {}, find, delete))
    monkeypatch.setattr(removal, "KINDS", made)
    monkeypatch.setattr(removal, "BY_NAME", {kind.name: kind for kind in made})
    return deleted


@pytest.mark.parametrize("failure", [error("AccessDenied"), EndpointConnectionError(endpoint_url="https://example.org")])
def test_a_kind_that_cannot_be_listed_hides_no_other_and_is_reported(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(clients: Any, scope: Scope) -> Iterator[str]:
        raise failure
        yield

    found = iter([["left-behind"]])
    deleted = only(monkeypatch, key=refused, queue=lambda clients, scope: iter(next(found, [])))
    left = removal.remove(Refusing(failure), Scope(REGION), deadline=0, pause=lambda: None)
    assert deleted == ["left-behind"]
    assert [sentence.partition(":")[0] for sentence in left] == ["key"]


def test_roles_stay_while_it_is_not_known_whether_there_are_endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(clients: Any, scope: Scope) -> Iterator[str]:
        raise error("ThrottlingException")
        yield

    deleted = only(monkeypatch, endpoint=refused, role=lambda clients, scope: iter(["needed-by-an-endpoint"]))
    left = removal.remove(Refusing(error("ThrottlingException")), Scope(REGION), deadline=0, pause=lambda: None)
    assert deleted == []
    assert len(left) == 2


@pytest.mark.parametrize(
    "answer",
    [("ThrottlingException", ""), ("ResourceLimitExceeded", ""), ("AccessDenied", "a is not authorized to perform b")],
)
def test_an_answer_about_the_caller_is_no_observation(answer: tuple[str, str]) -> None:
    with pytest.raises(NotObserved):
        Account.attempt(Refusing(error(*answer)).create_model)
    about_the_role = error("ValidationException", "the role is not authorized to perform b")
    assert Account.attempt(Refusing(about_the_role).create_model).startswith("ValidationException: the role")


def test_a_probe_that_ends_early_decides_nothing_but_deviations() -> None:
    def run(_: Any) -> Iterator[Observation]:
        yield compare("A1", expected=1, observed=1)
        yield compare("A2", expected=1, observed=2)
        raise NotObserved("no answer")

    early = Probe("early", ("A1", "A2"), frozenset(), 1, Cost(), "", run)
    seen = [(item.assumption, item.verdict) for item in observe(early, Refusing(error("any")))]
    assert seen == [("A1", Verdict.HOLDS), ("A2", Verdict.DEVIATES), ("A1", Verdict.UNDECIDED)]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_meter_counts_every_instance_and_what_it_cannot_see() -> None:
    variant = {"VariantName": "primary", "CurrentInstanceCount": 1, "DesiredInstanceCount": 2}
    answers: dict[str, Any] = {
        "describe_endpoint_config": {
            "ProductionVariants": [{"VariantName": "primary", "InstanceType": INSTANCE_TYPE, "InitialInstanceCount": 1}]
        },
        "describe_endpoint": {
            "EndpointConfigName": "config",
            "EndpointStatus": "Updating",
            "ProductionVariants": [variant],
            "PendingDeploymentSummary": {"ProductionVariants": [variant]},
        },
    }
    sagemaker, clock = Refusing(error("ThrottlingException"), **answers), Clock()
    meter = Meter(sagemaker, lambda: ["one"], clock)
    clock.now += 3600
    assert meter.projected() == pytest.approx(4 * INSTANCE_HOUR[INSTANCE_TYPE] * 1.25)
    sagemaker.answers.clear()
    clock.now += 3600
    meter.projected()
    assert meter.dollars == pytest.approx(8 * INSTANCE_HOUR[INSTANCE_TYPE])
    sagemaker.failure = error("ValidationException", 'Could not find endpoint "arn".')
    clock.now += 60
    settled = meter.projected()
    clock.now += 36000
    assert meter.projected() == settled


def test_a_quota_below_the_plan_refuses_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(all_probes(), ON_AWS)
    monkeypatch.setattr(command, "compare_quotas", lambda connect, environment, needs: ([str(needs[0].during)], []))
    with pytest.raises(QuotaTooLow, match=rf"needs {plan.instances} instances .*--endpoints 1"):
        command.require_quota(plan, REGION)
