"""No tracking of instances: moto keeps every object it ever made for its dashboard, such as deleted messages.

Here objects live as long as they are referenced. The dashboard is not served.
"""

from __future__ import annotations

from typing import Any

from moto.core.common_models import BaseModel


def _untracked(cls: type[BaseModel], *_: Any, **__: Any) -> Any:
    return super(BaseModel, cls).__new__(cls)


def apply() -> None:
    BaseModel.__new__ = _untracked
