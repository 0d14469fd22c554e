"""The page that `make demo` writes: what it shows of a run, and that it needs nothing else."""

from __future__ import annotations

import threading
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

import demo_report
from demo import alarm_of
from demo_report import Exchange, Observation, Recording, write_report

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/fashion-recommender"
NAME = "recommender"
LOW, WAKE = "ApproximateBacklogSizePerInstance < 4.5", "HasBacklogWithoutCapacity ≥ 1"


def at(seconds: float, existing: int, serving: int, backlog: int, *alarms: str) -> Observation:
    return Observation(seconds, {NAME: (existing, serving, backlog)}, frozenset((NAME, about) for about in alarms))


OBSERVATIONS = [
    at(50, 1, 1, 0),
    at(51, 0, 0, 0, LOW),
    at(52, 0, 0, 1, LOW, WAKE),
    at(53, 1, 0, 1, WAKE),
    at(55, 1, 1, 0),
    at(60, 1, 1, 0, LOW),
]


class Report(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.page = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(self.page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def sources(self) -> list[str]:
        return [value or "" for _, each in self.elements for name, value in each.items() if name in ("src", "href")]


def report(tmp_path: Path, *recommended: dict[str, object], query: Path = EXAMPLE / "queries/red-shirt.png") -> Report:
    exchange = Exchange(NAME, query, 52.0, 55.0, {"recommendations": list(recommended)})
    write_report(tmp_path / "build/demo.html", Recording(OBSERVATIONS, [exchange]), EXAMPLE, "Python 3.11")
    return Report(tmp_path / "build/demo.html")


def test_query_and_recommended_garments_are_pictures_in_the_page(tmp_path: Path) -> None:
    page = report(tmp_path, {"path": "catalogue/shirt/red-crew.png", "score": 0.9386})
    assert "red-shirt.png, answered after 3.0 s" in page.text and "1. catalogue/shirt/red-crew.png, score 0.9386" in page.text
    assert [source[:22] for source in page.sources] == ["data:image/png;base64,"] * 2
    assert not [tag for tag, _ in page.elements if tag in ("script", "link", "iframe", "object")]


def test_a_path_outside_of_the_catalogue_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    for path in ("../../README.md", str(tmp_path / "secret.png"), "catalogue/catalogue.json", "catalogue/none.png"):
        assert len(report(tmp_path, {"path": path, "score": 1}).sources) == 1


def test_what_a_model_answered_is_text(tmp_path: Path) -> None:
    page = report(tmp_path, {"path": "<script>alert(1)</script>", "score": '"><img src=x>'})
    assert "<script>alert(1)</script>" in page.text
    assert [tag for tag, _ in page.elements if tag in ("script", "img")] == ["img"]


def test_an_answer_without_pictures_is_its_json(tmp_path: Path) -> None:
    exchange = Exchange(
        NAME, EXAMPLE.parent / "language-detector/queries/soup.txt", 52.0, 55.0, {"language": "de", "sure": True}
    )
    write_report(tmp_path / "demo.html", Recording(OBSERVATIONS, [exchange]), EXAMPLE, "Python 3.11")
    assert '{"language": "de", "sure": true}' in Report(tmp_path / "demo.html").text


def test_the_timeline_has_instances_backlog_alarms_and_the_request(tmp_path: Path) -> None:
    page = report(tmp_path)
    svg = ElementTree.fromstring(page.page[page.page.index("<svg") : page.page.index("</svg>") + 6])
    assert svg.attrib["aria-label"] == f"{NAME}: at most 1 instance and a backlog of 1; asleep for 2 of 10 seconds"
    kinds = [element.attrib.get("class") for element in svg]
    assert [kinds.count(kind) for kind in ("existing", "serving", "backlog", "request")] == [1, 1, 1, 1]
    assert [element.text for element in svg if (element.text or "").startswith("⚠")] == [f"⚠ {LOW}", f"⚠ {WAKE}"]
    alarms = [float(element.attrib["width"]) for element in svg if element.attrib.get("class") == "alarm"]
    second = (demo_report.WIDTH - demo_report.LABELS - 5) / 10
    assert alarms == pytest.approx([2 * second, 2.0, 3 * second], abs=0.1)  # LOW twice, the second time as it ends; WAKE


def test_recording_outlasts_failures_of_what_it_observes_and_ends_with_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_report, "INTERVAL_SECONDS", 0.001)
    recording, looks, seen = Recording(), iter(range(1_000_000)), threading.Event()

    def observe() -> Observation:
        number = next(looks)
        if number % 2:
            raise ConnectionError
        if number > 10:
            seen.set()
        return at(number, 0, 0, 0)

    with recording.observing(observe, (ConnectionError,)):
        assert seen.wait(10)
    assert "recording" not in {thread.name for thread in threading.enumerate()}
    assert [one.seconds for one in recording.observations][:3] == [0, 2, 4]


def test_an_alarm_is_named_by_its_endpoint_and_condition() -> None:
    alarm = {
        "AlarmName": "x",
        "MetricName": "HasBacklogWithoutCapacity",
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 1.0,
        "Dimensions": [{"Name": "EndpointName", "Value": "recommender-local"}],
    }
    assert alarm_of(alarm, {"recommender-local": NAME}) == (NAME, WAKE)
