"""Lists of models, configurations and endpoints: paged, sorted and filtered."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import xform_name

from support.common import refusal, unique
from support.deployed_endpoint import Deployed
from support.in_process_aws import IMAGE, AwsHarness


@pytest.fixture(scope="module")
def several(remote_aws: AwsHarness, shared_endpoint: Deployed) -> dict[str, list[str]]:
    """Names of three resources of each kind, oldest first, which is not their alphabetical order."""
    word = unique("several")
    names = [f"{word}-{letter}" for letter in "bca"]
    for name in names:
        remote_aws.sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=shared_endpoint.role.arn, PrimaryContainer={"Image": IMAGE}
        )
        remote_aws.sagemaker.create_endpoint_config(**remote_aws.config_request(name, name, shared_endpoint.bucket))
        remote_aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=shared_endpoint.config)
    return {"word": [word], "names": names}


@pytest.mark.parametrize("kind", ["Model", "EndpointConfig", "Endpoint"])
def test_lists_are_paged_sorted_and_filtered(remote_aws: AwsHarness, several: dict[str, list[str]], kind: str) -> None:
    operation = xform_name(f"List{kind}s")
    word, names = several["word"][0], several["names"]

    def listed(**wanted: Any) -> list[str]:
        pages = remote_aws.sagemaker.get_paginator(operation).paginate(NameContains=word, **wanted)
        return [item[f"{kind}Name"] for page in pages for item in page[f"{kind}s"]]

    by_one = {"PaginationConfig": {"PageSize": 1}}
    assert listed(**by_one) == listed() == names[::-1]
    assert listed(SortOrder="Ascending", **by_one) == listed(SortBy="CreationTime", SortOrder="Ascending") == names
    assert listed(SortBy="Name", SortOrder="Ascending", **by_one) == sorted(names)
    assert listed(SortBy="Name") == sorted(names, reverse=True)
    answer = getattr(remote_aws.sagemaker, operation)(NameContains=word, SortOrder="Ascending")
    middle = answer[f"{kind}s"][1]["CreationTime"]
    assert names[1] not in (before := listed(CreationTimeBefore=middle)) or before == [names[1], names[0]]
    assert names[0] in before or answer[f"{kind}s"][0]["CreationTime"] == middle
    assert listed(CreationTimeBefore="2001-01-01T00:00:00Z") == listed(CreationTimeAfter="2200-01-01T00:00:00Z") == []
    assert listed(CreationTimeAfter="2001-01-01T00:00:00Z") == names[::-1]
    for token in ("next", "-1"):
        assert refusal(getattr(remote_aws.sagemaker, operation), NextToken=token)[0] == "ValidationException"


def test_endpoints_are_sorted_and_filtered_by_status_and_change(remote_aws: AwsHarness, several: dict[str, list[str]]) -> None:
    word, names = several["word"][0], several["names"]
    for name in names:
        Deployed(remote_aws, name, "", None).until_status("InService")  # type: ignore[arg-type] - only asked for its status
    listed = remote_aws.sagemaker.list_endpoints
    wanted = {"NameContains": word, "SortBy": "Status"}
    assert {item["EndpointName"] for item in listed(**wanted, StatusEquals="InService")["Endpoints"]} == set(names)
    assert listed(**wanted, StatusEquals="Creating")["Endpoints"] == []
    assert listed(**wanted, LastModifiedTimeBefore="2001-01-01T00:00:00Z")["Endpoints"] == []
    assert len(listed(**wanted, LastModifiedTimeAfter="2001-01-01T00:00:00Z")["Endpoints"]) == 3
