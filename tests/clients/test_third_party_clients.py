"""Clients that other people wrote, unchanged: deploy, invoke, wait, delete. Each is a script below scripts/."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.calls_table import undocumented
from support.common import refusal
from support.documents import ROOT, Document
from support.in_process_aws import AwsHarness


@pytest.fixture(autouse=True)
def all_is_gone_and_documented_afterwards(local_aws: AwsHarness, order: Any) -> Any:
    yield
    assert undocumented(Document.read(ROOT / "docs" / "local-aws.md"), local_aws.aws.status()["calls"]) == set()
    for describe, member in (
        (local_aws.sagemaker.describe_endpoint, "EndpointName"),
        (local_aws.sagemaker.describe_endpoint_config, "EndpointConfigName"),
        (local_aws.sagemaker.describe_model, "ModelName"),
    ):
        assert "Could not find" in refusal(describe, **{member: order.name})[1]


def test_the_aws_cli(local_aws: AwsHarness, client: Any, order: Any) -> None:
    lines = client.run("with_aws_cli.sh", order).splitlines()
    assert json.loads(lines[0]) == {"hello": "world"}
    assert lines[1:] == [
        "GreaterThanThreshold\tLessThanThreshold",
        "ConfigurationUpdate",
        "backlog",
        "team\tshop",
    ]


def test_sagemaker_s_python_sdk(local_aws: AwsHarness, client: Any, order: Any) -> None:
    seen = json.loads(client.run("with_sagemaker_sdk.py", order).splitlines()[-1])
    assert seen["answers"] == [{"waited": True}, {"later": True}]
    assert "not this one" in seen["failure"]


def test_sagemaker_core(local_aws: AwsHarness, client: Any, order: Any) -> None:
    seen = json.loads(client.run("with_sagemaker_core.py", order).splitlines()[-1])
    assert seen == {
        "answer": {"hello": "world"},
        "listed": [order.name],
        "status": "InService",
        "inference_id": "from-core",
    }


def test_sagemaker_s_python_sdk_version_3(client_v3: Any, order: Any) -> None:
    seen = json.loads(client_v3.run("with_sagemaker_sdk_v3.py", order).splitlines()[-1])
    assert seen == {"answer": {"hello": "world"}, "status": "InService", "inference_id": "from-v3"}


def test_aiobotocore(local_aws: AwsHarness, client: Any, order: Any) -> None:
    seen = json.loads(client.run("with_aiobotocore.py", order))
    assert seen == {"answers": [{"hello": "world"}] * 8, "listed": [order.name]}
