"""Ways around a policy: requests that can be read in two ways or not at all, and what a call does besides its action."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import urllib.error
import urllib.request
from urllib.parse import urlencode

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from support.common import unique
from support.iam_callers import ALLOW_ALL, CallerOf, allow, deny, policy, post_form, refused, user
from support.in_process_aws import ACCOUNT, REGION, AwsHarness

FORM = "application/x-www-form-urlencoded; charset=utf-8"
JSON = "application/x-amz-json-1.1"


def _send(caller: CallerOf, service: str, path: str, body: str = "", method: str = "POST", **headers: str) -> tuple[int, str]:
    """Status and body of the response to a request that boto3 would not send; `headers` have underscores for hyphens."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest(method, f"{caller.aws.url}{path}", data=body, headers=sent)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials(*list(caller.credentials.values())[:2]), service, REGION).add_auth(request)
    made = urllib.request.Request(request.url, body.encode() or None, dict(request.headers), method=method)
    try:
        with urllib.request.urlopen(made, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def _code(answered: tuple[int, str]) -> str:
    """The error code in a response."""
    found = re.search(r"<Code>(\w+)</Code>", answered[1])
    return found[1] if found else str(json.loads(answered[1]).get("__type", "")).rpartition("#")[2]


# --- read in one way ---------------------------------------------------------------------------------------------------


def test_two_subresources_in_one_url_are_refused(enforcing: AwsHarness) -> None:
    bucket = enforcing.bucket()
    enforcing.put(bucket, "key", b"1")
    someone = user(enforcing, ALLOW_ALL)
    for path in (f"/{bucket}/key?acl&tagging", f"/{bucket}?policy&acl", f"/{bucket}/key?tagging&uploadId=1"):
        answered = _send(someone, "s3", path, method="GET")
        assert answered[0] == 400
        assert "<Code>InvalidArgument</Code><Message>Conflicting query string parameters: " in answered[1]


def test_a_header_is_no_subresource(enforcing: AwsHarness) -> None:
    """Headers named like one are not signed: a URL signed for GetObjectTagging would serve GetObject."""
    bucket = enforcing.bucket()
    enforcing.put(bucket, "key", b"secret")
    someone = user(enforcing, allow("s3:GetObjectTagging"))
    assert _code(_send(someone, "s3", f"/{bucket}/key", method="GET", tagging="1")) == "AccessDenied"


def test_tags_are_put_with_their_own_permission_though_the_request_names_a_copy_source(enforcing: AwsHarness) -> None:
    bucket = enforcing.bucket()
    enforcing.put(bucket, "key", b"1")
    someone = user(enforcing, allow(["s3:PutObject", "s3:GetObject"]))
    tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    source = {"x_amz_copy_source": f"{bucket}/key"}
    assert _code(_send(someone, "s3", f"/{bucket}/key?tagging", tags, "PUT", **source)) == "AccessDenied"


def test_a_repeated_query_parameter_is_not_read(enforcing: AwsHarness) -> None:
    bucket = enforcing.bucket()
    someone = user(enforcing, allow("s3:ListBucket", "*", StringEquals={"s3:prefix": "mine/"}))
    assert _send(someone, "s3", f"/{bucket}?prefix=mine%2F", method="GET")[0] == 200
    for query in ("prefix=mine%2F&prefix=", "prefix=&prefix=mine%2F"):
        assert _code(_send(someone, "s3", f"/{bucket}?{query}", method="GET")) == "AccessDenied"


def test_who_may_only_create_objects_replaces_none(enforcing: AwsHarness) -> None:
    """As the planner's policy on stored plans: the condition is a header, no parameter, and other writes have none."""
    bucket = enforcing.bucket()
    someone = user(enforcing, allow("s3:PutObject", "*", StringEquals={"s3:if-none-match": "*"}), allow("s3:GetObject"))
    s3 = someone.client("s3")
    s3.put_object(Bucket=bucket, Key="plan", Body=b"1", IfNoneMatch="*")
    with refused("PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="plan", Body=b"2", IfNoneMatch="*")
    for key in ("plan", "new"):
        with refused("AccessDenied"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"2")
        with refused("AccessDenied"):
            s3.create_multipart_upload(Bucket=bucket, Key=key)
        with refused("AccessDenied"):
            s3.copy_object(Bucket=bucket, Key=key, CopySource=f"{bucket}/plan")
        assert _code(_send(someone, "s3", f"/{bucket}/{key}?IfNoneMatch=%2A", "2", "PUT")) == "AccessDenied"
    assert enforcing.keys(bucket) == ["plan"]


@pytest.mark.parametrize("form", ["UserName={mine}&UserName={other}", "UserName={other}&UserName={mine}"])
def test_a_repeated_form_field_is_decided_as_it_is_used(enforcing: AwsHarness, form: str) -> None:
    mine, other = user(enforcing), user(enforcing)
    mine.put(allow("iam:ListAccessKeys", mine.arn))
    body = "Action=ListAccessKeys&Version=2010-05-08&" + form.format(mine=mine.name, other=other.name)
    answered = _send(mine, "iam", "/", body, Content_Type=FORM)
    assert other.name not in answered[1].partition("<ListAccessKeysResult>")[2], answered


def test_a_url_does_not_overrule_a_form(enforcing: AwsHarness) -> None:
    mine, other = user(enforcing), user(enforcing)
    mine.put(allow("iam:ListAccessKeys", mine.arn))
    body = urlencode({"Action": "ListAccessKeys", "Version": "2010-05-08", "UserName": mine.name})
    assert _send(mine, "iam", "/", body, Content_Type=FORM)[0] == 200
    assert _code(_send(mine, "iam", f"/?UserName={other.name}", body, Content_Type=FORM)) == "AccessDenied"


def test_a_call_in_a_url_is_decided(enforcing: AwsHarness) -> None:
    someone = user(enforcing, allow("iam:List*"))
    assert _send(someone, "iam", "/?Action=ListUsers&Version=2010-05-08", method="GET")[0] == 200
    someone.put(allow("iam:*"), deny("iam:CreateUser"))
    create = f"Action=CreateUser&Version=2010-05-08&UserName={unique('user')}"
    assert _code(_send(someone, "iam", f"/?{create}", method="GET")) == "AccessDenied"
    assert _code(_send(someone, "iam", "/?Action=ListUsers", create, Content_Type=FORM)) == "InvalidAction"
    assert _code(_send(someone, "iam", "/", create, Content_Type="text/plain")) == "AccessDenied"


@pytest.mark.parametrize("hidden", ["url", "body", "headers"])
def test_a_json_call_is_in_its_body_and_target(enforcing: AwsHarness, hidden: str) -> None:
    groups = [unique("group") for _ in range(2)]
    for name in groups:
        enforcing.client("logs").create_log_group(logGroupName=name)
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:"
    someone = user(enforcing, allow(["logs:DeleteLogGroup", "logs:PutRetentionPolicy"], f"{arn}{groups[0]}:*"))
    form = f"Action=DeleteLogGroup&logGroupName={groups[1]}"
    document = {"logGroupName": groups[0], "retentionInDays": 1} | ({"x": f"&{form}&"} if hidden == "body" else {})
    headers = {"X_Amz_Target": "Logs_20140328.PutRetentionPolicy", "Content_Type": JSON}
    headers |= {"logGroupName": groups[1], "Action": "DeleteLogGroup"} if hidden == "headers" else {}
    _send(someone, "logs", f"/?{form}" if hidden == "url" else "/", json.dumps(document), **headers)
    found = enforcing.client("logs").describe_log_groups(logGroupNamePrefix=groups[1])["logGroups"]
    assert [group.get("retentionInDays") for group in found] == [None]


def test_region_and_account_are_those_of_the_signature(enforcing: AwsHarness) -> None:
    here = allow("sqs:CreateQueue", f"arn:aws:sqs:{REGION}:{ACCOUNT}:*")
    someone, name = user(enforcing, here), unique("queue")
    headers = {"X_Amz_Target": "AmazonSQS.CreateQueue", "Content_Type": "application/x-amz-json-1.0"}
    disguise = {"User_Agent": "x region/us-west-2", "x_moto_account_id": "999999999999"}
    status, body = _send(someone, "sqs", "/", json.dumps({"QueueName": name}), **headers, **disguise)
    assert status == 200
    assert f"{ACCOUNT}/{name}" in body
    assert enforcing.client("sqs").get_queue_url(QueueName=name)["QueueUrl"].endswith(name)


@pytest.mark.parametrize(
    "source", ["{0}/open;x", "{0}/open#x", "/{0}/open?x=1&versionId={1}", "http://any/{0}/open", "//a/{0}/open"]
)
def test_a_copy_source_is_read_in_one_way(enforcing: AwsHarness, source: str) -> None:
    bucket = enforcing.bucket()
    enforcing.put(bucket, "open", b"secret")
    someone = user(enforcing, allow("s3:*"), deny(["s3:GetObject", "s3:GetObjectVersion"], f"arn:aws:s3:::{bucket}/open"))
    answered = _send(someone, "s3", f"/{bucket}/copy", method="PUT", x_amz_copy_source=source.format(bucket, "null"))
    assert answered[0] in (400, 403)
    assert enforcing.keys(bucket) == ["open"]


# --- not read, not mapped ----------------------------------------------------------------------------------------------


def test_parameters_that_cannot_be_read_are_refused_and_not_passed(enforcing: AwsHarness) -> None:
    """A role as a list instead of a text, so that no rule asks for iam:PassRole."""
    someone = user(enforcing, allow(["sagemaker:*", "lambda:*", "states:*"]))
    headers = {"X_Amz_Target": "SageMaker.CreateModel", "Content_Type": JSON}
    assert _code(_send(someone, "sagemaker", "/", "[1]", **headers)) == "ValidationException"
    someone.put(allow("sns:*"))
    assert _code(_send(someone, "sagemaker", "/", "[1]", **headers)) == "AccessDeniedException"
    headers = {"X_Amz_Target": "SQS.SendMessage", "Content_Type": JSON}
    someone.put(allow("sqs:*"))
    assert _code(_send(someone, "sqs", "/", '{"QueueUrl": ["x"]}', **headers)) == "InvalidParameterValue"


def test_a_policy_of_a_resource_denies_what_is_not_mapped(enforcing: AwsHarness) -> None:
    someone, topic = user(enforcing, allow("sns:*")), enforcing.topic()
    someone.client("sns").list_phone_numbers_opted_out()
    denial = deny("sns:List*", topic) | {"Principal": "*"}
    enforcing.sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy(denial))
    try:
        with refused("AuthorizationError", "explicit deny"):
            someone.client("sns").list_phone_numbers_opted_out()
    finally:
        enforcing.sns.delete_topic(TopicArn=topic)


def test_an_instance_profile_passes_its_role(enforcing: AwsHarness) -> None:
    name, execution = unique("profile"), enforcing.role()
    made = enforcing.iam.create_instance_profile(InstanceProfileName=name, Path="/team/")["InstanceProfile"]["Arn"]
    someone = user(enforcing, allow("ec2:RunInstances"), allow("iam:GetInstanceProfile", made))
    assert someone.client("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"] == made
    enforcing.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=execution.arn.rpartition("/")[2])
    for profile in ({"Name": name}, {"Arn": made}):
        with refused("UnauthorizedOperation", f"iam:PassRole on resource: {execution.arn}"):
            someone.client("ec2").run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, IamInstanceProfile=profile)


