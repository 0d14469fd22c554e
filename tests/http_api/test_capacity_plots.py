"""Charts on the console page: which files are shown, and as what they are served."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from async_endpoint.capacity.bill import IdleItems, Usage, bill
from async_endpoint.capacity.prices import PriceList
from async_endpoint.core.errors import InvalidInput
from async_endpoint.http_api.capacity_plots import MAX_PLOTS, read_plots
from async_endpoint.plots import costs_svg
from support.api_client import create_api
from support.in_memory_aws import FakeAws

NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    prices = PriceList.load("us-east-1", today=date(2026, 11, 30))
    (tmp_path / "costs.svg").write_text(costs_svg(bill(Usage(idle=IdleItems(kms_keys=1)), prices)))
    (tmp_path / "notes.txt").write_text("not shown")
    return tmp_path


def test_charts_are_listed_with_their_texts_and_served_as_images(aws: FakeAws, folder: Path) -> None:
    api = create_api(aws, capacity_plots=read_plots(folder))
    [plot] = api.http.get("/v1/capacity-plots").json()["plots"]
    assert plot == {
        "name": "costs.svg",
        "title": "Cost by component",
        "description": "Together: 1.00 US dollars a month (encryption 1.00).",
        "url": "/v1/capacity-plots/costs.svg",
    }
    image = api.http.get(plot["url"])
    assert (image.status_code, image.headers["content-type"]) == (200, "image/svg+xml")
    assert image.content == (folder / "costs.svg").read_bytes()
    assert image.headers["x-content-type-options"] == "nosniff"
    assert image.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert not aws.s3.calls


def test_what_was_not_there_at_the_start_is_not_found(aws: FakeAws, folder: Path) -> None:
    api = create_api(aws, capacity_plots=read_plots(folder))
    (folder / "later.svg").write_text(f"<svg {NAMESPACE}/>")
    for path in ("later.svg", "notes.txt", "..%2Fcosts.svg", "costs.svg%2F..", "%2Fetc%2Fpasswd"):
        assert api.http.get(f"/v1/capacity-plots/{path}").status_code in (400, 404), path
    assert create_api(aws).http.get("/v1/capacity-plots").json() == {"plots": []}


def test_they_need_a_key_as_everything_does(aws: FakeAws, folder: Path) -> None:
    guarded = create_api(aws, keys_required=True, capacity_plots=read_plots(folder))
    for path in ("/v1/capacity-plots", "/v1/capacity-plots/costs.svg"):
        assert guarded.http.get(path).status_code == 401


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.svg", "<svg", "is not well-formed XML"),
        ("a.svg", "<html/>", "is not an SVG image"),
        ("a.svg", f'<!DOCTYPE svg [<!ENTITY a "b">]><svg {NAMESPACE}/>', "declares a document type"),
        ("a b.svg", f"<svg {NAMESPACE}/>", "a name with other characters"),
        ("a.svg", f"<svg {NAMESPACE}>{' ' * 1_000_000}</svg>", "more than 1,000,000 bytes"),
    ],
)
def test_a_file_that_cannot_be_shown_stops_the_start(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InvalidInput, match=message):
        read_plots(tmp_path)


def test_a_folder_has_one_to_twenty_charts(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="has 0 SVG files"):
        read_plots(tmp_path)
    with pytest.raises(InvalidInput, match="is not a folder"):
        read_plots(tmp_path / "none")
    for number in range(MAX_PLOTS + 1):
        (tmp_path / f"{number}.svg").write_text(f"<svg {NAMESPACE}/>")
    with pytest.raises(InvalidInput, match="has 21 SVG files; the page shows 1 to 20"):
        read_plots(tmp_path)
