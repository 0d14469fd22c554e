from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, ParamValidationError
from botocore.stub import Stubber

from async_endpoint import AsyncEndpoint, ClientConfig, Request
from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import (
    AsyncEndpointError,
    CredentialsExpired,
    EndpointNotReady,
    InvalidInput,
    LocalAwsNotRunning,
    NotReady,
    UsageError,
)
from async_endpoint.core.limits import INPUT_OBJECT_BYTES


@pytest.fixture
def shirt(tmp_path: Path) -> Path:
    path = tmp_path / "red shirt.PNG"
    path.write_bytes(b"pixels")
    return path


@pytest.fixture
def closed_url() -> str:
    """An address on loopback where nothing has_queue."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_a_file_is_uploaded_under_a_key_made_of_run_and_key(aws: Any, shirt: Path) -> None:
    submitted = aws.submit(shirt, key="1_a", inline=False)
    assert submitted.input_location == "s3://shop-123456789012/input/run/1_a.png"
    assert aws.s3.objects["input/run/1_a.png"] == (b"pixels", "image/png")
    assert aws.runtime.calls == [
        {
            "EndpointName": "shop",
            "InferenceId": "run-1_a",
            "Filename": "1_a.out",
            "S3OutputPathExtension": "run",
            "ContentType": "image/png",
            "InputLocation": submitted.input_location,
            "RequestTTLSeconds": 3600,
            "InvocationTimeoutSeconds": 60,
        }
    ]
    assert submitted.output_location == "s3://shop-123456789012/output/1.out"
    assert submitted.failure_location == "s3://shop-123456789012/failure/1-error.out"
    assert submitted.deadline_seconds == 3600 + 60 + 300
    assert submitted.submitted_at == datetime.fromtimestamp(aws.time.now(), UTC)
    assert submitted.as_dict()["submitted_at"] == "2023-11-14T22:13:20+00:00"


def test_the_call_is_what_the_service_model_allows(aws: Any, shirt: Path) -> None:
    """Botocore checks the parameters of a stubbed call, and reads the reply's headers."""
    session = AwsSession.create("eu-west-1", "http://127.0.0.1:9")
    with Stubber(session.runtime) as stub:
        expected = {"EndpointName": "shop", "Body": b"pixels", "ContentType": "image/png", "Accept": "application/json"}
        limits = {"InferenceId": "run-one", "RequestTTLSeconds": 3600, "InvocationTimeoutSeconds": 60}
        limits |= {"Filename": "one.out", "S3OutputPathExtension": "run"}
        stub.add_response(
            "invoke_endpoint_async", {"InferenceId": "its own", "OutputLocation": "s3://b-1/o.out"}, expected | limits
        )
        submitted = aws.submit(shirt, accept="application/json", session=session)
    assert submitted.inference_id == "its own"
    assert submitted.input_location is None
    assert submitted.failure_location is None


@pytest.mark.parametrize("key", ["", "x" * 29, "naïve", "a.b", "a/b", "-a", "line\nbreak"])
def test_a_key_that_could_not_name_an_output_is_refused(aws: Any, key: str) -> None:
    with (
        AsyncEndpoint.from_outputs(aws.outputs, session=aws.session) as endpoint,
        pytest.raises(InvalidInput, match=r"The key .* is invalid"),
    ):
        endpoint.submit(b"x", key=key)


def test_the_same_key_of_the_same_run_is_the_same_request(aws: Any, shirt: Path) -> None:
    aws.submit(shirt, inline=False)
    aws.submit(shirt, inline=False)
    assert aws.runtime.calls[0] == aws.runtime.calls[1]
    assert len(aws.s3.objects) == 1


@pytest.mark.parametrize(("size", "inline"), [(1, True), (128_000, True), (128_001, False)])
def test_a_body_goes_inline_by_its_size(aws: Any, size: int, inline: bool) -> None:
    submitted = aws.submit(b"x" * size)
    assert ("Body" in aws.runtime.calls[0], submitted.input_location is None) == (inline, inline)
    assert len(aws.s3.objects) == (not inline)


def test_bytes_are_sent_as_binary_unless_said_otherwise(aws: Any) -> None:
    aws.submit(b"x")
    assert aws.runtime.calls[0]["ContentType"] == "application/octet-stream"


