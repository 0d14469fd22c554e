"""Prices of one's own from a file: CSV or JSON, each error with its place."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from async_endpoint.capacity.price_overrides import parse_overrides
from async_endpoint.cli.price_options import price_lists
from async_endpoint.core.errors import InvalidInput

TODAY = date(2026, 11, 30)
HEADER = "name,region,usd,date,source\n"
ROW = "ml.m5.large,eu-west-1,0.0896,2026-11-01,Savings Plan of one year\n"


def test_csv_and_json_give_the_same_prices() -> None:
    from_csv = parse_overrides(HEADER + ROW + "s3_put, eu-west-1, 0.004, 2026-11-01, contract\n", "own.csv", today=TODAY)
    from_json = parse_overrides(
        """{"sources": {"plan": {"address": "Savings Plan of one year", "date": "2026-11-01"},
                        "c": {"address": "contract", "date": "2026-11-01"}},
            "regions": {"eu-west-1": {"ml.m5.large": {"usd": 0.0896, "source": "plan"},
                                      "s3_put": {"usd": 0.004, "source": "c"}}}}""",
        "own.json",
        today=TODAY,
    )
    assert from_csv == from_json
    price = from_csv["eu-west-1"]["ml.m5.large"]
    assert (price.usd, price.source, price.date) == (0.0896, "Savings Plan of one year", date(2026, 11, 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "own.csv is no JSON, and no CSV with the header name,region,usd,date,source"),
        ("name,usd\nml.m5.large,1\n", r"it lacks region, date, source"),
        (HEADER + "ml.m5.large,eu-west-1,cheap,2026-11-01,x\n", r"own.csv, line 2: the price 'cheap' is not a number"),
        (HEADER + "ml.m5.large,eu-west-1,-1,2026-11-01,x\n", r"line 2: the price '-1'"),
        (HEADER + "ml.m5.large,eu-west-1,inf,2026-11-01,x\n", r"line 2: the price 'inf'"),
        (HEADER + "ml.m5.large,eu-west-1,1,November,x\n", r"the date 'November' is not a day"),
        (HEADER + "ml.m5.large,Ireland,1,2026-11-01,x\n", r"'Ireland' is not the name of a region"),
        (HEADER + "ml.m5.large,eu-west-1,1,2026-11-01,\n", r"the price has no source"),
        (
            HEADER + "m5.large,eu-west-1,1,2026-11-01,x\n",
            r"'m5.large' is neither an instance type such as ml.m5.large nor one of alarm_metric",
        ),
        (HEADER + ROW + ROW, r"line 3: ml.m5.large has a price in eu-west-1 already"),
        (HEADER + "ml.m5.large,eu-west-1\n", r"line 2: the price '' is not a number"),
        (HEADER + "ml.m5.large,eu-west-1,1,2026-12-02,x\n", r"line 2: the date 2026-12-02 is in the future"),
        ("name,region,usd,usd,date,source\nml.m5.large,eu-west-1,1,2,2026-11-01,x\n", r"own.csv has two columns 'usd'"),
        (HEADER + f"ml.m5.large,eu-west-1,{'1' * 200_000},2026-11-01,x\n", r"own.csv is not CSV \(field larger than"),
        (f"{'x' * 200_000}\n", r"own.csv is not CSV \(field larger than"),
        ("{", r"own.csv is not valid JSON"),
        ('{"a":' * 100_000, r"own.csv is not valid JSON: maximum recursion depth"),
        (f'{{"a": {"1" * 5_000}}}', r"own.csv is not valid JSON: Exceeds the limit"),
        ('{"regions": {}, "sources": {}, "regions": {}}', r"own.csv is not valid JSON: an object has 'regions' twice"),
        (
            '{"sources": {"a": {"address": "b", "date": "2026-11-01"}}, '
            f'"regions": {{"eu-west-1": {{"kms_key": {{"usd": {"[" * 900}{"]" * 900}, "source": "a"}}}}}}}}',
            r"kms_key: the price of type list is not a number",
        ),
        ('{"regions": {}}', r"does not have the form of prices.json"),
        ('{"sources": {}, "regions": []}', r"does not have the form"),
        ('{"sources": {}, "regions": {"eu-west-1": {"kms_key": {"usd": 1, "source": "a"}}}}', r"does not have the form.*'a'"),
        (
            '{"sources": {"a": {"address": "b", "date": "2026-11-01"}}, '
            '"regions": {"eu-west-1": {"kms_key": {"usd": true, "source": "a"}}}}',
            r"own.csv, eu-west-1, kms_key: the price True is not",
        ),
    ],
)
def test_an_error_names_its_place_and_what_to_do(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_overrides(text, "own.csv", today=TODAY)


def test_the_option_puts_them_before_the_table_and_reports_their_age(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("\ufeff" + HEADER + ROW.replace("2026", "2024"), encoding="utf-8")
    prices = price_lists(file, today=date(2026, 11, 30))("eu-west-1")
    price = prices.instance("ml.m5.large")
    assert price
    assert price.usd == 0.0896
    assert "of 2024-11-01, over a year old" in prices.warnings(["ml.m5.large"])[0]
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="is not UTF-8 text"):
        price_lists(file)
    with pytest.raises(InvalidInput, match=r"none\.csv"):
        price_lists(tmp_path / "none.csv")
