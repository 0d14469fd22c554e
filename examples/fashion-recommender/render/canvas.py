"""A drawing board for one garment: shapes in a 100 × 100 square, y down, drawn large and scaled down to be smooth.

Only integer-pixel polygon, line and ellipse drawing and box filters are used, so the same Pillow gives the same pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageChops, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Point = tuple[float, float]
Pattern = Literal["plain", "striped", "dotted", "checked"]

BOARD = 512  # pixels: four times a catalogue image
UNIT = BOARD / 100
CREAM: Colour = (246, 240, 228)


@dataclass(frozen=True)
class Placement:
    """How a garment lies on its photograph: degrees anticlockwise, units right and down, share of the full width and height."""

    angle: float = 0.0
    right: float = 0.0
    down: float = 0.0
    width: float = 1.0
    height: float = 1.0


def shade(colour: Colour, factor: float) -> Colour:
    """Darken below 1, lighten towards white above 1 (2 is white)."""
    red, green, blue = (
        round(value * factor) if factor <= 1 else round(value + (255 - value) * (factor - 1)) for value in colour
    )
    return red, green, blue


def mirrored(half: Sequence[Point]) -> list[Point]:
    """A closed outline from its right half, top to bottom."""
    return [*half, *((100 - x, y) for x, y in reversed(half))]


def rounded(points: Sequence[Point], radius: float, steps: int = 8) -> list[Point]:
    """The closed outline with each corner replaced by a quadratic curve that begins `radius` units before it."""
    outline: list[Point] = []
    for index, corner in enumerate(points):
        start = _towards(corner, points[index - 1], radius)
        end = _towards(corner, points[(index + 1) % len(points)], radius)
        for step in range(steps + 1):
            t = step / steps
            a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t**2
            outline.append((a * start[0] + b * corner[0] + c * end[0], a * start[1] + b * corner[1] + c * end[1]))
    return outline


def _towards(origin: Point, target: Point, distance: float) -> Point:
    dx, dy = target[0] - origin[0], target[1] - origin[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    share = min(distance / length, 0.5)
    return origin[0] + dx * share, origin[1] + dy * share


class Canvas:
    """One garment of one colour on a transparent board."""

    def __init__(self, colour: Colour) -> None:
        self.colour = colour
        self.dark = shade(colour, 0.62) if max(colour) > 80 else shade(colour, 1.28)  # seams on black are lighter than it
        self._image = Image.new("RGBA", (BOARD, BOARD), (0, 0, 0, 0))

    def cloth(self, outline: Sequence[Point], tone: float = 1.0, radius: float = 2.5, pattern: Pattern = "plain") -> None:
        """Fill `outline` with the garment's colour times `tone`, patterned, lit from the left, with a darker edge."""
        self.fill(outline, shade(self.colour, tone), radius, pattern)

    def fill(self, outline: Sequence[Point], colour: Colour, radius: float = 2.5, pattern: Pattern = "plain") -> None:
        """Fill `outline` with any colour, as `cloth` does."""
        points = _pixels(rounded(outline, radius))
        mask = Image.new("L", (BOARD, BOARD), 0)
        ImageDraw.Draw(mask).polygon(points, fill=255)
        self._image.paste(_lit(_woven(colour, pattern)), (0, 0), mask)
        self.line([*rounded(outline, radius), rounded(outline, radius)[0]], 0.9)

    def hole(self, outline: Sequence[Point], radius: float = 2.5) -> None:
        """Cut `outline` out: what lies behind the garment shows."""
        points = _pixels(rounded(outline, radius))
        ImageDraw.Draw(self._image).polygon(points, fill=(0, 0, 0, 0))
        self.line([*rounded(outline, radius), rounded(outline, radius)[0]], 0.9)

    def line(self, points: Sequence[Point], width: float = 0.8, colour: Colour | None = None) -> None:
        """A seam, fold or edge, `width` units wide."""
        ImageDraw.Draw(self._image).line(
            _pixels(points), fill=(*(colour or self.dark), 255), width=round(width * UNIT), joint="curve"
        )

    def dot(self, centre: Point, radius: float, colour: Colour) -> None:
        """A button or a buckle."""
        (x, y), r = centre, radius
        ImageDraw.Draw(self._image).ellipse(_pixels([(x - r, y - r), (x + r, y + r)]), fill=(*colour, 255))

    def photograph(self, background: Image.Image, placement: Placement) -> Image.Image:
        """Lay the garment on `background` (RGB) with a soft shadow; the result has the background's size."""
        width, height = background.size
        side = min(width, height)
        scale = BOARD / side
        garment = self._image.resize((round(BOARD * placement.width), round(BOARD * placement.height)), Image.Resampling.BOX)
        garment = garment.rotate(placement.angle, Image.Resampling.BILINEAR, expand=True)
        board = Image.new("RGBA", (round(width * scale), round(height * scale)), (0, 0, 0, 0))
        left = (board.width - garment.width) / 2 + placement.right * UNIT
        top = (board.height - garment.height) / 2 + placement.down * UNIT
        board.paste(garment, (round(left), round(top)))
        cut = board.resize((width, height), Image.Resampling.BOX)
        alpha = cut.getchannel("A")
        shadow = ImageChops.offset(alpha.filter(ImageFilter.BoxBlur(side / 64)), 0, round(side / 64)).point(
            lambda value: value // 5
        )
        picture = Image.composite(Image.new("RGB", background.size, (60, 60, 66)), background, shadow)
        picture.paste(cut.convert("RGB"), (0, 0), alpha)
        return picture


def _pixels(points: Sequence[Point]) -> list[Point]:
    return [(round(x * UNIT), round(y * UNIT)) for x, y in points]


def _woven(colour: Colour, pattern: Pattern) -> Image.Image:
    cloth = Image.new("RGB", (BOARD, BOARD), colour)
    draw = ImageDraw.Draw(cloth)
    if pattern == "striped":
        for y in range(4, 100, 11):
            draw.rectangle(_pixels([(0, y), (100, y + 2.6)]), fill=CREAM)
    elif pattern == "dotted":
        for row, y in enumerate(range(3, 100, 9)):
            for x in range(2 + 5 * (row % 2), 100, 10):
                draw.ellipse(_pixels([(x - 1.4, y - 1.4), (x + 1.4, y + 1.4)]), fill=CREAM)
    elif pattern == "checked":
        for start in range(3, 100, 12):
            draw.rectangle(_pixels([(start, 0), (start + 1.6, 100)]), fill=shade(colour, 0.72))
            draw.rectangle(_pixels([(0, start), (100, start + 1.6)]), fill=shade(colour, 0.72))
    return cloth


def _lit(cloth: Image.Image) -> Image.Image:
    """Eight bands from light to dark, left to right: few enough to compress well, enough to look round."""
    light = Image.new("L", (8, 1))
    light.putdata([255, 252, 248, 243, 237, 230, 222, 213])
    return ImageChops.multiply(cloth, light.resize((BOARD, BOARD), Image.Resampling.NEAREST).convert("RGB"))
