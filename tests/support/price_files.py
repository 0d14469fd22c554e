"""AWS price list files as AWS documents them: products by SKU, and terms with price dimensions (Billing user guide)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

Row = tuple[str, list[tuple[float, float]]]


def price_file(
    service: str, region: str, rows: Iterable[Row], *, published: str = "2026-11-20T01:02:03Z", **more: Any
) -> bytes:
    """A file of one service in one region; a row has the usage type and (begin of the range, US dollars) pairs."""
    products: dict[str, Any] = {}
    terms: dict[str, Any] = {}
    for number, (usage_type, ranges) in enumerate(rows):
        sku = f"SKU{number:013}"
        attributes = {"servicecode": service, "regionCode": region, "usagetype": usage_type, "locationType": "AWS Region"}
        products[sku] = {"sku": sku, "productFamily": "Any", "attributes": attributes}
        terms[sku] = {f"{sku}.JRTCKXETXF": _term(sku, ranges)}
    document = {
        "formatVersion": "v1.0",
        "disclaimer": "This pricing list is for informational purposes only.",
        "offerCode": service,
        "version": "20261120010203",
        "publicationDate": published,
        "products": products,
        "terms": {"OnDemand": terms},
    }
    return json.dumps(document | more).encode()


def _term(sku: str, ranges: list[tuple[float, float]]) -> dict[str, Any]:
    ends = [str(begin) for begin, _ in ranges[1:]] + ["Inf"]
    dimensions = {
        f"{sku}.JRTCKXETXF.{number}": {
            "rateCode": f"{sku}.JRTCKXETXF.{number}",
            "description": f"${usd} per unit",
            "beginRange": f"{begin:g}",
            "endRange": end,
            "unit": "Units",
            "pricePerUnit": {"USD": f"{usd:.10f}"},
            "appliesTo": [],
        }
        for number, ((begin, usd), end) in enumerate(zip(ranges, ends, strict=True))
    }
    return {
        "offerTermCode": "JRTCKXETXF",
        "sku": sku,
        "effectiveDate": "2026-11-01T00:00:00Z",
        "priceDimensions": dimensions,
        "termAttributes": {},
    }


# Every service of eu-west-1, with the usage types that public readers of these files quote.
FILES: dict[str, list[Row]] = {
    "AmazonSageMaker": [
        ("EU-Host:ml.m5.large", [(0, 0.128)]),
        ("EU-AsyncInf:ml.m5.large", [(0, 0.129)]),
        ("EU-Host:ml.g4dn.xlarge", [(0, 0.821)]),
        ("EU-Train:ml.m5.large", [(0, 0.5)]),
        ("EU-Notebk:ml.t3.medium", [(0, 0.05)]),
        ("EU-ServerlessInf:Mem-1GB", [(0, 0.00002)]),
        ("EU-ServerlessInf:Mem-2GB", [(0, 0.00004)]),
        ("EU-Host:VolumeUsage.gp2", [(0, 0.154)]),
        ("EU-Hst:Data-Bytes-Out", [(0, 0.016)]),
    ],
    "AmazonS3": [
        ("EU-TimedStorage-ByteHrs", [(0, 0.023), (51_200, 0.022)]),
        ("EU-Requests-Tier1", [(0, 0.000005)]),
        ("EU-Requests-Tier2", [(0, 0.0000004)]),
    ],
    "AmazonSNS": [("EU-Requests-Tier1", [(0, 0.0), (1_000_000, 0.0000005)])],
    "AWSQueueService": [("EU-Requests-Tier1", [(0, 0.0000004), (100e9, 0.0000003)]), ("EU-Requests-FIFO-Tier1", [(0, 5e-7)])],
    "AmazonCloudWatch": [
        ("EU-CW:AlarmMonitorUsage", [(0, 0.1)]),
        ("EU-CW:HighResAlarmMonitorUsage", [(0, 0.3)]),
        ("EU-CW:CompositeAlarmMonitorUsage", [(0, 0.5)]),
        ("DashboardsUsageHour", [(0, 3.0)]),
        ("EU-CW:GMD-Metrics", [(0, 0.00001)]),
        ("EU-DataProcessing-Bytes", [(0, 0.57)]),
        ("EU-TimedStorage-ByteHrs", [(0, 0.03)]),
    ],
    "awskms": [("eu-west-1-KMS-Keys", [(0, 1.0)]), ("eu-west-1-KMS-Requests", [(0, 0.0), (20_000, 0.000003)])],
    "AWSLambda": [
        ("EU-Lambda-GB-Second-ARM", [(0, 0.0000133334), (7.5e9, 0.0000120001)]),
        ("EU-Lambda-GB-Second", [(0, 0.0000166667)]),
        ("EU-Request-ARM", [(0, 0.0000002)]),
    ],
    "AmazonApiGateway": [("EU-ApiGatewayHttpRequest", [(0, 0.00000111)]), ("EU-ApiGatewayRequest", [(0, 0.0000035)])],
}


def files_of_ireland() -> dict[str, bytes]:
    """The files by service."""
    return {service: price_file(service, "eu-west-1", rows) for service, rows in FILES.items()}
