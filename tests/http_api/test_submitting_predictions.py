"""POST and PUT of predictions: what is sent to SageMaker, what is recorded, and what a repetition does."""

from __future__ import annotations

from typing import Any

import pytest

from support.api_client import PREDICTIONS, Api


def test_a_raw_body_goes_to_the_model_verbatim(api: Api) -> None:
    response = api.submit(b'{"a": 1}', content_type="application/json; charset=utf-8", accept="text/csv", x_request_id="r-1")
    assert response.status_code == 202
    document = response.json()
    assert response.headers["location"] == document["urls"]["self"] == f"{PREDICTIONS}/{document['id']}"
    assert int(response.headers["retry-after"]) > 0 and response.headers["x-request-id"] == "r-1"
    (sent,) = api.requests
    assert (sent["Body"], sent["ContentType"], sent["Accept"]) == (b'{"a": 1}', "application/json; charset=utf-8", "text/csv")
    assert sent["InferenceId"].startswith("api-") and sent["InferenceId"].endswith(".r-1") and len(sent["InferenceId"]) <= 64
    assert sent["S3OutputPathExtension"] == "api" and sent["Filename"] == f"{sent['InferenceId'][4:30]}.out"
    assert document["status"] == "accepted" and document["input"] == {
        "content_type": "application/json; charset=utf-8",
        "bytes": 8,
        "url": None,
    }


def test_a_submission_costs_two_calls_more_than_the_client(api: Api) -> None:
    api.submit()
    assert [call for call, _ in api.aws.s3.calls] == ["put", "put"] and len(api.requests) == 1


def test_the_same_id_is_one_prediction(api: Api) -> None:
    first, second = api.submit(b"[1]", "order-7"), api.submit(b"[1]", "order-7")
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json() and len(api.requests) == 1
    put = api.http.put(f"{PREDICTIONS}/order-7", content=b"[1]", headers={"Content-Type": "application/json"})
    assert put.status_code == 202 and put.json() == first.json() and len(api.requests) == 1


def test_a_repetition_of_one_that_has_ended_is_200(api: Api) -> None:
    api.submit(b"[1]", "order-7")
    api.output(api.requests[0])
    again = api.submit(b"[1]", "order-7")
    assert again.status_code == 200 and again.json()["status"] == "succeeded" and "location" not in again.headers


@pytest.mark.parametrize(
    "changed",
    [{"body": b"[2]"}, {"content_type": "text/plain"}, {"accept": "text/csv"}, {"webhook_url": "https://example.com/x"}],
)
def test_another_request_under_the_same_id_is_a_conflict(api: Api, changed: dict[str, Any]) -> None:
    api.submit(b"[1]", "order-7")
    refused = api.submit(**{"body": b"[1]", "prediction_id": "order-7"} | changed)
    assert refused.status_code == 409 and refused.json()["type"].endswith(":conflict")
    assert len(api.requests) == 1


@pytest.mark.parametrize("text", ["", ".", "..", "a b", "a/b", "x" * 129, "é", "a%00", "%0a"])
def test_an_unusable_id_is_refused(api: Api, text: str) -> None:
    refused = api.http.put(f"{PREDICTIONS}/{text}" if text not in (".", "..") else f"{PREDICTIONS}/%2E{text[1:]}", content=b"1")
    assert refused.status_code in (400, 404, 405), refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert not api.requests and not api.state("records/")


@pytest.mark.parametrize("text", ["a", "x" * 128, "a.w", "A-1_2~3:4@5+6=7", "7.w", "%61"])
def test_any_other_id_leads_back_to_its_prediction(api: Api, text: str) -> None:
    path = f"{PREDICTIONS}/{text}"
    made = api.http.put(path, content=b"1", headers={"Content-Type": "text/plain"})
    assert made.status_code == 202, made.text
    assert api.http.get(made.headers["location"]).json() == made.json() == api.http.get(path).json()
    assert [row["id"] for row in api.http.get(PREDICTIONS).json()["predictions"]] == [made.json()["id"]]
