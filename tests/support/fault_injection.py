"""Faults set and cleared over HTTP, as a test in any language would."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.in_process_aws import AwsHarness


def ask(local_aws: AwsHarness, method: str = "GET", name: str = "", document: Any = None) -> tuple[int, dict[str, Any]]:
    """Status and answer of /_local/faults[/name]."""
    body = None if document is None else json.dumps(document).encode()
    url, headers = f"{local_aws.url}/_local/faults{name and '/' + name}", local_aws.credentials.admin_headers()
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def put(local_aws: AwsHarness, kind: str, **options: Any) -> dict[str, Any]:
    """Set a fault, or do at once what happens at once."""
    status, answer = ask(local_aws, "POST", document={"kind": kind, **options})
    assert status == 200, answer
    return answer


@contextmanager
def fault(local_aws: AwsHarness, kind: str, **options: Any) -> Iterator[str]:
    """A fault that is set within the block; its id."""
    name = put(local_aws, kind, **options)["id"]
    try:
        yield name
    finally:
        ask(local_aws, "DELETE", name)  # it may be over already


def known(local_aws: AwsHarness) -> dict[str, dict[str, Any]]:
    """The faults that are set, by id."""
    return {item["id"]: item for item in ask(local_aws)[1]["faults"]}
