"""Descriptions of scalable targets and policies: complete, filtered by exact name, in pages.

moto omits role and suspended state, matches policies by a part of their name, and returns pages that never end.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from async_endpoint.emulator.moto_patches.application_autoscaling import (
    ApplicationAutoScalingResponse,
    FakeApplicationAutoscalingPolicy,
    FakeScalableTarget,
    _build_policy,
    _build_target,
)
from async_endpoint.local_aws import ACCOUNT_ID

PAGE = 50  # MaxResults of both actions, default
# User guide, "Service-linked roles for Application Auto Scaling"; used for other services too.
ROLE = (
    f"arn:aws:iam::{ACCOUNT_ID}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)
SUSPENDED = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


def apply() -> None:
    ApplicationAutoScalingResponse.describe_scalable_targets = _describe_scalable_targets
    ApplicationAutoScalingResponse.describe_scaling_policies = _describe_scaling_policies


def _describe_scalable_targets(self: Any) -> str:
    self._validate_params()
    targets = self.applicationautoscaling_backend.describe_scalable_targets(
        self._get_param("ServiceNamespace"), self._get_param("ResourceIds"), self._get_param("ScalableDimension")
    )
    return _page(self, "ScalableTargets", targets, _target)


def _describe_scaling_policies(self: Any) -> str:
    names, wanted = self._get_param("PolicyNames"), self._get_param("ResourceId")
    dimension = self._get_param("ScalableDimension")
    policies = [
        policy
        for policy in list(self.applicationautoscaling_backend.policies.values())
        if policy.service_namespace == self._get_param("ServiceNamespace")
        and wanted in (None, policy.resource_id)
        and dimension in (None, policy.scalable_dimension)
        and (not names or {policy.policy_name, policy.policy_arn} & set(names))
    ]
    return _page(self, "ScalingPolicies", policies, _policy)


def _target(target: FakeScalableTarget) -> dict[str, Any]:
    suspended = dict.fromkeys(SUSPENDED, False) | (target.suspended_state or {})
    described: dict[str, Any] = _build_target(target)
    return described | {"RoleARN": target.role_arn or ROLE, "SuspendedState": suspended}


def _policy(policy: FakeApplicationAutoscalingPolicy) -> dict[str, Any]:
    described: dict[str, Any] = _build_policy(policy)
    return described


def _page(response: Any, member: str, found: list[Any], describe: Callable[[Any], dict[str, Any]]) -> str:
    start = int(response._get_param("NextToken") or 0)
    end = start + (response._get_int_param("MaxResults") or PAGE)
    more = {"NextToken": str(end)} if end < len(found) else {}
    return json.dumps({member: [describe(item) for item in found[start:end]], **more})
