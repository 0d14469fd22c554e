"""Removes what runs created: what one run recorded, and what AWS lists with the names and tags of runs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable

from botocore.exceptions import BotoCoreError, ClientError

from parity.kinds import BY_NAME, KINDS, Clients, restore_archive, restore_trust
from parity.scope import Scope

Item = tuple[str, str]
NEEDS_THE_REST = "endpoint"  # until its deletion ends it needs its role and keys, and it may write logs and results


def find(clients: Clients, scope: Scope) -> tuple[list[Item], list[str]]:
    """(kind, identifier) of every resource of a scope, and a sentence for each kind that could not be listed."""
    items, unknown = list[Item](), list[str]()
    for kind in KINDS:
        try:
            items += [(kind.name, identifier) for identifier in kind.find(clients, scope)]
        except (ClientError, BotoCoreError) as error:
            unknown.append(f"{kind.name}: cannot be listed, so there may be some: {error}")
    return items, unknown


def delete_endpoints(clients: Clients, items: Iterable[Item]) -> bool:
    """Start the deletion of the endpoints among these; False while AWS refuses one, which is Creating or Updating."""
    deleting = [_deletes(clients, identifier) for kind, identifier in items if kind == "endpoint"]
    return all(deleting)


def _deletes(clients: Clients, endpoint: str) -> bool:
    try:
        if BY_NAME["endpoint"].remove(clients, endpoint):
            return True
        return bool(clients("sagemaker").describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "Deleting")
    except (ClientError, BotoCoreError):
        return False


def remove(
    clients: Clients,
    scope: Scope,
    recorded: Iterable[Item] = (),
    *,
    deadline: float,
    pause: Callable[[], object],
    stop: Callable[[], bool] = lambda: False,
    log: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Remove what was recorded and what is found, in the order of `KINDS`, until nothing is left.

    A resource that AWS refuses to delete for now (an endpoint that is Creating, a bucket that an endpoint still writes to) is
    asked for again after `pause`, until `time.monotonic()` passes `deadline` or `stop` is true; so is all that an error
    prevents, since the network may return and a person may renew credentials. Returns what is left, and what is not known.
    """
    left: dict[Item, str] = dict.fromkeys(recorded, "")
    restored, logged = set[Item](), set[str]()
    while True:
        found, unknown = find(clients, scope)
        for sentence in unknown:
            if sentence not in logged:
                log(f"{sentence}; trying again")
        logged |= set(unknown)
        left |= {item: left.get(item, "") for item in found}
        restored |= _restore(clients, [item for item in left if item not in restored])
        _remove_all(clients, left, unknown, log)
        if not left and not unknown:
            found, unknown = find(clients, scope)
            if not found and not unknown:
                return []
        if stop() or time.monotonic() > deadline:
            reasons = [f"{kind} {name}: {reason or 'AWS does not delete it yet'}" for (kind, name), reason in left.items()]
            return reasons + unknown
        pause()


def _restore(clients: Clients, items: Iterable[Item]) -> set[Item]:
    """Undo what probes were killed in the middle of, where it would prevent a removal; returns what needs no more of it."""
    done = set()
    for kind, identifier in items:
        with contextlib.suppress(ClientError, BotoCoreError):
            if kind == "role":
                restore_trust(clients, identifier)
            if kind == "model":
                restore_archive(clients, identifier)
            done.add((kind, identifier))
    return done


def _remove_all(clients: Clients, left: dict[Item, str], unknown: Iterable[str], log: Callable[[str], None]) -> None:
    """Remove what can be removed now from AWS and from `left`, where the others get the reason.

    While there are endpoints, or it is not known whether there are, what they need stays.
    """
    order = [kind.name for kind in KINDS]
    needy = order.index(NEEDS_THE_REST)
    hidden = any(sentence.startswith(f"{NEEDS_THE_REST}:") for sentence in unknown)
    for item in sorted(left, key=lambda item: order.index(item[0])):
        kind, identifier = item
        if order.index(kind) > needy and (hidden or any(other == NEEDS_THE_REST for other, _ in left)):
            break
        try:
            gone = BY_NAME[kind].remove(clients, identifier)
        except (ClientError, BotoCoreError) as error:
            gone, left[item] = False, str(error)
        if gone:
            log(f"removed {kind} {identifier}")
            del left[item]
