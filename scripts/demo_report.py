"""The page with which `make demo` ends: requests and answers in pictures, and how the endpoints woke and slept meanwhile.

One file without scripts or links to other files: pictures are data URLs, the timeline is inline SVG.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

INTERVAL_SECONDS: Final = 0.2
MAX_FAILURES: Final = 20  # in a row, after which recording ends
IMAGE_TYPES: Final = {".png": "image/png", ".jpg": "image/jpeg"}
SHOWN_CHARS: Final = 400  # of a text
WIDTH, LANE, ROW, LABELS = 960, 70, 18, 310  # of a timeline, in pixels

_STYLE: Final = """
:root { --page: #f6f7f9; --card: #fff; --text: #1b1f24; --quiet: #545d68; --line: #cfd5dc; --instances: #4f8ae0; --backlog: #a85b00; --alarm: #b3202b; }
@media (prefers-color-scheme: dark) {
  :root { --page: #12151a; --card: #1b2027; --text: #e8ebef; --quiet: #a9b3bf; --line: #3a434e; --instances: #6da4f5; --backlog: #f4b25a; --alarm: #ff8a90; }
}
body { max-width: 64rem; margin: 0 auto; padding: 1rem; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
section { margin: 1rem 0; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 0; }
.quiet, figcaption { color: var(--quiet); font-size: 0.9rem; }
.answer { display: flex; flex-wrap: wrap; gap: 1rem; align-items: end; }
figure { margin: 0; max-width: 12rem; overflow-wrap: anywhere; }
figure img { width: 7rem; height: 9rem; object-fit: contain; background: #fff; border: 1px solid var(--line); border-radius: 0.25rem; }
.query img { border: 3px solid var(--instances); }
.scroll { overflow-x: auto; } svg { min-width: 40rem; width: 100%; height: auto; font: 13px system-ui, sans-serif; }
svg text { fill: var(--text); } svg .quiet { fill: var(--quiet); } svg .axis { stroke: var(--line); }
svg .existing { fill: var(--instances); opacity: 0.3; } svg .serving { fill: var(--instances); opacity: 0.7; }
svg .backlog { fill: none; stroke: var(--backlog); stroke-width: 2; } svg .alarm { fill: var(--alarm); } svg .request { fill: var(--text); opacity: 0.08; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
"""  # noqa: E501 - a style sheet


@dataclass(frozen=True)
class Observation:
    """What was seen `seconds` after the start.

    `endpoints` has (existing, serving, backlog) of each; `alarms` are those in state ALARM, as (endpoint, what it is about).
    """

    seconds: float
    endpoints: Mapping[str, tuple[int, int, int]]
    alarms: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Exchange:
    """A request and its answer; seconds since the start."""

    endpoint: str
    query: Path
    submitted: float
    completed: float
    answer: Mapping[str, Any]


@dataclass
class Recording:
    """What a run of the demonstration was like."""

    observations: list[Observation] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)

    @contextmanager
    def observing(self, observe: Callable[[], Observation], failures: tuple[type[Exception], ...]) -> Iterator[None]:
        """Observe every INTERVAL_SECONDS, in a thread, while the block runs; `failures` leave a gap."""
        ended = threading.Event()

        def run() -> None:
            failed = 0
            while not ended.is_set() and failed < MAX_FAILURES:
                try:
                    self.observations.append(observe())
                    failed = 0
                except failures:
                    failed += 1
                ended.wait(INTERVAL_SECONDS)

        thread = threading.Thread(target=run, name="recording", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(2 * INTERVAL_SECONDS)


def write_report(path: Path, recording: Recording, catalogue: Path, tools: str) -> None:
    """Write the page to `path`; `catalogue` is the folder that paths of recommended garments are relative to.

    Raises OSError.
    """
    names = sorted({name for one in recording.observations for name in one.endpoints})
    body = [f"<h1>async-endpoint: one run of <code>make demo</code></h1><p class=quiet>{escape(tools)}</p>"]
    body += [_exchange(one, catalogue) for one in recording.exchanges]
    body += [_timeline(name, recording) for name in names]
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><meta name="color-scheme" content="light dark">'
        f"<title>make demo · async-endpoint</title><style>{_STYLE}</style></head><body><main>"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head + "\n".join(body) + "</main></body></html>\n", encoding="utf-8")


def _exchange(one: Exchange, catalogue: Path) -> str:
    taken = one.completed - one.submitted
    found = one.answer.get("recommendations")
    title = f"<h2>{escape(one.endpoint)}: {escape(one.query.name)}, answered after {taken:.1f} s</h2>"
    if not isinstance(found, list):
        text = one.query.read_text(encoding="utf-8", errors="replace")[:SHOWN_CHARS]
        answered = json.dumps(one.answer, ensure_ascii=False)[:SHOWN_CHARS]
        return f"<section>{title}<pre>{escape(text)}</pre><pre><strong>{escape(answered)}</strong></pre></section>"
    shown = [_figure(one.query, "the query", "query")]
    for rank, item in enumerate(found, start=1):
        picture = _inside(catalogue, str(item.get("path")))
        shown.append(_figure(picture, f"{rank}. {item.get('path')}, score {item.get('score')}"))
    return f"<section>{title}<div class=answer>{''.join(shown)}</div></section>"


def _inside(folder: Path, relative: str) -> Path | None:
    """The picture at `relative`, unless that is outside of `folder`: it is from a model's answer."""
    path = (folder / relative).resolve()
    return path if path.is_relative_to(folder.resolve()) and path.is_file() and path.suffix in IMAGE_TYPES else None


def _figure(picture: Path | None, caption: str, kind: str = "") -> str:
    image = ""
    if picture is not None:
        data = base64.b64encode(picture.read_bytes()).decode()
        image = f'<img alt="{escape(caption)}" src="data:{IMAGE_TYPES[picture.suffix]};base64,{data}">'
    return f'<figure class="{kind}">{image}<figcaption>{escape(caption)}</figcaption></figure>'


def _timeline(name: str, recording: Recording) -> str:
    seen = [(one.seconds, one.endpoints[name]) for one in recording.observations if name in one.endpoints]
    start, end = seen[0][0], max(seen[-1][0], seen[0][0] + 1)
    across = _Across(start, end)
    alarms = sorted({about for one in recording.observations for endpoint, about in one.alarms if endpoint == name})
    most = max(1, *(existing for _, (existing, _, _) in seen))
    waiting = max(1, *(backlog for _, (_, _, backlog) in seen))
    height = 2 * LANE + ROW * len(alarms) + 50
    parts = [
        _mark(across, one, height - 25) for one in recording.exchanges if one.endpoint == name and start <= one.submitted <= end
    ]
    parts += [_label(0, LANE - 15, "instances", f"at most {most}: starting, serving")]
    parts += [_area(across, [(at, existing) for at, (existing, _, _) in seen], most, LANE, "existing")]
    parts += [_area(across, [(at, serving) for at, (_, serving, _) in seen], most, LANE, "serving")]
    parts += [_label(0, 2 * LANE - 15, "backlog", f"at most {waiting}")]
    parts += [_line(across, [(at, backlog) for at, (_, _, backlog) in seen], waiting, 2 * LANE)]
    for row, about in enumerate(alarms):
        bottom = 2 * LANE + ROW * (row + 1)
        parts += [f'<text x="0" y="{bottom}">⚠ {escape(about)}</text>']
        parts += [
            f'<rect class="alarm" x="{across(at):.1f}" y="{bottom - 10}" height="9" '
            f'width="{max(2.0, across(to) - across(at)):.1f}"/>'
            for at, to in _periods(recording.observations, (name, about))
        ]
    parts += [_axis(across, start, end, height - 22)]
    asleep = sum(later - at for (at, (existing, _, _)), (later, _) in pairwise(seen) if existing == 0)
    instances = "1 instance" if most == 1 else f"{most} instances"
    text = f"{name}: at most {instances} and a backlog of {waiting}; asleep for {asleep:.0f} of {end - start:.0f} seconds"
    return (
        f"<section><h2>{escape(name)}</h2><p class=quiet>{escape(text)}. Shaded: a request waits or runs.</p>"
        f'<div class=scroll tabindex=0 role=region aria-label="Timeline of {escape(name)}">'
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(text)}">{"".join(parts)}</svg></div></section>'
    )


@dataclass(frozen=True)
class _Across:
    """Where a moment is, in pixels from the left."""

    start: float
    end: float

    def __call__(self, seconds: float) -> float:
        return LABELS + (min(seconds, self.end) - self.start) / (self.end - self.start) * (WIDTH - LABELS - 5)


def _steps(across: _Across, values: Sequence[tuple[float, int]], most: int, bottom: int) -> str:
    """Horizontal and vertical lines of a path: a value holds until the next one."""
    return " ".join(f"H{across(at):.1f} V{bottom - value / most * (LANE - 20):.1f}" for at, value in values) + f" H{WIDTH - 5}"


def _area(across: _Across, values: Sequence[tuple[float, int]], most: int, bottom: int, kind: str) -> str:
    return f'<path class="{kind}" d="M{LABELS} {bottom} {_steps(across, values, most, bottom)} V{bottom} Z"/>'


def _line(across: _Across, values: Sequence[tuple[float, int]], most: int, bottom: int) -> str:
    return f'<path class="backlog" d="M{LABELS} {bottom} {_steps(across, values, most, bottom)}"/>'


def _label(left: int, baseline: int, title: str, more: str) -> str:
    return f'<text x="{left}" y="{baseline}">{title}</text><text class="quiet" x="{left}" y="{baseline + 15}">{more}</text>'


def _mark(across: _Across, one: Exchange, height: int) -> str:
    left, right = across(one.submitted), across(one.completed)
    return f'<rect class="request" x="{left:.1f}" y="0" width="{max(1.0, right - left):.1f}" height="{height}"/>'


def _axis(across: _Across, start: float, end: float, top: int) -> str:
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000) if (end - start) / step <= 12)
    first = -(-int(start) // step) * step
    marks = [
        f'<line class="axis" x1="{across(at):.1f}" x2="{across(at):.1f}" y1="{top}" y2="{top + 5}"/>'
        f'<text class="quiet" text-anchor="middle" x="{across(at):.1f}" y="{top + 19}">{at} s</text>'
        for at in range(max(first, int(start) + 1), int(end), step)
    ]
    return f'<line class="axis" x1="{LABELS}" x2="{WIDTH - 5}" y1="{top}" y2="{top}"/>' + "".join(marks)


def _periods(observations: Sequence[Observation], alarm: tuple[str, str]) -> list[tuple[float, float]]:
    """From when until when an alarm was in state ALARM."""
    found: list[tuple[float, float]] = []
    since: float | None = None
    for one in observations:
        if alarm in one.alarms and since is None:
            since = one.seconds
        elif alarm not in one.alarms and since is not None:
            found.append((since, one.seconds))
            since = None
    return found if since is None else [*found, (since, observations[-1].seconds)]
