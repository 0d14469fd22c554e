"""Example http-api, applied with a mocked provider: what its modules pass to each other, and what the functions then read."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.http_api.functions import VARIABLE, settings_of
from support.module_copies import CHECKOUT, LEFT_OUT
from support.recorded_access import Needed, denied

MOCKS = """
  mock_resource "aws_apigatewayv2_api" {
    defaults = {
      api_endpoint  = "https://abc.execute-api.eu-west-1.amazonaws.com"
      execution_arn = "arn:aws:execute-api:eu-west-1:123456789012:abc"
    }
  }

  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-west-1:123456789012:rule/sweep" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:api" }
  }

  mock_resource "aws_lambda_function" {
    defaults = {
      arn        = "arn:aws:lambda:eu-west-1:123456789012:function:api"
      invoke_arn = "arn:aws:apigateway:eu-west-1:lambda:path/f"
    }
  }
}

run "example" {}
"""
NAME = "http-api-example"

# What the code of each function calls: S3 by keys of the bucket, in the order of http_api/.
STATE = "predictions/"
CALLS = {
    "api": {
        "s3:GetObject": [
            *(f"{STATE}{name}" for name in ("records/a.json", "submitted/caller/1.a", "outcomes/a.json")),
            *(
                "credentials/keys/a.json",
                "credentials/secrets/caller.json",
                "input/api/caller/a",
                "output/api/a.out",
                "failure/1.out",
            ),
        ],
        "s3:PutObject": [f"{STATE}records/a.json", f"{STATE}submitted/caller/1.a", "credentials/secrets/a.json", "input/api/a"],
    },
    "deliver": {
        "s3:GetObject": [
            *(f"{STATE}{name}" for name in ("records/a.json", "submitted/caller/1.a", "outcomes/a.json")),
            *("credentials/secrets/caller.json", "output/api/a.out", "failure/1.out"),
        ],
        "s3:PutObject": [f"{STATE}outcomes/a.json", "credentials/secrets/a.json"],
    },
    "sweep": {
        "s3:GetObject": [
            f"{STATE}{name}" for name in ("records/a.json", "submitted/caller/1.a", "outcomes/a.json", "sweep.json")
        ],
        "s3:PutObject": [f"{STATE}sweep.json"],
    },
}


@pytest.mark.terraform
def test_the_functions_serve_the_endpoint_of_the_example(copy: Any) -> None:
    root = copy.folder / "examples/http-api"
    shutil.copytree(CHECKOUT / "examples/http-api", root, ignore=LEFT_OUT)
    (root / "providers.tf").unlink()
    (copy.folder / "build").mkdir()
    for archive in ("minimal-async.tar.gz", "http-api.zip"):
        (copy.folder / "build" / archive).write_bytes(b"its bytes are hashed, not read")
    mocks = (copy.folder / "modules/async-inference/tests/async_inference.tftest.hcl").read_text().split("\n\nvariables {")[0]
    (root / "example.tftest.hcl").write_text(mocks.rstrip().removesuffix("}") + MOCKS)
    copy.succeed("examples/http-api", "init", "-input=false", "-lockfile=readonly")

    done = copy.test("examples/http-api", "-verbose")

    assert done.code == 0, done.text
    state = done.messages["test_state"][0]["test_state"]
    found = {
        f"{item['type']}.{item['name']}/{item.get('index', '')}": item["values"]
        for module in state["root_module"]["child_modules"]
        if module["address"] == "module.http_api"
        for item in module["resources"]
    }
    endpoint = state["outputs"]["async_endpoints"]["value"]["echo"]
    _each_function_may_do_what_it_does(found, endpoint)
    _functions_read_the_endpoint(found, state["outputs"]["async_endpoints"]["value"]["echo"])
    assert state["outputs"]["url"]["value"] == "https://abc.execute-api.eu-west-1.amazonaws.com"

    functions = ("api", "deliver", "sweep")
    roles = {name: found[f"aws_iam_role.this/{name}"]["name"] for name in functions}
    assert roles == {name: f"{NAME}-eu-west-1-{name}" for name in functions}
    assert found["aws_apigatewayv2_api.this/"]["cors_configuration"][0]["allow_origins"] == ["https://app.example.com"]
    alarms = [values for place, values in found.items() if place.startswith("aws_cloudwatch_metric_alarm.")]
    assert len(alarms) == 9
    assert all(alarm["alarm_actions"] for alarm in alarms)


def _each_function_may_do_what_it_does(found: dict[str, Any], endpoint: dict[str, Any]) -> None:
    """Its own calls, those of a process that serves everything are the union; and nothing with an API key but reading it."""
    bucket, queue = f"arn:aws:s3:::{endpoint['storage']['bucket']}", endpoint["http_api"]["delivery_queue_arn"]
    for name, calls in CALLS.items():
        policy = _policy(found[f"aws_iam_policy_document.function/{name}"])
        needed = [Needed(action, f"{bucket}/{key}") for action, keys in calls.items() for key in keys]
        needed += [Needed("s3:ListBucket", bucket), Needed("sqs:SendMessage", queue)]
        if name != "deliver":
            needed.append(Needed("s3:ListBucket", bucket, (("s3:prefix", f"{STATE}submitted/caller/"),)))
        assert denied(needed, [policy]) == [], name
        refused = [Needed(action, f"{bucket}/credentials/keys/a.json") for action in ("s3:PutObject", "s3:DeleteObject")]
        refused.append(Needed("s3:GetObject", f"{bucket}/model/a.tar.gz"))
        assert [str(call) for call in refused if call.allowed_by([policy])] == [], name


def _policy(document: dict[str, Any]) -> dict[str, Any]:
    """The JSON of a policy document, whose rendering is mocked."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": statement["sid"], "Effect": "Allow", "Action": statement["actions"], "Resource": statement["resources"]}
            | {"Condition": {one["test"]: {one["variable"]: one["values"]} for one in statement["condition"] or []}}
            for statement in document["statement"]
        ],
    }


def _functions_read_the_endpoint(found: dict[str, Any], output: dict[str, Any]) -> None:
    outputs = AsyncEndpointOutputs.parse(output)
    for name in ("api", "deliver", "sweep"):
        [environment] = found[f"aws_lambda_function.this/{name}"]["environment"]
        settings = settings_of(environment["variables"])
        assert settings.endpoints.keys() == {"echo"}
        read = settings.endpoints["echo"].outputs
        for part in ("endpoint", "http_api", "limits", "storage"):
            assert getattr(read, part) == getattr(outputs, part)
        assert (settings.max_wait, settings.cors_origins) == (600, ("https://app.example.com",))
        assert settings.keys_required
        assert environment["variables"].keys() == {VARIABLE}
