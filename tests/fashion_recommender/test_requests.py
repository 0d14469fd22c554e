"""What a request may hold, and what is said about one that may not be served."""

from __future__ import annotations

import base64
import io
import json
import random
from pathlib import Path

import pytest
from fashion_request import DEFAULT_TOP_K, MAX_TOP_K, Query
from inference import input_fn, output_fn
from PIL import Image
from sagemaker_inference.errors import BaseInferenceToolkitError

RED = (200, 30, 40)


def encoded(kind: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (6, 4)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, RED).convert(mode).save(buffer, kind)
    return buffer.getvalue()


def document(**fields: object) -> str:
    return json.dumps({"image": base64.b64encode(encoded()).decode(), **fields})


def refused(body: bytes | str, content_type: str | None = "application/json") -> tuple[int, str]:
    with pytest.raises(BaseInferenceToolkitError) as caught:
        input_fn(body, content_type)
    message = caught.value.message
    assert message.endswith(".") and "\n" not in message
    return caught.value.status_code, message


@pytest.mark.parametrize(
    "content_type", ["image/png", "image/jpeg", "application/x-image", "application/octet-stream", "IMAGE/PNG; q=1", "", None]
)
def test_raw_image_bytes(content_type: str | None) -> None:
    query = input_fn(encoded(), content_type)
    assert (query.image.size, query.image.mode, query.top_k) == ((6, 4), "RGB", DEFAULT_TOP_K)
    assert query.image.getpixel((0, 0)) == RED


@pytest.mark.parametrize("kind", ["BMP", "GIF", "JPEG", "PNG", "WEBP"])
def test_each_format_is_decoded(kind: str) -> None:
    assert input_fn(encoded(kind), "application/octet-stream").image.size == (6, 4)


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "RGBA", "I;16"])
def test_each_colour_mode_becomes_rgb(mode: str) -> None:
    assert input_fn(encoded(mode=mode), "image/png").image.mode == "RGB"


def test_transparent_is_white() -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (2, 2), (0, 0, 0, 0)).save(buffer, "PNG")
    assert input_fn(buffer.getvalue(), "image/png").image.getpixel((0, 0)) == (255, 255, 255)


def test_sixteen_bits_are_scaled() -> None:
    buffer = io.BytesIO()
    Image.new("I;16", (2, 2), 0x8000).save(buffer, "PNG")
    assert input_fn(buffer.getvalue(), "image/png").image.getpixel((0, 0)) == (128, 128, 128)


def test_a_photograph_taken_sideways_is_turned_upright() -> None:
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (6, 4), RED).save(buffer, "JPEG", exif=exif)
    assert input_fn(buffer.getvalue(), "image/jpeg").image.size == (4, 6)


@pytest.mark.parametrize("body", [document(top_k=3), document(top_k=3).encode()])
def test_json_as_text_or_bytes(body: str | bytes) -> None:
    query: Query = input_fn(body, "application/json; charset=utf-8")
    assert (query.image.getpixel((0, 0)), query.top_k) == (RED, 3)


def test_base64_may_be_wrapped_into_lines() -> None:
    wrapped = json.dumps({"image": base64.encodebytes(encoded()).decode()})
    assert input_fn(wrapped, "application/json").top_k == DEFAULT_TOP_K


