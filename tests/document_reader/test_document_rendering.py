"""Rendered pages, and the comparison of what was read with them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from check_answers import mistakes
from letters import letter
from PIL import Image, ImageChops
from render_pages import SIZE, main, render


def read(number: int) -> dict[str, Any]:
    """A page as a model reads it that makes no mistake."""
    return {"text": " ".join(letter(number).words), "lines": []}


def test_pages_and_a_document_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages, document = tmp_path / "pages", tmp_path / "letters.tiff"
    monkeypatch.setattr(sys, "argv", ["render_pages.py", "--pages", "6", "--out", str(pages), "--document", str(document)])
    main()

    written = sorted(pages.iterdir())
    assert [path.name for path in written] == [f"page-0{number}.png" for number in range(1, 7)]
    assert len({path.read_bytes() for path in written}) == 6, "no two pages are equal"
    with Image.open(document) as opened, Image.open(written[4]) as fifth:
        assert (opened.n_frames, opened.size) == (5, SIZE)  # type: ignore[attr-defined]
        opened.seek(4)
        assert ImageChops.difference(opened.convert("L"), fifth.convert("L")).getbbox() is None


@pytest.mark.parametrize("number", [1, 23, 50])
def test_a_page_has_its_text_within_its_margins(number: int) -> None:
    page = letter(number)
    assert page == letter(number)
    assert len(page.words) > 100
    ink = render(page).point(lambda value: 255 if value < 128 else 0).getbbox()
    assert ink is not None
    left, top, right, bottom = ink
    assert min(left, top, SIZE[0] - right, SIZE[1] - bottom) > 80


def test_each_wrong_word_is_a_mistake() -> None:
    assert list(mistakes({"pages": [read(1), read(2)]}, [1, 2])) == []
    wrong = read(2) | {"text": read(2)["text"].replace("harbour", "harbor", 1) + " too much"}
    found = list(mistakes({"pages": [read(1), wrong]}, [1, 2]))
    assert [line.partition(":")[0] for line in found] == ["page 2", "page 2"]
    assert "'harbor' instead of 'harbour'" in found[0]
    assert list(mistakes({"pages": [read(1)]}, [1, 2])) == ["1 pages instead of 2"]


def test_the_program_fails_without_answers_and_with_a_wrong_one(example: Path, tmp_path: Path) -> None:
    def check() -> subprocess.CompletedProcess[str]:
        program = [sys.executable, example / "render/check_answers.py", tmp_path]
        return subprocess.run(program, capture_output=True, text=True, check=False)

    (tmp_path / "results").mkdir()
    assert (check().returncode, check().stdout) == (1, "0 pages, 0 words, 0 mistakes\n")
    answer = tmp_path / "results/page-01.png.out"
    answer.write_text(json.dumps({"pages": [read(1)]}))
    assert check().stdout == f"1 pages, {len(letter(1).words)} words, 0 mistakes\n"
    answer.write_text(json.dumps({"pages": [read(2)]}))
    assert check().returncode == 1
