"""Use of KMS keys by S3, SNS and SQS for their callers. moto never looks at a key, so that any text is one.

Objects, topics and queues with a key that does not exist, is disabled or is pending deletion are refused: by S3 with
`KMS.DisabledException` (quoted by users), by SNS with `KMSDisabled`, by SQS with `KmsDisabled` (their models). So are keys
that are not symmetric: S3 with `KMS.InvalidKeyUsageException` (API reference, "Error responses"), SQS with
`KmsInvalidKeyUsage`; SNS has no such error, and `KMSInvalidState` takes its place.
Permissions on the key are those of --enforce-iam.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from moto.core.exceptions import ServiceException
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket, FakeKey, S3Backend
from moto.s3.responses import S3Response
from moto.sns.exceptions import SNSException
from moto.sns.responses import SNSResponse
from moto.sqs.exceptions import SQSException
from moto.sqs.responses import SQSResponse

from async_endpoint.emulator.moto_backends import KeyProblem, kms_key_problem
from async_endpoint.emulator.moto_patches.s3_suspended_versioning import put_object

_SNS_CODES: Final = {
    "DisabledException": "KMSDisabled",
    "InvalidKeyUsageException": "KMSInvalidState",
    "KMSInvalidStateException": "KMSInvalidState",
    "NotFoundException": "KMSNotFound",
}
_SQS_CODES: Final = {
    "DisabledException": "KmsDisabled",
    "InvalidKeyUsageException": "KmsInvalidKeyUsage",
    "KMSInvalidStateException": "KmsInvalidState",
    "NotFoundException": "KmsNotFound",
}
_create_multipart_upload = S3Backend.create_multipart_upload
_copy_object = S3Backend.copy_object
_get_object = S3Response.get_object
_SQS_METHODS: Final = {name: getattr(SQSResponse, name) for name in ("send_message", "send_message_batch", "receive_message")}
_SNS_METHODS: Final = {name: getattr(SNSResponse, name) for name in ("publish", "publish_batch")}
_KEY_HEADER: Final = "x-amz-server-side-encryption-aws-kms-key-id"


def _check(kind: type[ServiceException], code: Callable[[KeyProblem], str], key: str | None, region: str) -> None:
    problem = kms_key_problem(key, region) if key else None
    if problem is not None:
        error = kind(problem.message)
        error.code = code(problem)
        raise error


def _check_object(bucket: FakeBucket, encryption: str | None, key: str | None) -> None:
    """Check the key of an object to be written: its own, or that of the bucket's default encryption."""
    rule = (bucket.encryption or {}).get("Rule", {}).get("ApplyServerSideEncryptionByDefault", {})
    if (encryption or rule.get("SSEAlgorithm") or "").startswith("aws:kms"):
        _check(S3ClientError, _s3_code, key or (rule.get("KMSMasterKeyID") if not encryption else None), bucket.region_name)


def _s3_code(problem: KeyProblem) -> str:
    return f"KMS.{problem.code}"


def _put_checked(self: S3Backend, bucket_name: str, key_name: str, value: bytes, *arguments: Any, **named: Any) -> FakeKey:
    if not named.get("multipart"):  # an upload in parts was checked when it was created
        _check_object(self.get_bucket(bucket_name), named.get("encryption"), named.get("kms_key_id"))
    return put_object(self, bucket_name, key_name, value, *arguments, **named)


def _create_upload_checked(self: S3Backend, bucket_name: str, key_name: str, *arguments: Any, **named: Any) -> Any:
    _check_object(self.get_bucket(bucket_name), named.get("sse_encryption"), named.get("kms_key_id"))
    return _create_multipart_upload(self, bucket_name, key_name, *arguments, **named)


def _copy_checked(self: S3Backend, src_key: FakeKey, *arguments: Any, **named: Any) -> None:
    if (src_key.encryption or "").startswith("aws:kms"):
        _check(S3ClientError, _s3_code, src_key.kms_key_id, self.get_bucket(src_key.bucket_name).region_name)
    _copy_object(self, src_key, *arguments, **named)


def _get_checked(self: S3Response) -> Any:
    answer = _get_object(self)
    key = answer[1].get(_KEY_HEADER)
    if key:
        _check(S3ClientError, _s3_code, key, self.backend.get_bucket(self.bucket_name).region_name)
    return answer


def _with_queue_key(method: Callable[[SQSResponse], Any]) -> Callable[[SQSResponse], Any]:
    @wraps(method)
    def call(self: SQSResponse) -> Any:
        queue = self.sqs_backend.queues.get(self._get_queue_name())
        if queue is not None and queue.kms_master_key_id:
            _check(SQSException, lambda problem: _SQS_CODES[problem.code], queue.kms_master_key_id, self.region)
        return method(self)

    return call


def _with_topic_key(method: Callable[[SNSResponse], Any]) -> Callable[[SNSResponse], Any]:
    @wraps(method)
    def call(self: SNSResponse) -> Any:
        topic = self.backend.topics.get(self._get_param("TopicArn") or self._get_param("TargetArn"))
        if topic is not None and topic.kms_master_key_id:
            _check(SNSException, lambda problem: _SNS_CODES[problem.code], topic.kms_master_key_id, self.region)
        return method(self)

    return call


def apply() -> None:
    S3Backend.put_object = _put_checked
    S3Backend.create_multipart_upload = _create_upload_checked
    S3Backend.copy_object = _copy_checked
    S3Response.get_object = _get_checked
    for name, method in _SQS_METHODS.items():
        setattr(SQSResponse, name, _with_queue_key(method))
    for name, method in _SNS_METHODS.items():
        setattr(SNSResponse, name, _with_topic_key(method))
