"""What GET says of a prediction, as S3 changes; and listings of many."""

from __future__ import annotations

import json
from typing import Any

import pytest

from async_endpoint.http_api.bounded_cache import BoundedCache
from async_endpoint.http_api.predictions.identity import prediction_key
from async_endpoint.http_api.predictions.status import EXPIRED_REASON
from support.api_client import HTTP_API, NAME, PREDICTIONS, Api, create_api
from support.in_memory_aws import BUCKET, FakeAws, client_error
from support.webhook_deliveries import HOOK, Deliveries

MODEL_ERROR = 'Received client error (400) from primary with message "not an image"'


def submitted(api: Api, prediction_id: str = "a", **headers: str) -> Any:
    response = api.submit(b"1", prediction_id, **headers)
    assert response.status_code == 202, response.text
    return api.requests[-1]


def test_an_output_is_success_with_its_path(api: Api) -> None:
    request = submitted(api)
    accepted = api.get("a")
    assert accepted.status_code == 200 and accepted.json()["status"] == "accepted" and "retry-after" in accepted.headers
    api.aws.time.seconds += 7
    api.output(request)
    document = api.get("a").json()
    assert document["status"] == "succeeded" and document["error"] is None
    assert document["created_at"] == "2023-11-14T22:13:20.000Z" and document["completed_at"] == "2023-11-14T22:13:27.000Z"
    assert document["urls"] == {
        name: f"{PREDICTIONS}/a{rest}" for name, rest in (("self", ""), ("output", "/output"), ("events", "/events"))
    }


@pytest.mark.parametrize("failed", [False, True])
def test_nothing_ends_before_it_was_submitted(api: Api, failed: bool) -> None:
    """S3's times are whole seconds, this API's are not."""
    api.aws.time.seconds += 0.75
    request = submitted(api)
    api.aws.s3.now = lambda: float(int(api.aws.time.now()))
    if failed:
        api.failure(request, MODEL_ERROR)
    else:
        api.output(request)
    document = api.get("a").json()
    assert document["status"] != "accepted" and document["created_at"] <= document["completed_at"] < document["deadline"]


@pytest.mark.parametrize(("reason", "status"), [(MODEL_ERROR, 400), ("Request timed out.", None)])
def test_a_failure_has_its_reason_and_the_model_s_status(api: Api, reason: str, status: int | None) -> None:
    api.failure(submitted(api), reason)
    document = api.get("a").json()
    assert document["status"] == "failed" and document["error"] == {"reason": reason, "status": status}
    assert document["urls"]["output"] is None and document["completed_at"]


def test_the_reason_of_a_failure_is_bounded_and_valid_text(api: Api) -> None:
    request = submitted(api)
    api.aws.s3.objects["failure/1-error.out"] = (b"\xff\x00<script>" + b"x" * 1_000_000, "text/html")
    api.aws.s3.written["failure/1-error.out"] = api.aws.s3.written[next(iter(api.aws.s3.written))]
    response = api.get("a")
    assert request and response.json()["status"] == "failed" and len(response.content) < 10_000
    assert response.headers["content-type"] == "application/json" and response.headers["x-content-type-options"] == "nosniff"


def test_an_output_comes_before_a_failure(api: Api) -> None:
    """A request that was sent twice may have both."""
    request = submitted(api)
    api.failure(request, MODEL_ERROR)
    api.output(request)
    assert api.get("a").json()["status"] == "succeeded"


def test_the_output_of_an_earlier_prediction_of_the_id_is_not_this_one_s(api: Api) -> None:
    """Its record has expired, its output has not: the name of an output follows from the id."""
    key = prediction_key("local", "shop", "a")
    output = f"output/api/{key}.out"
    api.aws.s3.put(f"s3://{BUCKET}/{output}", b"stale")
    api.aws.time.seconds += 31 * 86_400
    api.aws.runtime.then = lambda request, reply: reply.update(OutputLocation=f"s3://{BUCKET}/{output}")
    submitted(api)
    assert api.get("a").json()["status"] == "accepted"
    assert api.http.get(f"{PREDICTIONS}/a/output").json()["type"].endswith("output-not-ready")
    api.aws.s3.put(f"s3://{BUCKET}/{output}", b"fresh")
    assert api.get("a").json()["status"] == "succeeded"
    assert api.http.get(f"{PREDICTIONS}/a/output").content == b"fresh"


def test_neither_by_the_deadline_is_expired(api: Api) -> None:
    submitted(api)
    api.aws.time.seconds += 3_960 + 60 - 1
    assert api.get("a").json()["status"] == "accepted"
    api.aws.time.seconds += 1
    document = api.get("a").json()
    assert document["status"] == "expired" and document["completed_at"] == document["deadline"]
    assert document["error"] == {"reason": EXPIRED_REASON, "status": None}
    api.aws.time.seconds += 86_400
    assert "or a lifecycle rule has deleted it since" in api.get("a").json()["error"]["reason"], "there is no telling by then"


