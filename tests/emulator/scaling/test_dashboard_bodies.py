"""PutDashboard: bodies of public dashboards are accepted, and faults are listed with their path."""

from __future__ import annotations

import json
from typing import Any

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.scaling.dashboards import InvalidBody, check_dashboard
from support.common import refusal
from support.in_process_aws import AwsHarness

METRICS = [["AWS/SageMaker", "ModelLatency", "EndpointName", "e", {"stat": "p90"}], [".", "Other", ".", "."]]


def widget(kind: str, properties: Any, **more: Any) -> dict[str, Any]:
    return {"type": kind, "x": 0, "y": 0, "width": 12, "height": 6, "properties": properties, **more}


@pytest.mark.parametrize(
    "item",
    [
        widget("metric", {"metrics": METRICS, "region": "eu-west-1", "view": "timeSeries"}),
        widget("metric", {"metrics": [[{"expression": "m1 / 2", "label": "half"}]], "region": "eu-west-1"}),
        widget("metric", {"annotations": {"alarms": ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a"]}}),
        widget("text", {"markdown": "# Title"}),
        widget("log", {"query": "SOURCE '/g' | fields @message", "region": "eu-west-1"}),
        widget("alarm", {"alarms": ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a"]}),
        {"type": "text", "properties": {"markdown": "no place"}},
    ],
)
def test_widgets_of_each_type_are_accepted(item: dict[str, Any]) -> None:
    check_dashboard("shop-prod_1", json.dumps({"widgets": [item], "periodOverride": "inherit"}))


@pytest.mark.parametrize(
    ("item", "path", "message"),
    [
        (widget("metric", {}), "/widgets/0/properties", "Should have required property 'metrics'"),
        (widget("metric", {"metrics": METRICS}), "/widgets/0/properties", "Should have required property 'region'"),
        (
            widget("metric", {"metrics": ["AWS/EC2"], "region": "r"}),
            "/widgets/0/properties/metrics/0",
            'Field "metrics" has to be an array of array of strings, with an optional metricRenderer object as last element',
        ),
        (widget("text", {}), "/widgets/0/properties", "Should have required property 'markdown'"),
        (widget("table", {}), "/widgets/0/type", "Should be equal to one of the allowed values"),
        (widget("text", {"markdown": ""}, width=25), "/widgets/0/width", "Should be a number from 1 to 24"),
        (widget("text", {"markdown": ""}, x=24), "/widgets/0/x", "Should be a number from 0 to 23"),
        (widget("text", None), "/widgets/0", "Should have required property 'properties'"),
        ("text", "/widgets/0", "Should be object"),
    ],
)
def test_faults_are_listed_with_their_path(item: Any, path: str, message: str) -> None:
    with pytest.raises(InvalidBody) as caught:
        check_dashboard("shop", json.dumps({"widgets": [item]}))
    first, _, listed = str(caught.value).partition("\n")
    faults = json.loads(listed)
    assert first == f"The dashboard body is invalid, there are {len(faults)} validation errors:"
    assert any(fault["dataPath"] == path and fault["message"].startswith(message) for fault in faults)


def test_names_and_bodies_over_the_api(local_aws: AwsHarness) -> None:
    put = local_aws.cloudwatch.put_dashboard
    code, text = refusal(put, DashboardName="a b", DashboardBody="{}")
    assert (code, text.startswith("The value for field DashboardName contains invalid characters.")) == (
        "InvalidParameterValue",
        True,
    )
    for body in ("no JSON", "[]", '{"widgets": [{"type": "metric", "properties": {}}]}'):
        assert refusal(put, DashboardName="refused", DashboardBody=body)[0] == "InvalidParameterInput"
    with pytest.raises(InvalidInput):
        check_dashboard("", "{}")
