"""Plans as `terraform show -json` prints them, as far as the driver reads them."""

from __future__ import annotations

from typing import Any

TAGS = {"deployment": "shirts", "managed-by": "terraform"}


def change(address: str, actions: list[str], before: Any = None, after: Any = None) -> dict[str, Any]:
    """One resource change; `address` is TYPE.NAME."""
    return {
        "address": address,
        "mode": "managed",
        "type": address.split(".")[-2],
        "change": {"actions": actions, "before": before, "after": after},
    }


def creation(address: str, **after: Any) -> dict[str, Any]:
    return change(address, ["create"], None, {"tags_all": TAGS} | after)


def plan_document(*changes: dict[str, Any], state: dict[str, dict[str, Any]] | None = None) -> dict[str, Any]:
    """A plan in eu-west-1 with these changes; `state` is what the state has, attributes by address."""
    return {
        "configuration": {"provider_config": {"aws": {"expressions": {"region": {"constant_value": "eu-west-1"}}}}},
        "resource_changes": list(changes),
        "prior_state": state_document(state or {}),
    }


def state_document(state: dict[str, dict[str, Any]]) -> dict[str, Any]:
    resources = [
        {"address": address, "mode": "managed", "type": address.split(".")[-2], "values": values}
        for address, values in state.items()
    ]
    return {"values": {"root_module": {"resources": resources}}}
