"""What CloudFormation refuses at once, and what fails a stack by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.common import refusal, unique
from support.in_process_aws import ACCOUNT, AwsHarness
from support.stacks import StackHarness, att, execution_role, ref, resource

QUEUE = resource("SQS::Queue")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (resource("Lambda::Function", Code={}), "Resource type AWS::Lambda::Function is not supported by the local AWS."),
        ({"Type": "Custom::Thing"}, "Resource type Custom::Thing is not supported by the local AWS."),
        (resource("SQS::Queue", Colour="red"), "Encountered unsupported property Colour"),
        (resource("SQS::Queue", DelaySeconds="1000"), "DelaySeconds"),
        (resource("SageMaker::EndpointConfig"), "required key [ProductionVariants] not found"),
        (resource("SageMaker::Model", PrimaryContainer={"Picture": "x"}), "extraneous key [Picture] is not permitted"),
        (resource("SageMaker::EndpointConfig", ProductionVariants="x"), "#/ProductionVariants: expected type: JSONArray"),
        (resource("S3::Bucket", WebsiteConfiguration={}), "Encountered unsupported property WebsiteConfiguration"),
        (resource("SQS::Queue", DelaySeconds=att("First", "Colour")), "does not support attribute type Colour"),
    ],
)
def test_a_resource_that_cannot_be_created_fails_the_stack(local_aws: AwsHarness, broken: Any, reason: str) -> None:
    stack, first = StackHarness(local_aws), unique("first")
    resources = {"First": resource("SQS::Queue", QueueName=first), "Broken": {**broken, "DependsOn": "First"}}
    assert stack.create(resources) == "ROLLBACK_COMPLETE"
    assert reason in stack.reasons("CREATE_FAILED")["Broken"]
    assert "[Broken]" in stack.reasons("ROLLBACK_IN_PROGRESS")[stack.name]
    assert refusal(local_aws.sqs.get_queue_url, QueueName=first)[0] == "AWS.SimpleQueueService.NonExistentQueue"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ({}, "At least one Resources member must be defined"),
        ({"Resources": {"Q": {}}}, "Every Resources object must contain a Type member"),
        ({"Resources": {"Q": {"Type": "nonsense"}}}, "Unrecognized resource types: [nonsense]"),
        ({"Resources": {"Q": QUEUE | {"CreationPolicy": {}}}}, "CreationPolicy of resource Q is not emulated"),
        ({"Resources": {"Q": QUEUE}, "Transform": "AWS::Serverless-2016-10-31"}, "Transform of a template is not emulated"),
        ({"Resources": {"Q": QUEUE}, "Recources": {}}, "Invalid template property or properties [Recources]"),
        ({"Resources": {"Q": resource("SQS::Queue", QueueName=ref("Nothing"))}}, "Unresolved resource dependencies [Nothing]"),
        (
            {"Resources": {"A": QUEUE | {"DependsOn": "B"}, "B": QUEUE | {"DependsOn": "A"}}},
            "Circular dependency between resources: [A, B]",
        ),
        ({"Resources": {"Q": QUEUE}, "Parameters": {"P": {"Type": "String"}}}, "Parameters: [P] must have values"),
        ({"Resources": {"Q": QUEUE}, "Parameters": {"P": {"Default": "x"}}}, "Parameters object must contain a Type member"),
        (
            {"Resources": {"Q": QUEUE}, "Parameters": {"P": {"Type": "Strng", "Default": "x"}}},
            "Unrecognized parameter type: Strng",
        ),
        (
            {"Resources": {"Q": QUEUE}, "Parameters": {"Q": {"Type": "String", "Default": "x"}}},
            "Q names both a parameter and a resource",
        ),
        ({"Resources": {"Q": QUEUE}, "Outputs": {"O": {"Description": "x"}}}, "Outputs member must contain a Value object"),
        ({"Resources": {"Q": QUEUE}, "AWSTemplateFormatVersion": "2012-01-01"}, "2012-01-01 is not a supported value"),
        ({"Resources": {"Q": QUEUE}, "Conditions": {"C": {"Fn::Equals": ["a"]}}}, "every Fn::Equals object requires two"),
        ({"Resources": {"Q": QUEUE}, "Conditions": {"C": {"Fn::And": 1}}}, "Condition C cannot be evaluated"),
        (
            {"Resources": {"Q": QUEUE}, "Conditions": {"C": {"Fn::Not": [{"Condition": "C"}]}}},
            "Condition C cannot be evaluated",
        ),
        (
            {"Resources": {"Q": QUEUE}, "Parameters": {"P": {"Type": "Number", "Default": "x"}}},
            "Parameter 'P' must be a number",
        ),
        (
            {"Resources": {"Q": QUEUE}, "Parameters": {"P": {"Type": "String", "Default": "x", "AllowedValues": ["y"]}}},
            "must be one of AllowedValues",
        ),
        (
            {
                "Resources": {"Q": QUEUE},
                "Parameters": {"Bootstrap": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk/version"}},
            },
            "Unable to fetch parameters [/cdk/version] from parameter store for this account.",
        ),
    ],
)
def test_a_template_that_is_refused(local_aws: AwsHarness, template: dict[str, Any], message: str) -> None:
    client, name = local_aws.client("cloudformation"), unique("stack")
    code, said = refusal(client.create_stack, StackName=name, TemplateBody=json.dumps(template))
    assert code == "ValidationError"
    assert message in said
    assert refusal(client.describe_stacks, StackName=name)[1] == f"Stack with id {name} does not exist"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"NotificationARNs": [f"arn:aws:sns:eu-west-1:{ACCOUNT}:x"]}, "NotificationARNs"),
        ({"TimeoutInMinutes": 5}, "TimeoutInMinutes"),
        ({"Tags": [{"Key": "aws:team", "Value": "x"}]}, "aws: prefixed tag key names are not allowed"),
        ({"StackPolicyBody": "{}"}, "StackPolicyBody"),
        ({"RoleARN": f"arn:aws:iam::{ACCOUNT}:role/no-such-role"}, "no-such-role"),
        ({"Parameters": [{"ParameterKey": "P", "ParameterValue": "x"}]}, "[P] do not exist in the template"),
    ],
)
def test_an_option_without_effect_is_refused_by_name(local_aws: AwsHarness, options: dict[str, Any], named: str) -> None:
    client = local_aws.client("cloudformation")
    body = json.dumps({"Resources": {"Q": QUEUE}})
    code, said = refusal(client.create_stack, StackName=unique("stack"), TemplateBody=body, **options)
    assert code == "ValidationError"
    assert named in said


def test_iam_resources_need_a_capability(local_aws: AwsHarness) -> None:
    client, body = local_aws.client("cloudformation"), json.dumps({"Resources": {"Role": execution_role("b")}})
    assert refusal(client.create_stack, StackName=unique("stack"), TemplateBody=body) == (
        "InsufficientCapabilitiesException",
        "Requires capabilities : [CAPABILITY_IAM]",
    )
    named = execution_role("b")
    named["Properties"]["RoleName"] = unique("role")
    body = json.dumps({"Resources": {"Role": named}})
    assert refusal(client.create_stack, StackName=unique("stack"), TemplateBody=body, Capabilities=["CAPABILITY_IAM"]) == (
        "InsufficientCapabilitiesException",
        "Requires capabilities : [CAPABILITY_NAMED_IAM]",
    )


def test_a_role_acts_for_the_stack_if_it_trusts_cloudformation(local_aws: AwsHarness) -> None:
    stack = StackHarness(local_aws)
    trusting = local_aws.role("cloudformation.amazonaws.com").arn
    assert stack.create({"Q": QUEUE}, RoleARN=trusting) == "CREATE_COMPLETE"
    other = local_aws.role().arn
    assert "is invalid or cannot be assumed" in refusal(stack.client.delete_stack, StackName=stack.name, RoleARN=other)[1]
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_stack_that_does_not_roll_back_keeps_what_it_has(local_aws: AwsHarness) -> None:
    stack = StackHarness(local_aws)
    resources = {"Q": QUEUE, "Broken": resource("SQS::Queue", DelaySeconds="x") | {"DependsOn": "Q"}}
    assert stack.create(resources, OnFailure="DO_NOTHING") == "CREATE_FAILED"
    url = stack.physical_ids()["Q"]
    local_aws.sqs.get_queue_attributes(QueueUrl=url)
    body = json.dumps({"Resources": {"Q": QUEUE}})
    assert (
        "is in CREATE_FAILED state and can not be updated"
        in refusal(stack.client.update_stack, StackName=stack.name, TemplateBody=body)[1]
    )
    assert stack.delete() == "DELETE_COMPLETE"
    assert refusal(local_aws.sqs.get_queue_attributes, QueueUrl=url)[0] == "AWS.SimpleQueueService.NonExistentQueue"


def test_an_action_that_is_not_emulated_is_named(local_aws: AwsHarness) -> None:
    code, message = refusal(local_aws.client("cloudformation").list_stack_sets)
    assert code in ("InvalidAction", "UnknownOperationException")
    assert "ListStackSets" in message
