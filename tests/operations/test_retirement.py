"""What an endpoint's tags and metrics say before it is deleted, on AWS as it is in memory."""

from __future__ import annotations

import sys
import types
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from async_endpoint.aws import AwsSession
from async_endpoint.cli import retire
from async_endpoint.core.errors import EndpointInUse, EndpointNotReady, NotReady, UsageError
from async_endpoint.operations import retirement
from async_endpoint.operations.retirement import check_drained
from async_endpoint.stacks import STACK_TAG
from support.in_memory_aws import FakeAws, client_error

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
OLD = retirement.RealTimeEndpoint("old", "arn", "old-1", ("blue", "green"), ("model",))


class CloudWatch:
    """Datapoints by metric: (variant, minutes ago, value)."""

    def __init__(self) -> None:
        self.backlog = [(minutes, 0.0) for minutes in range(2, 9)]
        self.calls: list[tuple[str, float, float]] = []
        self.states: dict[str, list[str]] = {}  # StatusCode by query, page by page: all but the last page are empty

    def get_metric_data(
        self,
        MetricDataQueries: Any,  # noqa: N803
        StartTime: datetime,  # noqa: N803
        EndTime: datetime,  # noqa: N803
        NextToken: str = "0",  # noqa: N803
    ) -> dict[str, Any]:
        page, pages = int(NextToken), max((len(states) for states in self.states.values()), default=1)
        results = [self._series(query, StartTime, EndTime) for query in MetricDataQueries]
        for result in results:
            states = self.states.get(result["Id"], ["Complete"] * pages)
            result["StatusCode"] = states[min(page, len(states) - 1)]
            if page + 1 < pages or result["StatusCode"] != "Complete":
                result["Timestamps"] = result["Values"] = []
        return {"MetricDataResults": results} | ({"NextToken": str(page + 1)} if page + 1 < pages else {})

    def _series(self, query: dict[str, Any], start: datetime, end: datetime) -> dict[str, Any]:
        stat = query["MetricStat"]
        names = {item["Name"]: item["Value"] for item in stat["Metric"]["Dimensions"]}
        if stat["Metric"]["MetricName"] == "ApproximateBacklogSize":
            assert names == {"EndpointName": "shop"}
            found = self.backlog
        else:
            assert (stat["Metric"]["MetricName"], stat["Stat"], names["EndpointName"]) == ("Invocations", "Sum", "old")
            found = [(minutes, value) for variant, minutes, value in self.calls if variant == names["VariantName"]]
        points = [(NOW - timedelta(minutes=minutes), value) for minutes, value in found]
        kept = [point for point in points if start <= point[0] < end]
        return {"Id": query["Id"], "Timestamps": [time for time, _ in kept], "Values": [value for _, value in kept]}


@pytest.fixture
def cloudwatch() -> CloudWatch:
    return CloudWatch()


def check(aws: FakeAws, cloudwatch: CloudWatch, minutes: int = 15) -> retirement.Drained:
    session = AwsSession({"cloudwatch": cloudwatch}.__getitem__, "eu-west-1")
    clock: Any = SimpleNamespace(now=NOW.timestamp)
    return check_drained(session, OLD, aws.outputs.endpoint, minutes, clock)


def test_a_call_to_any_variant_within_the_time_counts(aws: FakeAws, cloudwatch: CloudWatch) -> None:
    cloudwatch.calls = [("blue", 40, 9.0), ("green", 10, 2.0), ("blue", 7, 1.0)]
    with pytest.raises(EndpointInUse, match=r"called 3 times in the last 15 minutes, last in the minute of 11:53 UTC"):
        check(aws, cloudwatch)


def test_a_call_after_the_newest_minute_of_the_backlog_counts_too(aws: FakeAws, cloudwatch: CloudWatch) -> None:
    cloudwatch.calls = [("blue", 0.5, 1.0)]
    with pytest.raises(EndpointInUse, match="1 time in"):
        check(aws, cloudwatch)


def test_earlier_calls_are_on_record_only(aws: FakeAws, cloudwatch: CloudWatch) -> None:
    cloudwatch.calls = [("blue", 40, 9.0), ("green", 17, 2.0)]
    found = check(aws, cloudwatch)
    assert (found.since, found.until) == (NOW - timedelta(minutes=16), NOW - timedelta(minutes=1))
    assert found.last_call == NOW - timedelta(minutes=17)
    cloudwatch.calls = []
    assert check(aws, cloudwatch).last_call is None


def test_without_metrics_nothing_is_known(aws: FakeAws, cloudwatch: CloudWatch) -> None:
    cloudwatch.backlog = [(30, 0.0)]
    with pytest.raises(NotReady, match="calls cannot be counted"):
        check(aws, cloudwatch)


@pytest.mark.parametrize("series", ["backlog", "v0", "v1"])
@pytest.mark.parametrize("state", ["InternalError", "PartialData", "Forbidden"])
def test_an_endpoint_is_not_unused_because_cloudwatch_has_failed(
    aws: FakeAws, cloudwatch: CloudWatch, series: str, state: str
) -> None:
    """GetMetricData answers with status 200 and no values then."""
    cloudwatch.states = {series: [state]}
    with pytest.raises(NotReady, match=rf"not returned all metrics .*{state}"):
        check(aws, cloudwatch)


def test_calls_on_a_later_page_count(aws: FakeAws, cloudwatch: CloudWatch) -> None:
    cloudwatch.calls = [("green", 10, 2.0)]
    cloudwatch.states = {"v0": ["PartialData", "Complete"], "v1": ["InternalError", "PartialData", "Complete"]}
    with pytest.raises(EndpointInUse, match="2 times"):
        check(aws, cloudwatch)


