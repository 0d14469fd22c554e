"""Recommended settings of module async-inference for a workload, and a lower bound on what any schedule costs."""

from __future__ import annotations

from async_endpoint.capacity.recommendation.instance_options import InstanceOption, Objective
from async_endpoint.capacity.recommendation.recommendation import MOST_INSTANCES, Recommendation, recommend
from async_endpoint.capacity.recommendation.schedules import office_hours
from async_endpoint.capacity.recommendation.search import affordable

__all__ = ["MOST_INSTANCES", "InstanceOption", "Objective", "Recommendation", "affordable", "office_hours", "recommend"]
