"""AWS's price list files, each of one service in one region, as prices of this package.

Their form: AWS Billing user guide, "Reading the service price list file for an AWS service": `products` by SKU with attributes,
and `terms.OnDemand` by SKU with price dimensions, each for a range of usage. The price of the first range that is not free is
taken: what is free is a free tier. The files are public, and no account is needed to read them.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from async_endpoint.capacity.price_items import INSTANCE_TYPE, ITEMS, is_instance
from async_endpoint.capacity.prices import Price
from async_endpoint.core.errors import InvalidInput

HOST: Final = "https://pricing.us-east-1.amazonaws.com"

# Usage types of each service by item, without the prefix of the region (EU-, USE1-, none); the first that a file has is taken.
USAGE_TYPES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "AmazonSageMaker": {
        "endpoint_data_gb": ("AsyncInf:Data-Bytes-Out", "Hst:Data-Bytes-Out"),
        "instance_volume_gb": ("AsyncInf:VolumeUsage.gp2", "Host:VolumeUsage.gp2"),
        "serverless_gb_seconds": ("ServerlessInf:Mem-1GB",),
    },
    "AmazonS3": {"s3_storage_gb": ("TimedStorage-ByteHrs",), "s3_put": ("Requests-Tier1",), "s3_get": ("Requests-Tier2",)},
    "AmazonSNS": {"sns_publishes": ("Requests-Tier1",)},
    "AWSQueueService": {"sqs_requests": ("Requests-Tier1",)},
    "AmazonCloudWatch": {
        "alarm_metric": ("CW:AlarmMonitorUsage",),
        "composite_alarm": ("CW:CompositeAlarmMonitorUsage",),
        "dashboard": ("DashboardsUsageHour",),
        "metric_requests": ("CW:GMD-Metrics",),
        "log_ingestion_gb": ("DataProcessing-Bytes",),
        "log_storage_gb": ("TimedStorage-ByteHrs",),
    },
    "awskms": {"kms_key": ("KMS-Keys",), "kms_requests": ("KMS-Requests",)},
    "AWSLambda": {"lambda_gb_seconds": ("Lambda-GB-Second-ARM",), "lambda_requests": ("Request-ARM", "Request")},
    "AmazonApiGateway": {"api_requests": ("ApiGatewayHttpRequest",)},
}
_INSTANCES: Final = re.compile(rf"(AsyncInf|Host):({INSTANCE_TYPE.pattern})")


@dataclass(frozen=True)
class OfferPrices:
    """What a file has: prices by instance type or item, sentences about what it has not, and types that only real time has."""

    prices: Mapping[str, Price]
    problems: tuple[str, ...] = ()
    real_time_only: tuple[str, ...] = ()


def address(service: str, region: str) -> str:
    """Where AWS publishes the current file of a service in a region."""
    return f"{HOST}/offers/v1.0/aws/{service}/current/{region}/index.json"


def read_offer(service: str, region: str, content: bytes) -> OfferPrices:
    """The prices in US dollars of a price list file. Raises InvalidInput for content of another form, service or region."""
    origin = address(service, region)
    document = _document(service, content, origin)
    published = _published(document, origin)
    try:
        rates = _Rates(document, region)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{origin} has products or terms of an unknown form ({type(error).__name__}: {error}).") from None
    prices: dict[str, Price] = {}
    problems: list[str] = []
    for item, usage_types in USAGE_TYPES[service].items():
        found = next((amounts for kind in usage_types if (amounts := rates.of(kind))), set())
        if len(found) == 1:
            amount = round(found.pop() * ITEMS[item].size, 12)
            prices[item] = Price(amount, origin, published, region)
        else:
            seen = f"several prices ({', '.join(f'{one:g}' for one in sorted(found))})" if found else "no price"
            problems.append(f"{origin} has {seen} of {' or '.join(usage_types)}, which is what {item} is billed as.")
    if service != "AmazonSageMaker":
        return OfferPrices(prices, tuple(problems))
    hosted, real_time_only, unclear = rates.instances()
    prices |= {kind: Price(amount, origin, published, region) for kind, amount in sorted(hosted.items())}
    problems += [f"{origin} has several prices of {kind}; none is taken." for kind in unclear]
    return OfferPrices(prices, tuple(problems), tuple(real_time_only))


def _document(service: str, content: bytes, origin: str) -> Mapping[str, Any]:
    try:
        document = json.loads(content)
        complete = isinstance(document["products"], dict) and isinstance(document["terms"]["OnDemand"], dict)
        offer = document["offerCode"]
    except (ValueError, KeyError, TypeError, RecursionError):
        complete, offer = False, service
    if not complete:
        raise InvalidInput(f"{origin} does not have the form of an AWS price list file: `products` and `terms.OnDemand`.")
    if offer != service:
        raise InvalidInput(f"{origin} is the price list file of {offer}, not of {service}.")
    return dict(document)


def _published(document: Mapping[str, Any], origin: str) -> datetime.date:
    text = str(document.get("publicationDate", ""))
    try:
        return datetime.date.fromisoformat(text[:10])
    except ValueError:
        raise InvalidInput(f"{origin} does not say when it was published: its publicationDate is {text!r}.") from None


class _Rates:
    """The amounts for one unit in a file, by usage type without the prefix of the region."""

    def __init__(self, document: Mapping[str, Any], region: str) -> None:
        self._amounts: dict[str, set[float]] = {}
        for sku, product in document["products"].items():
            attributes = product.get("attributes") or {}
            usage_type = str(attributes.get("usagetype", ""))
            if usage_type and attributes.get("regionCode", region) == region:
                self._amounts.setdefault(_without_prefix(usage_type, region), set()).update(_paid(document, sku))

    def of(self, usage_type: str) -> set[float]:
        return set(self._amounts.get(usage_type, ()))

    def instances(self) -> tuple[dict[str, float], list[str], list[str]]:
        """Prices of instance types, those of asynchronous endpoints first; types without one of these; types with several."""
        found: dict[str, dict[str, set[float]]] = {}
        for usage_type, amounts in self._amounts.items():
            if amounts and (match := _INSTANCES.fullmatch(usage_type)):
                found.setdefault(match[2], {})[match[1]] = amounts
        chosen = {kind: by.get("AsyncInf") or by["Host"] for kind, by in found.items()}
        prices = {kind: next(iter(amounts)) for kind, amounts in chosen.items() if len(amounts) == 1}
        return prices, sorted(kind for kind in prices if "AsyncInf" not in found[kind]), sorted(chosen.keys() - prices.keys())


def _without_prefix(usage_type: str, region: str) -> str:
    """A usage type without its region, which is a code such as EU or APN1, or for KMS the region's name."""
    head, dash, tail = usage_type.removeprefix(f"{region}-").partition("-")
    return (
        tail
        if dash and re.fullmatch(r"[A-Z]{2,4}\d?", head) and not usage_type.startswith(f"{region}-")
        else head + dash + tail
    )


