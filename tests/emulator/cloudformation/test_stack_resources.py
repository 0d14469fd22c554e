"""Resource types of CloudFormation beside SageMaker's, each through its life by the APIs of its service."""

from __future__ import annotations

import json
from typing import Any

from support.common import refusal, unique
from support.in_process_aws import ACCOUNT, REGION, AwsHarness
from support.stacks import StackHarness, att, ref, resource


def document(action: str, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **more}]}


def test_storage_keys_and_logs(local_aws: AwsHarness) -> None:
    stack, alias = StackHarness(local_aws), f"alias/{unique('key')}"
    policy = document("kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, Resource="*")
    rule = {"Id": "expire", "Status": "Enabled", "Prefix": "old/", "ExpirationInDays": "7"}
    default = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": att("Key", "Arn")}}
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObject",
        "Resource": {"Fn::Sub": "${Bucket.Arn}/kept/*"},
    }
    resources = {
        "Key": resource("KMS::Key", KeyPolicy=policy, EnableKeyRotation="true", PendingWindowInDays="7"),
        "Alias": resource("KMS::Alias", AliasName=alias, TargetKeyId=ref("Key")),
        "Bucket": resource(
            "S3::Bucket",
            AccessControl="Private",
            VersioningConfiguration={"Status": "Enabled"},
            BucketEncryption={"ServerSideEncryptionConfiguration": [default]},
            LifecycleConfiguration={"Rules": [rule]},
            Tags=[{"Key": "a", "Value": "1"}],
        ),
        "Policy": resource(
            "S3::BucketPolicy", Bucket=ref("Bucket"), PolicyDocument={"Version": "2012-10-17", "Statement": [deny]}
        ),
        "Logs": resource("Logs::LogGroup", RetentionInDays="14", LogGroupClass="STANDARD"),
    }
    outputs = {"LogArn": {"Value": att("Logs", "Arn")}, "Domain": {"Value": att("Bucket", "RegionalDomainName")}}
    assert stack.create(resources, {"Outputs": outputs}) == "CREATE_COMPLETE", stack.reasons("CREATE_FAILED")
    ids = stack.physical_ids()
    bucket, key = ids["Bucket"], ids["Key"]
    assert local_aws.s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    kept = local_aws.s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]
    assert (kept["ID"], kept["Expiration"]["Days"], kept["Filter"]["Prefix"]) == ("expire", 7, "old/")
    local_aws.put(bucket, "kept/1", b"")
    assert refusal(local_aws.s3.delete_object, Bucket=bucket, Key="kept/1")[0] == "AccessDenied"
    assert key in local_aws.s3.head_object(Bucket=bucket, Key="kept/1")["SSEKMSKeyId"]
    assert local_aws.kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"] == key
    assert local_aws.kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
    assert stack.outputs() == {
        "LogArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{ids['Logs']}:*",
        "Domain": f"{bucket}.s3.{REGION}.amazonaws.com",
    }

    resources["Logs"]["Properties"] = {"LogGroupClass": "STANDARD"}
    resources["Bucket"]["Properties"] |= {"Tags": [{"Key": "b", "Value": "2"}]}
    del resources["Bucket"]["Properties"]["LifecycleConfiguration"]
    assert stack.update(resources) == "UPDATE_COMPLETE", stack.reasons("UPDATE_FAILED")
    assert stack.physical_ids()["Bucket"] == bucket
    assert local_aws.s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "b", "Value": "2"}]
    assert refusal(local_aws.s3.get_bucket_lifecycle_configuration, Bucket=bucket)[0] == "NoSuchLifecycleConfiguration"
    assert "retentionInDays" not in local_aws.logs.describe_log_groups(logGroupNamePrefix=ids["Logs"])["logGroups"][0]

    assert stack.delete() == "DELETE_FAILED"  # the bucket is not empty
    assert "BucketNotEmpty" in stack.reasons("DELETE_FAILED")["Bucket"]
    assert stack.delete(RetainResources=["Bucket"]) == "DELETE_COMPLETE"
    local_aws.s3.head_bucket(Bucket=bucket)
    assert local_aws.kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert refusal(local_aws.kms.describe_key, KeyId=alias)[0] == "NotFoundException"


