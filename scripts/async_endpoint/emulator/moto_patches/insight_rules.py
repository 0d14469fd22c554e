"""Contributor Insights: its rules are refused as not emulated, where moto stores them and never evaluates any."""

from __future__ import annotations

from typing import Final, NoReturn

from moto.cloudwatch.responses import CloudWatchResponse

CALLS: Final = ("put_insight_rule", "enable_insight_rules", "disable_insight_rules")


def apply() -> None:
    def refuse(self: CloudWatchResponse) -> NoReturn:
        raise NotImplementedError("Contributor Insights")  # the router names the action in its answer

    for call in CALLS:
        setattr(CloudWatchResponse, call, refuse)
