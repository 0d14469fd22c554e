"""A prediction as it is now: as its webhook has announced it, or as S3 has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from async_endpoint.client.models import Submitted
from async_endpoint.http_api.predictions.records import Claim
from async_endpoint.http_api.predictions.status import Outcome, prediction_object, recorded_outcome, resolve
from async_endpoint.http_api.served_endpoint import ServedEndpoint
from async_endpoint.http_api.webhooks.deliverer import outcomes_of


@dataclass(frozen=True)
class CurrentPrediction:
    """A prediction's outcome, and the object of it that responses have."""

    outcome: Outcome
    document: dict[str, Any]


def current(endpoint: ServedEndpoint, claim: Claim, submitted: Submitted) -> CurrentPrediction:
    """Look at a prediction. One with a webhook ends once: what was announced counts, whatever S3 has by now.

    Raises what `translate_errors` raises.
    """
    recorded = outcomes_of(endpoint).read(claim.key, claim.created_at) if claim.webhook is not None else None
    if recorded is not None:
        return CurrentPrediction(recorded_outcome(recorded.data), recorded.data)
    outcome = resolve(endpoint, submitted)
    return CurrentPrediction(outcome, prediction_object(endpoint, claim, submitted, outcome))
