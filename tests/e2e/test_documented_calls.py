"""Every action that Terraform, the driver and the client called is in the tables of docs/local-aws.md."""

from __future__ import annotations

from typing import Any

import pytest

from support.calls_table import undocumented
from support.documents import ROOT, Document

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.xdist_group("root-staging"),
    pytest.mark.parametrize("root", ["staging"], indirect=True),
    pytest.mark.usefixtures("awake"),
]


def test_every_call_of_a_deployment_is_documented(root: Any) -> None:
    root.succeed("invoke", root.checkout.query("red-shirt.png"), "--wait")
    root.succeed("plan")
    calls = root.checkout.succeed("local", "status", "--json").document["calls"]
    assert calls["sagemaker-runtime"]["InvokeEndpointAsync"] >= 1
    assert {"CreateEndpoint", "DescribeEndpoint"} <= calls["sagemaker"].keys()
    assert undocumented(Document.read(ROOT / "docs" / "local-aws.md"), calls) == set()
