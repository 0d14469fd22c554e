"""The default embedder: what colours a garment has and what outline it has, measured. Nothing is learnt or downloaded.

1. Find the garment: a tilted plane is fitted to the frame of the picture in CIE L*a*b*; what differs from it is the garment.
2. Colour: a soft three-dimensional L*a*b* histogram of the garment's pixels, square-rooted (a Hellinger kernel).
3. Outline: in a square around the garment, which way its edge runs in each of 6 × 6 cells (a histogram of oriented gradients).
4. Both parts have length 1 before they are weighted, and so has the whole: a dot product of two embeddings is their cosine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]

COLOUR_WEIGHT = 0.4  # of 1; the outline has the rest
WORKING_SIDE = 160  # pixels: finer detail than this is not looked at
OUTLINE_SIDE, CELLS, DIRECTIONS = 48, 6, 12
LIGHTNESS = np.linspace(10, 90, 5, dtype=np.float32)  # centres of the histogram's bins: L*, then a* and b*
CHROMA = np.linspace(-75, 75, 7, dtype=np.float32)


class ColourShape:
    """Embeds garments by colour and outline."""

    name = "colour-shape"

    def embed(self, images: Sequence[Image.Image]) -> Floats:
        """Unit vectors of RGB `images` of any size, one a row: (n, 677) float32."""
        return np.stack([_embed(image) for image in images]).astype(np.float32)


def _embed(image: Image.Image) -> Floats:
    small = image.copy()
    small.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX)
    lab = _lab(small)
    garment = _garment(lab)
    colour, outline = _colours(lab[garment]), _directions(_squared(_filled(garment)))
    return np.concatenate([np.sqrt(COLOUR_WEIGHT) * colour, np.sqrt(1 - COLOUR_WEIGHT) * outline])


def _lab(image: Image.Image) -> Floats:
    """CIE L*a*b* under D65 of an sRGB image: (height, width, 3), L* in 0..100."""
    rgb = np.asarray(image, dtype=np.float32) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    lab = np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)
    return lab.astype(np.float32)


def _garment(lab: Floats) -> Mask:
    """Where the picture differs from a background that may shade off in any direction; everywhere if nowhere does."""
    height, width, _ = lab.shape
    y, x = np.mgrid[0:height, 0:width]
    plane = np.stack([np.ones((height, width)), x / width, y / height], axis=-1)
    frame = np.minimum.reduce([x, y, width - 1 - x, height - 1 - y]) < max(2, min(height, width) // 24)
    for _ in range(3):  # the garment may reach into the frame: fit again to the part that looks like the rest
        fit, *_ = np.linalg.lstsq(plane[frame], lab[frame], rcond=None)
        distance = np.linalg.norm(lab - plane @ fit, axis=-1)
        usual = np.median(distance[frame])
        calmer = frame & (distance <= 3 * usual + 1)
        if calmer.sum() < 16:
            break
        frame = calmer
    mask: Mask = distance > np.clip(_otsu(distance), 8, 24)
    return mask if mask.mean() > 0.005 else np.ones_like(mask)


def _otsu(values: Floats) -> float:
    """The threshold that parts `values` into the two groups furthest from each other (Otsu, 1979)."""
    counts, edges = np.histogram(values, bins=64)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    means_below = sums / np.maximum(below, 1)
    means_above = (sums[-1] - sums) / np.maximum(above, 1)
    return float(centres[np.argmax(below * above * (means_below - means_above) ** 2)])


def _filled(mask: Mask) -> Mask:
    """`mask` with its holes closed: all that cannot be reached from the border without crossing it."""
    outside = np.pad(np.zeros_like(mask), 1, constant_values=True)
    free = np.pad(~mask, 1, constant_values=True)
    reached = 0
    while reached != (reached := int(outside.sum())):
        outside[1:] |= outside[:-1]
        outside[:-1] |= outside[1:]
        outside[:, 1:] |= outside[:, :-1]
        outside[:, :-1] |= outside[:, 1:]
        outside &= free
    return ~outside[1:-1, 1:-1]


def _squared(mask: Mask) -> Floats:
    """The garment's bounding box, centred in a square of 0..1; a few stray pixels do not stretch the box."""
    rows, columns = (np.flatnonzero(counts > 0.02 * counts.max()) for counts in (mask.sum(axis=1), mask.sum(axis=0)))
    box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = max(box.shape)
    top, left = (side - box.shape[0]) // 2, (side - box.shape[1]) // 2
    square = np.zeros((side, side), dtype=np.uint8)
    square[top : top + box.shape[0], left : left + box.shape[1]] = box * np.uint8(255)
    resized = Image.fromarray(square).resize((OUTLINE_SIDE, OUTLINE_SIDE), Image.Resampling.BILINEAR)
    return np.asarray(resized.filter(ImageFilter.BoxBlur(1)), dtype=np.float32) / 255


def _colours(pixels: Floats) -> Floats:
    lightness, red, yellow = (
        _shares(np.abs(np.clip(pixels[:, [channel]], centres[0], centres[-1]) - centres), 1.5 * (centres[1] - centres[0]))
        for channel, centres in enumerate((LIGHTNESS, CHROMA, CHROMA))
    )
    chroma = red[:, :, None] * yellow[:, None, :]
    return _unit(np.einsum("nl,nc->lc", lightness, chroma.reshape(len(pixels), -1)))


def _directions(outline: Floats) -> Floats:
    down, right = np.gradient(outline)
    turn = np.arctan2(down, right)[..., None] / (2 * np.pi) * DIRECTIONS - np.arange(DIRECTIONS)
    direction = _shares(np.abs((turn + DIRECTIONS / 2) % DIRECTIONS - DIRECTIONS / 2), 1) * np.hypot(down, right)[..., None]
    place = (np.arange(OUTLINE_SIDE) + 0.5) / OUTLINE_SIDE * CELLS - 0.5
    cell = _shares(np.abs(np.clip(place, 0, CELLS - 1)[:, None] - np.arange(CELLS)), 1)
    by_row = np.einsum("yr,yxd->rxd", cell, direction)
    return _unit(np.einsum("xc,rxd->rcd", cell, by_row))


def _shares(distances: Floats, reach: float) -> Floats:
    """Soft binning: the share of each bin, by its distance on the last axis; bins further than `reach` get nothing.

    A small change of shade or of place then moves a little weight to the next bin instead of all of it.
    """
    shares = np.maximum(0, 1 - distances / reach)
    normalised: Floats = shares / shares.sum(axis=-1, keepdims=True)
    return normalised


def _unit(histogram: Floats) -> Floats:
    """The square root of a histogram, flat, at length 1; of an empty one, zeros."""
    root = np.sqrt(histogram.ravel())
    length = float(np.linalg.norm(root))
    unit: Floats = root / length if length else root
    return unit
