"""SageMaker, its runtime, and Application Auto Scaling.

Source: service authorization reference of each. SageMaker's ARNs have names in lower case. Application Auto Scaling acts with
the rights of its caller: on the endpoint and its configuration (its user guide, "Identity-based policy examples") and on the
alarms of target tracking, whose names begin with TargetTracking- and the resource id.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from async_endpoint.iam.actions.call import ApiCall, Permission, ResourceFacts, Rule, Rules, anywhere, each, expand, on

_SAGEMAKER: Final = "arn:{partition}:sagemaker:{region}:{account}:"
_ENDPOINT: Final = _SAGEMAKER + "endpoint/{EndpointName}"
_CONFIG: Final = _SAGEMAKER + "endpoint-config/{EndpointConfigName}"
_MODEL: Final = _SAGEMAKER + "model/{ModelName}"
_ADD_TAGS: Final = "sagemaker:AddTags"
_TARGET: Final = "arn:{partition}:application-autoscaling:{region}:{account}:scalable-target/generated"
_SCALING_ROLE: Final = (
    "arn:{partition}:iam::{account}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)
_NAMESPACE: Final = {
    "application-autoscaling:service-namespace": "ServiceNamespace",
    "application-autoscaling:scalable-dimension": "ScalableDimension",
}


def _pass_role(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    if role := call.params.get("ExecutionRoleArn"):
        yield Permission("iam:PassRole", role, {"iam:PassedToService": "sagemaker.amazonaws.com"})


def _grant_volume_key(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    """SageMaker encrypts volumes through a grant of the creator's (SageMaker guide, "Protect data at rest"; A90)."""
    if key := call.params.get("KmsKeyId"):
        context = {"kms:GrantIsForAWSResource": "true", "kms:ViaService": f"sagemaker.{call.region}.amazonaws.com"}
        yield Permission("kms:CreateGrant", facts.key_arn(key), context)
        yield Permission("kms:DescribeKey", facts.key_arn(key), {"kms:ViaService": context["kms:ViaService"]})


def _act_on_endpoint(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    """What registering a target calls, on a configuration of any name (ACK issue 2110; A91)."""
    name = str(call.params.get("ResourceId", "")).split("/")[1]
    [endpoint] = expand(_SAGEMAKER + f"endpoint/{name}".lower(), call)
    yield Permission("sagemaker:DescribeEndpoint", endpoint, {})
    yield Permission("sagemaker:UpdateEndpointWeightsAndCapacities", endpoint, {})
    yield Permission("sagemaker:DescribeEndpointConfig", expand(_SAGEMAKER + "endpoint-config/of-any-name", call)[0], {})


def _link_role(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    """Made by the first registration of an account."""
    context = {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}
    yield Permission("iam:CreateServiceLinkedRole", expand(_SCALING_ROLE, call)[0], context)


def _tracking_alarms(*actions: str) -> Rule:
    def rule(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
        if call.params.get("PolicyType", "TargetTrackingScaling") != "TargetTrackingScaling":
            return
        alarm = f"alarm:TargetTracking-{call.params['ResourceId']}-AlarmHigh-generated"
        [resource] = expand("arn:{partition}:cloudwatch:{region}:{account}:" + alarm, call)
        for action in actions:
            yield Permission(f"cloudwatch:{action}", resource, {})

    return rule


def _lower(rules: Rules) -> Rules:
    """The same rules, with resources of SageMaker in lower case."""

    def lowered(rule: Rule) -> Rule:
        def wrapped(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
            for action, resource, context in rule(call, facts):
                yield Permission(action, resource.lower() if ":sagemaker:" in resource else resource, context)

        return wrapped

    return {operation: [lowered(rule) for rule in found] for operation, found in rules.items()}


SAGEMAKER: Final = _lower(
    {
        **anywhere("ListEndpoints", "ListEndpointConfigs", "ListModels"),
        **each(_ENDPOINT, "DeleteEndpoint", "DescribeEndpoint", "UpdateEndpointWeightsAndCapacities"),
        **each(_CONFIG, "DeleteEndpointConfig", "DescribeEndpointConfig"),
        **each(_MODEL, "DeleteModel", "DescribeModel"),
        **each("{ResourceArn}", "AddTags", "DeleteTags", "ListTags"),
        "CreateEndpoint": (on(_ENDPOINT), on(_CONFIG), on(_ENDPOINT, _ADD_TAGS, when="Tags")),
        "CreateEndpointConfig": (on(_CONFIG), on(_CONFIG, _ADD_TAGS, when="Tags"), _grant_volume_key),
        "CreateModel": (on(_MODEL), on(_MODEL, _ADD_TAGS, when="Tags"), _pass_role),
        "UpdateEndpoint": (on(_ENDPOINT), on(_CONFIG)),
    }
)

RUNTIME: Final = _lower(each(_ENDPOINT, "InvokeEndpoint", "InvokeEndpointAsync"))

SCALING: Final[Rules] = {
    **anywhere("DescribeScalableTargets", "DescribeScalingActivities", "DescribeScalingPolicies", "DescribeScheduledActions"),
    **each("{ResourceARN}", "ListTagsForResource", "TagResource", "UntagResource"),
    "RegisterScalableTarget": (
        on(_TARGET, keys=_NAMESPACE),
        on(_TARGET, "application-autoscaling:TagResource", when="Tags"),
        _act_on_endpoint,
        _link_role,
    ),
    "DeregisterScalableTarget": (on(_TARGET, keys=_NAMESPACE), _tracking_alarms("DeleteAlarms")),
    "PutScalingPolicy": (on(_TARGET, keys=_NAMESPACE), _tracking_alarms("PutMetricAlarm", "DescribeAlarms", "DeleteAlarms")),
    "DeleteScalingPolicy": (on(_TARGET, keys=_NAMESPACE), _tracking_alarms("DeleteAlarms")),
    "PutScheduledAction": (on(_TARGET, keys=_NAMESPACE),),
    "DeleteScheduledAction": (on(_TARGET, keys=_NAMESPACE),),
}
