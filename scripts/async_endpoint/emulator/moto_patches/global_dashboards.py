"""Dashboards of an account: CloudWatch's are global ("All dashboards are global, not Region-specific", CloudWatch user guide).

moto keeps those of each region apart, so that two regions can have dashboards of one name, where on AWS the second overwrites
the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from moto.backends import get_backend
from moto.cloudwatch.models import CloudWatchBackend

HOME_REGION: Final = "us-east-1"  # whose backend keeps them
CALLS: Final = ("put_dashboard", "list_dashboards", "get_dashboard", "delete_dashboards")

_calls: Final[dict[str, Callable[..., Any]]] = {name: getattr(CloudWatchBackend, name) for name in CALLS}


def _at_home(call: Callable[..., Any]) -> Callable[..., Any]:
    def answer(self: CloudWatchBackend, *arguments: Any, **named: Any) -> Any:
        return call(get_backend("cloudwatch")[self.account_id][HOME_REGION], *arguments, **named)

    return answer


def apply() -> None:
    for name, call in _calls.items():
        setattr(CloudWatchBackend, name, _at_home(call))
