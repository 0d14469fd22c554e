"""An AWS whose filter policies, conditional writes, queues, quotas and metrics by configuration are otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from async_endpoint.emulator.emulator import Emulator
from async_endpoint.emulator.hosting.endpoint import HostedEndpoint
from async_endpoint.emulator.sagemaker.protocol import validation_exception
from support.deviating_aws import acting, answering, deviation


@deviation("delay_of_filter_policies")
def subscriptions_begin_unfiltered(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A subscription receives every message until its filter policy is in effect."""
    patch.setattr(aws.filter_delay, "unfiltered", True)


@deviation("conditional_writes")
def conditions_are_ignored(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """Every conditional write of a key succeeds."""
    answering(
        patch,
        aws,
        "s3",
        "PutObject",
        lambda answer, _: replace(answer, status="200 OK", body=b"") if answer.status.startswith("412") else answer,
    )


@deviation("subscribing_again")
def policies_are_rewritten(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """GetQueueAttributes returns the policy with its fields in lower case."""
    answering(patch, aws, "sqs", "GetQueueAttributes", lambda answer, _: answer.sub("Effect", "effect"))


@deviation("receiver_that_has_gone")
def gone_receivers_take_messages(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A call whose client has gone takes the messages that others would receive."""
    answering(patch, aws, "sqs", "ReceiveMessage", lambda answer, _: replace(answer, body=b"{}"))


@deviation("metrics_by_configuration")
def metrics_name_no_configuration(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """The metrics of a variant have no dimension EndpointConfigName."""
    original = HostedEndpoint.flush_metrics

    def changed(self: HostedEndpoint, variant: str) -> dict[str, Any]:
        return {f"{config}-other": counts for config, counts in original(self, variant).items()}

    patch.setattr(HostedEndpoint, "flush_metrics", changed)


@deviation("quota_of_an_instance_type")
def quotas_have_other_names(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """The quota of instances is named by its usage first."""
    for action in ("ListServiceQuotas", "ListAWSDefaultServiceQuotas"):
        answering(
            patch,
            aws,
            "service-quotas",
            action,
            lambda answer, _: answer.sub(r"(ml\.[\w.]+) for endpoint usage", r"endpoint usage of \1"),
        )


@deviation("new_role")
def roles_become_known_late(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """SageMaker knows a new role after two minutes."""
    first: dict[str, float] = {}

    def changed(original: Any, region: str, request: dict[str, Any]) -> Any:
        role, now = request["ExecutionRoleArn"], aws.clock.now()
        if now < first.setdefault(role, now) + 120:
            raise validation_exception(f"Could not access model data: SageMaker may not assume role {role}.")
        return original(region, request)

    acting(patch, aws, "CreateModel", changed)
