"""Webhooks as callers ask for them, checked."""

from __future__ import annotations

from collections.abc import Sequence

from async_endpoint.http_api.predictions.records import Webhook
from async_endpoint.http_api.settings import ApiSettings

EVENTS = ("succeeded", "failed", "expired")


def checked_webhook(url: str, events: Sequence[str] | None, settings: ApiSettings) -> Webhook:
    """The webhook."""
    return Webhook(url, tuple(events or EVENTS))
