from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from async_endpoint import Submitted
from async_endpoint.client.polling import PollInterval
from async_endpoint.core.errors import (
    BucketMissing,
    EndpointDeleted,
    InvocationFailed,
    NotReady,
    ResultDeleted,
    ResultNotJson,
    ResultNotReady,
    UsageError,
    WrongRegion,
)

DEADLINE = 3600 + 60 + 300


@pytest.fixture
def request_(aws: Any) -> Submitted:
    submitted = aws.submit(b"x")
    aws.s3.calls.clear()
    return submitted


def collect(aws: Any, request_: Submitted, *, deadline_seconds: float = DEADLINE, **config: Any) -> Any:
    return aws.collect(dataclasses.replace(request_, deadline_seconds=deadline_seconds), **config)


def later(aws: Any, seconds: float, uri: str | None, body: bytes, content_type: str = "application/json") -> None:
    assert uri is not None
    aws.time.at(seconds, lambda: aws.s3.put(uri, body, content_type))


def test_a_result_that_is_there_costs_one_call_and_no_wait(aws: Any, request_: Submitted) -> None:
    aws.s3.put(request_.output_location, b'{"a": 1}')
    completed = collect(aws, request_)
    assert (completed.body, completed.content_type, completed.seconds) == (b'{"a": 1}', "application/json", 0)
    assert completed.json() == {"a": 1}
    assert aws.s3.calls == [("get", "output/1.out")]
    assert aws.time.naps == []


def test_a_result_that_comes_later_is_seen_soon_after(aws: Any, request_: Submitted) -> None:
    later(aws, 100, request_.output_location, b"\xff\x00", "image/png")
    completed = collect(aws, request_)
    assert 100 <= completed.seconds <= 105
    with pytest.raises(ResultNotJson, match=r"/output/1\.out \(image/png, 2 bytes\) is not JSON"):
        completed.json()
    assert completed.as_dict() == {
        "status": "Completed",
        "bytes": 2,
        "content_type": "image/png",
        "output_location": request_.output_location,
        "seconds": completed.seconds,
        "result": None,
    }
    assert len(aws.s3.calls) < 90, "two calls a second for ten seconds, then two for each tenth of the time"


def test_pauses_grow_from_fast_to_the_cap_and_shrink_when_results_come() -> None:
    now = 0.0
    poll, pauses = PollInterval(0.25, 5.0, lambda: now), []
    for _ in range(20):
        pauses.append(poll.after(0, pending=100))
        now += pauses[-1]
    assert 0.25 <= pauses[0] < 0.5
    assert pauses == sorted(pauses)
    assert pauses[-1] == 5.0
    assert poll.after(100, pending=100) == pytest.approx(15 / (100 / 5 * 0.3)), "fifteen results' worth of time"


def test_a_failure_object_ends_the_wait_with_its_reason(aws: Any, request_: Submitted) -> None:
    reason = 'Received server error (500) from primary with message "cannot identify image".\nSee CloudWatch.'
    later(aws, 10, request_.failure_location, reason.encode())
    with pytest.raises(InvocationFailed) as caught:
        collect(aws, request_)
    assert str(caught.value) == (
        'Endpoint shop failed on run-one: Received server error (500) from primary with message "cannot identify image". '
        "Details: s3://shop-123456789012/failure/1-error.out and log group /aws/sagemaker/Endpoints/shop. "
        "Fix the cause and submit again."
    )
    assert caught.value.reason == reason
    assert caught.value.failure_location == request_.failure_location


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b"Received client error (400) from primary", "Correct the input and submit again"),
        (b'from primary with message "No image.\nIt has 0 bytes.". See the log.', 'with message "No image…". Details: s3://'),
        (b'from primary with message "' + b"r" * 1000 + b'".', 'r…". Details: s3://'),
        (b"Out of memory.\nKilled.", "run-one: Out of memory. Details: s3://"),
        (b"", "no reason given"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"r" * 1000, "r" * 299 + "…"),
    ],
)
def test_whatever_the_failure_object_holds_becomes_one_line(aws: Any, request_: Submitted, body: bytes, part: str) -> None:
    aws.s3.put(request_.failure_location, body)
    with pytest.raises(InvocationFailed) as caught:
        collect(aws, request_)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700


