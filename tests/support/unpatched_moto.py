"""Run as a script: which patches upstream moto still needs, as one JSON object on standard output; loads no emulator."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.backends import get_backend, list_of_moto_modules
from moto.sns.models import Topic

REGION, ACCOUNT = "eu-west-1", "123456789012"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
TARGET = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/none/variant/none", "ScalableDimension": DIMENSION}


ALARM: dict[str, Any] = {
    "Namespace": "n",
    "MetricName": "m",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanThreshold",
}


def client(service: str) -> Any:
    return boto3.client(service, REGION, aws_access_key_id="local", aws_secret_access_key="local")


def register() -> Any:
    scaling = client("application-autoscaling")
    scaling.register_scalable_target(**TARGET, MinCapacity=0, MaxCapacity=1)
    return scaling


def track(scaling: Any) -> dict[str, Any]:
    metric = {"MetricName": "m", "Namespace": "n", "Dimensions": [], "Statistic": "Average"}
    answer: dict[str, Any] = scaling.put_scaling_policy(
        **TARGET,
        PolicyName="tracking",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 5.0, "CustomizedMetricSpecification": metric},
    )
    return answer


def missing(call: Callable[[], Any]) -> bool:
    """Whether moto does not implement a call."""
    try:
        call()
    except (NotImplementedError, ClientError) as error:
        return isinstance(error, NotImplementedError) or error.response["ResponseMetadata"]["HTTPStatusCode"] in (404, 501)
    return False


def model_packages() -> bool:
    sagemaker = client("sagemaker")
    for _ in range(2):  # a second group of a name is accepted
        sagemaker.create_model_package_group(ModelPackageGroupName="shop")
    return missing(lambda: sagemaker.delete_model_package_group(ModelPackageGroupName="shop"))


def alarm_history() -> bool:
    return missing(client("cloudwatch").describe_alarm_history)


def alarm_requests() -> bool:
    """Whether metric alarms are described where composite ones are asked for."""
    client("cloudwatch").put_metric_alarm(**ALARM, AlarmName="alarm")
    return bool(client("cloudwatch").describe_alarms(AlarmTypes=["CompositeAlarm"])["MetricAlarms"])


def composite_alarms() -> bool:
    client("cloudwatch").put_metric_alarm(**ALARM, AlarmName="child")
    return missing(lambda: client("cloudwatch").put_composite_alarm(AlarmName="parent", AlarmRule="ALARM(child)"))


def insight_rules() -> bool:
    return not missing(lambda: client("cloudwatch").put_insight_rule(RuleName="rule", RuleDefinition="{}"))


def log_filters() -> bool:
    """Whether a metric filter is accepted whose log group does not exist, and whose pattern nothing understands."""
    transformation = {"metricName": "m", "metricNamespace": "n", "metricValue": "1"}
    request = {"logGroupName": "/none", "filterName": "f", "filterPattern": "[a,", "metricTransformations": [transformation]}
    return not missing(lambda: client("logs").put_metric_filter(**request))


def log_group_class() -> bool:
    logs = client("logs")
    logs.create_log_group(logGroupName="rare", logGroupClass="INFREQUENT_ACCESS")
    return any("logGroupClass" not in group for group in logs.describe_log_groups(logGroupNamePrefix="rare")["logGroups"])


def kms_key_usage() -> bool:
    kms = client("kms")
    key = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    return not missing(lambda: kms.enable_key_rotation(KeyId=key))


def role_updates() -> bool:
    iam = client("iam")
    iam.create_role(RoleName="described", AssumeRolePolicyDocument="{}", Description="kept")
    iam.update_role(RoleName="described", MaxSessionDuration=7200)
    return iam.get_role(RoleName="described")["Role"].get("Description") != "kept"


def request_reading() -> bool:
    """Whether text in the body of a JSON call is taken for its parameters."""
    logs = client("logs")
    logs.create_log_group(logGroupName="named", tags={"note": "&logGroupName=hidden&"})
    return [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]] == ["hidden"]


def log_queries() -> bool:
    logs = client("logs")
    logs.create_log_group(logGroupName="g")
    return not missing(lambda: logs.start_query(logGroupName="g", startTime=0, endTime=9, queryString="stats count(*)"))


def dashboard_bodies() -> bool:
    return not missing(lambda: client("cloudwatch").put_dashboard(DashboardName="d", DashboardBody='{"widgets": 1}'))


def application_autoscaling() -> bool:
    client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    return "moto.ec2" in sys.modules


def bucket_policy() -> bool:
    s3 = client("s3")
    s3.create_bucket(Bucket="tls-only", CreateBucketConfiguration={"LocationConstraint": REGION})
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::tls-only/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(Bucket="tls-only", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    try:
        s3.put_object(Bucket="tls-only", Key="key", Body=b"")
    except ClientError as error:
        return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] == 403)
    return False


def alarm_initial_state() -> bool:
    cloudwatch = client("cloudwatch")
    cloudwatch.put_metric_alarm(**ALARM, AlarmName="new")
    return bool(cloudwatch.describe_alarms()["MetricAlarms"][0]["StateValue"] == "OK")


def global_dashboards() -> bool:
    client("cloudwatch").put_dashboard(DashboardName="anywhere", DashboardBody="{}")
    elsewhere = boto3.client("cloudwatch", "us-east-1", aws_access_key_id="local", aws_secret_access_key="local")
    return not elsewhere.list_dashboards()["DashboardEntries"]


def iam_policy_deletion() -> bool:
    iam = client("iam")
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = iam.create_policy(PolicyName="limit", PolicyDocument=document)["Policy"]["Arn"]
    iam.create_role(RoleName="bounded", AssumeRolePolicyDocument="{}", PermissionsBoundary=arn)
    iam.attach_role_policy(RoleName="bounded", PolicyArn=arn)
    return not missing(lambda: iam.delete_policy(PolicyArn=arn))


def aws_managed_policies() -> bool:
    return missing(lambda: client("iam").get_policy(PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"))


def iam_simulation() -> bool:
    asked = {"PolicyInputList": ["{}"], "ActionNames": ["s3:GetObject"]}
    return missing(lambda: client("iam").simulate_custom_policy(**asked))


def sts_assume_role() -> bool:
    asked = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/missing", "RoleSessionName": "me"}
    try:
        client("sts").assume_role(**asked)
    except ClientError:
        return False
    return True


def permissions_boundaries() -> bool:
    iam = client("iam")
    iam.create_user(UserName="bounded")
    boundary = {"UserName": "bounded", "PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/limit"}
    return missing(lambda: iam.put_user_permissions_boundary(**boundary))


def lifecycle_versions() -> bool:
    s3 = client("s3")
    s3.create_bucket(Bucket="versions", CreateBucketConfiguration={"LocationConstraint": REGION})
    kept = {"NoncurrentDays": 3, "NewerNoncurrentVersions": 7}
    rule = {"ID": "old", "Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": kept}
    s3.put_bucket_lifecycle_configuration(Bucket="versions", LifecycleConfiguration={"Rules": [rule]})
    rules = s3.get_bucket_lifecycle_configuration(Bucket="versions")["Rules"]
    return rules[0]["NoncurrentVersionExpiration"] != kept


def metric_store() -> bool:
    client("cloudwatch").put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1.0}])
    return isinstance(get_backend("cloudwatch")[ACCOUNT][REGION].metric_data, list)


def redrive_policy() -> bool:
    sqs = client("sqs")
    url, dead = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("queue", "dead"))
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    asked = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3}, separators=(",", ":"))
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": asked})
    return bool(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["RedrivePolicy"] != asked)


def functions_not_run() -> bool:
    found: Any = importlib.import_module("moto.awslambda.models")
    return "_invoke_lambda" in found.LambdaFunction.invoke.__code__.co_names


def function_runtimes() -> bool:
    role = client("iam").create_role(RoleName="function", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    code = {"S3Bucket": "code", "S3Key": "function.zip"}
    client("s3").create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": REGION})
    client("s3").put_object(Bucket="code", Key="function.zip", Body=b"")
    made = client("lambda").create_function(FunctionName="old", Runtime="python2.7", Role=role, Handler="a.b", Code=code)
    return bool(made["Runtime"] == "python2.7")


def cached_lookups() -> bool:
    return list_of_moto_modules() is not list_of_moto_modules()


def instance_quotas() -> bool:
    quotas = client("service-quotas")
    return missing(lambda: quotas.list_service_quotas(ServiceCode="sagemaker"))


def network_interfaces() -> bool:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="interfaces", Description="interfaces", VpcId=vpc)["GroupId"]
    ec2.create_network_interface(SubnetId=subnet, Groups=[group])
    try:
        ec2.delete_security_group(GroupId=group)
        ec2.delete_subnet(SubnetId=subnet)
    except ClientError:
        return False
    return True


def security_group_rules() -> bool:
    ec2 = client("ec2")
    group = ec2.create_security_group(GroupName="rules", Description="rules")["GroupId"]
    pair = {"GroupId": group, "Description": "each other"}
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [pair]}]
    )
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    return "each other" not in [rule.get("Description") for rule in rules]


def scalable_dimensions() -> bool:
    target = TARGET | {"ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"}
    try:
        client("application-autoscaling").register_scalable_target(**target, MinCapacity=1, MaxCapacity=1)
    except ClientError:
        return True
    return False


def scalable_target() -> bool:
    scaling = register()
    track(scaling)
    scaling.deregister_scalable_target(**TARGET)
    return bool(scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"])


def scaling_activities() -> bool:
    return missing(lambda: client("application-autoscaling").describe_scaling_activities(ServiceNamespace="sagemaker"))


def scaling_descriptions() -> bool:
    targets = register().describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    return "RoleARN" not in targets[0]


def scaling_tags() -> bool:
    scaling = register()
    arn = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"][0]["ScalableTargetARN"]
    return missing(lambda: scaling.list_tags_for_resource(ResourceARN=arn))


def s3_suspended_versioning() -> bool:
    """Whether a deletion in a bucket with suspended versioning loses the versions of before."""
    s3 = client("s3")
    s3.create_bucket(Bucket="suspended", CreateBucketConfiguration={"LocationConstraint": REGION})
    for status in ("Enabled", "Suspended"):
        s3.put_bucket_versioning(Bucket="suspended", VersioningConfiguration={"Status": status})
        s3.put_object(Bucket="suspended", Key="k", Body=status.encode())
    s3.delete_object(Bucket="suspended", Key="k")
    return len(s3.list_object_versions(Bucket="suspended").get("Versions", [])) != 1


def s3_large_objects() -> bool:
    """Whether the content of a completed upload is in memory."""
    s3 = client("s3")
    s3.create_bucket(Bucket="large", CreateBucketConfiguration={"LocationConstraint": REGION})
    upload = s3.create_multipart_upload(Bucket="large", Key="k")["UploadId"]
    etag = s3.upload_part(Bucket="large", Key="k", UploadId=upload, PartNumber=1, Body=bytes(6 << 20))["ETag"]
    found = get_backend("s3")[ACCOUNT]["aws"].buckets["large"].multiparts[upload]
    return isinstance(found.complete(iter([(1, etag)]))[0], bytes)


def s3_request_bodies() -> bool:
    """Whether an object is stored that is not what its Content-MD5 states."""
    s3 = client("s3")
    s3.create_bucket(Bucket="digests", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="digests", Key="k", Body=b"content", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==")
    return "Contents" in s3.list_objects_v2(Bucket="digests")


def s3_conditional_writes() -> bool:
    """Whether another write gets in between the check of a condition and the write."""
    s3 = client("s3")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    backend = get_backend("s3")[ACCOUNT]["aws"]
    put, accepted = backend.put_object, []

    def interrupted(*arguments: Any, **options: Any) -> Any:
        if not accepted:
            accepted.append("first")
            s3.put_object(Bucket="bucket", Key="k", Body=b"2", IfNoneMatch="*")
            accepted.append("second")
        return put(*arguments, **options)

    backend.put_object = interrupted
    s3.put_object(Bucket="bucket", Key="k", Body=b"1", IfNoneMatch="*")
    return accepted == ["first", "second"]


def sns_filter_policies() -> bool:
    """Whether a new filter policy works at once."""
    sns, sqs = client("sns"), client("sqs")
    topic, queue = sns.create_topic(Name="t")["TopicArn"], sqs.create_queue(QueueName="q")["QueueUrl"]
    attributes = {"FilterPolicyScope": "MessageBody", "FilterPolicy": json.dumps({"key": ["value"]})}
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    sns.publish(TopicArn=topic, Message=json.dumps({"key": "value"}))
    return bool(sqs.receive_message(QueueUrl=queue).get("Messages"))


def s3_object_ownership() -> bool:
    """Whether a new bucket has no ownership controls, with which it accepts ACLs."""
    s3 = client("s3")
    s3.create_bucket(Bucket="owned", CreateBucketConfiguration={"LocationConstraint": REGION})
    return missing(lambda: s3.get_bucket_ownership_controls(Bucket="owned"))


def s3_access_denied() -> bool:
    s3 = client("s3")
    s3.create_bucket(Bucket="closed", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="closed", Key="key", Body=b"")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::closed/*"}
    s3.put_bucket_policy(Bucket="closed", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    try:
        s3.get_object(Bucket="closed", Key="key")
    except ClientError as error:
        return bool(error.response["Error"]["Code"] == "403")
    return False


def sns_envelope() -> bool:
    sns, sqs = client("sns"), client("sqs")
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sqs.create_queue(QueueName="open")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:open")
    for _ in range(2):
        sns.publish(TopicArn=topic, Message="hello")
    return len(get_backend("sns")[ACCOUNT][REGION]._message_public_keys) == 2


def scheduled_actions() -> bool:
    action = {"ScheduledActionName": "never", "Schedule": "never", "ScalableTargetAction": {"MinCapacity": 1}}
    try:
        client("application-autoscaling").put_scheduled_action(**TARGET, **action)
    except ClientError:
        return False
    return True


def sns_to_sqs() -> bool:
    sns, sqs = client("sns"), client("sqs")
    topic, url = sns.create_topic(Name="topic")["TopicArn"], sqs.create_queue(QueueName="closed")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:closed")
    sns.publish(TopicArn=topic, Message="hello")
    return "Messages" in sqs.receive_message(QueueUrl=url)


def sns_topics() -> bool:
    arn = client("sns").create_topic(Name="topic")["TopicArn"]
    return isinstance(get_backend("sns")[ACCOUNT][REGION].topics[arn].sent_notifications, list)


def sqs_message_index() -> bool:
    client("sqs").create_queue(QueueName="queue")
    return isinstance(get_backend("sqs")[ACCOUNT][REGION].queues["queue"]._messages, list)


def instance_tracking() -> bool:
    client("sns").create_topic(Name="topic")
    client("sns").delete_topic(TopicArn=f"arn:aws:sns:{REGION}:{ACCOUNT}:topic")
    return bool(Topic.instances_tracked)


def sts_credentials() -> bool:
    sts = client("sts")
    return bool(sts.get_session_token()["Credentials"]["AccessKeyId"] == sts.get_session_token()["Credentials"]["AccessKeyId"])


def sns_removed_attributes() -> bool:
    sns = client("sns")
    topic = sns.create_topic(Name="filtered")["TopicArn"]
    arn = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com", ReturnSubscriptionArn=True)[
        "SubscriptionArn"
    ]
    for policy in ('{"colour": ["red"]}', "{}"):
        sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=policy)
    return "FilterPolicy" in sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]


def kms_key_states() -> bool:
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.disable_key(KeyId=key)
    kms.encrypt(KeyId=key, Plaintext=b"x")
    return True


def kms_rotation_period() -> bool:
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    return "RotationPeriodInDays" not in kms.get_key_rotation_status(KeyId=key)


def use_of_kms_keys() -> bool:
    s3 = client("s3")
    s3.create_bucket(Bucket="encrypted", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="encrypted", Key="key", Body=b"", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/none")
    return True


def sqs_attributes() -> bool:
    sqs = client("sqs")
    url = sqs.create_queue(QueueName="attributes", Attributes={"RedriveAllowPolicy": '{"redrivePermission": "denyAll"}'})
    found = sqs.get_queue_attributes(QueueUrl=url["QueueUrl"], AttributeNames=["All"])["Attributes"]
    return "RedriveAllowPolicy" not in found


def sqs_message_contents() -> bool:
    sqs = client("sqs")
    url = sqs.create_queue(QueueName="contents")["QueueUrl"]
    return bool(sqs.send_message(QueueUrl=url, MessageBody="\x01")["MessageId"])


def sns_attributes() -> bool:
    sns = client("sns")
    topic = sns.create_topic(Name="attributes")["TopicArn"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Nonsense", AttributeValue="x")
    return True


def sns_messages() -> bool:
    sns = client("sns")
    topic = sns.create_topic(Name="messages")["TopicArn"]
    return bool(sns.publish(TopicArn=topic, Message="not JSON", MessageStructure="json")["MessageId"])


def identity_policies() -> bool:
    """Whether a policy of any size may name principals."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Principal": {"AWS": ["*"] * 4_000}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return bool(client("iam").create_policy(PolicyName="open", PolicyDocument=document)["Policy"]["Arn"])


