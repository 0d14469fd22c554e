"""Compact JSON for a queue's redrive policy. moto adds spaces; Terraform compares the text and plans a change each time."""

from __future__ import annotations

import json
from typing import Any

from moto.sqs.models import Queue

_attributes = Queue.attributes.fget


def compact_attributes(self: Queue) -> dict[str, Any]:
    """Queue.attributes with a compact redrive policy."""
    attributes: dict[str, Any] = _attributes(self)
    if self.redrive_policy:
        attributes["RedrivePolicy"] = json.dumps(self.redrive_policy, separators=(",", ":"))
    return attributes


def apply() -> None:
    Queue.attributes = property(compact_attributes)
