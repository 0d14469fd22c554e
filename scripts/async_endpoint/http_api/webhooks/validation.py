"""Webhooks as callers ask for them, checked; a receiver's name is resolved when something is delivered, not here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from async_endpoint.core.text import joined
from async_endpoint.http_api.predictions.records import Webhook
from async_endpoint.http_api.problems import Problem
from async_endpoint.http_api.settings import ApiSettings
from async_endpoint.http_api.webhooks.addresses import AddressPolicy, ReceiverRefused

EVENTS: Final = ("succeeded", "failed", "expired")


@lru_cache(maxsize=8)
def policy_of(allowed: tuple[str, ...]) -> AddressPolicy:
    """The policy with these prefixes; raises InvalidInput for one that is no URL."""
    return AddressPolicy(allowed)


def checked_webhook(url: str, events: Sequence[str] | None, settings: ApiSettings) -> Webhook:
    """The webhook, with all events where `events` is None. Raises the problem `invalid-request`."""
    try:
        policy_of(settings.allowed_webhooks).receiver(url)
    except ReceiverRefused as error:
        raise Problem("invalid-request", str(error)) from error
    unknown = [event for event in events or () if event not in EVENTS]
    if unknown or (events is not None and not events):
        found = f"the event {unknown[0][:40]!r}" if unknown else "no events"
        raise Problem("invalid-request", f"The webhook has {found}; use some of {joined(EVENTS)}, or leave them out for all.")
    return Webhook(url, ordered_events(events))


def ordered_events(events: Sequence[str] | None) -> tuple[str, ...]:
    """The events of a webhook, each once and in one order; all where `events` is None."""
    return tuple(event for event in EVENTS if events is None or event in events)
