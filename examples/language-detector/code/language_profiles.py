"""Which language a text is written in, by the frequencies of its character n-grams; standard library only."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

MAX_N = 3
_LETTERS = re.compile(r"[^\W\d_]+")


def n_grams(text: str) -> list[str]:
    """Runs of one to MAX_N characters within each word, in lower case; a space marks where a word begins and ends."""
    words = [f" {word} " for word in _LETTERS.findall(text.lower())]
    return [word[i : i + n] for word in words for n in range(1, MAX_N + 1) for i in range(len(word) - n + 1)]


@dataclass(frozen=True)
class Profile:
    """How often n-grams of each length occur in a language."""

    counts: Counter[str]
    totals: Counter[int]

    @classmethod
    def of(cls, text: str) -> Profile:
        counts = Counter(n_grams(text))
        totals: Counter[int] = Counter()
        for gram, count in counts.items():
            totals[len(gram)] += count
        return cls(counts, totals)

    def log_likelihood(self, grams: Counter[str], vocabulary: Counter[int]) -> float:
        """Of `grams`, with one occurrence added to every n-gram that any language has (Laplace smoothing)."""
        return sum(
            count * math.log((self.counts[gram] + 1) / (self.totals[len(gram)] + vocabulary[len(gram)] + 1))
            for gram, count in grams.items()
        )


class Detector:
    """A naive Bayes classifier over languages that are equally likely beforehand."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._profiles = {language: Profile.of(text) for language, text in sorted(texts.items())}
        self._vocabulary = Counter(len(gram) for gram in {gram for one in self._profiles.values() for gram in one.counts})

    @classmethod
    def load(cls, folder: Path) -> Detector:
        """Learn from `folder`: one file of sentences a language, named by its ISO 639-1 code."""
        return cls({path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.txt")})

    def detect(self, text: str) -> list[tuple[str, float]]:
        """Languages with their probabilities, which add up to 1, the most probable first; empty for a text without letters."""
        grams = Counter(n_grams(text))
        if not grams:
            return []
        scores = {language: one.log_likelihood(grams, self._vocabulary) for language, one in self._profiles.items()}
        best = max(scores.values())
        weights = {language: math.exp(score - best) for language, score in scores.items()}
        total = sum(weights.values())
        return sorted(
            ((language, weight / total) for language, weight in weights.items()), key=lambda item: (-item[1], item[0])
        )
