"""Filter patterns and metric filters of CloudWatch Logs.

moto returns every event where it does not know a pattern, ignores FilterLogEvents.logGroupIdentifier and logStreamNamePrefix,
finds some log group for any ARN, and stores metric filters that never publish a metric.
"""

from __future__ import annotations

import re
import time
from typing import Any, Final

from moto.logs import models
from moto.logs.exceptions import InvalidParameterException, LimitExceededException, ResourceNotFoundException
from moto.logs.models import LogGroup, LogsBackend, LogStream
from moto.logs.responses import LogsResponse

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.logs.filter_patterns import parse_pattern
from async_endpoint.emulator.logs.metric_filters import MAX_FILTERS, check_filter, datapoints

# Member and pattern (service model) of the two parameters that name a log group.
_NAME: Final = ("logGroupName", r"[\.\-_/#A-Za-z0-9]+")
_IDENTIFIER: Final = ("logGroupIdentifier", r"[\w#+=/:,.@-]*")
_put_events = LogStream.put_log_events
_put_filter = LogsResponse.put_metric_filter
_filter_events = LogsResponse.filter_log_events


class _MessageFilter:
    """In place of moto's EventMessageFilter."""

    def __init__(self, pattern: str | None) -> None:
        self.matches = parse_pattern(pattern or "").matches


def find_group(self: LogsBackend, log_group_id: str | None = None, log_group_name: str | None = None) -> LogGroup:
    """The log group of a name or an ARN; not of one that ends with `:*`, which AWS refuses (moto's tests verified on AWS)."""
    if bool(log_group_id) is bool(log_group_name):
        raise InvalidParameterException("Should provider either name or id, but not both")
    wanted, (member, pattern) = log_group_name or str(log_group_id), _NAME if log_group_name else _IDENTIFIER
    if not re.fullmatch(pattern, wanted):
        raise InvalidParameterException(
            f"1 validation error detected: Value at '{member}' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {pattern}"
        )
    for group in [*self.groups.values()]:
        if wanted == group.name or (log_group_id and wanted == group.arn):
            return group
    raise ResourceNotFoundException()


def _filter_log_events(self: LogsResponse) -> str:
    group = self.logs_backend._find_log_group(self._get_param("logGroupIdentifier"), self._get_param("logGroupName"))
    prefix, names = self._get_param("logStreamNamePrefix"), self._get_param("logStreamNames")
    if prefix and names:
        raise InvalidParameterException("logStreamNamePrefix and logStreamNames are mutually exclusive.")
    try:
        parse_pattern(self._get_param("filterPattern") or "")
    except InvalidInput as error:
        raise InvalidParameterException(str(error)) from error
    if prefix:
        names = [name for name in group.streams if name.startswith(prefix)]
        if not names:
            return '{"events": [], "searchedLogStreams": []}'
    given = self._get_param

    def param(name: str, default: Any = None) -> Any:
        return {"logGroupName": group.name, "logStreamNames": names or []}.get(name, given(name, default))

    self._get_param = param
    found: str = _filter_events(self)
    return found


def _put_metric_filter(self: LogsResponse) -> str:
    backend, group, name = self.logs_backend, self._get_param("logGroupName"), self._get_param("filterName")
    request = {
        member: self._get_param(member)
        for member in ("filterPattern", "metricTransformations", "applyOnTransformedLogs", "fieldSelectionCriteria")
    } | {"emitSystemFieldDimensions": self._get_param("emitSystemFieldDimensions")}
    try:
        check_filter(request)
    except InvalidInput as error:
        raise InvalidParameterException(str(error)) from error
    if group not in backend.groups:
        raise ResourceNotFoundException()
    before = [one for one in backend.filters.metric_filters if one["logGroupName"] == group]
    if len(before) >= MAX_FILTERS and name not in [one["filterName"] for one in before]:
        raise LimitExceededException()
    answer: str = _put_filter(self)  # appended, also where one of that name exists
    old = [one for one in before if one["filterName"] == name]
    backend.filters.metric_filters = [one for one in backend.filters.metric_filters if one not in old]
    backend.filters.metric_filters[-1]["creationTime"] = int(time.time() * 1_000)
    return answer


def _put_log_events(self: LogStream, log_events: list[dict[str, Any]]) -> str:
    token: str = _put_events(self, log_events)
    group = self.log_group
    filters = models.logs_backends[group.account_id][group.region].filters.metric_filters
    for one in [one for one in filters if one["logGroupName"] == group.name]:
        for namespace, datum in datapoints(one, log_events):
            moto_backends.put_metric_data(group.region, namespace, [datum])
    return token


def apply() -> None:
    models.EventMessageFilter = _MessageFilter
    LogsBackend._find_log_group = find_group
    LogsResponse.filter_log_events = _filter_log_events
    LogsResponse.put_metric_filter = _put_metric_filter
    LogStream.put_log_events = _put_log_events
