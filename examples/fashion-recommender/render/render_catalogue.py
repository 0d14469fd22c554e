"""Render the catalogue and the example queries again: `python examples/fashion-recommender/render/render_catalogue.py`.

The catalogue is every category × colour × cut on light grey, 128 × 128. A query is a garment that is not in the catalogue:
another size, shade, proportion, angle and background than any catalogue image, with grain.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from canvas import Canvas, Colour, Placement, shade
from garments import GARMENTS, Cut
from PIL import Image

EXAMPLE = Path(__file__).resolve().parents[1]
SIZE = 128
PALETTE = 64
STUDIO: Colour = (240, 239, 236)
COLOURS: Mapping[str, Colour] = {
    "black": (42, 42, 47),
    "blue": (44, 88, 176),
    "green": (44, 132, 78),
    "red": (204, 34, 46),
    "yellow": (242, 196, 52),
}
QUERIES = {"red-shirt.png": ("shirt", "red"), "blue-trousers.jpg": ("trousers", "blue"), "yellow-bag.jpg": ("bag", "yellow")}


@dataclass(frozen=True)
class Item:
    """One line of catalogue.json; `path` is relative to the folder that is packaged."""

    path: str
    category: str
    gender: str
    colour: str


def items() -> Iterator[tuple[Item, Cut]]:
    """Every item of the catalogue in the order of its path."""
    for category, cuts in GARMENTS.items():
        for colour in COLOURS:
            for cut in cuts:
                yield Item(f"catalogue/{category}/{colour}-{cut.name}.png", category, cut.gender, colour), cut


def render_item(item: Item, cut: Cut) -> Image.Image:
    """The catalogue image of `item`: 128 × 128, of 64 colours."""
    canvas = Canvas(COLOURS[item.colour])
    cut.draw(canvas)
    picture = canvas.photograph(Image.new("RGB", (SIZE, SIZE), STUDIO), Placement(width=0.94, height=0.94))
    return picture.quantize(PALETTE, dither=Image.Dither.NONE)


def render_query(category: str, colour: str) -> Image.Image:
    """A photograph of a garment like those in the catalogue and equal to none; the same for the same arguments."""
    dice = random.Random(f"{category} {colour}")
    canvas = Canvas(shade(COLOURS[colour], dice.uniform(0.88, 1.1)))
    dice.choice(GARMENTS[category]).draw(canvas)
    placement = Placement(
        angle=dice.uniform(-7, 7),
        right=dice.uniform(-4, 4),
        down=dice.uniform(-4, 4),
        width=dice.uniform(0.76, 0.86),
        height=dice.uniform(0.76, 0.86),
    )
    picture = canvas.photograph(_wall(dice, (240, 300)), placement)
    grain = Image.frombytes("L", picture.size, dice.randbytes(picture.width * picture.height)).convert("RGB")
    return Image.blend(picture, grain, 0.03)


def _wall(dice: random.Random, size: tuple[int, int]) -> Image.Image:
    """A wall lit from above in a pale tint."""
    tint = [dice.randint(205, 245) for _ in range(3)]
    column = Image.new("RGB", (1, 16))
    column.putdata([(tint[0] - step, tint[1] - step, tint[2] - step) for step in range(0, 32, 2)])
    return column.resize(size, Image.Resampling.BILINEAR)


def main() -> None:
    catalogue = []
    for item, cut in items():
        target = EXAMPLE / item.path
        target.parent.mkdir(parents=True, exist_ok=True)
        render_item(item, cut).save(target, optimize=True)
        catalogue.append(asdict(item))
    (EXAMPLE / "catalogue" / "catalogue.json").write_text(json.dumps(catalogue, indent=1) + "\n", encoding="utf-8")
    for name, (category, colour) in QUERIES.items():
        picture = render_query(category, colour)
        if name.endswith(".png"):  # grain compresses badly: fewer colours keep the file small
            picture = picture.quantize(PALETTE, dither=Image.Dither.NONE)
        picture.save(EXAMPLE / "queries" / name, quality=90)
    whole = (EXAMPLE / "queries" / "blue-trousers.jpg").read_bytes()
    (EXAMPLE / "queries" / "corrupt.jpg").write_bytes(whole[:4000])


if __name__ == "__main__":
    main()