def query_constraints() -> bool:
    """Whether a role may have a name of any length."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    return bool(client("iam").create_role(RoleName="r" * 65, AssumeRolePolicyDocument=document)["Role"])


def s3_bucket_settings() -> bool:
    """Whether a bucket has any name and any lifecycle rule."""
    s3, name = client("s3"), "any_name"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    rule = {"ID": "x" * 256, "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 0}}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    return bool(s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"])


def resource_tags() -> bool:
    """Whether a queue has any number of tags, and a KMS key a reserved one."""
    tags = {str(number): "" for number in range(51)}
    reserved = [{"TagKey": "aws:owner", "TagValue": ""}]
    created = client("sqs").create_queue(QueueName="tagged", tags=tags)
    return bool(created and client("kms").create_key(Tags=reserved))


def deleted_queues() -> bool:
    """Whether the name of a queue is free as soon as it is deleted."""
    sqs = client("sqs")
    sqs.delete_queue(QueueUrl=sqs.create_queue(QueueName="deleted")["QueueUrl"])
    return bool(sqs.create_queue(QueueName="deleted"))


def oidc_providers() -> bool:
    """Whether an identity provider is reached without TLS."""
    return bool(client("iam").create_open_id_connect_provider(Url="http://example.org", ThumbprintList=["0" * 40]))


def log_group_settings() -> bool:
    """Whether a log group has a key that does not exist and any retention."""
    logs = client("logs")
    logs.create_log_group(logGroupName="g", kmsKeyId=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/none")
    logs.put_retention_policy(logGroupName="g", retentionInDays=2)
    return bool(logs.describe_log_groups()["logGroups"])


def resource_policies() -> bool:
    """Whether CloudWatch Logs stores any text as a policy."""
    return bool(client("logs").put_resource_policy(policyName="any", policyDocument="nonsense")["resourcePolicy"])


def bus_policies() -> bool:
    """Whether an event bus takes a policy about another resource."""
    statement = {"Sid": "Any", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b"}
    client("events").put_permission(Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    return "Policy" in client("events").describe_event_bus()


def sns_confirmations() -> bool:
    sns = client("sns")
    topic = sns.create_topic(Name="mail")["TopicArn"]
    return bool(sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")["SubscriptionArn"].startswith("arn:"))


def s3_notifications() -> bool:
    """Whether a queue that does not exist receives events."""
    s3 = client("s3")
    s3.create_bucket(Bucket="noticed", CreateBucketConfiguration={"LocationConstraint": REGION})
    queue = {"QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:none", "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(Bucket="noticed", NotificationConfiguration={"QueueConfigurations": [queue]})
    return "QueueConfigurations" in s3.get_bucket_notification_configuration(Bucket="noticed")


def s3_written_objects() -> bool:
    """Whether objects have keys and metadata of any size."""
    s3 = client("s3")
    s3.create_bucket(Bucket="sizes", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="sizes", Key="k" * 1_025, Body=b"", Metadata={"name": "v" * 3_000})
    return True


def s3_upload_parts() -> bool:
    """Whether the whole object is returned for its first part."""
    s3, upload = client("s3"), {"Bucket": "parts", "Key": "k"}
    s3.create_bucket(Bucket="parts", CreateBucketConfiguration={"LocationConstraint": REGION})
    upload_id = s3.create_multipart_upload(**upload)["UploadId"]
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, UploadId=upload_id, PartNumber=number, Body=body)["ETag"]}
        for number, body in ((1, bytes(5 << 20)), (2, b"end"))
    ]
    s3.complete_multipart_upload(**upload, UploadId=upload_id, MultipartUpload={"Parts": parts})
    return bool(s3.get_object(**upload, PartNumber=2)["ContentLength"] > len(b"end"))


def written_policies() -> bool:
    """Whether roles, buckets and keys take any text as their policy."""
    client("iam").create_role(RoleName="trusting", AssumeRolePolicyDocument="nonsense")
    client("s3").create_bucket(Bucket="written", CreateBucketConfiguration={"LocationConstraint": REGION})
    client("s3").put_bucket_policy(Bucket="written", Policy="nonsense")
    return bool(client("kms").create_key(Policy="nonsense")["KeyMetadata"]["KeyId"])


def rule_targets() -> bool:
    """Whether a disabled rule matches."""
    events, sqs = client("events"), client("sqs")
    url = sqs.create_queue(QueueName="events")["QueueUrl"]
    events.put_rule(Name="rule", EventPattern='{"source": ["shop"]}', State="DISABLED")
    events.put_targets(Rule="rule", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:events"}])
    try:
        events.put_events(Entries=[{"Source": "shop", "DetailType": "sold", "Detail": "{}"}])
    except ModuleNotFoundError:  # it matches, and its event is transformed by a package of moto's extras
        return True
    return "Messages" in sqs.receive_message(QueueUrl=url)


def tracking_alarms() -> bool:
    scaling = register()
    first, second = track(scaling), track(scaling)
    return not first["Alarms"] and first["PolicyARN"] != second["PolicyARN"]


GAPS = (
    application_autoscaling,  # first: others load what it looks for
    alarm_history,
    alarm_requests,
    composite_alarms,
    dashboard_bodies,
    insight_rules,
    log_filters,
    log_group_class,
    request_reading,
    log_queries,
    bucket_policy,
    alarm_initial_state,
    instance_quotas,
    lifecycle_versions,
    metric_store,
    network_interfaces,
    redrive_policy,
    cached_lookups,
    function_runtimes,
    functions_not_run,
    security_group_rules,
    scalable_dimensions,
    scalable_target,
    scaling_activities,
    scaling_descriptions,
    scaling_tags,
    scheduled_actions,
    s3_access_denied,
    s3_conditional_writes,
    s3_large_objects,
    s3_object_ownership,
    s3_request_bodies,
    s3_suspended_versioning,
    sns_filter_policies,
    sns_envelope,
    sns_to_sqs,
    sns_topics,
    sqs_message_index,
    sts_credentials,
    sns_removed_attributes,
    global_dashboards,
    iam_policy_deletion,
    aws_managed_policies,
    iam_simulation,
    sts_assume_role,
    permissions_boundaries,
    instance_tracking,
    tracking_alarms,
    model_packages,
    kms_key_states,
    kms_key_usage,
    kms_rotation_period,
    role_updates,
    use_of_kms_keys,
    sqs_attributes,
    sqs_message_contents,
    sns_attributes,
    sns_messages,
    rule_targets,
    written_policies,
    identity_policies,
    query_constraints,
    s3_bucket_settings,
    resource_tags,
    deleted_queues,
    oidc_providers,
    log_group_settings,
    resource_policies,
    bus_policies,
    sns_confirmations,
    s3_notifications,
    s3_written_objects,
    s3_upload_parts,
)

if __name__ == "__main__":
    still_open = {}
    for gap in GAPS:
        with mock_aws():
            still_open[gap.__name__] = gap()
    print(json.dumps(still_open))