def test_the_deadline_is_the_longest_a_request_can_take(aws: Any, request_: Submitted) -> None:
    with pytest.raises(
        ResultNotReady, match=r"has not ended after 3960 s: there is neither s3://.*1.out nor s3://.*1-error.out;"
    ):
        collect(aws, request_)
    assert sum(aws.time.naps) == pytest.approx(DEADLINE)


def test_a_result_at_the_very_deadline_still_counts(aws: Any, request_: Submitted) -> None:
    later(aws, 20, request_.output_location, b"{}")
    assert collect(aws, request_, deadline_seconds=20).seconds == pytest.approx(20)


def test_a_deadline_counts_from_the_submission(aws: Any, request_: Submitted) -> None:
    aws.time.seconds += 15
    with pytest.raises(ResultNotReady):
        collect(aws, request_, deadline_seconds=20)
    assert sum(aws.time.naps) == pytest.approx(5)


def test_a_past_deadline_still_reads_once(aws: Any, request_: Submitted) -> None:
    aws.s3.put(request_.output_location, b"{}")
    assert collect(aws, request_, deadline_seconds=0).body == b"{}"


def test_without_a_failure_location_only_the_output_is_asked_for(aws: Any) -> None:
    aws.runtime.failure_path = False
    request_ = aws.submit("s3://elsewhere/x.json")
    with pytest.raises(ResultNotReady, match=r"there is no s3://shop-123456789012/output/1\.out; wait longer"):
        collect(aws, request_, deadline_seconds=30)
    assert set(aws.s3.calls) == {("get", "output/1.out")}


def test_a_caller_who_may_not_list_waits_for_a_key_that_is_403(aws: Any, request_: Submitted) -> None:
    aws.s3.denied.add("s3:ListBucket")
    later(aws, 30, request_.output_location, b"{}")
    assert collect(aws, request_).seconds == pytest.approx(30, abs=5)
    assert aws.s3.calls.count(("list", "output/1.out")) == 1, "that listing is denied is found out once"


@pytest.mark.parametrize("names_action", [True, False])
def test_the_timeout_error_mentions_a_missing_permission_to_list(aws: Any, request_: Submitted, names_action: bool) -> None:
    aws.s3.denied.add("s3:ListBucket")
    aws.s3.names_action = names_action
    with pytest.raises(ResultNotReady, match="as far as can be seen without s3:ListBucket on shop-123456789012 "):
        collect(aws, request_, deadline_seconds=30)
    if names_action:
        assert all(call == "get" for call, _ in aws.s3.calls), "the message has said it, no listing is needed"


def test_the_timeout_error_of_a_caller_who_may_list_does_not_mention_listing(aws: Any, request_: Submitted) -> None:
    with pytest.raises(ResultNotReady) as caught:
        collect(aws, request_, deadline_seconds=30)
    assert "ListBucket" not in str(caught.value)


