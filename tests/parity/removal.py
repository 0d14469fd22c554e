"""Removes what runs created: what one run recorded, and what AWS lists with the prefix or tag of runs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable

from botocore.exceptions import ClientError

from parity.kinds import BY_NAME, KINDS, Clients, restore_archive, restore_trust

Item = tuple[str, str]
NEEDS_THE_REST = "endpoint"  # until its deletion ends it needs its role and keys, and it may write logs and results


def find(clients: Clients, prefix: str) -> list[Item]:
    """(kind, identifier) of every resource whose name begins with `prefix` or whose tag says so."""
    return [(kind.name, identifier) for kind in KINDS for identifier in kind.find(clients, prefix)]


def delete_endpoints(clients: Clients, items: Iterable[Item]) -> None:
    """Start the deletion of the endpoints among these; what AWS refuses for now is left to the removal at the end."""
    for kind, identifier in items:
        if kind == "endpoint":
            with contextlib.suppress(ClientError):
                BY_NAME[kind].remove(clients, identifier)


def remove(
    clients: Clients,
    prefix: str,
    recorded: Iterable[Item] = (),
    *,
    deadline: float,
    pause: Callable[[], object],
    stop: Callable[[], bool] = lambda: False,
    log: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Remove what was recorded and what is found, in the order of `KINDS`, until nothing is left.

    A resource that AWS refuses to delete for now (an endpoint that is Creating, a bucket that an endpoint still writes to) is
    asked for again after `pause`, until `time.monotonic()` passes `deadline` or `stop` is true. Returns what is left.
    """
    order = [kind.name for kind in KINDS]
    needy = order.index(NEEDS_THE_REST)
    left: dict[Item, str] = dict.fromkeys(recorded, "")
    left |= dict.fromkeys(find(clients, prefix), "")
    for kind, identifier in left:
        if kind == "role":
            restore_trust(clients, identifier)
        if kind == "model":
            restore_archive(clients, identifier)
    while True:
        left |= {item: left.get(item, "") for item in find(clients, prefix)}
        for item in sorted(left, key=lambda item: order.index(item[0])):
            kind, identifier = item
            if order.index(kind) > needy and any(other == NEEDS_THE_REST for other, _ in left):
                break
            try:
                gone = BY_NAME[kind].remove(clients, identifier)
            except ClientError as error:
                gone, left[item] = False, str(error)
            if gone:
                log(f"removed {kind} {identifier}")
                del left[item]
        if not left and not find(clients, prefix):
            return []
        if stop() or time.monotonic() > deadline:
            return [f"{kind} {name}: {reason or 'AWS does not delete it yet'}" for (kind, name), reason in left.items()]
        pause()
