"""Render pages to read: `python examples/document-reader/render/render_pages.py --pages 50 --out build/pages`.

A4 at 150 dots per inch in grey, in the font that comes with Pillow (Aileron, CC0). The same Pillow gives the same pixels.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from letters import Letter, letter
from PIL import Image, ImageDraw, ImageFont

DPI = 150
SIZE = (1240, 1754)  # A4
MARGIN, LINE, GAP = 130, 46, 40
COLUMNS = (MARGIN, 560, 850)
PAPER, INK = 250, 20
TEXT_SIZE, HEADING_SIZE = 27, 30
SPACE = 0.4  # of the font's size, between words: typewriters have as much, and the font's own 0.24 is often not recognised


def render(page: Letter) -> Image.Image:
    """The page as a grey image of SIZE."""
    image = Image.new("L", SIZE, PAPER)
    draw = ImageDraw.Draw(image)
    _write(draw, (MARGIN, MARGIN), page.heading, HEADING_SIZE)
    y = MARGIN + LINE + GAP
    for number, paragraph in enumerate(page.paragraphs):
        for line in paragraph:
            _write(draw, (MARGIN, y), line, TEXT_SIZE)
            y += LINE
        y += GAP
        if number == 0:
            for row in page.table:
                for x, cell in zip(COLUMNS, row, strict=True):
                    _write(draw, (x, y), cell, TEXT_SIZE)
                y += LINE
            y += GAP
    return image


def _write(draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: int) -> None:
    """Draw one line of text, word by word, with its left end and its top at `place`."""
    font, (x, y) = ImageFont.load_default(size), place
    for word in text.split():
        draw.text((x, y), word, fill=INK, font=font)
        x += font.getlength(word) + SPACE * size


def save_document(pages: Iterable[Image.Image], path: Path) -> None:
    """Write several pages as one TIFF, compressed without loss."""
    first, *rest = pages
    first.save(path, save_all=True, append_images=rest, compression="tiff_deflate", dpi=(DPI, DPI))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=50, help="number of pages, each a PNG")
    parser.add_argument("--out", type=Path, required=True, help="folder for page-01.png and so on")
    parser.add_argument("--document", type=Path, help="also write the first five pages into this TIFF")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for number in range(1, options.pages + 1):
        render(letter(number)).save(options.out / f"page-{number:02}.png", dpi=(DPI, DPI))
    if options.document:
        save_document((render(letter(number)) for number in range(1, 6)), options.document)


if __name__ == "__main__":
    main()