def test_a_profile_is_made_at_its_path(enforcing: AwsHarness) -> None:
    someone = user(enforcing, allow("iam:CreateInstanceProfile", f"arn:aws:iam::{ACCOUNT}:instance-profile/team/*"))
    someone.client("iam").create_instance_profile(InstanceProfileName=unique("profile"), Path="/team/")
    with refused("AccessDenied", "instance-profile/"):
        someone.client("iam").create_instance_profile(InstanceProfileName=unique("profile"))
    with refused("AccessDenied", "iam:TagInstanceProfile"):
        someone.client("iam").create_instance_profile(
            InstanceProfileName=unique("profile"), Path="/team/", Tags=[{"Key": "a", "Value": "b"}]
        )


@pytest.mark.parametrize(
    "form",
    ["{}", "{}:live", "function:{}", "123456789012:function:{}:live", "arn:aws:lambda:{region}:123456789012:function:{}"],
)
def test_a_function_is_the_same_by_every_name(enforcing: AwsHarness, form: str) -> None:
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:secret"
    someone = user(enforcing, allow("lambda:*"), deny("lambda:GetPolicy", [arn, f"{arn}:*"]))
    with refused("AccessDeniedException", f"{arn}"):
        someone.client("lambda").get_policy(FunctionName=form.format("secret", region=REGION))


