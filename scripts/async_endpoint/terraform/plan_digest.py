"""The digest of what a plan changes: equal for two plans of the same changes, whose files never are.

In it: address, kind of change and changed values of each resource (sensitive ones too, since a digest reveals none), and the
changed outputs. Not in it: when the plan was made, in which order it lists things,
what a refresh found that the plan leaves alone, and attributes of an updated resource that stay as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

_IDENTITY: Final = ("arn", "id")
_UNKNOWN: Final = "(known after apply)"
_IGNORED: Final = (["no-op"], ["read"])


def change_digests(document: Mapping[str, Any]) -> dict[str, str]:
    """A digest for each change of the plan that `terraform show -json` printed, by `ADDRESS: ACTION`, sorted."""
    found = {
        _title(item): sha256_of(_changed_values(item))
        for item in document.get("resource_changes", ())
        if item.get("mode") == "managed" and (item["change"]["actions"] not in _IGNORED or _moves(item))
    }
    for name, change in (document.get("output_changes") or {}).items():
        if change["actions"] != ["no-op"]:
            found[f"output.{name}: {_action(change['actions'])}"] = sha256_of(_difference(change))
    return dict(sorted(found.items()))


def sha256_of(value: Any) -> str:
    """SHA-256 of a value as canonical JSON, in hex."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _title(item: Mapping[str, Any]) -> str:
    deposed = f" (deposed {item['deposed']})" if item.get("deposed") else ""
    action = "import" if item["change"].get("importing") else _action(item["change"]["actions"])
    return f"{item['address']}{deposed}: {action}"


def _action(actions: list[str]) -> str:
    if len(actions) > 1:
        return "replace"
    return "move" if actions == ["no-op"] else actions[0]


def _moves(item: Mapping[str, Any]) -> bool:
    return item.get("previous_address") not in (None, item["address"]) or bool(item["change"].get("importing"))


def _changed_values(item: Mapping[str, Any]) -> dict[str, Any]:
    change = item["change"]
    before: Mapping[str, Any] = change.get("before") or {}
    importing = change.get("importing") or {}
    return {
        "actions": change["actions"],
        "previous_address": item.get("previous_address"),
        "import": importing.get("id"),
        "provider": item.get("provider_name"),
        "replace_paths": sorted(json.dumps(path) for path in change.get("replace_paths") or ()),
        "identity": {name: before[name] for name in _IDENTITY if before.get(name) is not None},
    } | _difference(change)


def _difference(change: Mapping[str, Any]) -> dict[str, Any]:
    """What a change replaces by what: of two objects only the attributes that differ. Of a deletion nothing is needed."""
    before, after = change.get("before"), _with_unknown(change.get("after"), change.get("after_unknown"))
    if after is None:
        return {}
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return {"before": before, "after": after}
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    # An update computes again whatever may change with it, such as a version, and of that the old value says nothing.
    return {
        "before": {name: before.get(name) for name in names if after.get(name) != _UNKNOWN},
        "after": {name: after.get(name) for name in names},
    }


def _with_unknown(after: Any, unknown: Any) -> Any:
    """The planned value with a mark in place of each part that is known after the apply only."""
    if unknown is True:
        return _UNKNOWN
    if isinstance(unknown, Mapping) and unknown:
        there: Mapping[str, Any] = after if isinstance(after, Mapping) else {}
        return dict(there) | {name: _with_unknown(there.get(name), mark) for name, mark in unknown.items()}
    if isinstance(unknown, list) and unknown and isinstance(after, list):
        return [
            _with_unknown(item, unknown[position]) if position < len(unknown) else item for position, item in enumerate(after)
        ]
    return after
