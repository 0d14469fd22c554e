"""Probes of the account: the quotas of instances, and how long SageMaker does not know a new role."""

from __future__ import annotations

import json
from collections.abc import Iterator

from parity.account import Account
from parity.probe import INSTANCE_TYPE, Cost, Observation, check, probe


@probe("A118", seconds=60, cost=Cost(requests=30), deviation="the quota is named by its usage first")
def quota_of_an_instance_type(aws: Account) -> Iterator[Observation]:
    """The quota of instances of a type has a name that the driver recognizes."""
    client, name = aws.client("service-quotas"), f"{INSTANCE_TYPE} for endpoint usage"
    names: list[str] = []
    for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
        pages = client.get_paginator(operation).paginate(ServiceCode="sagemaker")
        names += [quota["QuotaName"] for page in pages for quota in page["Quotas"]]
    near = sorted({item for item in names if INSTANCE_TYPE in item})
    yield check("A118", name in names, expected=name, observed=near)


@probe("A117", seconds=300, cost=Cost(requests=40), deviation="SageMaker knows a new role after two minutes")
def new_role(aws: Account) -> Iterator[Observation]:
    """A role that was just made is known to SageMaker within 70 seconds."""
    container = {"Image": aws.image, "ModelDataUrl": aws.archive}
    role, begin = aws.make_role(), aws.now()
    answers: list[str] = []

    def accepted() -> bool:
        name = aws.name("model")
        call = aws.sagemaker.create_model
        answers.append(aws.attempt(call, ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container))
        return answers[-1] == "accepted"

    seen = aws.within(accepted, 300)
    waited = aws.now() - begin if len(answers) > 1 else 0
    observed = json.dumps({"seconds": round(waited), "refused": answers[:1] if len(answers) > 1 else []})
    yield check("A117", bool(seen) and waited <= 70, expected="accepted within 70 seconds", observed=observed)
