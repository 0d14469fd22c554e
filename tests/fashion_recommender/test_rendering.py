"""The committed pictures are the ones the script renders, and small enough to be committed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from garments import GARMENTS
from PIL import Image
from render_catalogue import COLOURS, QUERIES, items, render_item, render_query


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of channel values, 0..255."""
    assert one.size == other.size
    return float(np.abs(np.asarray(one.convert("RGB"), float) - np.asarray(other.convert("RGB"), float)).mean())


@pytest.mark.parametrize("colour", COLOURS)
def test_the_catalogue_is_what_the_script_renders(colour: str, example: Path) -> None:
    for item, cut in items():
        if item.colour == colour:
            # another Pillow may round a palette entry differently; any visible change is far above this
            assert difference(render_item(item, cut), Image.open(example / item.path)) < 0.5, item.path


def test_the_index_lists_every_picture_and_no_other(example: Path, catalogue: Any) -> None:
    assert catalogue == [vars(item) for item, _ in items()]
    assert sorted(entry["path"] for entry in catalogue) == sorted(
        path.relative_to(example).as_posix() for path in (example / "catalogue").rglob("*.png")
    )


def test_the_catalogue_is_wide_enough_and_small_enough(example: Path, catalogue: Any) -> None:
    assert len(catalogue) == len(GARMENTS) * len(COLOURS) * 3 >= 60
    assert {entry["gender"] for entry in catalogue} == {"Men", "Women", "Unisex"}
    assert sum(path.stat().st_size for path in (example / "catalogue").rglob("*") if path.is_file()) < 400_000


@pytest.mark.parametrize("name", QUERIES)
def test_the_queries_are_what_the_script_renders(name: str, example: Path) -> None:
    # JPEG and the palette of the PNG both lose a little
    assert difference(render_query(*QUERIES[name]), Image.open(example / "queries" / name)) < 4


def test_no_query_is_a_picture_of_the_catalogue(example: Path, catalogue: Any) -> None:
    pictures = {Image.open(example / entry["path"]).convert("RGB").tobytes() for entry in catalogue}
    for name in QUERIES:
        query = Image.open(example / "queries" / name).convert("RGB")
        assert query.resize((128, 128)).tobytes() not in pictures
        assert query.size == (240, 300)
