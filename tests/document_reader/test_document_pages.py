"""The pages of a request: images, TIFFs of several pages, and what is refused."""

from __future__ import annotations

import io
import tracemalloc

import document_pages
import numpy as np
import pytest
from document_pages import open_document
from PIL import Image
from sagemaker_inference.errors import GenericInferenceToolkitError


def encoded(image: Image.Image, kind: str) -> bytearray:
    image.save(file := io.BytesIO(), kind)
    return bytearray(file.getvalue())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_an_image_is_a_document_of_one_page(kind: str) -> None:
    document = open_document(encoded(Image.new("L", (60, 90), 200), kind), f"image/{kind.lower()}; charset=binary")

    assert document.count == 1
    [page] = document.pages()
    assert (page.mode, page.size) == ("RGB", (60, 90))


def test_a_tiff_has_its_pages_in_order(tiff: bytes) -> None:
    assert [page.width for page in open_document(bytearray(tiff), "image/tiff").pages()] == [60, 70, 80]


def test_a_photograph_is_turned_upright() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was held on its side
    Image.new("RGB", (60, 90)).save(file := io.BytesIO(), "JPEG", exif=turned)
    [page] = open_document(file.getvalue(), None).pages()
    assert page.size == (90, 60)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_transparency_is_white(kind: str) -> None:
    ramp = Image.fromarray(np.linspace(0, 0xFFFF, 90 * 60).reshape(90, 60).astype(np.uint16))
    [page] = open_document(encoded(ramp, kind), None).pages()
    assert np.asarray(page).mean() == pytest.approx(127, abs=1)
    [page] = open_document(encoded(Image.new("LA", (60, 90), (0, 0)), kind), None).pages()
    assert page.getcolors() == [(60 * 90, (255, 255, 255))]


def test_pages_are_in_memory_one_at_a_time() -> None:
    side, count = 1000, 12
    first, *rest = [Image.new("L", (side, side), 255) for _ in range(count)]
    first.save(file := io.BytesIO(), "TIFF", save_all=True, append_images=rest, compression="tiff_deflate")
    pages = open_document(file.getvalue(), "image/tiff").pages()
    alive = 0
    tracemalloc.start()
    for page in pages:
        page.tobytes()
        alive += 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert alive == count
    assert peak < 3 * 3 * side * side, "bytes of three pages in RGB"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "reason"),
    [
        (b"", "image/png", 400, "The request body is empty"),
        (b"a text file", "image/png", 400, "The request body, 11 bytes, is not an image"),
        (b"%PDF-1.7", None, 400, "is not an image; send a JPEG, PNG or WEBP image of a page, or a TIFF"),
        (b"{}", "application/json", 415, "Content type 'application/json' is not accepted"),
        (b"hello", "text/plain", 415, "Content type 'text/plain' is not accepted"),
    ],
)
def test_what_is_no_document_is_refused(body: bytes, content_type: str | None, status: int, reason: str) -> None:
    with pytest.raises(GenericInferenceToolkitError) as refused:
        open_document(bytearray(body), content_type)
    assert refused.value.status_code == status
    assert reason in refused.value.message


def test_a_broken_page_is_refused_by_its_number() -> None:
    first, *rest = [Image.linear_gradient("L") for _ in range(3)]
    first.save(file := io.BytesIO(), "TIFF", save_all=True, append_images=rest, compression="tiff_deflate")
    broken = bytearray(file.getvalue())
    middle = len(broken) // 2  # in the pixels of the second page
    broken[middle - 20 : middle + 20] = b"\xff" * 40
    half = encoded(Image.effect_noise((90, 90), 80), "PNG")[:900]

    fractions = encoded(Image.new("F", (60, 90)), "TIFF")
    requests = ((broken, "image/tiff", "Page 2 of 3"), (half, "image/png", "Page 1 of 1"), (fractions, None, "Page 1 of 1"))
    for body, content_type, page in requests:
        with pytest.raises(GenericInferenceToolkitError, match=f"{page} cannot be decoded") as refused:
            list(open_document(body, content_type).pages())
        assert refused.value.status_code == 400, content_type


def test_pages_and_pixels_have_limits(tiff: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_pages, "MAX_PIXELS", 70 * 90)
    with pytest.raises(GenericInferenceToolkitError, match="Page 3 of 3 has 80 × 90 pixels; send at most 6,300"):
        list(open_document(tiff, "image/tiff").pages())
    monkeypatch.setattr(document_pages, "MAX_PAGES", 2)
    with pytest.raises(GenericInferenceToolkitError, match="The document has 3 pages; send at most 2"):
        open_document(tiff, "image/tiff")
