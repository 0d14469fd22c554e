"""moto's Application Auto Scaling, loaded without ECS: whatever mends it imports it from here.

moto imports ECS for scalable targets that are its services, ECS imports EC2, and EC2 reads the instance types of all regions:
half of what starting the local AWS costs. Here ECS is found when it is asked for something.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from moto.backends import get_backend


class _Ecs:
    """Stands for `ecs_backends`, for `[account]` of it, and for `[account][region]`, whose attributes it has."""

    def __init__(self, *way: str) -> None:
        self._way = way

    def __getitem__(self, step: str) -> _Ecs:
        return _Ecs(*self._way, step)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # pickle asks before there is a way
            raise AttributeError(name)
        account, region = self._way
        return getattr(get_backend("ecs")[account][region], name)


_absent = ModuleType("moto.ecs")
_absent.ecs_backends = _Ecs()  # type: ignore[attr-defined]
_loaded = sys.modules.setdefault("moto.ecs", _absent)
try:
    from moto.applicationautoscaling import models, responses
    from moto.applicationautoscaling.exceptions import AWSValidationException
    from moto.applicationautoscaling.models import (
        ApplicationAutoscalingBackend,
        FakeApplicationAutoscalingPolicy,
        FakeScalableTarget,
        FakeScheduledAction,
    )
    from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse, _build_policy, _build_target
finally:
    if _loaded is _absent:
        del sys.modules["moto.ecs"]

__all__ = [
    "AWSValidationException",
    "ApplicationAutoScalingResponse",
    "ApplicationAutoscalingBackend",
    "FakeApplicationAutoscalingPolicy",
    "FakeScalableTarget",
    "FakeScheduledAction",
    "_build_policy",
    "_build_target",
    "models",
    "responses",
]
