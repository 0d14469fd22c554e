"""What docs/migrate.md says two endpoints cost, recomputed from the list price of an instance."""

from __future__ import annotations

from datetime import UTC, datetime

from async_endpoint.capacity.prices import PriceList
from support.documents import ROOT, Document, rows


def test_the_costs_of_running_both_are_those_of_the_price_list() -> None:
    price = PriceList.load("eu-west-1", today=datetime.now(UTC).date()).instance("ml.m5.large")
    assert price is not None
    one = [f"{price.usd * 24:.2f}", f"{price.usd * 24 * 14:.2f}"]
    both = [f"{2 * price.usd * 24:.2f}", f"{2 * price.usd * 24 * 14:.2f}"]
    found = [cells[1:] for cells in rows(Document.read(ROOT / "docs/migrate.md").section("3. Compare")) if len(cells) == 3]
    assert found[-3:] == [one, one, both]
