"""AWS's price list files: what is read of them, what is not found is said, and what is written is what other commands read."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from async_endpoint import price_lists
from async_endpoint.capacity.price_files import HOST, USAGE_TYPES, as_document, merged, read_offer, written
from async_endpoint.capacity.price_items import ITEMS
from async_endpoint.capacity.price_overrides import parse_overrides
from async_endpoint.capacity.prices import PriceList
from async_endpoint.cli.prices import refresh as refresh_command
from async_endpoint.core.errors import InvalidInput, NotReady, UsageError
from async_endpoint.price_lists import download, refresh
from support.price_files import FILES, files_of_ireland, price_file

REGION = "eu-west-1"


def fetch(address: str) -> bytes:
    service = address.removeprefix(f"{HOST}/offers/v1.0/aws/").split("/")[0]
    assert address == f"{HOST}/offers/v1.0/aws/{service}/current/{REGION}/index.json"
    return files_of_ireland()[service]


def test_the_files_of_a_region_have_every_item_by_its_unit() -> None:
    found = refresh(REGION, fetch)
    assert found.problems == ()
    prices = {name: price.usd for offer in found.offers.values() for name, price in offer.prices.items()}
    assert prices == {
        "ml.m5.large": 0.129,  # that of asynchronous endpoints, not of real time, training or notebooks
        "ml.g4dn.xlarge": 0.821,
        "serverless_gb_seconds": 0.00002,
        "instance_volume_gb": 0.154,
        "endpoint_data_gb": 0.016,
        "s3_storage_gb": 0.023,
        "s3_put": 0.005,
        "s3_get": 0.0004,
        "sns_publishes": 0.5,  # after a free million
        "sqs_requests": 0.4,
        "alarm_metric": 0.1,
        "composite_alarm": 0.5,
        "dashboard": 3.0,
        "metric_requests": 0.01,
        "log_ingestion_gb": 0.57,
        "log_storage_gb": 0.03,
        "kms_key": 1.0,
        "kms_requests": 0.03,
        "lambda_gb_seconds": 0.0000133334,
        "lambda_requests": 0.2,
        "api_requests": 1.11,
    }
    assert prices.keys() >= ITEMS.keys()
    assert found.real_time_only == ("ml.g4dn.xlarge",)
    key = found.offers["awskms"].prices["kms_key"]
    assert (key.date, key.region, key.source) == (
        date(2026, 11, 20),
        REGION,
        f"{HOST}/offers/v1.0/aws/awskms/current/{REGION}/index.json",
    )


def test_usage_types_of_us_east_1_have_no_prefix_or_one() -> None:
    rows = [("Requests-Tier1", [(0.0, 5e-6)]), ("Requests-Tier2", [(0.0, 4e-7)]), ("TimedStorage-ByteHrs", [(0.0, 0.023)])]
    assert read_offer("AmazonS3", "us-east-1", price_file("AmazonS3", "us-east-1", rows)).problems == ()
    hosted = [("USE1-AsyncInf:ml.p6-b200.48xlarge", [(0.0, 131.0)])]
    assert read_offer("AmazonSageMaker", "us-east-1", price_file("AmazonSageMaker", "us-east-1", hosted)).prices.keys() == {
        "ml.p6-b200.48xlarge"
    }


def test_what_is_not_found_is_said_and_has_no_price() -> None:
    rows = [("EU-Requests-Tier1", [(0.0, 5e-6)]), ("EU-Requests-Tier1", [(0.0, 7e-6)]), ("EU-Requests-Tier2", [(0.0, 0.0)])]
    found = read_offer("AmazonS3", REGION, price_file("AmazonS3", REGION, rows))
    assert found.prices == {}
    storage, put, get = found.problems
    assert "has no price of TimedStorage-ByteHrs, which is what s3_storage_gb is billed as" in storage
    assert "has several prices (5e-06, 7e-06) of Requests-Tier1" in put
    assert "has no price of Requests-Tier2" in get
    twice = [("EU-Host:ml.m5.large", [(0.0, 1.0)]), ("EU-Host:ml.m5.large", [(0.0, 2.0)])]
    ambiguous = read_offer("AmazonSageMaker", REGION, price_file("AmazonSageMaker", REGION, twice))
    assert ambiguous.prices == {}
    assert any("several prices of ml.m5.large; none is taken" in problem for problem in ambiguous.problems)


def test_prices_in_another_currency_or_region_are_not_taken() -> None:
    content = json.loads(price_file("awskms", REGION, FILES["awskms"]))
    for product in content["products"].values():
        product["attributes"]["regionCode"] = "eu-west-2"
    assert read_offer("awskms", REGION, json.dumps(content).encode()).prices == {}
    yuan = files_of_ireland()["awskms"].replace(b'"USD"', b'"CNY"')
    assert read_offer("awskms", REGION, yuan).prices == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>", "does not have the form of an AWS price list file"),
        (b"[]", "does not have the form"),
        (b'{"offerCode": "awskms", "products": {}, "terms": {}}', "does not have the form"),
        (price_file("AmazonS3", REGION, []), "is the price list file of AmazonS3, not of awskms"),
        (price_file("awskms", REGION, [], published="soon"), "publicationDate is 'soon'"),
        (price_file("awskms", REGION, FILES["awskms"]).replace(b"1.0000000000", b"one"), "of an unknown form"),
        (price_file("awskms", REGION, [], products={"A": 1}), "of an unknown form"),
    ],
)
def test_content_of_another_form_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_offer("awskms", REGION, content)


def test_one_file_that_cannot_be_read_leaves_the_others() -> None:
    def partly(address: str) -> bytes:
        if "AmazonSNS" in address:
            raise NotReady("SNS is away.")
        return fetch(address)

    found = refresh(REGION, partly)
    assert found.problems == ("SNS is away.",)
    assert found.offers.keys() == USAGE_TYPES.keys() - {"AmazonSNS"}


def test_no_file_at_all_is_an_error_and_so_is_no_region() -> None:
    def nothing(address: str) -> bytes:
        raise NotReady(f"{address} could not be read.")

    with pytest.raises(NotReady, match=r"No price list file of eu-west-1 could be read\. .*AmazonSageMaker"):
        refresh(REGION, nothing)
    for region, message in (("ireland", "is not the name of a region"), ("../eu-west-1", "is not"), ("cn-north-1", "renminbi")):
        with pytest.raises(InvalidInput, match=message):
            refresh(region, nothing)


def test_what_is_written_is_what_other_commands_read() -> None:
    text = written(as_document(REGION, refresh(REGION, fetch).offers))
    prices = PriceList.load(REGION, parse_overrides(text, "refreshed.json", today=date(2026, 11, 30)), today=date(2026, 11, 30))
    price = prices.instance("ml.m5.large")
    assert price
    assert (price.usd, price.date) == (0.129, date(2026, 11, 20))
    assert prices.warnings(ITEMS) == ()
    assert '"usd": 0.0000133334,' in text


def test_the_table_keeps_its_types_and_other_regions() -> None:
    table = {
        "sources": {
            "old": {"address": "https://old", "date": "2025-01-01"},
            "other": {"address": "https://b", "date": "2025-01-01"},
        },
        "regions": {
            REGION: {"ml.m5.large": {"usd": 9, "source": "old"}, "kms_key": {"usd": 9, "source": "old"}},
            "us-east-1": {"ml.m5.large": {"usd": 8, "source": "other"}},
        },
    }
    read = as_document(REGION, refresh(REGION, fetch).offers)
    renewed = merged(table, read)
    assert renewed["regions"]["us-east-1"] == table["regions"]["us-east-1"]
    assert renewed["regions"][REGION]["ml.m5.large"]["usd"] == 0.129
    assert "ml.g4dn.xlarge" not in renewed["regions"][REGION]
    assert "old" not in renewed["sources"]
    added = merged({"sources": table["sources"], "regions": {"us-east-1": table["regions"]["us-east-1"]}}, read)
    assert added["regions"][REGION]["ml.m5.large"]["usd"] == 0.129
    assert "ml.g4dn.xlarge" not in added["regions"][REGION]


def test_the_command_writes_a_file_and_names_what_it_did_not_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = files_of_ireland() | {"AmazonSNS": price_file("AmazonSNS", REGION, [])}
    monkeypatch.setattr(price_lists, "download", lambda address: files[address.split("/")[6]])
    refresh_command(REGION, tmp_path / "prices.json", False)
    said = capsys.readouterr().err
    assert (
        "not found: https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonSNS/current/eu-west-1/index.json has no price"
        in said
    )
    assert "1 instance types are listed for real-time endpoints alone" in said
    assert parse_overrides((tmp_path / "prices.json").read_text(), "x", today=date(2026, 11, 30))[REGION]["s3_put"].usd == 0.005
    with pytest.raises(UsageError, match="either --out FILE"):
        refresh_command(REGION, None, False)
    with pytest.raises(InvalidInput, match="cannot be written"):
        refresh_command(REGION, tmp_path / "no" / "prices.json", False)


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response({"/404": 404, "/redirect": 302}.get(self.path, 200))
        if self.path == "/redirect":
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        if self.path == "/ok":
            self.wfile.write(b"content" * 10)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{running.server_port}"
        monkeypatch.setattr(price_lists, "HOST", address)
        yield address
        running.shutdown()
        thread.join()


def test_downloads_are_bounded_stay_on_the_host_and_fail_in_a_sentence(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert download(f"{server}/ok") == b"content" * 10
    for path, message in (("404", "status 404"), ("redirect", "status 302")):
        with pytest.raises(NotReady, match=message):
            download(f"{server}/{path}")
    monkeypatch.setattr(price_lists, "MAX_BYTES", 5)
    with pytest.raises(NotReady, match="more than 5 bytes"):
        download(f"{server}/ok")
    with pytest.raises(InvalidInput, match="is not an address of"):
        download("file:///etc/passwd")


def test_a_server_that_is_away_is_named() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(price_lists, "HOST", "http://127.0.0.1:1")
        with pytest.raises(NotReady, match=r"http://127\.0\.0\.1:1/x could not be read \(.*\)"):
            download("http://127.0.0.1:1/x")
