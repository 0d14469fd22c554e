"""What AWS bills besides instances: each item by a name of its own, with the unit that AWS publishes its price for.

A price, and a quantity of a bill, is in that unit: 2,000 requests of `s3_put` are 2 of its units. Storage and alarms are billed
by the hour and published by the month of 730 hours (AWS Pricing Calculator).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

HOURS_PER_MONTH: Final = 730
INSTANCE_UNIT: Final = "hours"
INSTANCE_TYPE: Final = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")


@dataclass(frozen=True)
class Item:
    """What is billed. `unit` is that of its price, and has `size` of what is counted; `component` is the part of a bill."""

    component: str
    unit: str
    what: str
    size: int = 1


ITEMS: Final = {
    "alarm_metric": Item("monitoring", "metrics of alarms", "metric that an alarm of standard resolution reads, for a month"),
    "api_requests": Item("http api", "million requests", "call of an HTTP API of API Gateway", 1_000_000),
    "composite_alarm": Item("monitoring", "composite alarms", "composite alarm, for a month"),
    "dashboard": Item("monitoring", "dashboards", "dashboard of CloudWatch, for a month"),
    "endpoint_data_gb": Item("data", "GB", "request and response data that an endpoint processes"),
    "instance_volume_gb": Item("instances", "GB-months", "volume of an instance of an endpoint, for a month"),
    "kms_key": Item("encryption", "keys", "customer managed key, for a month"),
    "kms_requests": Item("encryption", "10,000 requests", "call of KMS", 10_000),
    "lambda_gb_seconds": Item("http api", "GB-seconds", "memory of a Lambda function on arm64 while it is called"),
    "lambda_requests": Item("http api", "million requests", "call of a Lambda function", 1_000_000),
    "log_ingestion_gb": Item("logs", "GB", "log data that CloudWatch Logs ingests"),
    "log_storage_gb": Item("logs", "GB-months", "stored log data, for a month"),
    "metric_requests": Item("monitoring", "1,000 metrics", "metric that GetMetricData is asked for", 1_000),
    "s3_get": Item("storage", "1,000 requests", "GET or HEAD of S3", 1_000),
    "s3_put": Item("storage", "1,000 requests", "PUT, COPY, POST or LIST of S3", 1_000),
    "s3_storage_gb": Item("storage", "GB-months", "stored object data, S3 Standard, for a month"),
    "serverless_gb_seconds": Item("instances", "GB-seconds", "memory of a serverless endpoint while it computes"),
    "sns_publishes": Item("notifications", "million requests", "message published to a topic, by 64 KB", 1_000_000),
    "sqs_requests": Item("notifications", "million requests", "call of a standard queue, by 64 KB", 1_000_000),
}


def is_instance(name: str) -> bool:
    """Whether a priced thing is an instance type, and not one of ITEMS."""
    return name.startswith("ml.")


def unit_of(name: str) -> str:
    """The unit of the price of an instance type or an item."""
    return INSTANCE_UNIT if is_instance(name) else ITEMS[name].unit
