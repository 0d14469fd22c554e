"""The execution role: every action of hosting on the customer's behalf is checked here against the role's policies.

The policies are read for each action, so a permission removed from a live endpoint takes effect with the next request.
Cross-account resources are not emulated: every bucket, topic and key is in the one local account.
"""

from __future__ import annotations

from collections.abc import Mapping

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.hosting_rules import is_standard_topic
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.access.decision import decide
from async_endpoint.emulator.access.principals import role_principal
from async_endpoint.emulator.container.payload import Payload
from async_endpoint.emulator.faults.faults import Faults
from async_endpoint.iam import Verdict, evaluate_trust
from async_endpoint.iam.actions import Permission
from async_endpoint.local_aws import ACCOUNT_ID

SERVICE = "sagemaker.amazonaws.com"
SESSION = "SageMaker"  # the name of its sessions of roles, in messages
PART_BYTES = 8 * 1_048_576  # boto3's multipart threshold; hosting's own is assumption A149
AWS_MANAGED_S3_KEY = "alias/aws/s3"  # every principal of the account may use it through S3


class AccessDenied(Exception):
    """The action is denied; the text is AWS's error message."""


class AssumedRole:
    """Acts as one role in one region. With `faults`, injected S3 denials apply too."""

    def __init__(self, arn: str, region: str, faults: Faults | None = None) -> None:
        self.arn = arn
        self.region = region
        self._faults = faults

    def assume(self) -> None:
        """Raise AccessDenied unless the role exists and SageMaker may assume it."""
        context = {"aws:SourceAccount": ACCOUNT_ID, "aws:SourceArn": f"arn:aws:sagemaker:{self.region}:{ACCOUNT_ID}:*"}
        try:
            trusted = evaluate_trust(moto_backends.role(self.arn).trust, SERVICE, context).allowed
        except (moto_backends.ResourceNotFound, InvalidInput):
            trusted = False
        if not trusted:
            raise AccessDenied(
                f"Could not assume role {self.arn}. Please ensure that the role exists and allows principal '{SERVICE}' "
                "to assume the role."
            )

    def check_region(self, bucket: str) -> None:
        """Raise AccessDenied, as S3 refuses it, unless a bucket is in this region; ResourceNotFound without the bucket.

        That hosting does not follow S3 to another region is assumption A191.
        """
        found = moto_backends.bucket_region(bucket)
        if found != self.region:
            raise AccessDenied(
                "PermanentRedirect: The bucket you are attempting to access must be addressed using the specified endpoint: "
                f"{bucket} is in {found}, not in {self.region}."
            )

    def get_object(self, uri: S3Uri) -> moto_backends.StoredObject:
        """Read an object of a bucket in this region.

        Raises ResourceNotFound; as in S3, a missing key is AccessDenied without s3:ListBucket.
        """
        self.check_region(uri.bucket)
        self.check("s3:GetObject", uri.arn)
        self._check_faults("GetObject", uri)
        try:
            found = moto_backends.get_object(uri)
        except moto_backends.ResourceNotFound:
            self.check("s3:ListBucket", uri.bucket_arn, {"s3:prefix": uri.key})
            raise
        if found.kms_key and found.kms_key != AWS_MANAGED_S3_KEY:
            self.check_key("kms:Decrypt", found.kms_key, "s3")
        return found

    def get_prefix(self, uri: S3Uri) -> dict[str, Payload]:
        """Read all objects under a prefix, by relative path. Raises AccessDenied, or ResourceNotFound when there is none."""
        self.check_region(uri.bucket)
        self.check("s3:ListBucket", uri.bucket_arn, {"s3:prefix": uri.key})
        keys = [key for key in moto_backends.list_keys(uri) if not key.endswith("/")]
        if not keys:
            raise moto_backends.ResourceNotFound(f"There is no object under {uri}.")
        return {key.removeprefix(uri.key): self.get_object(S3Uri(uri.bucket, key)).payload for key in keys}

    def put_object(self, uri: S3Uri, body: Payload, content_type: str, kms_key: str | None) -> None:
        """Write an object under `kms_key`, or the bucket's default encryption. Raises ResourceNotFound or AccessDenied."""
        self.check_region(uri.bucket)
        self.check("s3:PutObject", uri.arn)
        self._check_faults("PutObject", uri)
        key = kms_key or moto_backends.bucket_kms_key(uri.bucket)
        if key and key != AWS_MANAGED_S3_KEY:
            self.check_key("kms:GenerateDataKey", key, "s3")
        if len(body) <= PART_BYTES:
            moto_backends.put_object(uri, body.read(), content_type, kms_key)
        else:
            self._put_multipart(uri, body, content_type, kms_key, key)

    def publish(self, topic_arn: str, message: Mapping[str, object]) -> None:
        """Publish to a topic. Raises ResourceNotFound or AccessDenied, the latter also for a message that SNS rejects."""
        self.check_publish(topic_arn)
        try:
            moto_backends.publish(topic_arn, self.region, message)
        except Exception as error:
            raise AccessDenied(f"{type(error).__name__}: {error}") from error

    def check_publish(self, topic_arn: str) -> None:
        """Raise AccessDenied unless the role may publish to a topic of this region, and use its customer key if it has one.

        Raises ResourceNotFound without the topic or its key.
        """
        topic = moto_backends.topic(topic_arn, self.region)
        if not is_standard_topic(topic_arn):
            raise AccessDenied("InvalidParameter: The MessageGroupId parameter is required for FIFO topics")
        self.check("sns:Publish", topic_arn)
        if topic.kms_key and topic.kms_key != "alias/aws/sns":
            for action in ("kms:GenerateDataKey", "kms:Decrypt"):
                self.check_key(action, topic.kms_key, "sns")

    def may_log(self, group: str) -> bool:
        """Whether the role may write container output to CloudWatch Logs.

        DescribeLogStreams is among the role's permissions in the guide, as CloudWatch's agent needs it.
        """
        arn = f"arn:aws:logs:{self.region}:{ACCOUNT_ID}:log-group:{group}"
        wanted = [
            ("logs:CreateLogStream", ":log-stream:any"),
            ("logs:DescribeLogStreams", ":log-stream:"),
            ("logs:PutLogEvents", ":log-stream:any"),
        ]
        if not moto_backends.has_log_group(self.region, group):
            wanted.append(("logs:CreateLogGroup", ":log-stream:"))
        return all(self.may(action, arn + below) for action, below in wanted)

    def may(self, action: str, resource: str, context: Mapping[str, str] | None = None) -> bool:
        """Whether the role exists and its identity policies allow an action."""
        try:
            return bool(self.verdict(action, resource, context).allowed)
        except (AccessDenied, moto_backends.ResourceNotFound):
            return False

    def _put_multipart(self, uri: S3Uri, body: Payload, content_type: str, kms_key: str | None, key: str | None) -> None:
        """Multipart upload, as SDKs do for large objects; under a KMS key it needs kms:Decrypt besides kms:GenerateDataKey.

        A failed upload is aborted if the role may do so; otherwise its parts remain (S3 user guide, "Multipart upload").
        """
        upload = moto_backends.create_multipart_upload(uri, content_type, kms_key)
        try:
            if key and key != AWS_MANAGED_S3_KEY:
                self.check_key("kms:Decrypt", key, "s3")
            parts = (body.read(PART_BYTES, at) for at in range(0, len(body), PART_BYTES))
            moto_backends.complete_multipart_upload(uri, upload, parts)
        except AccessDenied:
            if self.may("s3:AbortMultipartUpload", uri.arn):
                moto_backends.abort_multipart_upload(uri, upload)
            raise

    def _check_faults(self, action: str, uri: S3Uri) -> None:
        if self._faults is not None and self._faults.denies(action, uri):
            raise AccessDenied(
                f"AccessDenied: {self.arn} is not authorized to perform: s3:{action} on resource: {uri.arn} "
                "because a fault of the kind s3-denial is set"
            )

    def verdict(self, action: str, resource: str, context: Mapping[str, str] | None = None) -> Verdict:
        """The decision by the role's policies and those of the resource; raises ResourceNotFound without the role."""
        role = moto_backends.role(self.arn)
        principal = role_principal(self.arn, tuple(role.policies), role.boundary, SESSION)
        try:
            return decide(principal, Permission(action, resource, context or {}))
        except InvalidInput as error:  # an invalid policy allows nothing
            raise AccessDenied(f"AccessDenied: {error}") from error

    def check(self, action: str, resource: str, context: Mapping[str, str] | None = None) -> None:
        """Raise AccessDenied unless `verdict` allows."""
        verdict = self.verdict(action, resource, context)
        if not verdict.allowed:
            raise AccessDenied(f"AccessDenied: {verdict.explain}")

    def check_key(self, action: str, identifier: str, via: str, more: Mapping[str, str] | None = None) -> None:
        """Raise AccessDenied unless role and key policy allow use through service `via`; ResourceNotFound without the key."""
        key = moto_backends.kms_key(identifier, self.region)
        context = {"kms:ViaService": f"{via}.{self.region}.amazonaws.com", "kms:CallerAccount": ACCOUNT_ID}
        self.check(action, key.arn, {**context, **(more or {})})
