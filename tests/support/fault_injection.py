"""Faults set and cleared over HTTP, as a test in any language would."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.in_process_aws import Kit


def ask(kit: Kit, method: str = "GET", name: str = "", document: Any = None) -> tuple[int, dict[str, Any]]:
    """Status and answer of /_local/faults[/name]."""
    body = None if document is None else json.dumps(document).encode()
    url, headers = f"{kit.url}/_local/faults{name and '/' + name}", kit.credentials.admin_headers()
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def put(kit: Kit, kind: str, **options: Any) -> dict[str, Any]:
    """Set a fault, or do at once what happens at once."""
    status, answer = ask(kit, "POST", document={"kind": kind, **options})
    assert status == 200, answer
    return answer


@contextmanager
def fault(kit: Kit, kind: str, **options: Any) -> Iterator[str]:
    """A fault that is set within the block; its id."""
    name = put(kit, kind, **options)["id"]
    try:
        yield name
    finally:
        ask(kit, "DELETE", name)  # it may be over already


def known(kit: Kit) -> dict[str, dict[str, Any]]:
    """The faults that are set, by id."""
    return {item["id"]: item for item in ask(kit)[1]["faults"]}
