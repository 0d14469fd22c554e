"""The patches of moto, tested over the API; and one test that fails once upstream no longer needs a patch."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.emulator import moto_patches
from support import unpatched_moto
from support.common import refusal, unique, until
from support.deployed_endpoint import Deployed
from support.in_process_aws import DIMENSION, AwsHarness


def test_upstream_moto_still_needs_every_patch() -> None:
    script = Path(unpatched_moto.__file__)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, cwd=script.parent)
    patches = {
        module.name.split(".")[-1]
        for module in pkgutil.walk_packages(moto_patches.__path__, f"{moto_patches.__name__}.")
        if not module.ispkg
    }
    assert json.loads(done.stdout) == dict.fromkeys(patches, True), "what is false here is fixed upstream: remove the patch"


# --- bucket_policy --------------------------------------------------------------------------------------------------------


def deny(bucket: str, **condition: Any) -> str:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | ({"Condition": condition} if condition else {})]})


def test_a_tls_only_bucket_can_be_used(local_aws: AwsHarness) -> None:
    bucket = local_aws.bucket()
    local_aws.s3.put_bucket_policy(Bucket=bucket, Policy=deny(bucket, Bool={"aws:SecureTransport": "false"}))
    local_aws.put(bucket, "key", b"value")
    assert local_aws.s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"value"


@pytest.mark.parametrize("condition", [{}, {"Bool": {"aws:SecureTransport": "true"}}])
def test_an_applicable_deny_denies(local_aws: AwsHarness, condition: dict[str, Any]) -> None:
    bucket = local_aws.bucket()
    local_aws.s3.put_bucket_policy(Bucket=bucket, Policy=deny(bucket, **condition))
    # moto's 403 has no body, and so no code of its own.
    assert refusal(local_aws.s3.put_object, Bucket=bucket, Key="key", Body=b"")[0] in ("AccessDenied", "403")


# --- alarm_initial_state, metric_store ----------------------------------------------------------------------------------


def alarm(local_aws: AwsHarness, name: str, namespace: str, threshold: float = 1) -> None:
    local_aws.cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=namespace,
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=threshold,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="ignore",
    )


def state(local_aws: AwsHarness, name: str) -> str:
    found: str = local_aws.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]
    return found


def test_a_new_alarm_has_insufficient_data_and_keeps_its_state_when_updated(local_aws: AwsHarness) -> None:
    name, namespace = unique("alarm"), unique("Namespace")
    alarm(local_aws, name, namespace)
    assert state(local_aws, name) == "INSUFFICIENT_DATA"
    local_aws.put_minutely(namespace, {"MetricName": "m", "Value": 2.0})
    until(lambda: state(local_aws, name) == "ALARM", "the datapoint is evaluated")
    alarm(local_aws, name, namespace, threshold=1.5)
    assert state(local_aws, name) == "ALARM"


def test_a_customers_datapoints_are_both_stored_and_evaluated(local_aws: AwsHarness) -> None:
    name, namespace = unique("alarm"), unique("Namespace")
    alarm(local_aws, name, namespace, threshold=6)
    statistics = {"SampleCount": 3.0, "Sum": 6.0, "Minimum": 1.0, "Maximum": 3.0}
    now = local_aws.put_minutely(namespace, {"MetricName": "m", "StatisticValues": statistics})
    until(lambda: state(local_aws, name) == "ALARM", "the statistic set is evaluated")
    found = local_aws.cloudwatch.get_metric_statistics(
        Namespace=namespace, MetricName="m", StartTime=now - 60, EndTime=now + 120, Period=60, Statistics=["Sum"]
    )
    assert {point["Sum"] for point in found["Datapoints"]} == {6.0}


# --- redrive_policy -------------------------------------------------------------------------------------------------------


def test_a_redrive_policy_is_returned_as_terraform_wrote_it(local_aws: AwsHarness) -> None:
    dead = local_aws.queue()
    asked = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 3}, separators=(",", ":"))
    queue = local_aws.queue(RedrivePolicy=asked)
    attributes = local_aws.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["RedrivePolicy"])["Attributes"]
    assert attributes == {"RedrivePolicy": asked}
    local_aws.sqs.send_message(QueueUrl=queue.url, MessageBody="never handled")
    for _ in range(4):
        local_aws.sqs.receive_message(QueueUrl=queue.url, VisibilityTimeout=0)
    assert until(dead.take, "the dead letter") == ["never handled"]


# --- sns_removed_attributes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", ["{}", ""])
def test_a_filter_policy_that_is_removed_is_gone_and_filters_nothing(local_aws: AwsHarness, nothing: str) -> None:
    queue = local_aws.queue()
    topic = local_aws.sns.create_topic(Name=unique("filtered"))["TopicArn"]
    policy = {"Principal": "*", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue.arn}
    local_aws.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": json.dumps({"Statement": [policy]})})
    arn = local_aws.sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=queue.arn,
        Attributes={"RawMessageDelivery": "true", "FilterPolicy": '{"colour": ["red"]}'},
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    local_aws.sns.publish(TopicArn=topic, Message="filtered out")
    local_aws.sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=nothing)
    assert "FilterPolicy" not in local_aws.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    local_aws.sns.publish(TopicArn=topic, Message="delivered")
    assert until(queue.take, "a message") == ["delivered"]


# --- scalable_target, scaling_tags, scaling_activity, tracking_alarms -------------------------------------------------------


@pytest.fixture
def target(local_aws: AwsHarness, deploy: Any) -> dict[str, str]:
    """The target of an endpoint's variant, registered."""
    deployed: Deployed = deploy()
    named = {"ServiceNamespace": "sagemaker", "ResourceId": deployed.resource_id, "ScalableDimension": DIMENSION}
    local_aws.scaling.register_scalable_target(**named, MinCapacity=1, MaxCapacity=4, Tags={"team": "shop"})
    return named


