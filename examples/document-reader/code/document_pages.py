"""The pages of a request: one image, or every page of a TIFF, decoded one at a time.

A refusal is an error of sagemaker-inference, which answers with its HTTP status and puts its message in the response body.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from sagemaker_inference.errors import GenericInferenceToolkitError

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP")
ACCEPTED = "a JPEG, PNG or WEBP image of a page, or a TIFF of several"
MAX_PAGES = 500
MAX_PIXELS = 40_000_000  # A3 at 400 dpi is 31 million


def refusal(status: int, message: str) -> GenericInferenceToolkitError:
    """The error to raise so that the container answers with HTTP `status` and `message`."""
    return GenericInferenceToolkitError(status, message)


@dataclass(frozen=True)
class Document:
    """An opened image file; `count` is its number of pages."""

    image: Image.Image
    count: int

    def pages(self) -> Iterator[Image.Image]:
        """Each page in RGB, upright by its EXIF orientation, on white where transparent; one is in memory at a time.

        Raises a refusal with status 400 that names the page which cannot be decoded or has more than MAX_PIXELS.
        """
        for number in range(1, self.count + 1):
            try:
                self.image.seek(number - 1)
                width, height = self.image.size
                page = None if width * height > MAX_PIXELS else _rgb(ImageOps.exif_transpose(self.image))
            except Exception as error:  # Pillow raises whatever a broken file leads it to
                reason = " ".join(str(error).split()) or type(error).__name__
                raise refusal(
                    400, f"Page {number} of {self.count} cannot be decoded ({reason}); send a whole {self.image.format} file."
                ) from error
            if page is None:
                raise refusal(
                    400, f"Page {number} of {self.count} has {width} × {height} pixels; send at most {MAX_PIXELS:,} a page."
                )
            yield page


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits, which Pillow would cut to white instead of scale
        return Image.fromarray((np.asarray(image).clip(0, 0xFFFF) // 256).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ValueError("its pixels are fractions, without a white")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def open_document(body: bytes | bytearray, content_type: str | None) -> Document:
    """Open a request body, a `bytearray` in SageMaker's containers, without decoding its pages.

    Raises a refusal with status 415 for another content type than `image/*`, `application/x-image` and
    `application/octet-stream`, and 400 for a body that is empty, no image of FORMATS, or of more than MAX_PAGES pages.
    """
    kind = (content_type or "application/octet-stream").split(";")[0].strip().lower()
    if not kind.startswith("image/") and kind not in ("application/x-image", "application/octet-stream"):
        raise refusal(415, f"Content type {kind!r} is not accepted; send image/png, image/jpeg or image/tiff.")
    if not body:
        raise refusal(400, f"The request body is empty; send {ACCEPTED}.")
    try:
        image = Image.open(io.BytesIO(body), formats=FORMATS)
        count = int(getattr(image, "n_frames", 1))
    except UnidentifiedImageError as error:
        raise refusal(400, f"The request body, {len(body):,} bytes, is not an image; send {ACCEPTED}.") from error
    except Exception as error:  # as above
        raise refusal(400, f"The request body cannot be read as an image ({error}); send {ACCEPTED}.") from error
    if count > MAX_PAGES:
        raise refusal(400, f"The document has {count} pages; send at most {MAX_PAGES} a request.")
    return Document(image, count)
