"""Compare what was read with what was rendered, word by word: `python …/check_answers.py build/read`.

DIR is the `--out` of `async-endpoint batch` on a folder of render_pages.py. Exit code 1 if
a word is wrong, missing or too much.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from letters import letter


def mistakes(answer: dict[str, Any], numbers: list[int]) -> Iterator[str]:
    """Each difference between the pages of an answer and those rendered with `numbers`."""
    if len(answer["pages"]) != len(numbers):
        yield f"{len(answer['pages'])} pages instead of {len(numbers)}"
        return
    for page, number in zip(answer["pages"], numbers, strict=True):
        wanted, found = letter(number).words, page["text"].split()
        for kind, start, end, first, last in difflib.SequenceMatcher(None, wanted, found, autojunk=False).get_opcodes():
            if kind != "equal":
                yield f"page {number}: {' '.join(found[first:last])!r} instead of {' '.join(wanted[start:end])!r}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    answers = sorted((parser.parse_args().folder / "results").glob("page-*.out"))
    wrong, words = [], 0
    for path in answers:
        [number] = map(int, re.findall(r"page-(\d+)", path.name))
        words += len(letter(number).words)
        wrong += mistakes(json.loads(path.read_text(encoding="utf-8")), [number])
    print(f"{len(answers)} pages, {words} words, {len(wrong)} mistakes")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong or not answers else 0


if __name__ == "__main__":
    sys.exit(main())
