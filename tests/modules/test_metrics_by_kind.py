"""Modules and Python go by the same list of what an endpoint of each kind publishes."""

from __future__ import annotations

import json
from pathlib import Path

from async_endpoint.core.metrics import ALL, NAMESPACE

WORDS = {"asynchronous": "async", "real-time": "real_time", "serverless": "serverless"}


def test_monitoring_uses_published_metrics_only(checkout: Path) -> None:
    published = json.loads((checkout / "modules/monitoring/metrics.json").read_text())

    assert published[NAMESPACE] == {
        metric.name: {"by_variant": metric.scope == "variant", "kinds": sorted(WORDS[kind] for kind in metric.kinds)}
        for metric in ALL
    }
    assert published.keys() == {NAMESPACE, "/aws/sagemaker/Endpoints"}