def track(local_aws: AwsHarness, target: dict[str, str], value: float = 5.0) -> dict[str, Any]:
    metric = {
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Namespace": "AWS/SageMaker",
        "Dimensions": [{"Name": "EndpointName", "Value": target["ResourceId"].split("/")[1]}],
        "Statistic": "Average",
    }
    answer: dict[str, Any] = local_aws.scaling.put_scaling_policy(
        **target,
        PolicyName="tracking",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": value, "CustomizedMetricSpecification": metric},
    )
    return answer


def tracking_alarms(local_aws: AwsHarness, target: dict[str, str]) -> dict[str, dict[str, Any]]:
    found = local_aws.cloudwatch.describe_alarms(AlarmNamePrefix=f"TargetTracking-{target['ResourceId']}-")["MetricAlarms"]
    return {alarm["AlarmName"]: alarm for alarm in found}


def test_target_tracking_creates_and_deletes_its_two_alarms(local_aws: AwsHarness, target: dict[str, str]) -> None:
    first = track(local_aws, target)
    alarms = tracking_alarms(local_aws, target)
    assert alarms.keys() == {alarm["AlarmName"] for alarm in first["Alarms"]}
    assert {item["AlarmARN"] for item in first["Alarms"]} == {item["AlarmArn"] for item in alarms.values()}
    high, low = (next(alarms[name] for name in alarms if word in name) for word in ("AlarmHigh", "AlarmLow"))
    assert (high["Threshold"], high["EvaluationPeriods"], high["ComparisonOperator"]) == (5.0, 3, "GreaterThanThreshold")
    assert (low["Threshold"], low["EvaluationPeriods"], low["ComparisonOperator"]) == (4.5, 15, "LessThanThreshold")
    assert high["AlarmActions"] == low["AlarmActions"] == [first["PolicyARN"]]
    second = track(local_aws, target, 10.0)
    assert second["PolicyARN"] == first["PolicyARN"]
    assert sorted(alarm["Threshold"] for alarm in tracking_alarms(local_aws, target).values()) == [9.0, 10.0]
    (described,) = local_aws.scaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=target["ResourceId"])[
        "ScalingPolicies"
    ]
    assert {alarm["AlarmName"] for alarm in described["Alarms"]} == tracking_alarms(local_aws, target).keys()
    local_aws.scaling.delete_scaling_policy(**target, PolicyName="tracking")
    assert tracking_alarms(local_aws, target) == {}


def test_deregistering_a_target_deletes_its_policies_and_alarms(local_aws: AwsHarness, target: dict[str, str]) -> None:
    track(local_aws, target)
    local_aws.scaling.deregister_scalable_target(**target)
    found = local_aws.scaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=target["ResourceId"])
    assert (found["ScalingPolicies"], tracking_alarms(local_aws, target)) == ([], {})


def test_a_target_of_an_endpoint_that_does_not_exist_is_refused(local_aws: AwsHarness, target: dict[str, str]) -> None:
    none = target | {"ResourceId": "endpoint/none/variant/primary"}
    assert refusal(local_aws.scaling.register_scalable_target, **none, MinCapacity=0, MaxCapacity=1)[0] == "ValidationException"


