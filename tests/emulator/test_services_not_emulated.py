"""Services that are not emulated: refused by name and in their own wire format. SDKs and Terraform repeat a 500 for minutes."""

from __future__ import annotations

from typing import Any

import pytest

from support.common import refusal
from support.in_process_aws import AwsHarness

CASES = [
    ("amplify", "list_apps", {}, "GET /apps of amplify"),
    ("apigateway", "create_rest_api", {"name": "front"}, "POST /restapis of apigateway"),
    ("apigatewayv2", "get_apis", {}, "GET /v2/apis of apigateway"),
    ("appsync", "list_graphql_apis", {}, "GET /v1/apis of appsync"),
    ("cognito-idp", "list_user_pools", {"MaxResults": 1}, "ListUserPools of cognito-idp"),
    ("glue", "get_databases", {}, "GetDatabases of glue"),
    ("osis", "list_pipelines", {}, "GET /2022-01-01/osis/listPipelines of osis"),
    ("xray", "get_groups", {}, "POST /Groups of xray"),
]


@pytest.mark.parametrize(("service", "call", "arguments", "named"), CASES, ids=[case[0] for case in CASES])
def test_a_service_that_is_not_emulated_says_so(
    local_aws: AwsHarness, service: str, call: str, arguments: dict[str, Any], named: str
) -> None:
    assert refusal(getattr(local_aws.client(service), call), **arguments) == (
        "UnknownOperationException",
        f"{named} is not emulated by the local AWS.",
    )