def test_what_a_webhook_has_announced_is_what_get_says(aws: FakeAws) -> None:
    """An output that comes after the expiry was announced changes nothing for either: the prediction has ended once."""
    deliveries = Deliveries(aws)
    request = deliveries.submit("hooked")
    api = deliveries.api
    accepted = api.get("hooked").json()
    aws.time.seconds += 3_960 + 120
    claim = api.endpoint.records.read(request["Filename"].removesuffix(".out"))
    assert claim is not None
    deliveries.queues.send_message(HTTP_API.delivery_queue_url, json.dumps({"deliver": claim.key, "not_before": 0}))
    deliveries.run()
    announced = deliveries.posts[0].event["data"]
    assert announced["status"] == "expired"
    api.output(request)
    for document in (api.get("hooked").json(), create_api(aws).get("hooked").json()):
        assert document == announced and document["urls"] == accepted["urls"]
    assert json.dumps(announced, separators=(",", ":")) in api.http.get(announced["urls"]["events"]).text
    repeated = api.submit(b"{}", "hooked", webhook_url=HOOK)
    assert repeated.status_code == 200 and repeated.json() == announced


def test_predictions_outlive_the_process(aws: FakeAws) -> None:
    first = create_api(aws)
    submitted(first, "a")
    second = create_api(aws)
    assert second.get("a").json() == first.get("a").json()
    assert second.http.get(PREDICTIONS).json() == first.http.get(PREDICTIONS).json()


def test_another_caller_does_not_find_it(api: Api, aws: FakeAws) -> None:
    submitted(api)
    records = api.endpoint.records
    assert records.markers("other", 10, None) == ([], False)
    assert api.get("b").status_code == 404


@pytest.mark.parametrize("folder", ["records/", "submitted/"])
def test_a_damaged_object_of_the_state_is_the_operator_s_business(api: Api, folder: str) -> None:
    submitted(api)
    for key in list(api.aws.s3.objects):
        if f"/{folder}" in key:
            api.aws.s3.objects[key] = (b"{}", "application/json")
    refused = create_api(api.aws).get("a")
    assert refused.status_code == 502 and "s3://" not in refused.text


def test_a_second_look_reads_neither_record_nor_marker(api: Api) -> None:
    submitted(api)
    api.get("a")
    api.aws.s3.calls.clear()
    api.get("a")
    assert [call for call, _ in api.aws.s3.calls] == ["head", "get"]


def test_caches_are_bounded() -> None:
    cache: BoundedCache[int, int] = BoundedCache(100)
    for number in range(1_000):
        cache.put(number, -number)
        assert cache.get(0) == 0  # used again and again, it stays
    assert len(cache._values) == 100 and cache.get(999) == -999 and cache.get(900) is None


# --- listings ----------------------------------------------------------------------------------------------------------


def pages(api: Api, limit: int) -> list[list[str]]:
    found, cursor = [], ""
    while True:
        page = api.http.get(PREDICTIONS, params={"limit": limit} | ({"cursor": cursor} if cursor else {})).json()
        found.append([row["id"] for row in page["predictions"]])
        cursor = page["next_cursor"]
        if not cursor:
            return found


def test_a_listing_is_newest_first_and_costs_one_call_a_page(api: Api) -> None:
    for number in range(7):
        submitted(api, f"p{number}")
        api.aws.time.seconds += 0.001
    api.aws.s3.calls.clear()
    assert pages(api, 3) == [["p6", "p5", "p4"], ["p3", "p2", "p1"], ["p0"]]
    assert [call for call, _ in api.aws.s3.calls] == ["list"] * 3


