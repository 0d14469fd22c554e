"""A recommendation as JSON, and as points of a chart."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from async_endpoint.capacity.recommendation.alternatives import Alternative
from async_endpoint.capacity.recommendation.block import hcl_block
from async_endpoint.capacity.recommendation.evaluation import Point
from async_endpoint.capacity.recommendation.recommendation import Recommendation


def as_dict(result: Recommendation) -> dict[str, Any]:
    """For --json: US dollars of instances a month, seconds; null for an endless wait and an unknown price."""
    objective = result.objective
    return {
        "objective": {"percentile": objective.percent, "wait_seconds": objective.wait, "usd_per_month": objective.budget},
        "meets_objective": result.meets,
        "keep_current": result.stays,
        "recommended": _point(result.best),
        "block": "" if result.best.settings is None else hcl_block(result.best.settings),
        "front": [_point(point) for point in result.front],
        "current": None if result.current is None else _point(result.current),
        "guide": _point(result.guide),
        "always_on": _alternative(result.always_on),
        "serverless": _alternative(result.serverless),
        "lower_bound": {"usd_per_month" if objective.wait is not None else "wait_seconds": round(result.bound, 4)},
        "lower_bound_curve": [{"wait_seconds": round(wait, 3), "usd_per_month": round(usd, 4)} for wait, usd in result.curve],
        "simulations": result.simulations,
        "settings_in_grid": result.grid_size,
    }


def _point(point: Point) -> dict[str, Any]:
    return {
        "usd_per_month": round(point.usd, 4),
        "wait_seconds": _finite(point.wait),
        "latency_seconds": _finite(point.latency),
        "expired": point.expired,
        "instance_seconds": round(point.instance_seconds, 3),
        "launches": point.launches,
        "activities": point.activities,
        "peak_instances": point.peak,
        "settings": None if point.settings is None else dataclasses.asdict(point.settings),
    }


def _alternative(found: Alternative) -> dict[str, Any]:
    return {
        "what": found.what,
        "usd_per_month": None if found.usd is None else round(found.usd, 4),
        "wait_seconds": _finite(found.wait),
        "obstacles": list(found.obstacles),
    }


def _finite(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None