def test_listing_by_prefix_alone_is_enough_to_wait(aws: Any, request_: Submitted, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ListBucket right with a prefix condition can leave the read of a missing key a 403 while the listing is allowed."""
    aws.s3.denied.add("s3:ListBucket")
    monkeypatch.setattr(
        aws.s3,
        "list_objects_v2",
        lambda **asked: {"Contents": [{"Key": key} for key in aws.s3.objects if key.startswith(asked["Prefix"])]},
    )
    with pytest.raises(ResultNotReady) as caught:
        collect(aws, request_, deadline_seconds=10)
    assert "ListBucket" not in str(caught.value)
    later(aws, 30, request_.output_location, b"{}")
    assert collect(aws, request_).body == b"{}"


def test_a_result_that_may_not_be_read_ends_the_wait_when_it_comes(aws: Any, request_: Submitted) -> None:
    aws.s3.denied.add("s3:GetObject")
    later(aws, 30, request_.output_location, b"{}")
    with pytest.raises(UsageError, match=r"exists and cannot be read: s3:GetObject on s3://.*/output/1\.out is denied"):
        collect(aws, request_)
    assert sum(aws.time.naps) <= 30 + 10 + 5, "a right may come back for ten seconds"


def test_a_permission_restored_within_the_grace_period_loses_nothing(aws: Any, request_: Submitted) -> None:
    aws.s3.put(request_.output_location, b"{}")
    aws.s3.denied.add("s3:GetObject")
    aws.time.at(8, aws.s3.denied.clear)
    assert collect(aws, request_).body == b"{}"


def test_a_result_that_can_never_be_read_is_not_waited_for(aws: Any, request_: Submitted) -> None:
    aws.s3.denied |= {"s3:GetObject", "s3:ListBucket"}
    aws.s3.names_action = True
    with pytest.raises(UsageError, match="The result of run-one cannot be read: s3:GetObject on"):
        collect(aws, request_)
    assert sum(aws.time.naps) <= 15


def test_a_key_that_comes_between_read_and_listing_is_read_again(
    aws: Any, request_: Submitted, refusal: Callable[..., Exception]
) -> None:
    aws.s3.put(request_.output_location, b"{}")
    aws.s3.failures.append(refusal("AccessDenied", "Access Denied", 403))
    assert collect(aws, request_).body == b"{}"
    assert [call for call, _ in aws.s3.calls] == ["get", "list", "get"]


def test_a_failure_whose_reason_may_not_be_read_is_a_failure(aws: Any, request_: Submitted) -> None:
    aws.s3.denied.add(("s3:GetObject", "failure/1-error.out"))
    later(aws, 10, request_.failure_location, b"secret")
    with pytest.raises(InvocationFailed, match="the reason cannot be read: s3:GetObject is denied"):
        collect(aws, request_)


def test_a_failure_prefix_out_of_reach_does_not_hide_the_result(aws: Any, request_: Submitted) -> None:
    aws.s3.denied |= {("s3:GetObject", "failure/1-error.out"), ("s3:ListBucket", "failure/1-error.out")}
    aws.s3.names_action = True
    later(aws, 10, request_.output_location, b"{}")
    assert collect(aws, request_).body == b"{}"


def test_a_deleted_bucket_ends_requests_at_once(aws: Any, request_: Submitted, refusal: Callable[..., Exception]) -> None:
    aws.s3.failures.append(refusal("NoSuchBucket", "The specified bucket does not exist", 404))
    with pytest.raises(BucketMissing, match=r"The bucket of s3://shop-123456789012/output/1.out does not exist"):
        collect(aws, request_)


def test_a_bucket_of_another_region_ends_requests_at_once(
    aws: Any, request_: Submitted, refusal: Callable[..., Exception]
) -> None:
    error: Any = refusal("PermanentRedirect", "The bucket must be addressed using the specified endpoint", 301)
    error.response["ResponseMetadata"]["HTTPHeaders"] = {"x-amz-bucket-region": "us-east-2"}
    aws.s3.failures.append(error)
    with pytest.raises(WrongRegion, match=r"is in us-east-2, and s3:GetObject was sent to eu-west-1"):
        collect(aws, request_)


def test_a_result_with_a_delete_marker_was_deleted(aws: Any, request_: Submitted, refusal: Callable[..., Exception]) -> None:
    def get(**_: str) -> None:
        error: Any = refusal("NoSuchKey", "The specified key does not exist.", 404)
        error.response["ResponseMetadata"]["HTTPHeaders"] = {"x-amz-delete-marker": "true"}
        raise error

    aws.s3.get_object = get
    with pytest.raises(ResultDeleted, match=r"is no longer in s3://shop-123456789012/output/1.out: it was deleted; submit"):
        collect(aws, request_, deadline_seconds=60)


def test_a_result_of_long_ago_has_expired(aws: Any, request_: Submitted) -> None:
    old = dataclasses.replace(request_, submitted_at=request_.submitted_at - timedelta(days=40))
    with pytest.raises(ResultDeleted, match="a lifecycle rule has deleted it"):
        collect(aws, old, deadline_seconds=60)


@pytest.mark.parametrize("method", ["listing", "head", "auto"])
def test_requests_end_soon_after_their_endpoint_is_deleted(aws: Any, request_: Submitted, method: str) -> None:
    begun = aws.time.now()
    aws.time.at(30, lambda: setattr(aws.sagemaker, "status", None))
    with pytest.raises(EndpointDeleted, match="Endpoint shop was deleted before run-one ended"):
        aws.collect(dataclasses.replace(request_, deadline_seconds=7_200), collect=method)
    assert aws.time.now() - begun <= 200


def test_a_result_that_comes_late_from_a_deleted_endpoint_counts(aws: Any, request_: Submitted) -> None:
    aws.sagemaker.status = None
    aws.time.at(100, lambda: aws.s3.put(request_.output_location, b"{}"))
    assert collect(aws, request_, deadline_seconds=7_200).body == b"{}"


def test_who_may_not_describe_the_endpoint_waits_for_the_deadline(
    aws: Any, request_: Submitted, refusal: Callable[..., Exception]
) -> None:
    aws.sagemaker.error = refusal("AccessDeniedException", "no", 403)
    with pytest.raises(ResultNotReady, match="has not ended after 600 s"):
        collect(aws, request_, deadline_seconds=600)


def test_the_models_own_words_do_not_make_a_failure_an_expiry(aws: Any, request_: Submitted) -> None:
    text = b'ClientError: Received server error (500) from primary with message "client error (400): the token has expired".'
    aws.s3.put(request_.failure_location, text)
    with pytest.raises(InvocationFailed, match="Fix the cause") as caught:
        collect(aws, request_)
    assert type(caught.value) is InvocationFailed
    assert caught.value.status == 500


def test_credentials_that_expire_while_waiting_end_requests_at_once(
    aws: Any, request_: Submitted, refusal: Callable[..., Exception]
) -> None:
    aws.time.at(10, lambda: aws.s3.failures.append(refusal("ExpiredToken", "The provided token has expired.")))
    with pytest.raises(UsageError, match="ExpiredToken: The provided token has expired"):
        collect(aws, request_)


def test_a_few_reads_without_response_are_tolerated(aws: Any, request_: Submitted, refusal: Callable[..., Exception]) -> None:
    later(aws, 10, request_.output_location, b"{}")
    aws.s3.failures += [refusal("SlowDown", "", 503)] * 4
    assert collect(aws, request_).body == b"{}"


def test_an_s3_without_responses_ends_the_wait(aws: Any, request_: Submitted) -> None:
    aws.s3.failures += [EndpointConnectionError(endpoint_url="https://s3.eu-west-1.amazonaws.com/")] * 1000
    before = aws.time.now()
    with pytest.raises(NotReady, match="run-one cannot be collected: AWS cannot be reached in eu-west-1"):
        collect(aws, request_, unreachable_timeout=60)
    assert 60 <= aws.time.now() - before <= 90


def test_a_short_time_without_responses_is_tolerated(aws: Any, request_: Submitted, refusal: Callable[..., Exception]) -> None:
    for seconds in (1, 70):
        aws.time.at(seconds, lambda: aws.s3.failures.extend([refusal("SlowDown", "", 503)] * 20))
    later(aws, 90, request_.output_location, b"{}")
    assert collect(aws, request_, unreachable_timeout=60).body == b"{}"