def test_a_variant_of_burstable_instances_is_not_scaled(local_aws: AwsHarness, deploy: Any) -> None:
    deployed = deploy(variant={"InstanceType": "ml.t2.medium"}, wait=False)
    target = {"ServiceNamespace": "sagemaker", "ScalableDimension": DIMENSION, "ResourceId": deployed.resource_id}
    code, message = refusal(local_aws.scaling.register_scalable_target, **target, MinCapacity=1, MaxCapacity=2)
    assert (code, "ml.t2.medium" in message) == ("ValidationException", True), message


def test_a_target_keeps_its_tags_until_they_are_removed(local_aws: AwsHarness, target: dict[str, str]) -> None:
    described = local_aws.scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[target["ResourceId"]])
    arn = described["ScalableTargets"][0]["ScalableTargetARN"]

    def tags() -> dict[str, str]:
        found: dict[str, str] = local_aws.scaling.list_tags_for_resource(ResourceARN=arn)["Tags"]
        return found

    assert tags() == {"team": "shop"}
    local_aws.scaling.tag_resource(ResourceARN=arn, Tags={"cost": "1", "team": "coats"})
    assert tags() == {"cost": "1", "team": "coats"}
    local_aws.scaling.register_scalable_target(**target, MinCapacity=0, MaxCapacity=2)
    assert tags() == {"cost": "1", "team": "coats"}
    local_aws.scaling.untag_resource(ResourceARN=arn, TagKeys=["team", "none"])
    assert tags() == {"cost": "1"}
    assert refusal(local_aws.scaling.list_tags_for_resource, ResourceARN=arn + "x")[0] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"k" * 129: ""}, "ValidationException"),
        ({"key": "v" * 257}, "ValidationException"),
        ({"key": '{"json": true}'}, "ValidationException"),
        ({"aws:key": "value"}, "ValidationException"),
        ({f"key-{number}": "" for number in range(50)}, "TooManyTagsException"),  # beside the one it has
    ],
)
def test_invalid_tags_of_a_target_are_refused(
    local_aws: AwsHarness, target: dict[str, str], tags: dict[str, str], code: str
) -> None:
    described = local_aws.scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[target["ResourceId"]])
    arn = described["ScalableTargets"][0]["ScalableTargetARN"]
    assert refusal(local_aws.scaling.tag_resource, ResourceARN=arn, Tags=tags)[0] == code
    assert local_aws.scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"team": "shop"}


def test_scaling_activities_come_in_pages(local_aws: AwsHarness, target: dict[str, str]) -> None:
    def activities(**more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = local_aws.scaling.describe_scaling_activities(
            ServiceNamespace="sagemaker", ResourceId=target["ResourceId"], **more
        )
        return answer

    assert activities()["ScalingActivities"] == []
    for number, count in enumerate((2, 1), 1):
        local_aws.scaling.register_scalable_target(**target, MinCapacity=count, MaxCapacity=count)
        until(lambda number=number: len(activities()["ScalingActivities"]) == number, "an activity")  # type: ignore[misc]
        until(lambda: activities()["ScalingActivities"][0]["StatusCode"] == "Successful", "it is over")
    page = activities(MaxResults=1)
    assert [item["Description"] for item in page["ScalingActivities"]] == ["Setting desired instance count to 1."]
    page = activities(MaxResults=1, NextToken=page["NextToken"])
    assert [item["Description"] for item in page["ScalingActivities"]] == ["Setting desired instance count to 2."]
    assert "NextToken" not in page
    assert (
        local_aws.client("application-autoscaling", region="us-east-1").describe_scaling_activities(
            ServiceNamespace="sagemaker"
        )["ScalingActivities"]
        == []
    )
    assert len({item["ActivityId"] for item in activities()["ScalingActivities"]}) == 2


# --- sns_topics, sqs_message_index ----------------------------------------------------------------------------------------


def test_a_message_is_received_once_and_becomes_visible_again_unless_deleted(local_aws: AwsHarness) -> None:
    queue = local_aws.queue()
    local_aws.sqs.send_message(QueueUrl=queue.url, MessageBody="hello")
    first = local_aws.sqs.receive_message(QueueUrl=queue.url, VisibilityTimeout=60)["Messages"][0]
    assert "Messages" not in local_aws.sqs.receive_message(QueueUrl=queue.url)
    local_aws.sqs.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    assert queue.take() == ["hello"]
    assert queue.take() == []


def test_a_topic_delivers_every_message(local_aws: AwsHarness) -> None:
    topic, queue = local_aws.topic(), local_aws.queue()
    local_aws.subscribe(topic, queue)
    for number in range(3):
        local_aws.sns.publish(TopicArn=topic, Message=str(number))
    assert sorted(json.loads(body)["Message"] for body in queue.take()) == ["0", "1", "2"]


def test_a_rule_of_a_security_group_keeps_its_description(local_aws: AwsHarness) -> None:
    vpc = local_aws.ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    group = local_aws.ec2.create_security_group(GroupName=unique("group"), Description="test", VpcId=vpc)["GroupId"]
    prefixes = local_aws.ec2.describe_managed_prefix_lists()["PrefixLists"][0]["PrefixListId"]
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    for peers in (
        {"UserIdGroupPairs": [{"GroupId": group, "Description": "a group"}]},
        {"PrefixListIds": [{"PrefixListId": prefixes, "Description": "a list"}]},
        {"IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "a range"}]},
    ):
        local_aws.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[https | peers])
    found = local_aws.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    assert {rule["Description"] for rule in found if rule.get("Description")} == {"a group", "a list", "a range"}


def test_a_lifecycle_rule_keeps_its_number_of_versions(local_aws: AwsHarness) -> None:
    bucket = local_aws.bucket()
    rules = [
        {"ID": "days", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 2}},
        {
            "ID": "versions",
            "Status": "Enabled",
            "Filter": {},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 7},
        },
    ]
    local_aws.s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    found = local_aws.s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert [rule.get("NoncurrentVersionExpiration") for rule in found] == [
        rule.get("NoncurrentVersionExpiration") for rule in rules
    ]


