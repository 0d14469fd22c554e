"""Uploads, and inputs by reference: a caller's own, or below configured prefixes, whatever a reference is made to look like."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.http_api.access.inputs import checked_prefix
from support.api_client import NAME, PREDICTIONS, Api, create_api
from support.in_memory_aws import BUCKET, FakeAws
from support.presigning import presigning_session

UPLOADS = f"/v1/endpoints/{NAME}/uploads"
ENVELOPE = "application/vnd.async-endpoint.prediction+json"
FILE = {"content_type": "image/jpeg", "bytes": 50_000_000}


@pytest.fixture
def uploading(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Api:
    return create_api(
        aws, presigning_session(aws, monkeypatch), input_prefixes=(f"s3://{BUCKET}/input/shared/", "s3://datasets/")
    )


def refer(api: Api, reference: str, **members: Any) -> Any:
    return api.http.post(PREDICTIONS, json={"input_url": reference} | members, headers={"Content-Type": ENVELOPE})


def put(api: Api, upload: dict[str, Any], body: bytes = b"jpeg") -> str:
    """Put the file where the upload's URL says; returns its S3 URI."""
    uri = f"s3://{BUCKET}{urlsplit(upload['url']).path}"
    api.aws.s3.put(uri, body, upload["headers"]["Content-Type"])
    return uri


def test_an_upload_is_a_presigned_url_whose_size_and_type_are_signed(uploading: Api) -> None:
    uploading.aws.s3.calls.clear()
    response = uploading.http.post(UPLOADS, json=FILE)
    assert response.status_code == 201, response.text
    upload = response.json()
    assert upload["method"] == "PUT" and upload["headers"] == {
        "Content-Type": "image/jpeg",
        "Content-Length": "50000000",
        "If-None-Match": "*",
    }
    where = urlsplit(upload["url"])
    assert where.netloc == f"{BUCKET}.s3.eu-west-1.amazonaws.com" and where.path == f"/input/api/local/{upload['id']}"
    query = parse_qs(where.query)
    assert query["X-Amz-SignedHeaders"] == ["content-length;content-type;host;if-none-match"] and query["X-Amz-Expires"] == [
        "900"
    ]
    assert uploading.aws.s3.calls == []
    assert response.headers["cache-control"] == "no-store"


def test_a_prediction_of_an_upload_has_its_type_and_size(uploading: Api) -> None:
    upload = uploading.http.post(UPLOADS, json=FILE).json()
    missing = refer(uploading, upload["input_url"])
    assert missing.status_code == 400 and "not exist" in missing.json()["detail"]
    assert not uploading.requests and not uploading.state("records/")
    uri = put(uploading, upload)
    for reference in (upload["input_url"], uri):
        made = refer(uploading, reference)
        assert made.status_code == 202, made.text
        assert made.json()["input"] == {"content_type": "image/jpeg", "bytes": 4, "url": reference}
        assert uploading.requests[-1]["InputLocation"] == uri and uploading.requests[-1]["ContentType"] == "image/jpeg"
    assert refer(uploading, uri, content_type="image/png").status_code == 202
    assert uploading.requests[-1]["ContentType"] == "image/png"


DESCRIPTIONS: tuple[tuple[Any, int], ...] = (
    ({}, 400),
    ([], 400),
    ({**FILE, "bytes": 0}, 400),
    ({**FILE, "bytes": 1_000_000_001}, 400),
    ({**FILE, "bytes": True}, 400),
    ({**FILE, "bytes": "1"}, 400),
    ({**FILE, "bytes": 1.5}, 400),
    ({**FILE, "key": "../x"}, 400),
    ({"bytes": 1}, 400),
    ({**FILE, "content_type": "a\r\nb: c"}, 415),
    ({**FILE, "content_type": "é/x"}, 415),
    ({**FILE, "content_type": 'a/b; c="\r\nd: e"'}, 415),
    ({**FILE, "content_type": 'a/b; c="é"'}, 415),
    ({**FILE, "content_type": 1}, 400),
    ({**FILE, "bytes": 1_000_000_000}, 201),
)


def test_a_repetition_is_answered_whatever_has_become_of_the_upload(uploading: Api) -> None:
    """A lifecycle rule deletes inputs before predictions, and an upload can be written again with another type."""
    upload = uploading.http.post(UPLOADS, json=FILE).json()
    uri = put(uploading, upload)

    def submitted(reference: str, prediction_id: str = "order-7") -> Any:
        headers = {"Content-Type": ENVELOPE, "Idempotency-Key": prediction_id}
        return uploading.http.post(PREDICTIONS, json={"input_url": reference}, headers=headers)

    made = submitted(upload["input_url"])
    assert made.status_code == 202 and made.json()["input"]["content_type"] == "image/jpeg"
    uploading.aws.s3.put(uri, b"other", "image/png")
    assert submitted(upload["input_url"]).json() == made.json()
    uploading.aws.s3.objects.pop(uri.removeprefix(f"s3://{BUCKET}/"))
    assert submitted(upload["input_url"]).json() == made.json()
    assert submitted(upload["input_url"], "order-8").status_code == 400
    assert submitted("upload:" + "b" * 26).status_code == 400
    assert len(uploading.requests) == 1


