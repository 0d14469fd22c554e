"""Logs Insights: what a query selects, sorts and shows, groups by name and identifier, and what is refused by name."""

from __future__ import annotations

import time
from typing import Any

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.logs.insights import event_fields, parse_query
from support.common import refusal, unique
from support.in_process_aws import ACCOUNT, REGION, AwsHarness

MESSAGES = (
    '{"level": "ERROR", "latency": 12, "user": {"id": "a|b"}}',
    '{"level": "INFO", "latency": 7, "ok": true}',
    "plain ERROR text",
    '{"level": "ERROR", "latency": "30"}',
)
EVENTS = [
    event_fields(message) | {"@timestamp": 1_000 * number, "@message": message, "@logStream": f"s{number}", "@ptr": str(number)}
    for number, message in enumerate(MESSAGES)
]


def rows(query: str) -> list[str]:
    """The numbers of the events, in the order of the result."""
    return [row["@ptr"] for row in parse_query(query).run(EVENTS)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("fields @timestamp, @message", "3210"),
        ("fields @message | sort @timestamp asc | limit 2", "01"),
        ("filter level = 'ERROR'", "30"),
        ('filter @message like "ERROR" | sort @timestamp', "023"),
        ("filter @message like /plain|INFO/", "21"),
        ("filter @message not like /ERROR/", "1"),
        ("filter @message =~ /^plain/", "2"),
        ("filter latency > 10", "30"),
        ("filter latency >= 7 and latency < 13 | sort latency desc", "01"),
        ("filter level = 'INFO' or (latency > 20 and not level = 'INFO')", "31"),
        ('filter user.id = "a|b"', "0"),
        ("filter level in ('INFO', 'WARN')", "1"),
        ("filter ispresent(latency) | sort latency", "103"),
        ("filter not ispresent(level)", "2"),
        ("# a comment\nfilter ok = 'true'", ""),
        ("filter @logStream = 's2' | filter @message like 'text'", "2"),
    ],
)
def test_queries(query: str, expected: str) -> None:
    assert "".join(rows(query)) == expected


def test_the_fields_of_a_row() -> None:
    (row,) = parse_query("fields @timestamp, latency, `user.id`, none | filter level = 'ERROR' | limit 1 | sort latency").run(
        EVENTS
    )
    assert row == {"@timestamp": "1970-01-01 00:00:00.000", "latency": "12", "user.id": "a|b", "@ptr": "0"}
    assert set(parse_query("limit 1").run(EVENTS)[0]) == {"@timestamp", "@message", "@ptr"}
    assert list(parse_query("fields @message | display level").run(EVENTS)[0]) == ["level", "@ptr"]
    assert len(parse_query("fields @message").run(EVENTS, 3)) == 3


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("stats count(*) by bin(5m)", "unsupported command 'stats'"),
        ("parse @message '*' as a", "unsupported command 'parse'"),
        ("fields @message | count()", "unexpected symbol found count()"),
        ("fields strlen(@message)", "unsupported expression 'strlen(@message)'"),
        ("filter strlen(@message) > 2", "unsupported function 'strlen'"),
        ("filter level =", "unexpected symbol found end"),
        ("filter level = 'a' b", "unexpected symbol found b"),
        ("filter @message like /(/", "invalid regular expression"),
        ("limit 10001", "invalid limit"),
        ("sort @timestamp upwards", "unexpected symbol found upwards"),
    ],
)
def test_what_is_not_run_is_refused(query: str, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_query(query)
    assert text in str(caught.value)


def test_queries_over_the_api(local_aws: AwsHarness) -> None:
    group, now = unique("/queried/group"), int(time.time())
    local_aws.logs.create_log_group(logGroupName=group)
    local_aws.logs.create_log_stream(logGroupName=group, logStreamName="s")
    events = [{"timestamp": now * 1_000 + number, "message": message} for number, message in enumerate(MESSAGES)]
    local_aws.logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    span = {"startTime": now - 60, "endTime": now + 60}

    def results(**request: Any) -> list[dict[str, str]]:
        query = local_aws.logs.start_query(**span | {"queryString": "fields @message | filter latency > 10"} | request)[
            "queryId"
        ]
        answer = local_aws.logs.get_query_results(queryId=query)
        assert answer["status"] == "Complete"
        return [{item["field"]: item["value"] for item in row} for row in answer["results"]]

    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    for groups in ({"logGroupName": group}, {"logGroupNames": [group]}, {"logGroupIdentifiers": [arn]}):
        assert [row["@message"] for row in results(**groups)] == [MESSAGES[3], MESSAGES[0]]
    assert len(results(logGroupName=group, limit=1)) == 1
    assert len(results(logGroupName=group, startTime=now, endTime=now)) == 2  # both are inclusive
    for request, code in (
        ({"logGroupName": group, "startTime": now + 61}, "InvalidParameterException"),
        ({"logGroupName": group, "queryString": "stats count(*)"}, "MalformedQueryException"),
        ({"logGroupNames": [group], "logGroupIdentifiers": [arn]}, "InvalidParameterException"),
        ({"logGroupIdentifiers": [f"{arn}-none"]}, "ResourceNotFoundException"),
        ({"logGroupName": group, "queryLanguage": "SQL"}, "InvalidParameterException"),
    ):
        assert refusal(local_aws.logs.start_query, **span | {"queryString": "fields @message"} | request)[0] == code
    assert refusal(local_aws.logs.get_query_results, queryId="none")[0] == "ResourceNotFoundException"
