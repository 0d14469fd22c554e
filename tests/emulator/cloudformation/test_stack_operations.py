"""Change sets, exports, retained resources, termination protection, and functions of templates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from async_endpoint.aws import AwsSession
from async_endpoint.emulator.cloudformation.stacks import INTERRUPTED, Stack, StackStore
from async_endpoint.stacks import stack_holding
from support.common import refusal, unique, until
from support.in_process_aws import ACCOUNT, REGION, AwsHarness
from support.sample_model import archive
from support.stacks import IAM, StackHarness, att, endpoint_resources, ref, resource

YAML = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Stage: {Type: String, Default: test}
  Delays: {Type: CommaDelimitedList, Default: "1, 2, 3"}
Mappings:
  Delay: {test: {Index: "1"}, prod: {Index: "2"}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  Always: !Or [!Condition IsProd, !Not [!Condition IsProd]]
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Condition: Always
    Properties:
      DelaySeconds: !Select [!FindInMap [Delay, !Ref Stage, Index], !Ref Delays]
      KmsMasterKeyId: !If [IsProd, alias/none, !Ref AWS::NoValue]
  OnlyInProd: {Type: AWS::SQS::Queue, Condition: IsProd}
Outputs:
  Sub: {Value: !Sub "${Stage}-${AWS::Region}-${Queue.QueueName}-${!Kept}-${Given}"}
  Joined: {Value: !Join ["/", [!Ref AWS::AccountId, !Select [1, !Split ["-", a-b]], !GetAtt Queue.Arn]]}
  Prod: {Condition: IsProd, Value: x}
"""


