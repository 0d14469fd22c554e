"""What CloudFormation refuses at once, and what fails a stack by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.common import refusal, unique
from support.in_process_aws import ACCOUNT, AwsHarness
from support.stacks import StackHarness, att, execution_role, ref, resource

QUEUE = resource("SQS::Queue")


def queue_named(value: Any) -> dict[str, Any]:
    return resource("SQS::Queue", QueueName=value)


def output(value: Any) -> dict[str, Any]:
    return {"Outputs": {"O": {"Value": value}}}


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
        (resource("S3::Bucket", AccessControl="private"), "#/AccessControl: private is not a valid enum value"),
        (resource("KMS::Key", PendingWindowInDays=5), "#/PendingWindowInDays: 5 is not from 7 to 30"),
        (resource("SQS::Queue", Tags={"a": "b"}), "#/Tags: expected type: JSONArray, found: JSONObject"),
        (resource("SQS::Queue", DelaySeconds=[1]), "#/DelaySeconds: expected type: String, found: JSONArray"),
        (
            resource("SQS::QueuePolicy", Queues=ref("First"), PolicyDocument={}),
            "#/Queues: expected type: JSONArray, found: String",
        ),
        (
            resource("SNS::TopicPolicy", Topics=["x"], PolicyDocument=["y"]),
            "#/PolicyDocument: expected type: JSONObject, found: JSONArray",
        ),
        (
            resource("IAM::Role", AssumeRolePolicyDocument={}, ManagedPolicyArns="arn:aws:iam::aws:policy/ReadOnlyAccess"),
            "#/ManagedPolicyArns: expected type: JSONArray, found: String",
        ),
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
        ({"Resources": {"Q": QUEUE}, **output(att("Q", "Colour"))}, "resource Q does not support attribute type Colour"),
        (
            {"Resources": {"Q": QUEUE, "R": queue_named(att("Q", "Colour"))}},
            "Q does not support attribute type Colour in Fn::GetAtt",
        ),
        (
            {"Resources": {"Q": QUEUE}, **output({"Fn::Sub": "${Q.Colour}"})},
            "Fn::Sub references invalid resource attribute Q.Colour",
        ),
        ({"Resources": {"Q": queue_named(att("Nothing", "Arn"))}}, "Fn::GetAtt references undefined resource Nothing"),
        ({"Resources": {"Q": queue_named({"Fn::GetAtt": "Arn"})}}, "every Fn::GetAtt object requires two non-empty parameters"),
        ({"Resources": {"Q": queue_named({"Fn::If": ["No", "a", "b"]})}}, "unresolved condition dependency No in Fn::If"),
        ({"Resources": {"Q": queue_named({"Fn::FindInMap": ["No", "a", "b"]})}}, "Mapping named 'No' is not present"),
        ({"Resources": {"Q": queue_named({"Fn::Cidr": ["10.0.0.0/16", 1, 8]})}}, "the function Fn::Cidr is not emulated"),
        ({"Resources": {"Q": QUEUE | {"Condition": "No"}}}, "Condition No of Resources/Q is not in the Conditions block"),
        (
            {"Resources": {"Q": QUEUE | {"DeletionPolicy": "Snapshot"}}},
            "AWS::SQS::Queue does not support deletion policy Snapshot",
        ),
        (
            {"Resources": {"Q": QUEUE | {"UpdateReplacePolicy": "RetainExceptOnCreate"}}},
            "does not support update replace policy RetainExceptOnCreate",
        ),
        (
            {"Resources": {"Q": QUEUE}, "Outputs": {"O": {"Value": "x", "Export": {"Name": att("Q", "QueueName")}}}},
            "The Name field of Export must not depend on any resources",
        ),
        (
            {
                "Resources": {"Q": QUEUE | {"Condition": "Never"}, "R": queue_named(att("Q", "QueueName"))},
                "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
            },
            "Unresolved resource dependencies [Q] in the Resources block",
        ),
        (
            {"Resources": {f"Q{number}": QUEUE for number in range(501)}},
            "Number of resources, 501, is greater than maximum allowed, 500",
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


def test_a_failed_update_that_is_not_rolled_back_is_retried(local_aws: AwsHarness) -> None:
    stack, name = StackHarness(local_aws), unique("later")
    first = {"Q": resource("SQS::Queue", DelaySeconds=1), "Role": execution_role("b")}
    assert stack.create(first) == "CREATE_COMPLETE"
    before = stack.physical_ids()
    missing = {"deadLetterTargetArn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{name}", "maxReceiveCount": 3}
    second = first | {"Q": resource("SQS::Queue", DelaySeconds=2, RedrivePolicy=missing)}
    assert stack.update(second, DisableRollback=True) == "UPDATE_FAILED"
    assert stack.physical_ids() == before
    local_aws.sqs.create_queue(QueueName=name)
    assert stack.update(second) == "UPDATE_COMPLETE", stack.reasons("UPDATE_FAILED")
    attributes = local_aws.sqs.get_queue_attributes(QueueUrl=before["Q"], AttributeNames=["DelaySeconds"])["Attributes"]
    assert attributes == {"DelaySeconds": "2"}
    broken = second | {"New": resource("SQS::Queue", DelaySeconds="x"), "Q": resource("SQS::Queue", QueueName="not valid")}
    assert stack.update(broken, DisableRollback=True) == "UPDATE_FAILED"
    assert {key: value for key, value in stack.physical_ids().items() if value} == before
    assert stack.update(second | {"New": QUEUE}) == "UPDATE_COMPLETE", stack.reasons("UPDATE_FAILED")
    assert stack.delete() == "DELETE_COMPLETE"


def test_an_update_cannot_change_the_type_of_a_resource(local_aws: AwsHarness) -> None:
    stack = StackHarness(local_aws)
    assert stack.create({"Q": QUEUE}) == "CREATE_COMPLETE"
    body = json.dumps({"Resources": {"Q": resource("SNS::Topic")}})
    for call, more in ((stack.client.update_stack, {}), (stack.client.create_change_set, {"ChangeSetName": "other"})):
        said = refusal(call, StackName=stack.name, TemplateBody=body, **more)[1]
        assert said.startswith("Update of resource type is not permitted.")
        assert said.endswith("[Q]")
    assert stack.delete() == "DELETE_COMPLETE"


def test_an_action_that_is_not_emulated_is_named(local_aws: AwsHarness) -> None:
    code, message = refusal(local_aws.client("cloudformation").list_stack_sets)
    assert code in ("InvalidAction", "UnknownOperationException")
    assert "ListStackSets" in message