def test_a_change_set_by_its_arn_alone_may_be_of_any_stack(enforcing: AwsHarness) -> None:
    stack, name = unique("stack"), unique("queue")
    template = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}}})
    made = enforcing.client("cloudformation").create_change_set(
        StackName=stack, ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=template
    )
    someone = user(enforcing, ALLOW_ALL, deny("cloudformation:*", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}/*"))
    for more in ({}, {"StackName": stack}):
        with refused("AccessDenied", "explicit deny"):
            someone.client("cloudformation").execute_change_set(ChangeSetName=made["Id"], **more)
    with refused("ChangeSetNotFound"):
        someone.client("cloudformation").execute_change_set(ChangeSetName=made["Id"], StackName=_another_stack(enforcing))


def _another_stack(aws: AwsHarness) -> str:
    name = unique("stack")
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    aws.client("cloudformation").create_change_set(
        StackName=name, ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=template
    )
    return name


def test_an_access_key_is_its_user_s(enforcing: AwsHarness) -> None:
    """Named by its id alone, too."""
    mine, other = user(enforcing), user(enforcing)
    mine.put(allow("iam:*", mine.arn))
    iam, key = mine.client("iam"), other.credentials["aws_access_key_id"]
    iam.update_access_key(AccessKeyId=mine.credentials["aws_access_key_id"], Status="Active")
    with refused("AccessDenied", other.arn):
        iam.update_access_key(AccessKeyId=key, Status="Inactive")
    with refused("AccessDenied", other.arn):
        iam.delete_access_key(AccessKeyId=key)


@pytest.mark.parametrize(("part", "other"), [(REGION, "us-west-2"), (ACCOUNT, "999999999999")])
def test_an_arn_of_elsewhere_is_not_the_resource_of_its_name_here(enforcing: AwsHarness, part: str, other: str) -> None:
    group = unique("group")
    enforcing.client("logs").create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    someone = user(enforcing, ALLOW_ALL, deny("logs:TagResource", f"{arn}*"))
    for tagged in (arn, arn.replace(part, other)):
        with refused("AccessDeniedException"):
            someone.client("logs").tag_resource(resourceArn=tagged, tags={"a": "b"})


# --- objects -----------------------------------------------------------------------------------------------------------


def test_the_fields_of_a_form_are_seen_by_conditions(enforcing: AwsHarness) -> None:
    bucket = enforcing.bucket()
    denials = [
        deny("s3:PutObject", "*", StringNotEquals={"s3:x-amz-server-side-encryption": "AES256"}),
        deny("s3:PutObject*", "*", StringEquals={"s3:RequestObjectTag/level": "high"}),
        deny("s3:PutObject", "*", StringEquals={"s3:x-amz-storage-class": "GLACIER"}),
    ]
    s3 = user(enforcing, allow("s3:*"), *denials).client("s3", signature_version="s3v4")

    def posted(**fields: str) -> int:
        given = {name.replace("_", "-"): value for name, value in fields.items()}
        form = s3.generate_presigned_post(bucket, "key", given, [{name: value} for name, value in given.items()])
        return post_form(form)

    assert posted() == 403
    assert posted(x_amz_server_side_encryption="AES256") == 204
    assert posted(x_amz_server_side_encryption="AES256", x_amz_storage_class="GLACIER") == 403
    tags = "<Tagging><TagSet><Tag><Key>level</Key><Value>{}</Value></Tag></TagSet></Tagging>"
    assert posted(x_amz_server_side_encryption="AES256", tagging=tags.format("high")) == 403


def test_tags_in_a_body_are_seen_by_conditions(enforcing: AwsHarness) -> None:
    bucket = enforcing.bucket()
    enforcing.put(bucket, "key", b"1")
    s3 = user(enforcing, allow("s3:PutObjectTagging", "*", StringEquals={"s3:RequestObjectTag/level": "low"})).client("s3")
    s3.put_object_tagging(Bucket=bucket, Key="key", Tagging={"TagSet": [{"Key": "level", "Value": "low"}]})
    with refused("AccessDenied", "s3:PutObjectTagging"):
        s3.put_object_tagging(Bucket=bucket, Key="key", Tagging={"TagSet": [{"Key": "level", "Value": "high"}]})


def test_a_copy_takes_the_tags_of_its_source_with_permissions_of_their_own(enforcing: AwsHarness) -> None:
    bucket = enforcing.bucket()
    enforcing.s3.put_object(Bucket=bucket, Key="tagged", Body=b"1", Tagging="a=b")
    enforcing.put(bucket, "plain", b"1")
    someone = user(enforcing, allow(["s3:GetObject", "s3:PutObject"]))

    def copy(key: str, **more: str) -> None:
        someone.client("s3").copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key}, **more)

    copy("plain")
    copy("tagged", TaggingDirective="REPLACE")
    with refused("AccessDenied", "s3:GetObjectTagging", "/tagged"):
        copy("tagged")
    someone.put(allow(["s3:GetObject", "s3:PutObject", "s3:GetObjectTagging"]))
    with refused("AccessDenied", "s3:PutObjectTagging", "/copy"):
        copy("tagged")


def test_versions_have_permissions_of_their_own(enforcing: AwsHarness) -> None:
    bucket, attributes = enforcing.bucket(), ["ETag"]
    enforcing.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = enforcing.s3.put_object(Bucket=bucket, Key="key", Body=b"1")["VersionId"]
    one = {"Bucket": bucket, "Key": "key"}
    someone = user(enforcing, allow(["s3:GetObject", "s3:GetObjectAttributes", "s3:PutObject"]))
    s3 = someone.client("s3")
    s3.get_object_attributes(**one, ObjectAttributes=attributes)
    with refused("AccessDenied", "s3:GetObjectVersion"):
        s3.get_object_attributes(**one, VersionId=version, ObjectAttributes=attributes)
    with refused("AccessDenied", "s3:GetObjectVersion"):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=one | {"VersionId": version})
    someone.put(allow(["s3:GetObjectVersion", "s3:PutObject"]))
    with refused("AccessDenied", "s3:GetObjectVersionAttributes"):
        s3.get_object_attributes(**one, VersionId=version, ObjectAttributes=attributes)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=one | {"VersionId": version})


def test_locks_are_put_and_overruled_with_permissions_of_their_own(enforcing: AwsHarness) -> None:
    bucket = unique("locked")
    where = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
    someone = user(enforcing, allow("s3:CreateBucket"))
    with refused("AccessDenied", "s3:PutBucketObjectLockConfiguration"):
        someone.client("s3").create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True, **where)
    enforcing.s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True, **where)
    someone.put(allow(["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectRetention"]))
    s3, one = someone.client("s3"), {"Bucket": bucket, "Key": "key"}
    until = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": "2030-01-01T00:00:00Z"}
    with refused("AccessDenied", "s3:PutObjectLegalHold"):
        s3.put_object(**one, Body=b"1", ObjectLockLegalHoldStatus="ON")
    version = s3.put_object(**one, Body=b"1", **until)["VersionId"]
    with refused("AccessDenied", "s3:BypassGovernanceRetention"):
        s3.delete_object(**one, VersionId=version, BypassGovernanceRetention=True)
    objects = {"Objects": [{"Key": "key", "VersionId": version}]}
    done = s3.delete_objects(Bucket=bucket, Delete=objects, BypassGovernanceRetention=True)
    assert [item["Code"] for item in done["Errors"]] == ["AccessDenied"]
    someone.put(allow("s3:PutObject"))
    with refused("AccessDenied", "s3:PutObjectRetention"):
        s3.put_object(**one, Body=b"1", **until)


def test_an_upload_is_of_its_own_key(enforcing: AwsHarness) -> None:
    bucket = enforcing.bucket()
    upload = enforcing.s3.create_multipart_upload(Bucket=bucket, Key="other/key")["UploadId"]
    s3 = user(enforcing, allow("s3:*", f"arn:aws:s3:::{bucket}/mine/*")).client("s3")
    mine = {"Bucket": bucket, "Key": "mine/key", "UploadId": upload}
    with refused("AccessDenied", "is not one of mine/key"):
        s3.upload_part(**mine, PartNumber=1, Body=b"1")
    part = enforcing.s3.upload_part(**mine | {"Key": "other/key"}, PartNumber=1, Body=b"1")
    with refused("AccessDenied", "is not one of mine/key"):
        s3.complete_multipart_upload(**mine, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    with refused("AccessDenied", "is not one of mine/key"):
        s3.list_parts(**mine)
    with refused("AccessDenied", "is not one of mine/key"):
        s3.abort_multipart_upload(**mine)
    assert enforcing.keys(bucket) == []


def test_only_objects_that_were_allowed_are_deleted(enforcing: AwsHarness) -> None:
    """However a key is spelled in XML: what is deleted is what was decided."""
    bucket = enforcing.bucket()
    for key in ("a", "b"):
        enforcing.put(bucket, key, b"1")
    someone = user(enforcing, allow("s3:DeleteObject", f"arn:aws:s3:::{bucket}/a"))
    keys = ("a", "<![CDATA[b]]>", "&#98;")
    body = f"<Delete>{''.join(f'<Object><Key>{key}</Key></Object>' for key in keys)}</Delete>"
    _send(someone, "s3", f"/{bucket}?delete", body, Content_MD5=_md5(body), Content_Type="application/xml")
    assert enforcing.keys(bucket) == ["b"]


def _md5(text: str) -> str:
    return base64.b64encode(hashlib.md5(text.encode()).digest()).decode()


# --- enforcement that is off -------------------------------------------------------------------------------------------


def test_without_enforcement_nothing_is_decided(local_aws: AwsHarness) -> None:
    someone, bucket = user(local_aws), local_aws.bucket()
    someone.client("s3").put_object(Bucket=bucket, Key="key", Body=b"1", Tagging="a=b")
    someone.client("iam").list_users()
    someone.client("sqs").list_queues()
    assert _send(someone, "s3", f"/{bucket}?prefix=a&prefix=b", method="GET")[0] == 200
    assert local_aws.aws.status()["iam"] == {"enforced": False, "denials": []}