def test_what_describes_no_file_is_refused(uploading: Api) -> None:
    answers = [uploading.http.post(UPLOADS, json=document).status_code for document, _ in DESCRIPTIONS]
    assert answers == [status for _, status in DESCRIPTIONS]


def test_a_body_that_is_no_json_is_refused(uploading: Api) -> None:
    assert uploading.http.post(UPLOADS, content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    assert uploading.http.post(UPLOADS, content=b"[" * 10_000, headers={"Content-Type": "application/json"}).status_code == 400
    assert uploading.http.post(UPLOADS, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415


def test_a_read_only_process_takes_no_uploads(aws: FakeAws) -> None:
    api = create_api(aws, read_only=True)
    assert api.http.post(UPLOADS, json=FILE).json()["type"].endswith(":read-only")


OWN = f"s3://{BUCKET}/input/api/local"


REFUSED = (
    # other callers, other parts of the bucket, other buckets
    f"s3://{BUCKET}/input/api/{'a' * 16}/{'b' * 26}",
    f"s3://{BUCKET}/input/api/{'b' * 26}.json",
    f"s3://{BUCKET}/input/x",
    f"s3://{BUCKET}/output/1.out",
    f"s3://{BUCKET}/predictions/shop/records/x.json",
    f"s3://{BUCKET}/credentials/shop/keys/{'a' * 16}.json",
    f"s3://{BUCKET}/model/model.tar.gz",
    "s3://other-bucket/input/api/local/x",
    f"s3://{BUCKET}-evil/input/api/local/x",
    f"s3://{BUCKET}",
    f"s3://{BUCKET}/",
    "s3://datasets",
    "s3://datasets-2/x",
    f"s3://{BUCKET}/input/shared",
    f"s3://{BUCKET}/input/shared-2/x",
    # paths that something between here and S3 may normalise
    f"{OWN}/../{'a' * 16}/x",
    f"{OWN}/./x",
    f"{OWN}//x",
    f"{OWN}/x/",
    f"{OWN}/x/..",
    f"{OWN}%2f..%2fx",
    f"{OWN}/%2e%2e/x",
    f"{OWN}/x?versionId=1",
    f"{OWN}/x#y",
    f"{OWN}/x\\..\\y",
    f"{OWN}/x\x00",
    f"{OWN}/x\n",
    f"{OWN}/x y",
    f"{OWN}/\u2025/x",
    f"s3://{BUCKET}/input/shared/../api/{'a' * 16}/x",
    f"s3://{BUCKET}/input/shared/%2e%2e/x",
    "s3://datasets/../x",
    "s3://datasets//x",
    # other spellings and schemes
    f"S3://{BUCKET}/input/api/local/x",
    f"https://{BUCKET}.s3.eu-west-1.amazonaws.com/input/api/local/x",
    f"https://s3.amazonaws.com/{BUCKET}/input/api/local/x",
    "https://example.com/x",
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "arn:aws:s3:::datasets/x",
    "",
    "x" * 2_000,
    f"s3://datasets/{'x' * 1_024}",
    # ids of uploads
    "upload:",
    f"upload:{'a' * 25}",
    f"upload:{'A' * 26}",
    f"upload:../{'a' * 26}",
    f"upload:{'a' * 26}/../x",
    f"upload:{'a' * 26}\n",
    f"UPLOAD:{'a' * 26}",
)


def test_any_other_reference_is_refused(uploading: Api) -> None:
    uploading.aws.s3.put(f"s3://{BUCKET}/input/api/{'a' * 16}/{'b' * 26}", b"secret")
    refused = {reference: refer(uploading, reference) for reference in REFUSED}
    assert {reference: answer.status_code for reference, answer in refused.items() if answer.status_code != 400} == {}
    assert {answer.headers["content-type"] for answer in refused.values()} == {"application/problem+json"}
    assert not uploading.requests and not uploading.state("records/")


@pytest.mark.parametrize("reference", [f"s3://{BUCKET}/input/shared/a/b.jpg", "s3://datasets/2026/x=1/part-0.parquet"])
def test_configured_prefixes_are_accepted_without_a_look(uploading: Api, reference: str) -> None:
    made = refer(uploading, reference)
    assert made.status_code == 202, made.text
    assert made.json()["input"]["bytes"] is None and uploading.requests[-1]["InputLocation"] == reference
    assert not any(call == "head" for call, _ in uploading.aws.s3.calls)


def test_a_prefix_around_the_uploads_does_not_open_those_of_others(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    api = create_api(aws, presigning_session(aws, monkeypatch), input_prefixes=(f"s3://{BUCKET}/",))
    aws.s3.put(f"s3://{BUCKET}/input/api/{'a' * 16}/{'b' * 26}", b"secret")
    assert refer(api, f"s3://{BUCKET}/input/api/{'a' * 16}/{'b' * 26}").status_code == 400
    assert refer(api, f"s3://{BUCKET}/input/x").status_code == 202


@pytest.mark.parametrize(
    "prefix", ["s3://datasets", "s3://datasets/x", "s3://datasets//", "https://s3.amazonaws.com/a/", "x/", ""]
)
def test_an_unusable_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(InvalidInput):
        checked_prefix(prefix)
    assert checked_prefix("s3://datasets/a-b/c/") == "s3://datasets/a-b/c/"
