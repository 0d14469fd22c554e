"""AWS-managed policies, from moto's copy of them, each made when it is first named: all of them take a second.

moto loads all of them into every IAM store when it is made, if a variable says so.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

from moto.iam import models
from moto.iam.models import AWSManagedPolicy, IAMBackend

PREFIX: Final = "arn:aws:iam::aws:policy/"


def load(backend: IAMBackend, arn: str) -> None:
    """Add the policy with this ARN to the store, unless it has it or there is none."""
    if arn.startswith(PREFIX) and arn not in backend.managed_policies:
        name = arn.rpartition("/")[2]
        data = _document(name)
        made = None if data is None else AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data)
        if made is not None and made.arn == arn:
            backend.managed_policies[arn] = made


@cache
def every_policy(account_id: str, region_name: str) -> dict[str, AWSManagedPolicy]:
    """All of them by ARN, attached to nothing."""
    documents = json.loads(models.aws_managed_policies_data)
    made = [AWSManagedPolicy.from_data(name, account_id, region_name, data) for name, data in documents.items()]
    return {policy.arn: policy for policy in made}


def _document(name: str) -> dict[str, Any] | None:
    """One entry of the JSON text, without parsing the rest."""
    text: str = models.aws_managed_policies_data
    mark = f"\n {json.dumps(name)}:"
    at = text.find(mark)
    if at < 0:
        return None
    found: dict[str, Any] = json.JSONDecoder().raw_decode(text, at + len(mark))[0]
    return found
