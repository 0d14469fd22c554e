"""The Resource Groups Tagging API includes hosting's resources besides moto's."""

from __future__ import annotations

from typing import Any

import pytest

from support.common import unique, until
from support.deployed_endpoint import Deployed
from support.in_process_aws import AwsHarness


@pytest.fixture
def tagging(local_aws: AwsHarness) -> Any:
    return local_aws.client("resourcegroupstaggingapi")


def found(tagging: Any, **options: Any) -> list[str]:
    pages = tagging.get_paginator("get_resources").paginate(**options)
    return [item["ResourceARN"] for page in pages for item in page["ResourceTagMappingList"]]


def tag(local_aws: AwsHarness, deployed: Deployed, value: str) -> list[str]:
    """Tag model, configuration and endpoint; returns their ARNs in this order."""
    sagemaker = local_aws.sagemaker
    arns = [
        sagemaker.describe_model(ModelName=deployed.model)["ModelArn"],
        sagemaker.describe_endpoint_config(EndpointConfigName=deployed.config)["EndpointConfigArn"],
        sagemaker.describe_endpoint(EndpointName=deployed.name)["EndpointArn"],
    ]
    for arn in arns:
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "deployment", "Value": value}])
    return arns


def test_models_configurations_and_endpoints_are_found_by_tag_and_type(
    local_aws: AwsHarness, deploy: Any, tagging: Any
) -> None:
    value = unique("deployment")
    arns = tag(local_aws, deploy(wait=False), value)
    key = local_aws.kms.create_key(Tags=[{"TagKey": "deployment", "TagValue": value}])["KeyMetadata"]["Arn"]
    filters = [{"Key": "deployment", "Values": [value]}]
    assert sorted(found(tagging, TagFilters=filters)) == sorted([*arns, key])
    for arn, kind in zip(arns, ("model", "endpoint-config", "endpoint"), strict=True):
        assert found(tagging, TagFilters=filters, ResourceTypeFilters=[f"sagemaker:{kind}"]) == [arn]
    assert found(tagging, TagFilters=filters, ResourceTypeFilters=["kms:key"]) == [key]
    assert found(local_aws.client("resourcegroupstaggingapi", region="eu-north-1"), TagFilters=filters) == []


def test_tags_can_be_changed_through_the_tagging_api(local_aws: AwsHarness, deploy: Any, tagging: Any) -> None:
    [arn, *_] = tag(local_aws, deploy(wait=False), unique("deployment"))
    assert tagging.tag_resources(ResourceARNList=[arn], Tags={"team": "a"})["FailedResourcesMap"] == {}
    assert {"Key": "team", "Value": "a"} in local_aws.sagemaker.list_tags(ResourceArn=arn)["Tags"]
    tagging.untag_resources(ResourceARNList=[arn], TagKeys=["team", "deployment"])
    assert local_aws.sagemaker.list_tags(ResourceArn=arn)["Tags"] == []


def test_search_agrees_with_descriptions_and_tags(local_aws: AwsHarness, deploy: Any) -> None:
    value = unique("searched")
    first, second = deploy(), deploy()
    for deployed in (first, second):
        tag(local_aws, deployed, value)
    sagemaker = local_aws.sagemaker
    by_tag = {"Name": "Tags.deployment", "Operator": "Equals", "Value": value}

    def names(*filters: dict[str, str], **options: Any) -> list[str]:
        found = sagemaker.search(Resource="Endpoint", SearchExpression={"Filters": [by_tag, *filters]}, **options)
        return [item["Endpoint"]["EndpointName"] for item in found["Results"]]

    assert sorted(names()) == sorted([first.name, second.name])
    assert names(SortBy="EndpointName", SortOrder="Ascending") == sorted([first.name, second.name])
    assert names({"Name": "EndpointName", "Operator": "Contains", "Value": first.name.upper()}) == [first.name]
    assert names({"Name": "EndpointStatus", "Operator": "NotEquals", "Value": "InService"}) == []
    assert names({"Name": "CreationTime", "Operator": "GreaterThan", "Value": "2100-01-01T00:00:00Z"}) == []
    page = sagemaker.search(Resource="Endpoint", SearchExpression={"Filters": [by_tag]}, MaxResults=1)
    assert (len(page["Results"]), page["TotalHits"]["Value"]) == (1, 2)
    record = page["Results"][0]["Endpoint"]
    described = sagemaker.describe_endpoint(EndpointName=record["EndpointName"])
    assert {record[key] == described[key] for key in ("EndpointArn", "EndpointConfigName", "EndpointStatus")} == {True}
    rest = sagemaker.search(Resource="Endpoint", SearchExpression={"Filters": [by_tag]}, NextToken=page["NextToken"])
    assert len(rest["Results"]) == 1

    models = sagemaker.search(Resource="Model", SearchExpression={"Filters": [by_tag]})["Results"]
    assert {item["Model"]["Model"]["ModelName"] for item in models} == {first.model, second.model}
    assert sagemaker.search(Resource="TrainingJob")["Results"] == []
    sagemaker.delete_endpoint(EndpointName=first.name)
    until(lambda: names() == [second.name], "the deleted endpoint is no longer found")
    sagemaker.delete_model(ModelName=second.model)
    remaining = sagemaker.search(Resource="Model", SearchExpression={"Filters": [by_tag]})["Results"]
    assert [item["Model"]["Model"]["ModelName"] for item in remaining] == [first.model]
