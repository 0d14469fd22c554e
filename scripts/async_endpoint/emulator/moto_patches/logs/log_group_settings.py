"""Keys and retention of log groups. moto stores any of them, and has no action that changes the key.

A key must let logs.REGION.amazonaws.com encrypt for the group (user guide, "Encrypt log data in CloudWatch Logs using AWS KMS":
the encryption context aws:logs:arn); text as quoted by users. Days of retention: API reference, PutRetentionPolicy. Query
results, which have a key too, are not kept here: their resourceIdentifier is unknown.
"""

from __future__ import annotations

from typing import Any, Final

from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.logs.models import LogGroup, LogsBackend
from moto.logs.responses import LogsResponse

from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.delivery_permissions import may_use_key
from async_endpoint.local_aws import ACCOUNT_ID

_DAYS: Final = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
_create = LogsBackend.create_log_group
_put_retention = LogsBackend.put_retention_policy


def _created(self: LogsBackend, log_group_name: str, tags: dict[str, str], **options: Any) -> Any:
    key = options.get("kmsKeyId")
    if key and log_group_name not in self.groups:
        _check_key(str(key), self.region_name, log_group_name)
    return _create(self, log_group_name, tags, **options)


def _associate(self: LogsResponse) -> str:
    group, key = _group(self), str(self._get_param("kmsKeyId"))
    _check_key(key, self.region, group.name)
    group.kms_key_id = key
    return ""


def _disassociate(self: LogsResponse) -> str:
    _group(self).kms_key_id = None
    return ""


def _group(self: LogsResponse) -> LogGroup:
    """The log group of AssociateKmsKey or DisassociateKmsKey, by its name or as log-group:NAME of an ARN."""
    name = self._get_param("logGroupName") or str(self._get_param("resourceIdentifier")).partition(":log-group:")[2]
    found = self.logs_backend.groups.get(name.removesuffix(":*"))
    if found is None:
        raise ResourceNotFoundException()
    return found


def _check_key(key: str, region: str, group: str) -> None:
    arn = f"arn:{moto_backends.PARTITION}:logs:{region}:{ACCOUNT_ID}:log-group:{group}"
    context = {"kms:EncryptionContext:aws:logs:arn": arn, "aws:SourceArn": arn, "aws:SourceAccount": ACCOUNT_ID}
    if not may_use_key(f"logs.{region}.amazonaws.com", key, region, context):
        raise InvalidParameterException(f"The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'")


def _retained(self: LogsBackend, log_group_name: str, retention_in_days: str) -> Any:
    if int(retention_in_days) not in _DAYS:
        allowed = ", ".join(map(str, _DAYS))
        raise InvalidParameterException(
            f"1 validation error detected: Value '{retention_in_days}' at 'retentionInDays' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{allowed}]"
        )
    return _put_retention(self, log_group_name, retention_in_days)


def apply() -> None:
    LogsBackend.create_log_group = _created
    LogsBackend.put_retention_policy = _retained
    LogsResponse.associate_kms_key = _associate
    LogsResponse.disassociate_kms_key = _disassociate