def test_an_s3_uri_is_sent_as_it_is_and_nothing_is_uploaded(aws: Any) -> None:
    submitted = aws.submit("s3://elsewhere/a/shirt.jpg")
    assert submitted.input_location == "s3://elsewhere/a/shirt.jpg"
    assert aws.runtime.calls[0]["InputLocation"] == "s3://elsewhere/a/shirt.jpg"
    assert aws.runtime.calls[0]["ContentType"] == "image/jpeg"
    assert not aws.s3.calls


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        ("https://example.com/x", "is not an S3 URI"),
        ("s3://elsewhere", "names a bucket"),
        ("s3://elsewhere/" + "k" * 1024, "use at most 1024"),
        ("s3://elsewhere/naïve.png", "printable ASCII"),
    ],
)
def test_a_uri_that_cannot_be_an_input_is_refused(aws: Any, uri: str, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        aws.submit(uri)
    assert not aws.runtime.calls


def test_an_empty_file_is_submitted_for_the_service_to_judge(aws: Any, tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    submitted = aws.submit(tmp_path / "empty.jpg", key="empty")
    assert aws.s3.objects["input/run/empty.jpg"] == (b"", "image/jpeg")
    assert aws.runtime.calls[0]["InputLocation"] == submitted.input_location


def test_a_file_above_one_gigabyte_is_refused_before_any_call(aws: Any, tmp_path: Path) -> None:
    path = tmp_path / "huge.bin"
    with path.open("wb") as file:
        os.truncate(file.fileno(), INPUT_OBJECT_BYTES + 1)
    with pytest.raises(InvalidInput, match=r"huge\.bin has 1,073,741,825 bytes; an input has at most 1,073,741,824\."):
        aws.submit(path)
    assert not aws.s3.calls


@pytest.mark.parametrize("name", ["absent.png", "."])
def test_what_is_not_a_file_is_named(aws: Any, tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        aws.submit(tmp_path / name)


@pytest.mark.parametrize("size", [1, 128_000])
def test_an_inline_body_is_sent_in_the_call(aws: Any, size: int) -> None:
    submitted = aws.submit(b"x" * size, inline=True)
    assert len(aws.runtime.calls[0]["Body"]) == size
    assert "InputLocation" not in aws.runtime.calls[0]
    assert submitted.input_location is None
    assert not aws.s3.calls


@pytest.mark.parametrize("size", [0, 128_001])
def test_an_inline_body_outside_its_limit_is_refused(aws: Any, size: int) -> None:
    with pytest.raises(InvalidInput, match=rf"has {size:,} bytes; an inline body has 1 to 128,000: upload it"):
        aws.submit(b"x" * size, inline=True)
    assert not aws.runtime.calls


def test_an_s3_uri_cannot_be_sent_inline(aws: Any) -> None:
    with pytest.raises(InvalidInput, match="cannot be sent inline"):
        aws.submit("s3://elsewhere/x.json", inline=True)


@pytest.mark.parametrize(("seconds", "deadline"), [(None, 3_960), (60, 420), (3_600, 3_960), (21_600, 3_960)])
def test_a_request_may_wait_for_less_time_than_the_endpoint_allows(aws: Any, seconds: int | None, deadline: int) -> None:
    """The endpoint allows an hour; with a minute for the invocation and five for a cold start the deadline follows."""
    submitted = aws.submit(b"1", ttl_seconds=seconds, custom_attributes="shop=7")
    [call] = aws.runtime.calls
    assert (call["RequestTTLSeconds"], call["CustomAttributes"]) == (seconds or 3_600, "shop=7")
    assert submitted.deadline_seconds == deadline


@pytest.mark.parametrize("seconds", [59, 21_601, 60.5, True, "60"])
def test_a_time_to_live_that_aws_refuses_is_refused(seconds: Any) -> None:
    with pytest.raises(InvalidInput, match="ttl_seconds"):
        Request(b"1", ttl_seconds=seconds)


@pytest.mark.parametrize("field", ["content_type", "accept"])
def test_a_header_cannot_carry_a_line_break(aws: Any, field: str) -> None:
    with pytest.raises(InvalidInput, match="HTTP header"):
        aws.submit(b"x", **{field: "text/plain\r\nX-Evil: 1"})
    assert not aws.s3.calls
    assert not aws.runtime.calls


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (None, EndpointNotReady, "Endpoint shop does not exist in eu-west-1; apply its environment first."),
        ("Creating", EndpointNotReady, "Endpoint shop is Creating; wait until it is InService and submit again."),
        ("Failed", EndpointNotReady, "Endpoint shop has failed (no ping answer); fix the cause and apply again."),
        ("InService", InvalidInput, "Endpoint shop rejects this request (Endpoint shop is not asynchronous); correct it"),
    ],
)
def test_a_validation_error_is_explained_by_the_endpoints_state(
    aws: Any, refusal: Any, status: str | None, error: type[AsyncEndpointError], sentence: str
) -> None:
    aws.runtime.error = refusal("ValidationError", "Endpoint shop is not asynchronous.")
    aws.sagemaker.status, aws.sagemaker.reason = status, "no ping answer."
    with pytest.raises(error) as caught:
        aws.submit(b"x")
    assert str(caught.value).startswith(sentence)
    assert caught.value.exit_code == error.exit_code


def test_not_found_needs_no_permission_to_describe(aws: Any, refusal: Any) -> None:
    aws.runtime.error = refusal("ValidationError", "Endpoint shop of account 123456789012 not found.")
    aws.sagemaker.error = refusal("AccessDeniedException", "no", 403)
    with pytest.raises(
        EndpointNotReady, match=r"shop does not accept requests yet \(Endpoint shop of account 123456789012 not found\)"
    ):
        aws.submit(b"x")


def test_an_endpoint_that_came_into_service_meanwhile_is_worth_another_try(aws: Any, refusal: Any) -> None:
    aws.runtime.error = refusal("ValidationError", "Endpoint shop is not in service: its status is Creating.")
    with pytest.raises(EndpointNotReady, match=r"shop does not accept requests yet \(.*Creating\); submit again\."):
        aws.submit(b"x")


@pytest.mark.parametrize(
    ("code", "status", "error", "sentence"),
    [
        ("AccessDeniedException", 403, UsageError, "sagemaker:InvokeEndpointAsync on endpoint shop is denied"),
        ("ExpiredTokenException", 400, CredentialsExpired, "sign in again and repeat the command"),
        ("InvalidClientTokenId", 403, UsageError, "AWS does not accept these credentials"),
        ("ThrottlingException", 400, NotReady, "failed for now (ThrottlingException: said); try again"),
        ("ServiceUnavailable", 503, NotReady, "failed for now"),
        ("InternalFailure", 500, NotReady, "failed for now"),
        ("502", 502, NotReady, "failed for now"),
        ("Unheard", 400, UsageError, "failed (Unheard: said)"),
    ],
)
def test_other_refusals_become_one_sentence(
    aws: Any, refusal: Any, code: str, status: int, error: type[AsyncEndpointError], sentence: str
) -> None:
    aws.runtime.error = refusal(code, "said.", status)
    with pytest.raises(AsyncEndpointError) as caught:
        aws.submit(b"x")
    assert type(caught.value) is error
    assert sentence in str(caught.value)


def test_a_denied_upload_names_the_action_and_the_key(aws: Any) -> None:
    aws.s3.denied.add("s3:PutObject")
    with pytest.raises(UsageError, match=r"s3:PutObject on s3://shop-123456789012/input/run/one\.bin is denied \(AccessDenied"):
        aws.submit(b"x", inline=False)
    assert not aws.runtime.calls


def test_missing_credentials_are_a_usage_error(aws: Any) -> None:
    aws.runtime.error = NoCredentialsError()
    with pytest.raises(UsageError, match="No usable AWS credentials"):
        aws.submit(b"x")


def test_what_botocore_will_not_send_is_invalid_input(aws: Any) -> None:
    aws.runtime.error = ParamValidationError(report="Invalid length for parameter Accept")
    with pytest.raises(InvalidInput, match="Invalid length for parameter Accept"):
        aws.submit(b"x")


def test_aws_out_of_reach_is_not_ready(aws: Any) -> None:
    aws.runtime.error = EndpointConnectionError(endpoint_url="https://runtime.sagemaker.eu-west-1.amazonaws.com/")
    with pytest.raises(NotReady, match="AWS cannot be reached in eu-west-1") as caught:
        aws.submit(b"x")
    assert not isinstance(caught.value, LocalAwsNotRunning)


def test_a_reply_without_an_output_location_is_explained(aws: Any) -> None:
    aws.runtime.output_path = False
    with pytest.raises(UsageError, match="no S3OutputPath; add one"):
        aws.submit(b"x")


def test_a_refused_connection_names_the_url(outputs: Any, closed_url: str) -> None:
    endpoint = AsyncEndpoint.from_outputs(outputs, endpoint_url=closed_url, config=ClientConfig(attempts=2, backoff_base=0.01))
    for inline in (False, True):
        with pytest.raises(LocalAwsNotRunning, match=f"{closed_url} does not answer .*make local-up"):
            endpoint.send(Request(payload=b"x", inline=inline))
