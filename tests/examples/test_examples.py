"""Every example: applied, planned again without a change, used, destroyed without a trace."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLES: dict[str, Callable[[Any, dict[str, Any]], None]] = {}


def used(name: str) -> Callable[[Any], Any]:
    """Registers how an example is used once it is applied."""

    def register(use: Any) -> Any:
        EXAMPLES[name] = use
        return use

    return register


@used("minimal-async")
def _minimal_async(example: Any, outputs: dict[str, Any]) -> None:
    endpoint = outputs["async_endpoint"]["endpoint"]["name"]
    accepted = example.runtime.invoke_endpoint_async(EndpointName=endpoint, Body=b"a rose is a rose", ContentType="text/plain")
    answer = example.until(lambda: example.object(accepted["OutputLocation"]), "an output")
    assert json.loads(answer) == {"a": 2, "rose": 2, "is": 1}


@used("state-bucket")
def _state_bucket(example: Any, outputs: dict[str, Any]) -> None:
    assert example.s3.get_bucket_versioning(Bucket=outputs["bucket"])["Status"] == "Enabled"
    assert set(outputs["backend_policies"]) == {f"async-endpoint/{name}/" for name in ("dev", "prod", "staging")}


def test_every_example_is_tested_here() -> None:
    examples = Path(__file__).parents[2] / "examples"
    assert {path.parent.name for path in examples.glob("*/main.tf")} == EXAMPLES.keys()


@pytest.mark.terraform
@pytest.mark.parametrize("example", EXAMPLES, indirect=True)
def test_an_example_is_applied_used_and_destroyed(example: Any, nothing_left: Callable[[], dict[str, list[str]]]) -> None:
    outputs = example.apply()
    assert example.changes() == []

    EXAMPLES[example.name](example, outputs)

    for item in example.sagemaker.list_endpoints()["Endpoints"]:
        example.still(item["EndpointName"])
    example.destroy()
    assert nothing_left() == {}