def changes(stack: StackHarness, resources: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What a change set would do: action, logical id and replacement."""
    stack.client.create_change_set(
        StackName=stack.name, ChangeSetName="next", TemplateBody=json.dumps({"Resources": resources})
    )
    found = stack.client.describe_change_set(StackName=stack.name, ChangeSetName="next")["Changes"]
    listed = [item["ResourceChange"] for item in found]
    return [(item["Action"], item["LogicalResourceId"], item.get("Replacement", "")) for item in listed]


def test_functions_of_templates(local_aws: AwsHarness) -> None:
    client, name = local_aws.client("cloudformation"), unique("stack")
    text = YAML.replace("-${Given}", "")
    stack = StackHarness(local_aws, name)
    stack.id = client.create_stack(StackName=name, TemplateBody=text)["StackId"]
    assert stack.final_status() == "CREATE_COMPLETE", stack.reasons("CREATE_FAILED")
    queue = stack.physical_ids()
    assert set(queue) == {"Queue"}
    attributes = local_aws.sqs.get_queue_attributes(QueueUrl=queue["Queue"], AttributeNames=["All"])["Attributes"]
    assert attributes["DelaySeconds"] == "2"
    queue_name = attributes["QueueArn"].rpartition(":")[2]
    assert stack.outputs() == {
        "Sub": f"test-{REGION}-{queue_name}-${{Kept}}",
        "Joined": f"{ACCOUNT}/b/{attributes['QueueArn']}",
    }
    assert "Unresolved resource dependencies [Given]" in refusal(client.validate_template, TemplateBody=YAML)[1]
    summary = client.get_template_summary(StackName=name)
    assert {item["ParameterKey"]: item["DefaultValue"] for item in summary["Parameters"]} == {
        "Stage": "test",
        "Delays": "1, 2, 3",
    }
    assert client.get_template(StackName=name)["TemplateBody"]
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_template_in_s3(local_aws: AwsHarness) -> None:
    bucket, client, name = local_aws.bucket(), local_aws.client("cloudformation"), unique("stack")
    local_aws.put(bucket, "t.json", json.dumps({"Resources": {"Q": resource("SQS::Queue")}}).encode())
    url = f"https://{bucket}.s3.{REGION}.amazonaws.com/t.json"
    client.create_stack(StackName=name, TemplateURL=url)
    stack = StackHarness(local_aws, name)
    assert stack.final_status() == "CREATE_COMPLETE"
    stack.id = stack.described()["StackId"]
    assert stack.delete() == "DELETE_COMPLETE"
    missing = url.replace("t.json", "none.json")
    assert "S3 error" in refusal(client.create_stack, StackName=unique("stack"), TemplateURL=missing)[1]


def test_change_sets_state_what_their_execution_does(local_aws: AwsHarness) -> None:
    stack = StackHarness(local_aws)
    resources = {
        "Dead": resource("SQS::Queue"),
        "Queue": resource("SQS::Queue", Tags=[{"Key": "dead", "Value": att("Dead", "QueueName")}]),
        "Old": resource("SNS::Topic"),
    }
    client = stack.client
    body = json.dumps({"Resources": resources})
    client.create_change_set(StackName=stack.name, ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=body)
    assert stack.described()["StackStatus"] == "REVIEW_IN_PROGRESS"
    client.execute_change_set(StackName=stack.name, ChangeSetName="first")
    assert stack.final_status() == "CREATE_COMPLETE"
    stack.id = stack.described()["StackId"]
    before = stack.physical_ids()

    client.create_change_set(StackName=stack.name, ChangeSetName="same", TemplateBody=body)
    same = client.describe_change_set(StackName=stack.name, ChangeSetName="same")
    assert (same["Status"], same["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "didn't contain changes" in same["StatusReason"]
    assert refusal(client.execute_change_set, StackName=stack.name, ChangeSetName="same")[0] == "InvalidChangeSetStatus"
    assert "No updates are to be performed" in refusal(client.update_stack, StackName=stack.name, TemplateBody=body)[1]

    resources["Dead"] = resource("SQS::Queue", QueueName=unique("renamed"))
    resources["New"] = resource("SNS::Topic")
    del resources["Old"]
    assert sorted(changes(stack, resources)) == [
        ("Add", "New", ""),
        ("Modify", "Dead", "True"),
        ("Modify", "Queue", "False"),
        ("Remove", "Old", ""),
    ]
    assert stack.physical_ids() == before  # nothing has happened yet
    client.execute_change_set(StackName=stack.name, ChangeSetName="next")
    assert stack.final_status() == "UPDATE_COMPLETE"
    done = client.describe_change_set(StackName=stack.name, ChangeSetName="next")
    assert done["ExecutionStatus"] == "EXECUTE_COMPLETE"
    assert [item["ChangeSetName"] for item in client.list_change_sets(StackName=stack.name)["Summaries"]] == ["next"]
    assert refusal(client.execute_change_set, StackName=stack.name, ChangeSetName="next")[0] == "InvalidChangeSetStatus"
    after = stack.physical_ids()
    assert set(after) == {"Dead", "Queue", "New"}
    assert after["Queue"] == before["Queue"]
    assert local_aws.sqs.list_queue_tags(QueueUrl=after["Queue"])["Tags"] == {"dead": after["Dead"].rpartition("/")[2]}
    assert refusal(local_aws.sqs.get_queue_attributes, QueueUrl=before["Dead"])[0] == "AWS.SimpleQueueService.NonExistentQueue"
    assert refusal(local_aws.sns.get_topic_attributes, TopicArn=before["Old"])[0] == "NotFound"
    assert stack.delete() == "DELETE_COMPLETE"


def test_an_exported_output_is_in_use_until_its_importer_is_deleted(local_aws: AwsHarness) -> None:
    export, owner, user = unique("export"), StackHarness(local_aws), StackHarness(local_aws)
    outputs = {"Out": {"Value": att("Q", "QueueName"), "Export": {"Name": export}}}
    assert owner.create({"Q": resource("SQS::Queue")}, {"Outputs": outputs}) == "CREATE_COMPLETE"
    imported = resource("SNS::Topic", DisplayName={"Fn::ImportValue": export})
    assert user.create({"T": imported}) == "CREATE_COMPLETE", user.reasons("CREATE_FAILED")
    assert owner.client.list_imports(ExportName=export)["Imports"] == [user.name]
    renamed = {"Q": resource("SQS::Queue", QueueName=unique("renamed"))}
    assert owner.update(renamed, {"Outputs": outputs}) == "UPDATE_ROLLBACK_COMPLETE"
    why = owner.reasons("UPDATE_ROLLBACK_IN_PROGRESS")[owner.name]
    assert f"{export} cannot be updated as it is in use by {user.name}" in why
    assert owner.update({"Q": resource("SQS::Queue", DelaySeconds=1)}) == "UPDATE_ROLLBACK_COMPLETE"
    events = owner.client.describe_stack_events(StackName=owner.id)["StackEvents"]
    assert any(f"{export} cannot be deleted" in event.get("ResourceStatusReason", "") for event in events)
    assert owner.delete() == "DELETE_FAILED"
    assert f"{export} cannot be deleted as it is in use by {user.name}" in owner.described()["StackStatusReason"]
    assert user.delete() == "DELETE_COMPLETE"
    assert owner.delete() == "DELETE_COMPLETE"


def test_retained_resources_and_termination_protection(local_aws: AwsHarness) -> None:
    stack = StackHarness(local_aws)
    kept = resource("SQS::Queue") | {"DeletionPolicy": "Retain"}
    assert stack.create({"Kept": kept, "Gone": resource("SQS::Queue")}, EnableTerminationProtection=True) == "CREATE_COMPLETE"
    ids = stack.physical_ids()
    assert "TerminationProtection" in refusal(stack.client.delete_stack, StackName=stack.name)[1]
    stack.client.update_termination_protection(StackName=stack.name, EnableTerminationProtection=False)
    assert stack.delete() == "DELETE_COMPLETE"
    local_aws.sqs.get_queue_attributes(QueueUrl=ids["Kept"])
    assert refusal(local_aws.sqs.get_queue_attributes, QueueUrl=ids["Gone"])[0] == "AWS.SimpleQueueService.NonExistentQueue"
    assert set(stack.reasons("DELETE_SKIPPED")) == {"Kept"}


LOADS_LATE = """
import os, time

def model_fn(folder):
    while not os.path.exists({go!r}):
        time.sleep(0.005)
"""


def test_the_deletion_of_a_stack_ends_its_creation(local_aws: AwsHarness, tmp_path: Path) -> None:
    stack, name = StackHarness(local_aws), unique("endpoint")
    bucket, go = local_aws.bucket(), tmp_path / "go"
    model = local_aws.put(bucket, "model.tar.gz", archive(LOADS_LATE.format(go=str(go))))
    resources = endpoint_resources(bucket, model, name)
    resources["After"] = resource("SQS::Queue") | {"DependsOn": "Endpoint"}
    body = json.dumps({"Resources": resources})
    stack.id = stack.client.create_stack(StackName=stack.name, TemplateBody=body, Capabilities=IAM)["StackId"]
    until(lambda: stack.physical_ids().get("Endpoint"), "the endpoint is being created")
    assert stack.delete() == "DELETE_FAILED", "SageMaker does not delete an endpoint that is Creating"
    assert "After" not in stack.physical_ids()
    go.touch()
    until(lambda: local_aws.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService", "it is created")
    assert stack.delete() == "DELETE_COMPLETE"
    assert "Could not find" in refusal(local_aws.sagemaker.describe_endpoint, EndpointName=name)[1]


def test_an_operation_that_the_end_of_the_local_aws_interrupted_has_failed() -> None:
    store = StackStore()
    store.restore({"id": Stack("interrupted", "id", REGION, {}, status="UPDATE_IN_PROGRESS")})
    found = store.find(REGION, "interrupted")
    assert (found.status, found.reason) == ("UPDATE_ROLLBACK_FAILED", INTERRUPTED)


def test_stacks_of_regions_are_apart(local_aws: AwsHarness) -> None:
    stack = StackHarness(local_aws)
    sections = {"Parameters": {"Name": {"Type": "String"}}}
    given = [{"ParameterKey": "Name", "ParameterValue": unique("named")}]
    assert stack.create({"Q": resource("SQS::Queue", QueueName=ref("Name"))}, sections, Parameters=given) == "CREATE_COMPLETE"
    elsewhere = local_aws.client("cloudformation", "us-east-1")
    assert "does not exist" in refusal(elsewhere.describe_stacks, StackName=stack.name)[1]
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_resource_beyond_the_first_hundred_is_found(local_aws: AwsHarness) -> None:
    stack = StackHarness(local_aws)
    assert stack.create({f"Topic{number}": resource("SNS::Topic") for number in range(101)}) == "CREATE_COMPLETE"
    pages = stack.client.get_paginator("list_stack_resources").paginate(StackName=stack.name)
    [*first, last] = [one for page in pages for one in page["StackResourceSummaries"]]

    shown = stack.client.describe_stack_resources(PhysicalResourceId=last["PhysicalResourceId"])["StackResources"]
    holding = stack_holding(AwsSession(local_aws.client, REGION, local_aws.url), last["PhysicalResourceId"])

    assert [one["LogicalResourceId"] for one in shown] == [one["LogicalResourceId"] for one in first]
    assert holding is not None
    assert (holding.stack, holding.logical_id) == (stack.name, last["LogicalResourceId"])
    stack.delete()