def test_a_call_while_the_question_waits_keeps_the_endpoint(
    aws: FakeAws, cloudwatch: CloudWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed: Any = types.ModuleType("async_endpoint.terraform.outputs")
    deployed.read_endpoint = lambda address, *, local: (aws.outputs, SimpleNamespace(session=lambda region: aws.session))
    monkeypatch.setitem(sys.modules, deployed.__name__, deployed)
    monkeypatch.setattr(retirement, "check_successor", lambda session, name: None)
    monkeypatch.setattr(retirement, "describe_real_time", lambda session, name, to_delete: OLD)
    monkeypatch.setattr(retirement, "delete_endpoint", lambda *given: pytest.fail("It is called, and was deleted."))
    quiet = retirement.Drained(OLD, NOW, NOW, None)
    monkeypatch.setattr(retirement, "wait_until_drained", lambda *given, **named: quiet)
    monkeypatch.setattr(retirement, "check_drained", lambda session, *given: check(aws, cloudwatch))

    def yes(question: str) -> bool:
        cloudwatch.calls = [("blue", 3, 1.0)]
        return True

    monkeypatch.setattr("async_endpoint.cli.deploy.confirmed", yes)
    app = typer.Typer()
    retire.register(app)
    assert isinstance(CliRunner().invoke(app, ["old", "shop"]).exception, EndpointInUse)


def described(asynchronous: bool, stack: Any, to_delete: bool = True, **tagged: str) -> retirement.RealTimeEndpoint:
    """The endpoint, tagged with a stack unless `stack` is None; CloudFormation answers with `stack`, or raises it."""
    config = {"ProductionVariants": [{"VariantName": "blue", "ModelName": "model"}]}
    if asynchronous:
        config["AsyncInferenceConfig"] = {"OutputConfig": {}}  # type: ignore[assignment]
    tags = [{"Key": STACK_TAG, "Value": "shop"}] if stack is not None else []
    tags += [{"Key": key, "Value": value} for key, value in tagged.items()]
    sagemaker = SimpleNamespace(
        describe_endpoint=lambda EndpointName: {"EndpointName": "old", "EndpointConfigName": "old-1", "EndpointArn": "arn"},  # noqa: N803
        describe_endpoint_config=lambda EndpointConfigName: config,  # noqa: N803
        list_tags=lambda ResourceArn: {"Tags": tags},  # noqa: N803
    )

    def describe_stack_resources(PhysicalResourceId: str) -> dict[str, Any]:  # noqa: N803
        assert PhysicalResourceId == "arn"
        if isinstance(stack, Exception):
            raise stack
        return {"StackResources": stack[:100]}

    def get_paginator(operation: str) -> Any:
        assert operation == "list_stack_resources"
        return SimpleNamespace(paginate=lambda StackName: [{"StackResourceSummaries": stack}])  # noqa: N803

    cloudformation = SimpleNamespace(describe_stack_resources=describe_stack_resources, get_paginator=get_paginator)
    services = {"sagemaker": sagemaker, "cloudformation": cloudformation}
    return retirement.describe_real_time(AwsSession(services.__getitem__, "eu-west-1"), "old", to_delete=to_delete)


def held(status: str, physical_id: str = "arn") -> list[dict[str, str]]:
    return [{"StackName": "shop", "PhysicalResourceId": physical_id, "ResourceStatus": status}]


@pytest.mark.parametrize(
    ("asynchronous", "stack", "words"),
    [
        (True, None, "is asynchronous"),
        (False, held("UPDATE_COMPLETE"), "CloudFormation stack shop"),
        (False, held("UPDATE_COMPLETE", "other") * 100 + held("UPDATE_COMPLETE"), "CloudFormation stack shop"),
        (False, client_error("AccessDenied", "no", 403), "ListStackResources on endpoint old is denied"),
    ],
    ids=["asynchronous", "of a stack", "of a large stack", "unknown"],
)
def test_what_is_not_for_this_command_is_refused(asynchronous: bool, stack: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        described(asynchronous, stack)


@pytest.mark.parametrize(
    "stack",
    [
        None,
        held("DELETE_SKIPPED"),
        held("CREATE_COMPLETE", "other"),
        client_error("ValidationError", "Stack for arn does not exist"),
    ],
    ids=["untagged", "retained", "another", "released"],
)
def test_what_a_stack_has_released_is_retired(stack: Any) -> None:
    assert described(False, stack).variants == ("blue",)


@pytest.mark.parametrize("tag", [{"ManagedBy": "Terraform"}, {"terraform": "true"}, {"deployment": "shop-dev-eu-west-1"}])
def test_what_terraform_has_is_deleted_there(tag: dict[str, str]) -> None:
    [(name, value)] = tag.items()
    with pytest.raises(UsageError, match=rf"Terraform's by its tag {name}={value}; .* --tag-keys {name}\)"):
        described(False, None, **tag)
    assert described(False, None, ManagedBy="script", Deployment="blue").variants == ("blue",)


def test_what_is_only_looked_at_may_be_anyones() -> None:
    assert described(False, held("UPDATE_COMPLETE"), to_delete=False, ManagedBy="Terraform").variants == ("blue",)


def test_a_successor_has_to_be_in_service(aws: FakeAws) -> None:
    aws.sagemaker.status = "Updating"
    with pytest.raises(EndpointNotReady, match="is Updating"):
        retirement.check_successor(aws.session, "shop")
    aws.sagemaker.status = None
    with pytest.raises(EndpointNotReady, match="is missing"):
        retirement.check_successor(aws.session, "shop")
    aws.sagemaker.error = client_error("AccessDeniedException", "no", 403)
    with pytest.raises(UsageError, match="denied"):
        retirement.check_successor(aws.session, "shop")
