"""StartQuery: log groups by name or identifier, and queries that are run as they say, or refused.

moto ignores logGroupIdentifiers, limit, and every command but fields, limit and sort, whose field it ignores too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from moto.logs.exceptions import InvalidParameterException, LogsClientError, ResourceNotFoundException
from moto.logs.models import LogGroup, LogQuery
from moto.logs.responses import LogsResponse
from moto.moto_api._internal import mock_random

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.logs.insights import event_fields, parse_query

MAX_GROUPS: Final = 50


class MalformedQuery(LogsClientError):  # type: ignore[misc]
    def __init__(self, message: str) -> None:
        super().__init__("MalformedQueryException", message)


def _start_query(self: LogsResponse) -> str:
    backend, query_string = self.logs_backend, str(self._get_param("queryString") or "")
    if self._get_param("queryLanguage") not in (None, "CWLI"):
        raise InvalidParameterException(f"queryLanguage {self._get_param('queryLanguage')} is not supported by the local AWS.")
    groups = _groups(self)
    begin, end, limit = (self._get_int_param(name) for name in ("startTime", "endTime", "limit"))
    if begin > end:  # both are inclusive (API reference), so that they may be equal
        raise InvalidParameterException("startTime must not be after endTime")
    try:
        rows = parse_query(query_string).run(_events(groups, begin, end), limit)
    except InvalidInput as error:
        raise MalformedQuery(str(error)) from error
    query_id = str(mock_random.uuid4())
    stored = LogQuery(query_id, begin, end, query_string, [])
    stored.log_group_names, stored.results = [group.name for group in groups], rows
    backend.queries[query_id] = stored
    return json.dumps({"queryId": query_id})


def _groups(self: LogsResponse) -> list[LogGroup]:
    """The log groups of exactly one of the three parameters (API reference, StartQuery)."""
    given = {name: self._get_param(name) for name in ("logGroupName", "logGroupNames", "logGroupIdentifiers")}
    named = {name: value for name, value in given.items() if value}
    if len(named) != 1:
        raise InvalidParameterException(f"Exactly one of {', '.join(given)} must be given.")
    (kind,), (value,) = named, named.values()
    identifiers = [value] if isinstance(value, str) else list(value)
    if len(identifiers) > MAX_GROUPS:
        raise InvalidParameterException(f"At most {MAX_GROUPS} log groups can be queried.")
    find: Any = self.logs_backend._find_log_group
    by = "log_group_id" if kind == "logGroupIdentifiers" else "log_group_name"
    return [find(**{by: identifier}) for identifier in identifiers]


def _events(groups: list[LogGroup], begin: int, end: int) -> Iterator[dict[str, Any]]:
    """The fields of the events from `begin` to `end`, both in seconds and inclusive."""
    for group in groups:
        for stream in group.streams.values():
            for event in stream.events:
                if begin * 1_000 <= event.timestamp <= end * 1_000 + 999:
                    yield event_fields(event.message) | {
                        "@timestamp": event.timestamp,
                        "@ingestionTime": event.ingestion_time,
                        "@message": event.message,
                        "@logStream": stream.log_stream_name,
                        "@log": f"{group.account_id}:{group.name}",
                        "@ptr": str(event.event_id),
                    }


def _get_query_results(self: LogsResponse) -> str:
    query = self.logs_backend.queries.get(self._get_param("queryId"))
    if query is None:
        raise ResourceNotFoundException("The specified query does not exist.")
    return json.dumps(query.to_result_json())


def apply() -> None:
    LogsResponse.start_query = _start_query
    LogsResponse.get_query_results = _get_query_results
