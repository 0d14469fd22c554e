"""The class and the protection of a log group, which moto drops.

Groups are of class STANDARD, which DescribeLogGroups returns. The other classes lack metric filters and most queries (user
guide, "Log classes"), so to treat them as STANDARD would be to accept more than AWS does.
"""

from __future__ import annotations

from typing import Any, Final

from moto.logs.exceptions import InvalidParameterException
from moto.logs.models import LogGroup
from moto.logs.responses import LogsResponse

_STANDARD: Final = "STANDARD"
_create = LogsResponse.create_log_group
_describe = LogGroup.to_describe_dict


def _create_log_group(self: LogsResponse) -> str:
    wanted = self._get_param("logGroupClass") or _STANDARD
    if wanted != _STANDARD:
        raise InvalidParameterException(f"logGroupClass {wanted} is not emulated by the local AWS; use {_STANDARD}.")
    if self._get_param("deletionProtectionEnabled"):
        raise InvalidParameterException("deletionProtectionEnabled is not emulated by the local AWS; leave it out.")
    created: str = _create(self)
    return created


def _to_describe_dict(self: LogGroup) -> dict[str, Any]:
    described: dict[str, Any] = _describe(self)
    return {**described, "logGroupClass": _STANDARD}


def apply() -> None:
    LogsResponse.create_log_group = _create_log_group
    LogGroup.to_describe_dict = _to_describe_dict