def test_predictions_that_come_meanwhile_move_no_page(api: Api) -> None:
    for number in range(4):
        submitted(api, f"p{number}")
        api.aws.time.seconds += 1
    first = api.http.get(PREDICTIONS, params={"limit": 2}).json()
    submitted(api, "new")
    second = api.http.get(PREDICTIONS, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [row["id"] for row in (*first["predictions"], *second["predictions"])] == ["p3", "p2", "p1", "p0"]


def test_a_row_says_what_needs_no_further_call(api: Api) -> None:
    submitted(api, "a.w")
    submitted(api, "b", webhook_url="https://shop.example/h")
    rows = {row["id"]: row for row in api.http.get(PREDICTIONS).json()["predictions"]}
    assert rows["a.w"] == {
        "id": "a.w",
        "endpoint": NAME,
        "created_at": "2023-11-14T22:13:20.000Z",
        "webhook": False,
        "urls": {"self": f"{PREDICTIONS}/a.w", "events": f"{PREDICTIONS}/a.w/events"},
    }
    assert rows["b"]["webhook"] is True


def test_foreign_objects_among_the_markers_are_skipped(api: Api) -> None:
    submitted(api)
    for name in ("x", "9", "8299999999999", "8299999999999.", "8299999999999.a/b", "82999999999990.a"):
        api.aws.s3.put(f"s3://shop-123456789012/predictions/shop/submitted/local/{name}", b"{}")
    assert [row["id"] for row in api.http.get(PREDICTIONS).json()["predictions"]] == ["a"]


@pytest.mark.parametrize(
    "query",
    [{"limit": "0"}, {"limit": "501"}, {"limit": "x"}, {"limit": "9" * 30}]
    + [{"cursor": cursor} for cursor in ("x", "!", "Li4vLi4v", "ODIx", "é", "A" * 301, "", "ODI5OTk5OTk5OTk5OS4vLi4", "\x00")],
)
def test_a_wrong_limit_or_cursor_is_refused(api: Api, query: dict[str, str]) -> None:
    refused = api.http.get(PREDICTIONS, params=query)
    assert refused.status_code == 400 and refused.json()["type"].endswith(":invalid-request"), refused.text


# --- endpoints ---------------------------------------------------------------------------------------------------------


class FakeCloudWatch:
    def __init__(self, aws: FakeAws) -> None:
        self.aws, self.calls = aws, 0

    def get_metric_data(self, **asked: Any) -> dict[str, Any]:
        self.calls += 1
        results = [
            {"Id": query["Id"], "Timestamps": [asked["StartTime"]], "Values": [3.0], "StatusCode": "Complete"}
            for query in asked["MetricDataQueries"]
        ]
        return {"MetricDataResults": results}


@pytest.fixture
def cloudwatch(api: Api, monkeypatch: pytest.MonkeyPatch) -> FakeCloudWatch:
    fake = FakeCloudWatch(api.aws)
    monkeypatch.setitem(api.endpoint.session._clients, "cloudwatch", fake)
    return fake


def test_an_endpoint_says_whether_it_is_awake_and_asks_once_a_minute(api: Api, cloudwatch: FakeCloudWatch) -> None:
    document = api.http.get(f"/v1/endpoints/{NAME}").json()
    assert document["status"] == "InService" and document["instances"] == {"current": 0, "desired": 0, "min": 0, "max": 2}
    assert document["backlog"] == {"size": 3, "oldest_request_seconds": 3.0, "measured_at": "2023-11-14T22:03:20.000Z"}
    for seconds, calls in ((1, 1), (58, 1), (2, 2)):
        api.aws.time.seconds += seconds
        api.http.get(f"/v1/endpoints/{NAME}")
        assert cloudwatch.calls == calls


def test_the_time_of_a_local_aws_is_not_shown_beside_wall_time(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    api = create_api(aws, endpoint_url="http://127.0.0.1:4599")
    monkeypatch.setitem(api.endpoint.session._clients, "cloudwatch", FakeCloudWatch(aws))
    backlog = api.http.get(f"/v1/endpoints/{NAME}").json()["backlog"]
    assert backlog["size"] == 3 and backlog["measured_at"] is None


def test_a_missing_endpoint_is_a_status(api: Api, cloudwatch: FakeCloudWatch) -> None:
    api.aws.sagemaker.status = None
    assert api.http.get(f"/v1/endpoints/{NAME}").json()["status"] == "Missing"


def test_an_error_is_cached_for_seconds_only(api: Api, cloudwatch: FakeCloudWatch) -> None:
    api.aws.sagemaker.error = client_error("ThrottlingException")
    assert api.http.get(f"/v1/endpoints/{NAME}").status_code == 503
    api.aws.sagemaker.error = None
    assert api.http.get(f"/v1/endpoints/{NAME}").status_code == 503
    api.aws.time.sleep(5)
    assert api.http.get(f"/v1/endpoints/{NAME}").status_code == 200


def test_the_list_of_endpoints_calls_nothing(api: Api) -> None:
    (endpoint,) = api.http.get("/v1/endpoints").json()["endpoints"]
    assert endpoint["name"] == NAME and endpoint["urls"]["predictions"] == PREDICTIONS and not api.aws.s3.calls


def test_a_read_only_process_takes_nothing(aws: FakeAws) -> None:
    api = create_api(aws, read_only=True)
    refused = api.submit()
    assert refused.status_code == 403 and refused.json()["type"].endswith(":read-only") and not aws.s3.calls
    assert api.http.get(PREDICTIONS).status_code == 200
