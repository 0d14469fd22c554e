"""What users and roles may call while IAM is enforced, and the words of denials."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from support.common import unique
from support.iam_callers import ALLOW_ALL, CallerOf, allow, deny, policy, post_form, refused, user
from support.in_process_aws import ACCOUNT, IMAGE, REGION, AwsHarness

FULL_CONTROL = "bucket-owner-full-control"
NO_POLICY = "because no identity-based policy allows the {} action"


def test_a_user_without_policies_may_only_ask_who_it_is(enforcing: AwsHarness) -> None:
    someone = user(enforcing)
    assert someone.client("sts").get_caller_identity()["Arn"] == someone.arn
    wanted = f"User: {someone.arn} is not authorized to perform: sagemaker:ListModels"
    with refused("AccessDeniedException", wanted, status=400):
        someone.client("sagemaker").list_models()
    with refused("AccessDenied", "iam:ListRoles", NO_POLICY.format("iam:ListRoles"), status=403):
        someone.client("iam").list_roles()
    with refused("AccessDenied", "cloudwatch:DescribeAlarms", status=403):
        someone.client("cloudwatch").describe_alarms()
    with refused("AccessDeniedException", "logs:DescribeLogGroups", status=400):
        someone.client("logs").describe_log_groups()
    with refused("AccessDeniedException", "application-autoscaling:DescribeScalableTargets", status=400):
        someone.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    with refused("AccessDeniedException", "sagemaker:InvokeEndpointAsync", "endpoint/missing", status=403):
        someone.client("sagemaker-runtime").invoke_endpoint_async(EndpointName="missing", InputLocation="s3://bucket/key")
    with refused("UnauthorizedOperation", "ec2:DescribeVpcs", status=403):
        someone.client("ec2").describe_vpcs()
    with refused("AccessDeniedException", "lambda:GetPolicy", status=403):
        someone.client("lambda").get_policy(FunctionName="none")


def test_messaging_services_deny_in_their_own_spelling(enforcing: AwsHarness) -> None:
    someone, topic, queue = user(enforcing), enforcing.topic(), enforcing.queue()
    wanted = f"is not authorized to perform: SNS:Publish on resource: {topic} " + NO_POLICY.format("SNS:Publish")
    with refused("AuthorizationError", wanted, status=403):
        someone.client("sns").publish(TopicArn=topic, Message="text")
    wanted = f"is not authorized to perform: sqs:sendmessage on resource: {queue.arn} " + NO_POLICY.format("sqs:sendmessage")
    with refused("AccessDenied", wanted, status=403):
        someone.client("sqs").send_message(QueueUrl=queue.url, MessageBody="text")


def test_s3_quotes_the_resource_and_denies_before_it_says_what_is_missing(enforcing: AwsHarness) -> None:
    bucket = enforcing.bucket()
    enforcing.put(bucket, "there", b"1")
    someone = user(enforcing)
    s3 = someone.client("s3")
    wanted = f'is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::{bucket}/there" ' + NO_POLICY.format(
        "s3:GetObject"
    )
    with refused("AccessDenied", wanted, status=403):
        s3.get_object(Bucket=bucket, Key="there")
    someone.put(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
    assert s3.get_object(Bucket=bucket, Key="there")["Body"].read() == b"1"
    with refused("AccessDenied", f's3:ListBucket on resource: "arn:aws:s3:::{bucket}"', status=403):
        s3.get_object(Bucket=bucket, Key="missing")
    with refused("403", status=403):  # a response to HEAD has no body
        s3.head_object(Bucket=bucket, Key="missing")
    someone.put(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"), allow("s3:ListBucket", f"arn:aws:s3:::{bucket}"))
    with refused("NoSuchKey", status=404):
        s3.get_object(Bucket=bucket, Key="missing")
    with refused("404", status=404):
        s3.head_object(Bucket=bucket, Key="missing")
    enforcing.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    enforcing.s3.delete_object(Bucket=bucket, Key="there")
    with refused("NoSuchKey", status=404):  # its latest version is a delete marker
        s3.get_object(Bucket=bucket, Key="there")
    with refused("404", status=404):
        s3.head_object(Bucket=bucket, Key="there")


def test_the_generated_credentials_may_do_what_no_policy_of_a_resource_denies(enforcing: AwsHarness) -> None:
    bucket = enforcing.bucket()
    enforcing.put(bucket, "there", b"1")
    locked = deny("s3:*", [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]) | {"Principal": "*"}
    enforcing.s3.put_bucket_policy(Bucket=bucket, Policy=policy(locked))
    with refused("AccessDenied", "with an explicit deny in a resource-based policy"):
        enforcing.s3.get_object(Bucket=bucket, Key="there")
    enforcing.s3.delete_bucket_policy(Bucket=bucket)  # the owner of a bucket can always remove its policy
    assert enforcing.s3.get_object(Bucket=bucket, Key="there")["Body"].read() == b"1"


def test_groups_managed_policies_and_denials_decide(enforcing: AwsHarness) -> None:
    someone, group = user(enforcing), unique("group")
    enforcing.iam.create_group(GroupName=group)
    enforcing.iam.put_group_policy(GroupName=group, PolicyName="list", PolicyDocument=policy(allow("sqs:ListQueues")))
    enforcing.iam.add_user_to_group(GroupName=group, UserName=someone.name)
    someone.client("sqs").list_queues()
    made = enforcing.iam.create_policy(PolicyName=unique("p"), PolicyDocument=policy(allow("sns:ListTopics")))["Policy"]["Arn"]
    enforcing.iam.attach_user_policy(UserName=someone.name, PolicyArn=made)
    someone.client("sns").list_topics()
    someone.put(deny("sns:List*"))
    with refused("AuthorizationError", "with an explicit deny in an identity-based policy"):
        someone.client("sns").list_topics()
    enforcing.iam.remove_user_from_group(GroupName=group, UserName=someone.name)
    with refused("AccessDenied", "sqs:listqueues"):
        someone.client("sqs").list_queues()


def test_policies_of_buckets_topics_and_queues_grant_to_users(enforcing: AwsHarness) -> None:
    someone, bucket, topic, queue = user(enforcing), enforcing.bucket(), enforcing.topic(), enforcing.queue(open_to_sns=False)
    principal = {"Principal": {"AWS": someone.arn}}
    enforcing.s3.put_bucket_policy(
        Bucket=bucket, Policy=policy(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/in/*") | principal)
    )
    enforcing.sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=policy(allow("sns:Publish", topic) | principal)
    )
    enforcing.sqs.set_queue_attributes(
        QueueUrl=queue.url, Attributes={"Policy": policy(allow("sqs:SendMessage", queue.arn) | principal)}
    )
    someone.client("s3").put_object(Bucket=bucket, Key="in/a", Body=b"1")
    with refused("AccessDenied"):
        someone.client("s3").put_object(Bucket=bucket, Key="out/a", Body=b"1")
    someone.client("sns").publish(TopicArn=topic, Message="text")
    someone.client("sqs").send_message(QueueUrl=queue.url, MessageBody="text")
    with refused("AccessDenied", "sqs:receivemessage"):
        someone.client("sqs").receive_message(QueueUrl=queue.url)


def test_the_default_policy_of_a_topic_grants_nothing_to_users(enforcing: AwsHarness) -> None:
    """It allows "*" where aws:SourceOwner is the account: a key that only services have."""
    with refused("AuthorizationError"):
        user(enforcing).client("sns").get_topic_attributes(TopicArn=enforcing.topic())


def test_conditions_see_the_request(enforcing: AwsHarness) -> None:
    bucket = enforcing.bucket()
    enforcing.put(bucket, "team/a", b"1")
    someone = user(
        enforcing,
        allow("s3:ListBucket", f"arn:aws:s3:::{bucket}", StringLike={"s3:prefix": "team/*"}),
        allow("s3:PutObject", f"arn:aws:s3:::{bucket}/*", StringEquals={"s3:x-amz-server-side-encryption": "AES256"}),
        allow("sqs:CreateQueue", "*", StringEquals={"aws:RequestTag/team": "search"}),
        allow("sqs:TagQueue"),
        allow("sqs:DeleteQueue", "*", StringEquals={"aws:ResourceTag/team": "search"}),
        allow("cloudwatch:PutMetricData", "*", StringEquals={"cloudwatch:namespace": "Own"}),
        allow("sns:ListTopics", "*", IpAddress={"aws:SourceIp": "127.0.0.0/8"}, Bool={"aws:SecureTransport": "true"}),
        allow("sns:ListSubscriptions", "*", DateLessThan={"aws:CurrentTime": "2020-01-01T00:00:00Z"}),
    )
    s3, sqs, cloudwatch = (someone.client(name) for name in ("s3", "sqs", "cloudwatch"))
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix="team/")["Contents"]] == ["team/a"]
    with refused("AccessDenied"):
        s3.list_objects_v2(Bucket=bucket, Prefix="other/")
    s3.put_object(Bucket=bucket, Key="b", Body=b"1", ServerSideEncryption="AES256")
    with refused("AccessDenied"):
        s3.put_object(Bucket=bucket, Key="b", Body=b"1")
    mine = sqs.create_queue(QueueName=unique("queue"), tags={"team": "search"})["QueueUrl"]
    with refused("AccessDenied", "sqs:createqueue"):
        sqs.create_queue(QueueName=unique("queue"), tags={"team": "other"})
    with refused("AccessDenied", "sqs:deletequeue"):
        sqs.delete_queue(QueueUrl=enforcing.queue().url)
    sqs.delete_queue(QueueUrl=mine)
    datum = {"MetricName": "m", "Value": 1.0}
    cloudwatch.put_metric_data(Namespace="Own", MetricData=[datum])
    with refused("AccessDenied", "cloudwatch:PutMetricData"):
        cloudwatch.put_metric_data(Namespace="Other", MetricData=[datum])
    someone.client("sns").list_topics()
    with refused("AuthorizationError"):
        someone.client("sns").list_subscriptions()


def test_a_bucket_policy_sees_the_caller_and_its_headers(enforcing: AwsHarness) -> None:
    """A denial for all but one principal, and one for writes without encryption: both common, and both of negated operators."""
    bucket, one = enforcing.bucket(), user(enforcing, ALLOW_ALL)
    arn = f"arn:aws:s3:::{bucket}/*"
    enforcing.s3.put_bucket_policy(
        Bucket=bucket,
        Policy=policy(
            deny("s3:GetObject", arn, StringNotEquals={"aws:PrincipalArn": one.arn}) | {"Principal": "*"},
            deny("s3:PutObject", arn, StringNotEquals={"s3:x-amz-server-side-encryption": "AES256"}) | {"Principal": "*"},
        ),
    )
    with refused("AccessDenied", "explicit deny in a resource-based policy"):
        one.client("s3").put_object(Bucket=bucket, Key="a", Body=b"1")
    one.client("s3").put_object(Bucket=bucket, Key="a", Body=b"1", ServerSideEncryption="AES256")
    assert one.client("s3").get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"
    with refused("AccessDenied"):
        user(enforcing, ALLOW_ALL).client("s3").get_object(Bucket=bucket, Key="a")
    with refused("403"):
        user(enforcing, ALLOW_ALL).client("s3").head_object(Bucket=bucket, Key="a")


def test_each_deleted_object_is_decided(enforcing: AwsHarness) -> None:
    bucket = enforcing.bucket()
    for key in ("mine/a", "other/a"):
        enforcing.put(bucket, key, b"1")
    someone = user(enforcing, allow("s3:DeleteObject", f"arn:aws:s3:::{bucket}/mine/*"))
    done = someone.client("s3").delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "mine/a"}, {"Key": "other/a"}]})
    assert [item["Key"] for item in done["Deleted"]] == ["mine/a"]
    assert [(item["Key"], item["Code"]) for item in done["Errors"]] == [("other/a", "AccessDenied")]
    assert enforcing.keys(bucket) == ["other/a"]


def test_a_model_needs_the_right_to_pass_its_role(enforcing: AwsHarness) -> None:
    bucket, execution = enforcing.bucket(), enforcing.role()
    execution.allow(bucket)
    enforcing.put(bucket, "model.tar.gz", b"1")
    creates = allow("sagemaker:CreateModel", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/*")
    someone = user(enforcing, creates)
    request: dict[str, Any] = {
        "ModelName": unique("model"),
        "ExecutionRoleArn": execution.arn,
        "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/model.tar.gz"},
    }
    with refused("AccessDeniedException", f"iam:PassRole on resource: {execution.arn}"):
        someone.client("sagemaker").create_model(**request)
    to_lambda = {"iam:PassedToService": "lambda.amazonaws.com"}
    someone.put(creates, allow("iam:PassRole", execution.arn, StringEquals=to_lambda))
    with refused("AccessDeniedException", "iam:PassRole"):
        someone.client("sagemaker").create_model(**request)
    someone.put(creates, allow("iam:PassRole", execution.arn, StringEquals={"iam:PassedToService": "sagemaker.amazonaws.com"}))
    someone.client("sagemaker").create_model(**request)


def test_a_key_policy_that_names_nobody_leaves_a_key_to_its_policy(enforcing: AwsHarness) -> None:
    someone = user(enforcing, allow("kms:*"))
    named = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Principal": {"AWS": someone.arn}}
    alone = enforcing.kms.create_key(Policy=policy(named), BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["Arn"]
    delegating = enforcing.kms.create_key()["KeyMetadata"]["Arn"]
    kms = someone.client("kms")
    secret = kms.encrypt(KeyId=delegating, Plaintext=b"text")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=secret, KeyId=delegating)["Plaintext"] == b"text"
    with refused("AccessDeniedException", "because no resource-based policy allows the kms:Encrypt action"):
        kms.encrypt(KeyId=alone, Plaintext=b"text")
    someone.put(deny("sns:*"))
    with refused("AccessDeniedException", "because no identity-based policy allows the kms:Encrypt action"):
        kms.encrypt(KeyId=delegating, Plaintext=b"text")
    enforcing.kms.create_grant(KeyId=delegating, GranteePrincipal=someone.arn, Operations=["Encrypt"])
    kms.encrypt(KeyId=delegating, Plaintext=b"text")
    with refused("AccessDeniedException", "kms:Decrypt"):
        kms.decrypt(CiphertextBlob=secret, KeyId=delegating)


def test_a_presigned_url_acts_as_its_signer(enforcing: AwsHarness) -> None:
    bucket = enforcing.bucket()
    enforcing.put(bucket, "there", b"1")
    someone = user(enforcing, allow("s3:GetObject", f"arn:aws:s3:::{bucket}/there"))
    url = someone.client("s3", signature_version="s3v4").generate_presigned_url(
        "get_object", {"Bucket": bucket, "Key": "there"}
    )
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert answer.read() == b"1"
    someone.put(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/else"))
    with pytest.raises(urllib.error.HTTPError) as denied, urllib.request.urlopen(url, timeout=60):
        pass
    assert denied.value.code == 403
    assert b"s3:GetObject" in denied.value.read()


def test_a_form_post_is_an_upload_of_its_signer(enforcing: AwsHarness) -> None:
    bucket, someone = enforcing.bucket(), user(enforcing)
    someone.put(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/in/*"))
    s3 = someone.client("s3", signature_version="s3v4")
    assert post_form(s3.generate_presigned_post(bucket, "in/a")) == 204
    assert post_form(s3.generate_presigned_post(bucket, "out/a")) == 403
    acl = s3.generate_presigned_post(bucket, "in/a", {"acl": FULL_CONTROL}, [{"acl": FULL_CONTROL}])
    assert post_form(acl) == 403
    someone.put(allow(["s3:PutObject", "s3:PutObjectAcl"], f"arn:aws:s3:::{bucket}/in/*"))
    assert post_form(acl) == 204


def test_grants_to_others_need_the_permission_to_write_an_acl(enforcing: AwsHarness) -> None:
    bucket = enforcing.bucket()
    s3 = user(enforcing, allow("s3:PutObject", f"arn:aws:s3:::{bucket}/*")).client("s3")
    grant = 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'
    s3.put_object(Bucket=bucket, Key="key", Body=b"1")
    for call in (s3.put_object, s3.create_multipart_upload):
        with refused("AccessDenied", "s3:PutObjectAcl"):
            call(Bucket=bucket, Key="key", GrantRead=grant)


def test_a_bucket_policy_asks_for_the_tags_of_an_object(enforcing: AwsHarness) -> None:
    bucket, someone = enforcing.bucket(), user(enforcing, allow("s3:GetObject"))
    enforcing.s3.put_object(Bucket=bucket, Key="secret", Body=b"1", Tagging="level=high")
    enforcing.put(bucket, "plain", b"1")
    tagged = {"StringEquals": {"s3:ExistingObjectTag/level": "high"}}
    denial = deny("s3:GetObject", f"arn:aws:s3:::{bucket}/*", **tagged) | {"Principal": {"AWS": someone.arn}}
    enforcing.s3.put_bucket_policy(Bucket=bucket, Policy=policy(denial))
    s3 = someone.client("s3")
    assert s3.get_object(Bucket=bucket, Key="plain")["Body"].read() == b"1"
    with refused("AccessDenied", "with an explicit deny in a resource-based policy"):
        s3.get_object(Bucket=bucket, Key="secret")


def test_a_role_within_a_parameter_must_be_passed(enforcing: AwsHarness) -> None:
    someone, rule = user(enforcing, allow("events:*")), unique("rule")
    events = someone.client("events")
    events.put_rule(Name=rule, ScheduleExpression="rate(1 hour)")
    target = {"Id": "1", "Arn": enforcing.queue().arn, "RoleArn": enforcing.role().arn}
    with refused("AccessDeniedException", "iam:PassRole"):
        events.put_targets(Rule=rule, Targets=[target])
    events.delete_rule(Name=rule)


def test_the_resource_that_is_decided_on_is_the_one_that_is_used(enforcing: AwsHarness) -> None:
    mine, other = enforcing.queue(), enforcing.queue()
    topics = enforcing.topic(), enforcing.topic()
    someone = user(enforcing, allow("sqs:SendMessage", mine.arn), allow("sns:Publish", topics[0]))
    with refused("AuthorizationError", topics[1]):
        someone.client("sns").publish(TopicArn=topics[0], TargetArn=topics[1], Message="text")
    document = {"QueueName": mine.arn.rpartition(":")[2], "QueueUrl": other.url, "MessageBody": "text"}
    headers = {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.0"}
    request = AWSRequest("POST", f"{enforcing.url}/", data=json.dumps(document), headers=headers)
    SigV4Auth(Credentials(*list(someone.credentials.values())[:2]), "sqs", REGION).add_auth(request)
    sent = urllib.request.Request(request.url, str(request.data).encode(), dict(request.headers))
    with pytest.raises(urllib.error.HTTPError) as denied, urllib.request.urlopen(sent, timeout=60):
        pass
    with denied.value as error:
        assert other.arn in error.read().decode()


def test_a_bucket_in_the_host_name_and_an_encoded_key_are_the_same_resources(enforcing: AwsHarness) -> None:
    bucket = enforcing.bucket()
    for key in ("a b/ü", "a%20b"):
        enforcing.put(bucket, key, b"1")
    someone = user(enforcing, allow("s3:GetObject", f"arn:aws:s3:::{bucket}/a b/ü"))
    s3 = someone.client("s3")
    assert s3.get_object(Bucket=bucket, Key="a b/ü")["Body"].read() == b"1"
    with refused("AccessDenied", "a%20b"):
        s3.get_object(Bucket=bucket, Key="a%20b")
    assert _status_by_host(someone, bucket, "a%20b%2F%C3%BC") == 200
    assert _status_by_host(someone, bucket, "a%2520b") == 403


def _status_by_host(caller: CallerOf, bucket: str, key: str) -> int:
    """The status of a GET with the bucket in its host name."""
    port = caller.aws.url.rpartition(":")[2]
    signed = AWSRequest("GET", f"http://{bucket}.localhost:{port}/{key}")
    keys = Credentials(caller.credentials["aws_access_key_id"], caller.credentials["aws_secret_access_key"])
    S3SigV4Auth(keys, "s3", REGION).add_auth(signed)
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
    connection.request("GET", f"/{key}", headers={**dict(signed.headers), "Host": f"{bucket}.localhost:{port}"})
    return connection.getresponse().status


def test_an_action_that_is_not_mapped_must_be_allowed_on_everything(enforcing: AwsHarness) -> None:
    someone = user(enforcing, allow("events:ListRules", f"arn:aws:events:{REGION}:{ACCOUNT}:rule/*"))
    with refused("AccessDeniedException", "events:ListRules", "does not know the resources of this action"):
        someone.client("events").list_rules()
    someone.put(allow("events:*"))
    someone.client("events").list_rules()
    someone.put(allow("events:*"), deny("events:List*", f"arn:aws:events:{REGION}:{ACCOUNT}:rule/else"))
    with refused("AccessDeniedException", "explicit deny"):
        someone.client("events").list_rules()


def test_a_deleted_endpoint_deregisters_its_target_with_the_rights_of_the_caller(enforcing: AwsHarness, deploy: Any) -> None:
    deployed = deploy(wait=True)
    enforcing.scaling.register_scalable_target(
        ServiceNamespace="sagemaker",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        ResourceId=deployed.resource_id,
        MinCapacity=1,
        MaxCapacity=1,
    )
    someone = user(enforcing, allow("sagemaker:DeleteEndpoint"))
    with refused("AccessDeniedException", "does not have application-autoscaling:DeregisterScalableTarget permission"):
        someone.client("sagemaker").delete_endpoint(EndpointName=deployed.name)


def test_the_status_names_denied_calls_once(enforcing: AwsHarness) -> None:
    someone = user(enforcing)
    for _ in range(2):
        with refused("AuthorizationError"):
            someone.client("sns").list_topics()
    status = json.loads(json.dumps(enforcing.aws.status()["iam"]))
    assert status["enforced"] is True
    [mine] = [item for item in status["denials"] if item["principal"] == someone.arn]
    assert mine == {
        "principal": someone.arn,
        "operation": "sns:ListTopics",
        "action": "sns:ListTopics",
        "resource": "*",
        "calls": 2,
    }
