"""moto's Application Auto Scaling, imported without ECS: the other patches import it from here.

moto imports ECS for scalable targets of ECS services, ECS imports EC2, and EC2 reads the instance types of all regions: half of
the emulator's start time. Here ECS is imported when it is first used.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from moto.backends import get_backend


class _Ecs:
    """A lazy `ecs_backends`, its `[account]`, and its `[account][region]` with that backend's attributes."""

    def __init__(self, *path: str) -> None:
        self._path = path

    def __getitem__(self, step: str) -> _Ecs:
        return _Ecs(*self._path, step)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # pickle asks before __init__ has run
            raise AttributeError(name)
        account, region = self._path
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