def test_the_local_aws_starts_without_motos_ec2() -> None:
    program = (
        "import sys, unittest.mock; from async_endpoint.emulator import moto_patches; "
        "moto_patches.apply_patches(*[unittest.mock.MagicMock()] * 5); "
        "print('moto.applicationautoscaling' in sys.modules, 'moto.ec2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "True False\n"


def test_a_scalable_target_of_ecs_is_checked_in_ecs(local_aws: AwsHarness) -> None:
    ecs = local_aws.client("ecs")
    target = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount", "MinCapacity": 1, "MaxCapacity": 2}
    name = unique("service")
    ecs.create_cluster(clusterName="default")
    task = {"name": "task", "image": "image", "memory": 1}
    arn = ecs.register_task_definition(family="task", containerDefinitions=[task])["taskDefinition"]["taskDefinitionArn"]
    ecs.create_service(cluster="default", serviceName=name, taskDefinition=arn, desiredCount=1)
    local_aws.scaling.register_scalable_target(**target, ResourceId=f"service/default/{name}")
    with pytest.raises(local_aws.scaling.exceptions.ValidationException, match="doesn't exist"):
        local_aws.scaling.register_scalable_target(**target, ResourceId="service/default/none")


# --- role_updates ---------------------------------------------------------------------------------------------------------


def test_an_update_of_a_roles_session_leaves_its_description(local_aws: AwsHarness) -> None:
    name = local_aws.role().name
    local_aws.iam.update_role(RoleName=name, Description="kept")
    local_aws.iam.update_role(RoleName=name, MaxSessionDuration=7200)
    role = local_aws.iam.get_role(RoleName=name)["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("kept", 7200)


# --- iam_policy_deletion --------------------------------------------------------------------------------------------------

ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}],
}


def test_a_policy_in_use_is_not_deleted(local_aws: AwsHarness) -> None:
    iam, name = local_aws.client("iam"), unique("policy")
    arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(ALLOW))["Policy"]["Arn"]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), PermissionsBoundary=arn)
    assert refusal(iam.delete_policy, PolicyArn=arn)[0] == "DeleteConflict"
    iam.delete_role_permissions_boundary(RoleName=name)
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    assert refusal(iam.delete_policy, PolicyArn=arn)[0] == "DeleteConflict"
    iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(ALLOW))
    assert "more than one version" in refusal(iam.delete_policy, PolicyArn=arn)[1]
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)


# --- global_dashboards ----------------------------------------------------------------------------------------------------


def test_dashboards_are_the_same_in_every_region(local_aws: AwsHarness) -> None:
    name, there = unique("dashboard"), local_aws.client("cloudwatch", "ap-southeast-1")
    local_aws.cloudwatch.put_dashboard(DashboardName=name, DashboardBody='{"widgets": []}')
    there.put_dashboard(DashboardName=name, DashboardBody='{"start": "-PT1H", "widgets": []}')
    assert "start" in local_aws.cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]
    listed = local_aws.cloudwatch.list_dashboards(DashboardNamePrefix=name)["DashboardEntries"]
    assert [item["DashboardArn"] for item in listed] == [f"arn:aws:cloudwatch::123456789012:dashboard/{name}"]
    there.delete_dashboards(DashboardNames=[name])
    assert local_aws.cloudwatch.list_dashboards(DashboardNamePrefix=name)["DashboardEntries"] == []
