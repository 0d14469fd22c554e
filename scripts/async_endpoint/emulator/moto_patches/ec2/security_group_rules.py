"""Descriptions of security group rules for groups and prefix lists. moto drops them, and Terraform plans them each time."""

from __future__ import annotations

import inspect
from typing import Any

from moto.ec2.models.security_groups import SecurityGroupRule

_make = SecurityGroupRule.__init__


def _init(self: SecurityGroupRule, *args: Any, **kwargs: Any) -> None:
    _make(self, *args, **kwargs)
    given = inspect.signature(_make).bind(self, *args, **kwargs).arguments.get("prefix_list_id")
    self.prefix_description = (given or {}).get("Description")


def _description(self: SecurityGroupRule) -> str | None:
    descriptions = self.ip_range.get("Description"), self.source_group.get("Description"), vars(self).get("prefix_description")
    return next((text for text in descriptions if text), None)


def apply() -> None:
    SecurityGroupRule.__init__ = _init
    SecurityGroupRule.description = property(_description)