def test_roles_and_policies(local_aws: AwsHarness) -> None:
    stack, role_name = StackHarness(local_aws), unique("role")
    trust = document("sts:AssumeRole", Principal={"Service": "sagemaker.amazonaws.com"})
    resources = {
        "Role": resource("IAM::Role", RoleName=role_name, AssumeRolePolicyDocument=trust, ManagedPolicyArns=[ref("Shared")]),
        "Shared": resource("IAM::ManagedPolicy", PolicyDocument=document("sns:Publish", Resource="*")),
        "Own": resource(
            "IAM::Policy", PolicyName="own", PolicyDocument=document("s3:GetObject", Resource="*"), Roles=[ref("Role")]
        ),
    }
    assert stack.create(resources) == "CREATE_COMPLETE", stack.reasons("CREATE_FAILED")
    assert stack.physical_ids()["Role"] == role_name
    attached = local_aws.iam.list_attached_role_policies(RoleName=role_name)["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [stack.physical_ids()["Shared"]]
    assert local_aws.iam.list_role_policies(RoleName=role_name)["PolicyNames"] == ["own"]

    resources["Own"]["Properties"]["PolicyName"] = "renamed"
    resources["Shared"]["Properties"]["PolicyDocument"] = document("sns:*", Resource="*")
    resources["Role"]["Properties"]["Description"] = "changed"
    assert stack.update(resources) == "UPDATE_COMPLETE", stack.reasons("UPDATE_FAILED")
    assert local_aws.iam.list_role_policies(RoleName=role_name)["PolicyNames"] == ["renamed"]
    assert local_aws.iam.get_role(RoleName=role_name)["Role"]["Description"] == "changed"
    arn = stack.physical_ids()["Shared"]
    version = local_aws.iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = local_aws.iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert found["Statement"][0]["Action"] == "sns:*"

    resources["Role"]["Properties"]["Path"] = "/other/"  # would need a second role of the same name
    assert stack.update(resources) == "UPDATE_ROLLBACK_COMPLETE"
    assert "custom-named" in stack.reasons("UPDATE_FAILED")["Role"]
    assert stack.delete() == "DELETE_COMPLETE", stack.reasons("DELETE_FAILED")
    assert refusal(local_aws.iam.get_role, RoleName=role_name)[0] == "NoSuchEntity"


def test_topics_and_queues(local_aws: AwsHarness) -> None:
    stack = StackHarness(local_aws)
    resources = {
        "Dead": resource("SQS::Queue"),
        "Queue": resource(
            "SQS::Queue", RedrivePolicy={"deadLetterTargetArn": att("Dead", "Arn"), "maxReceiveCount": 3}, DelaySeconds=5
        ),
        "Topic": resource("SNS::Topic", DisplayName="first"),
        "Link": resource(
            "SNS::Subscription",
            TopicArn=ref("Topic"),
            Protocol="sqs",
            Endpoint=att("Queue", "Arn"),
            FilterPolicy={"colour": ["red"]},
        ),
        "TopicPolicy": resource(
            "SNS::TopicPolicy",
            Topics=[ref("Topic")],
            PolicyDocument=document("sns:Publish", Principal={"AWS": ACCOUNT}, Resource=ref("Topic")),
        ),
    }
    assert stack.create(resources) == "CREATE_COMPLETE", stack.reasons("CREATE_FAILED")
    ids = stack.physical_ids()
    attributes = local_aws.sqs.get_queue_attributes(QueueUrl=ids["Queue"], AttributeNames=["All"])["Attributes"]
    assert (attributes["DelaySeconds"], json.loads(attributes["RedrivePolicy"])["maxReceiveCount"]) == ("5", 3)
    link = local_aws.sns.get_subscription_attributes(SubscriptionArn=ids["Link"])["Attributes"]
    assert json.loads(link["FilterPolicy"]) == {"colour": ["red"]}

    resources["Topic"]["Properties"] = {"DisplayName": "second"}
    resources["Queue"]["Properties"] = {}
    del resources["Link"]["Properties"]["FilterPolicy"], resources["TopicPolicy"]
    assert stack.update(resources) == "UPDATE_COMPLETE", stack.reasons("UPDATE_FAILED")
    topic = local_aws.sns.get_topic_attributes(TopicArn=ids["Topic"])["Attributes"]
    assert topic["DisplayName"] == "second"
    assert "SNS:Receive" in json.dumps(topic["Policy"]) or "__default_statement_ID" in topic["Policy"]
    attributes = local_aws.sqs.get_queue_attributes(QueueUrl=ids["Queue"], AttributeNames=["All"])["Attributes"]
    assert attributes["DelaySeconds"] == "0"
    assert "RedrivePolicy" not in attributes
    assert "FilterPolicy" not in local_aws.sns.get_subscription_attributes(SubscriptionArn=ids["Link"])["Attributes"]
    assert stack.delete() == "DELETE_COMPLETE", stack.reasons("DELETE_FAILED")
    assert refusal(local_aws.sns.get_topic_attributes, TopicArn=ids["Topic"])[0] == "NotFound"


def test_a_name_that_is_taken_fails_the_stack_and_the_owner_keeps_it(local_aws: AwsHarness) -> None:
    taken = {
        "SNS::Topic": ("TopicName", local_aws.topic().rpartition(":")[2]),
        "SQS::Queue": ("QueueName", local_aws.queue().url.rpartition("/")[2]),
        "S3::Bucket": ("BucketName", local_aws.bucket()),
    }
    for kind, (member, name) in taken.items():
        stack = StackHarness(local_aws)
        assert stack.create({"Taken": resource(kind, **{member: name})}) == "ROLLBACK_COMPLETE"
        assert "already exists" in stack.reasons("CREATE_FAILED")["Taken"]
    local_aws.s3.head_bucket(Bucket=taken["S3::Bucket"][1])
    local_aws.sqs.get_queue_url(QueueName=taken["SQS::Queue"][1])
    local_aws.sns.get_topic_attributes(TopicArn=f"arn:aws:sns:{REGION}:{ACCOUNT}:{taken['SNS::Topic'][1]}")


def test_a_bucket_gets_the_canned_acl_that_its_ownership_and_its_public_access_block_permit(local_aws: AwsHarness) -> None:
    stack, opened = StackHarness(local_aws), {"BlockPublicAcls": False, "IgnorePublicAcls": False}
    owned = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    public = resource("S3::Bucket", AccessControl="PublicRead", OwnershipControls=owned, PublicAccessBlockConfiguration=opened)
    assert stack.create({"Bucket": public}) == "CREATE_COMPLETE", stack.reasons("CREATE_FAILED")
    bucket = stack.physical_ids()["Bucket"]

    def public_permissions() -> list[str]:
        grants = local_aws.s3.get_bucket_acl(Bucket=bucket)["Grants"]
        return [grant["Permission"] for grant in grants if grant["Grantee"].get("URI", "").endswith("/AllUsers")]

    assert public_permissions() == ["READ"]
    del public["Properties"]["AccessControl"]
    assert stack.update({"Bucket": public}) == "UPDATE_COMPLETE", stack.reasons("UPDATE_FAILED")
    assert public_permissions() == []
    stack.delete()