@pytest.mark.parametrize("top_k", [1, MAX_TOP_K])
def test_the_ends_of_top_k(top_k: int) -> None:
    assert input_fn(document(top_k=top_k), "application/json").top_k == top_k


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", "The request body is empty"),
        ("{not json", "The request body is not JSON (Expecting property name"),
        pytest.param("[" * 100_000, "The request body is not JSON", id="nested too deeply"),
        ("[1]", "The request is a JSON list"),
        ("null", "The request is a JSON null"),
        ("{}", "The request is an object with no keys"),
        ('{"img": "x"}', "The request is an object with the keys 'img'"),
        ('{"image": 7}', 'The request is an object whose "image" is a int'),
        ('{"image": ""}', 'The file under "image" is empty'),
        ('{"image": "a-b!"}', 'The text under "image" is not base64'),
        (
            '{"image": "aGVsbG8="}',
            'The file under "image" is 5 bytes of text, not an image; send a BMP',
        ),
        (document(top_k=0), "top_k is 0; send a whole number from 1 to 50"),
        (document(top_k=51), "top_k is 51"),
        (document(top_k=2.5), "top_k is 2.5"),
        (document(top_k="5"), 'top_k is "5"'),
        (document(top_k=True), "top_k is true"),
        (document(top_k=None), "top_k is null"),
    ],
)
def test_json_that_cannot_be_served(body: str, expected: str) -> None:
    status, message = refused(body)
    assert status == 400
    assert message.startswith(expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "The request body is empty; send a BMP, GIF, JPEG, PNG or WEBP image."),
        ("größer als nichts".encode(), "The request body is 19 bytes of text, not an image"),
        (bytes(range(128, 192)) * 40, "The request body is 2,560 bytes of no known image format"),
        (encoded("JPEG", size=(64, 64))[:-200], "The request body begins like an image and cannot be decoded"),
        (encoded("JPEG", size=(64, 64))[:-20], "The request body begins like a JPEG image and cannot be decoded"),
        (encoded("PNG", size=(64, 64))[:-40], "The request body begins like a PNG image and cannot be decoded"),
        (encoded("TIFF"), f"The request body is {len(encoded('TIFF'))} bytes of no known image format"),
        (b"x" * 61 + "größer".encode(), "The request body is 69 bytes of text, not an image"),
    ],
    ids=[
        "empty",
        "text",
        "binary",
        "cut in its header",
        "cut JPEG",
        "cut PNG",
        "TIFF",
        "a character across the part looked at",
    ],
)
def test_bytes_that_are_no_image(body: bytes, expected: str) -> None:
    status, message = refused(body, "application/octet-stream")
    assert status == 400
    assert message.startswith(expected)


@pytest.mark.parametrize("kind", ["BMP", "GIF", "JPEG", "PNG", "WEBP"])
def test_a_broken_file_is_refused_or_decoded_and_nothing_else(kind: str) -> None:
    buffer, dice = io.BytesIO(), random.Random(kind)
    Image.effect_noise((24, 16), 80).convert("RGB").save(buffer, kind)
    for _ in range(150):
        broken = bytearray(buffer.getvalue())[: dice.randrange(4, buffer.tell())]
        for _ in range(dice.randrange(4)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        try:
            assert input_fn(bytes(broken), "application/octet-stream").image.mode == "RGB"
        except BaseInferenceToolkitError as error:
            assert error.status_code == 400


def test_the_committed_corrupt_query_is_refused(example: Path) -> None:
    status, message = refused((example / "queries" / "corrupt.jpg").read_bytes(), "image/jpeg")
    assert status == 400
    assert "begins like a JPEG image and cannot be decoded" in message


def test_an_image_too_large_is_refused_before_it_is_decoded() -> None:
    header = bytearray(encoded("BMP"))
    header[18:26] = (60_000).to_bytes(4, "little") * 2  # the size a BMP claims; its pixels stay 6 × 4
    assert "far too many pixels" in refused(bytes(header), "image/bmp")[1]
    header[18:26] = (8_000).to_bytes(4, "little") * 2
    assert "has 8000 × 8000 pixels; send at most 50,000,000" in refused(bytes(header), "image/bmp")[1]


@pytest.mark.parametrize("content_type", ["text/csv", "text/plain", "application/xml"])
def test_another_content_type_is_refused(content_type: str) -> None:
    status, message = refused(b"x", content_type)
    assert status == 415
    assert message.startswith(f"Content type '{content_type}' is not accepted")


@pytest.mark.parametrize("accept", ["application/json", "*/*", "text/csv, application/json;q=0.5", "APPLICATION/*"])
def test_the_answer_is_json(accept: str) -> None:
    body, content_type = output_fn({"recommendations": [], "embedder": "x"}, accept)
    assert json.loads(body) == {"recommendations": [], "embedder": "x"}
    assert content_type == "application/json"


def test_an_answer_in_another_type_is_refused() -> None:
    with pytest.raises(BaseInferenceToolkitError) as caught:
        output_fn({}, "text/csv")
    assert caught.value.status_code == 406
    assert "'text/csv'" in caught.value.message