def _paid(document: Mapping[str, Any], sku: str) -> Iterator[float]:
    """The price of the first range of usage that is not free, for each term of a SKU."""
    for term in (document["terms"]["OnDemand"].get(sku) or {}).values():
        ranges = sorted(
            (float(one.get("beginRange") or 0), float(one["pricePerUnit"]["USD"]))
            for one in (term.get("priceDimensions") or {}).values()
            if "USD" in (one.get("pricePerUnit") or {})
        )
        yield from [amount for _, amount in ranges if amount > 0][:1]


def as_document(region: str, offers: Mapping[str, OfferPrices]) -> dict[str, Any]:
    """What was read of a region, by service, in the form of prices.json."""
    sources, prices = {}, {}
    for service, offer in sorted(offers.items()):
        source = f"{region}-{service}"
        for name, price in offer.prices.items():
            sources[source] = {
                "address": price.source,
                "date": price.date.isoformat(),
                "what": "AWS price list file, published that day",
            }
            prices[name] = {"usd": price.usd, "source": source}
    return {"sources": sources, "regions": {region: dict(sorted(prices.items()))}}


def merged(table: Mapping[str, Any], read: Mapping[str, Any]) -> dict[str, Any]:
    """A document with prices of one region renewed: of its instance types, in whatever region, and of all items.

    Sources that nothing refers to any more are left out.
    """
    regions = {region: dict(prices) for region, prices in table["regions"].items()}
    types = {name for prices in regions.values() for name in prices}
    for region, prices in read["regions"].items():
        kept = regions.setdefault(region, {})
        kept |= {name: one for name, one in prices.items() if name in types or not is_instance(name)}
    used = {one["source"] for prices in regions.values() for one in prices.values()}
    sources = {name: one for name, one in {**table["sources"], **read["sources"]}.items() if name in used}
    return {"sources": sources, "regions": regions}


def written(document: Mapping[str, Any]) -> str:
    """The text of a document in the form of prices.json: sorted, a price a line."""
    regions = [
        f"    {json.dumps(region)}: {{\n{_lines(prices, _price_text)}\n    }}"
        for region, prices in sorted(document["regions"].items())
    ]
    sources = json.dumps({"sources": dict(sorted(document["sources"].items()))}, indent=2, ensure_ascii=False)
    return sources.removesuffix("\n}") + ',\n  "regions": {\n' + ",\n".join(regions) + "\n  }\n}\n"


def _lines(prices: Mapping[str, Any], text: Callable[[Any], str]) -> str:
    return ",\n".join(f"      {json.dumps(name)}: {text(one)}" for name, one in sorted(prices.items()))


def _price_text(one: Mapping[str, Any]) -> str:
    return f'{{ "usd": {format(Decimal(repr(one["usd"])), "f")}, "source": {json.dumps(one["source"])} }}'
